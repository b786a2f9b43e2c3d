"""Writes an archive as an observatory's aggregator would have: ``python -m sisock_g3.synthetic``."""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sisock_g3.testing import Writer

FEEDS = {
    "observatory.cryo.feeds.temperatures": ("channel_40k", "channel_4k", "channel_1k", "channel_100mk"),
    "observatory.pump.feeds.pressures": ("turbo", "backing"),
}
LEVELS = {"channel_40k": 38.0, "channel_4k": 3.6, "channel_1k": 0.95, "channel_100mk": 0.098}

FRAME_S = 300
FILE_S = 3600


def write(top: Path, first: int, hours: int, step_s: float = 5.0, until: float = math.inf) -> None:
    """Write a file an hour, two feeds, a frame each five minutes; the same samples whenever it is done.

    Parameters
    ----------
    top : Path
        Gets a folder for every 100,000 s, as OCS makes them.
    first : int
        UNIX seconds.
    hours : int
    step_s : float
        Seconds between samples.
    until : float
        Samples from then on are left out.
    """
    for begin in range(first, first + hours * FILE_S, FILE_S):
        rng = np.random.default_rng(begin)
        path = top / str(begin)[:5] / f"{begin}.g3"
        unfinished = path.with_suffix(".part")
        writer = Writer(unfinished)
        feeds = {description: writer.feed(description) for description in FEEDS}
        for frame in range(begin, begin + FILE_S, FRAME_S):
            t = frame + np.arange(0, FRAME_S, step_s)
            past = t < until
            if not past.any():
                break
            for description, feed in feeds.items():
                columns = {name: _drawn(rng, t, LEVELS.get(name, 1e-5))[past] for name in FEEDS[description]}
                writer.data(feed, t[past], synthetic=columns)
        writer.close()
        # Whoever reads what was there goes on reading that.
        unfinished.replace(path)


def _drawn(rng: np.random.Generator, t: npt.NDArray[np.float64], level: float) -> npt.NDArray[np.float64]:
    """A level with a daily swing, and noise."""
    return level * (1 + 0.02 * np.sin(t / 86400 * 2 * np.pi) + 0.002 * rng.normal(size=len(t)))


def main() -> None:
    """Write the last hours, up to now."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--hours", type=int, default=48)
    options = parser.parse_args()
    now = time.time()
    first = int(now) // FILE_S * FILE_S - (options.hours - 1) * FILE_S
    write(options.directory, first, options.hours, until=now)


if __name__ == "__main__":
    main()

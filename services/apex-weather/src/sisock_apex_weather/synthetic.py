"""Makes a synthetic archive in the right layout, from a fixed seed, for the demo and for tests.

Nothing here was measured::

    python -m sisock_apex_weather.synthetic DIRECTORY --start 2026-01-01 --days 7
"""

import argparse
import datetime as dt
import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from sisock_apex_weather.archive import FOLDER, UNITS

DAY_S = 86400
SEED = 5107
MIDDLE = {
    "humidity": (30.0, 12.0),
    "pressure": (556.0, 1.5),
    "radiometer": (1.1, 0.4),
    "dewpoint": (-18.0, 4.0),
    "temperature": (-4.0, 5.0),
    "windspeed": (25.0, 8.0),
    "winddirection": (270.0, 30.0),
}


def write(
    directory: Path,
    start: float,
    days: int,
    step_s: float = 60.0,
    names: Iterable[str] = tuple(UNITS),
    spikes: Mapping[int, float] | None = None,
    until: float = math.inf,
) -> None:
    """Write one file a day and quantity.

    Parameters
    ----------
    directory : Path
        What is mounted at ``/data``.
    start : float
        UNIX seconds.
    days : int
        How many.
    step_s : float
        Seconds between samples.
    names : iterable of str
        Which quantities.
    spikes : mapping, optional
        Value of a single sample at the middle of the day of that number, in each quantity.
    until : float
        Samples from then on are left out.
    """
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for day in range(days):
        first = start + day * DAY_S
        rng = np.random.default_rng((SEED, int(first)))
        t = np.arange(first, first + DAY_S, step_s)
        for name in names:
            middle, swing = MIDDLE[name]
            wave = np.cos(2 * np.pi * (t / DAY_S - 0.69))
            values = middle + swing * wave + 0.1 * swing * rng.standard_normal(len(t))
            if spikes and day in spikes:
                values[len(values) // 2] = spikes[day]
            rows = [
                f"{when:.1f} {value:.3f}\n"
                for when, value in zip(t.tolist(), values.tolist(), strict=True)
                if when < until
            ]
            path = folder / f"APEX_{name}_{first:.0f}_{first + DAY_S:.0f}.dat"
            # Whole, or as it was: somebody may read it.
            unfinished = path.with_suffix(".part")
            unfinished.write_text("".join(rows))
            unfinished.replace(path)


def main() -> None:
    """Write an archive as the command line says, up to now."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--start", type=dt.date.fromisoformat, required=True, help="first day, UTC")
    parser.add_argument("--days", type=int, default=7)
    options = parser.parse_args()
    midnight = dt.datetime.combine(options.start, dt.time(), dt.UTC)
    write(options.directory, midnight.timestamp(), options.days, until=time.time())


if __name__ == "__main__":
    main()

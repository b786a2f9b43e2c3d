"""Makes a synthetic archive in the right layout, from a fixed seed, for the demo and for tests.

Nothing here was measured::

    python -m sisock_radiometer.synthetic DIRECTORY --start 2026-01-01 --days 7
"""

import argparse
import datetime as dt
import math
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sisock_radiometer.archive import DAY_S, FOLDER, INTERVAL_S

HEADER = "day_of_year pwv_mm synthetic\n"
SEED = 5612
SWAPPED_UNTIL = dt.date(2018, 7, 20)
"""Day 201 of 2018, the last one whose file has the day before the year."""


def file_name(day: dt.date) -> str:
    """Name of a day's file, as the radiometer named it then."""
    number = day.timetuple().tm_yday
    if day.year == 2018 and day <= SWAPPED_UNTIL:
        return f"PWV_UCSC_{number:03d}-{day.year}.txt"
    return f"PWV_UCSC_{day.year}-{number:03d}.txt"


def write(
    directory: Path,
    start: dt.date,
    days: int,
    spikes: Mapping[int, float] | None = None,
    until: float = math.inf,
) -> None:
    """Write one file a day.

    Parameters
    ----------
    directory : Path
        What is mounted at ``/data``.
    start : date
        First day, UTC.
    days : int
        How many.
    spikes : mapping, optional
        Value of a single sample at the middle of the day of that number.
    until : float
        Samples from then on, UNIX seconds, are left out.
    """
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(days):
        day = start + dt.timedelta(days=i)
        rng = np.random.default_rng((SEED, day.toordinal()))
        fraction = np.arange(0, DAY_S, INTERVAL_S) / DAY_S
        number = day.timetuple().tm_yday + fraction
        slow = 0.4 * np.sin(day.toordinal() + fraction) + 0.2 * np.cos(2 * np.pi * (fraction - 0.7))
        pwv = np.exp(slow + 0.02 * rng.standard_normal(len(fraction)))
        if spikes and i in spikes:
            pwv[len(pwv) // 2] = spikes[i]
        midnight = dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()
        past = midnight + fraction * DAY_S < until
        rows = [
            f"{n:.8f} {value:.4f} 0\n"
            for n, value in zip(number[past].tolist(), pwv[past].tolist(), strict=True)
        ]
        path = folder / file_name(day)
        # Whole, or as it was: somebody may read it.
        unfinished = path.with_suffix(".part")
        unfinished.write_text(HEADER + "".join(rows))
        unfinished.replace(path)


def main() -> None:
    """Write an archive as the command line says, up to now."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--start", type=dt.date.fromisoformat, required=True, help="first day, UTC")
    parser.add_argument("--days", type=int, default=7)
    options = parser.parse_args()
    write(options.directory, options.start, options.days, until=time.time())


if __name__ == "__main__":
    main()

"""Writes the demo feed's past into the demo's .g3 archive, and lets the demo's archives grow while it runs.

The feed's samples are those that its agent publishes (`sisock_data_feed.synthetic`), one a second of its ten:
what is asked of archive and live node as one series has no step between them.
"""

import datetime as dt
import itertools
import multiprocessing
import os
import runpy
import sys
import time
from pathlib import Path

import archives
import numpy as np
from sisock_ci.services import services
from sisock_data_feed.synthetic import temperatures
from sisock_data_feed.topics import Address

ROOT = Path(__file__).resolve().parents[1]
ROUND = dt.timedelta(seconds=archives.MINUTE_S)
ADDRESS = Address("demo", "temperatures")
CHANNELS = 4
PAST_S = 48 * 3600
FILE_S = 3600
FRAME_S = 300


def write(top: Path, begin: int, end: int) -> None:
    """Write the samples of ``[begin, end)`` as one file, which is there when it is whole."""
    from sisock_g3.testing import Writer  # noqa: PLC0415 (so3g, which only the process that writes has)

    path = top / str(begin)[:5] / f"{begin}.g3"
    unfinished = path.with_suffix(".part")
    writer = Writer(unfinished)
    feed = writer.feed(str(ADDRESS))
    for first in range(begin, end, FRAME_S):
        t = np.arange(first, min(end, first + FRAME_S), dtype=np.float64)
        columns = {f"Channel_{n:02d}_T": temperatures(t, n) for n in range(1, CHANNELS + 1)}
        writer.data(feed, t, temps=columns)
    writer.close()
    unfinished.replace(path)


def catch_up(top: Path, now: float) -> None:
    """Write what is missing until now, in files of an hour at most."""
    done = top / "until"
    at = int(done.read_text()) if done.exists() else int(now) - PAST_S
    while at < int(now):
        end = min(int(now), (at // FILE_S + 1) * FILE_S)
        write(top, at, end)
        at = end
    top.mkdir(parents=True, exist_ok=True)
    fresh = done.with_suffix(".new")
    fresh.write_text(str(at))
    os.replace(fresh, done)


def grow(top: Path, now: dt.datetime, round_s: int) -> None:
    """Write what each archive lacks, if it is its turn."""
    if round_s % FRAME_S == 0:
        catch_up(top / "g3" / "demo", now.timestamp())
    # Just behind midnight, or an hour's end, what is before it may lack its last samples.
    days = 1 + ((now - 2 * ROUND).date() != now.date())
    for archive in archives.archives(services(ROOT)):
        if round_s % archive.each_s == 0:
            [_, module, *arguments] = archive.command(now, days, hours=2)
            sys.argv = [module, *arguments]
            runpy.run_module(module, run_name="__main__")


def main() -> None:
    """Catch up, and go on each minute."""
    fork = multiprocessing.get_context("fork")
    for round_s in itertools.count(0, archives.MINUTE_S):
        # What writes ends when it has: it takes 40 MB.
        writer = fork.Process(target=grow, args=(Path(), dt.datetime.now(dt.UTC), round_s))
        writer.start()
        writer.join()
        time.sleep(archives.MINUTE_S)


if __name__ == "__main__":
    main()

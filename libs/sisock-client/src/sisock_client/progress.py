"""How far a transfer is: a bar on a terminal, elsewhere a line of log now and then; nothing of short ones."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LATER_S = 0.5
LINE_S = 5.0

Tell = Callable[[int, int], None]
"""Takes how many bytes are there, and how many there will be, 0 if that is not known."""

_log = logging.getLogger("sisock_client")


@contextmanager
def telling(wanted: bool, later_s: float = LATER_S) -> Iterator[Tell]:
    """Tell as long as it takes; `wanted` if anybody wants to know."""
    if not wanted:
        yield lambda _done, _total: None
    elif sys.stderr.isatty():
        with _bar(later_s) as tell:
            yield tell
    else:
        yield _lines()


@contextmanager
def _bar(later_s: float) -> Iterator[Tell]:
    from rich import progress  # noqa: PLC0415 (it takes a while, and most have no use for it)
    from rich.console import Console  # noqa: PLC0415

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("waiting for the bridge", total=None)
    later = threading.Timer(later_s, bar.start)
    later.daemon = True
    later.start()
    try:
        yield lambda done, total: bar.update(task, description="samples", completed=done, total=total or None)
    finally:
        later.cancel()
        later.join()
        bar.stop()


def _lines() -> Tell:
    began = told = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told > LINE_S:
            told = now
            rate = done / (now - began)
            left = f", {(total - done) / rate:.0f} s left" if total else ""
            _log.warning("%.1f MB at %.1f MB/s%s", done / 1e6, rate / 1e6, left)

    return tell

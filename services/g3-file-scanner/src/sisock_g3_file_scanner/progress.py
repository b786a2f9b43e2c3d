"""How far a long scan is: a bar on a terminal, elsewhere a line of log now and then."""

import sys
import time

import structlog
from tqdm import tqdm

from sisock_g3_file_scanner.measures import Measures

LINE_S = 15.0
WORTH_FILES = 50


class Progress:
    """Progress of one pass.

    Parameters
    ----------
    log : structlog logger
    files, size_bytes : int
        How much there is to read.
    measures : Measures, optional
        Is told how much is left.
    """

    def __init__(
        self, log: structlog.stdlib.BoundLogger, files: int, size_bytes: int, measures: Measures | None = None
    ) -> None:
        self._measures = measures or Measures()
        self._log = log
        self._files = files
        self._size = size_bytes
        self._done = self._done_bytes = 0
        self._began = self._told = time.monotonic()
        self._measures.left(size_bytes)
        shown = files >= WORTH_FILES and sys.stderr.isatty()
        self._bar = tqdm(total=size_bytes, unit="B", unit_scale=True, desc="scan") if shown else None

    def step(self, size_bytes: int) -> None:
        """One more file is read."""
        self._done += 1
        self._done_bytes += size_bytes
        self._measures.left(max(0, self._size - self._done_bytes))
        if self._bar is not None:
            self._bar.update(size_bytes)
            return
        now = time.monotonic()
        if now - self._told >= LINE_S:
            self._told = now
            rate = self._done_bytes / (now - self._began)
            self._log.info(
                "scan.progress",
                files=self._done,
                of=self._files,
                mb_per_s=round(rate / 1e6, 1),
                eta_s=round((self._size - self._done_bytes) / rate) if rate else None,
            )

    def close(self) -> None:
        """The pass is over."""
        self._measures.left(0)
        if self._bar is not None:
            self._bar.close()

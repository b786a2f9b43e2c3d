"""A directory of weather files in numpy columns, read once and again when a file changes.

Plain files and numpy: knows nothing of the network.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import structlog
from sisock.decimate import median
from sisock.trouble import Trouble
from sisock_archive.text_columns import parse_columns

HEADER_BYTES = 4096
LOOK_INTERVAL_S = 1.0
"""A file that changed is noticed after at most so long."""

Column = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WeatherFile:
    """One quantity of the archive.

    Parameters
    ----------
    description, timeline, units : str
        The file's first three header lines.
    t : (n,) float64
        UNIX seconds, ascending.
    values : (n,) float64
        In `units`.
    skipped : int
        Lines that were not ``time value``.
    """

    description: str
    timeline: str
    units: str
    t: Column
    values: Column
    skipped: int = 0

    @property
    def interval(self) -> float | None:
        """Median seconds between samples; None when there are fewer than two."""
        return median(np.diff(self.t)) if len(self.t) > 1 else None


def parse(content: bytes) -> WeatherFile:
    """Read the text of a weather file.

    Parameters
    ----------
    content : bytes
        Any bytes; lines that make no sense are passed over and counted.

    Notes
    -----
    The format (CONTRACT section 5): line 1 ``# description``, line 2 ``# timeline``, line 3
    ``# units``, further ``#`` lines are comments, then ``unix_time value``.
    """
    top = content[:HEADER_BYTES].decode("utf-8", errors="replace").splitlines()[:3]
    header = [line.lstrip("#").strip() for line in top if line.startswith("#")]
    header += [""] * (3 - len(header))
    parsed = parse_columns(content)
    t, values = parsed.columns
    if bool((np.diff(t) < 0).any()):
        order = np.argsort(t, kind="stable")
        t, values = t[order], values[order]
    return WeatherFile(header[0], header[1], header[2], t, values, parsed.skipped)


class Archive:
    """The weather files of one directory, one field each; safe to use from several threads.

    Parameters
    ----------
    directory : Path
        Holds ``<field>.dat`` files; those that appear, change or vanish are noticed at the next
        `files`.
    log : structlog logger
    clock : callable
        Seconds, for how often to look.
    """

    def __init__(
        self, directory: Path, log: structlog.stdlib.BoundLogger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._directory = directory
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[tuple[int, ...], WeatherFile | None]] = {}
        self._files: dict[str, WeatherFile] = {}
        self._looked = float("-inf")
        self._empty = Trouble(log.warning, "archive.empty")

    def files(self) -> dict[str, WeatherFile]:
        """The archive, by field name, as it was a second ago at the earliest."""
        if self._clock() - self._looked >= LOOK_INTERVAL_S:
            with self._lock:
                if self._clock() - self._looked >= LOOK_INTERVAL_S:
                    self._refresh()
                    self._files = {name: file for name, (_, file) in self._known.items() if file is not None}
                    self._looked = self._clock()
        return self._files

    def _refresh(self) -> None:
        try:
            paths = sorted(self._directory.glob("*.dat"))
        except OSError:
            paths = []
        if paths:
            self._empty.over()
        else:
            self._empty.tell("no file *.dat", directory=str(self._directory))
        found = {}
        for path in paths:
            try:
                status = path.stat()
                mark = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
                known = self._known.get(path.stem)
                found[path.stem] = known if known and known[0] == mark else (mark, self._read(path))
            except OSError:
                continue  # it vanished between listing and reading
        self._known = found

    def _read(self, path: Path) -> WeatherFile | None:
        try:
            file = parse(path.read_bytes())
        except PermissionError as error:
            self._log.warning("file.unreadable", path=str(path), why=error.strerror)
            return None
        if file.skipped:
            self._log.warning("file.lines_skipped", path=str(path), lines=file.skipped)
        self._log.info("file.read", path=str(path), samples=len(file.t))
        return file

"""An archive of many files in one directory, each of one series and a span of time that its name tells.

The index of names is kept in memory and made anew only when the directory changes; a query opens the
files whose span overlaps it, and no other. What was parsed is kept in a byte-bounded cache, under the
file's present size and time of change. Knows nothing of formats: a service says what a name means and
how a file is read.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import structlog
from sisock.decimate import median
from sisock.node import Limits
from sisock.trouble import Once

from sisock_archive.lru import ByteLru
from sisock_archive.piecewise import TimesAndValues, gather, intervals
from sisock_archive.text_columns import TextColumns, ascending

Column = npt.NDArray[np.float64]
LOOK_INTERVAL_S = 1.0
"""A file that came or went is noticed after at most so long."""

SETTLED_S = 2.0
"""A directory that changed within this time may change again under the same time stamp."""

MOST_BYTES = 256 * 1024 * 1024
"""Most bytes of samples that one request may gather; no reply is longer."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a file's name tells: which series, and from when until when (UNIX seconds)."""

    series: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class _Index:
    """The files of one series by their start: names, and both ends as columns."""

    names: list[str]
    starts: Column
    ends: Column


class DatedFiles:
    """Reads series out of a directory of dated files; safe to use from several threads.

    Parameters
    ----------
    directory : Path
        Where the files are; it may come later.
    place : callable
        What a file's name tells; None for a file that is none of ours.
    parse : callable
        Times (UNIX seconds) and values of a file, from its place and its bytes.
    log : structlog logger
    cache_bytes : int
        Most bytes of parsed columns that are kept.
    clock : callable
        Seconds, for how often to look.

    Attributes
    ----------
    cache : ByteLru
        What was parsed.
    """

    def __init__(
        self,
        directory: Path,
        place: Callable[[str], Place | None],
        parse: Callable[[Place, bytes], TextColumns],
        log: structlog.stdlib.BoundLogger,
        cache_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._place = place
        self._parse = parse
        self._log = log
        self._clock = clock
        self.cache: ByteLru[TimesAndValues] = ByteLru(cache_bytes, lambda s: s[0].nbytes + s[1].nbytes)
        self._lock = threading.RLock()
        self._index: dict[str, _Index] = {}
        self._places: dict[str, Place] = {}
        self._spans: dict[str, tuple[float, float]] = {}
        self._seen: tuple[int, int] | None = None
        self._listed = False
        self._looked = float("-inf")
        self._said = Once()

    def series(self) -> list[str]:
        """Names of the series that there are files of."""
        return sorted(self._look())

    def read(
        self,
        series: str,
        start: float,
        end: float,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        most_bytes: int = MOST_BYTES,
    ) -> TimesAndValues:
        """Read the samples of a series in ``[start, end)``, or of a long range what its picture needs.

        Parameters
        ----------
        series : str
        start, end : float
            UNIX seconds.
        limits : Limits
            Samples that the reduction to these limits cannot choose may be left out, so that the
            range may be longer than memory.
        most_bytes : int
            Most bytes of samples to gather.

        Returns
        -------
        t, values : (n,) float64
            Ascending, each time once: of files that overlap, the one that begins first counts.

        Raises
        ------
        TooMuchDataError
            If there is more than `most_bytes`.
        """
        files = self._files(series, start, end)
        edges = None
        if limits != Limits() and (ends := self._ends(files, start, end)):
            edges = intervals(*ends, limits)
        t, values = gather(self._pieces(files, start, end), edges, most_bytes)
        t, values = ascending(t, values)
        return t, values

    def interval(self, series: str, start: float, end: float) -> float | None:
        """Typical seconds between the samples of a series in ``[start, end)``; None if it has no samples.

        Only as many files are opened as it takes to find some samples, the newest first.
        """
        for name, _start in reversed(self._files(series, start, end)):
            samples = self._samples(name)
            if len(_within(samples, start, end)[0]):
                t = samples[0]
                return median(np.diff(t)) if len(t) > 1 else 0.0
        return None

    def _files(self, series: str, start: float, end: float) -> list[tuple[str, float]]:
        """Names and starts of the files that may have samples in the range, by their starts."""
        index = self._look().get(series)
        if index is None:
            return []
        found = np.flatnonzero((index.starts < end) & (index.ends > start))
        return [(index.names[i], float(index.starts[i])) for i in found]

    def _ends(self, files: list[tuple[str, float]], start: float, end: float) -> tuple[float, float] | None:
        """Times of the first and the last sample in the range; None if there are none."""
        firsts = (_within(self._samples(name), start, end)[0] for name, _ in files)
        lasts = (_within(self._samples(name), start, end)[0] for name, _ in reversed(files))
        first, last = (next((t for t in times if len(t)), None) for times in (firsts, lasts))
        return None if first is None or last is None else (float(first[0]), float(last[-1]))

    def _pieces(self, files: list[tuple[str, float]], start: float, end: float) -> Iterator[TimesAndValues]:
        """The samples of the range, a file at a time; those of files that overlap are merged."""
        waiting = np.empty(0), np.empty(0)
        for name, file_start in files:
            ready = int(waiting[0].searchsorted(file_start))
            if ready:
                yield waiting[0][:ready], waiting[1][:ready]
            piece = _within(self._samples(name), start, end)
            if ready == len(waiting[0]):
                waiting = piece
            else:
                t, values = (np.concatenate([w[ready:], p]) for w, p in zip(waiting, piece, strict=True))
                t, values = ascending(t, values)
                waiting = t, values
        if len(waiting[0]):
            yield waiting

    def _look(self) -> dict[str, _Index]:
        """The index, made anew if the directory changed since the last look."""
        if self._clock() - self._looked < LOOK_INTERVAL_S:
            return self._index
        with self._lock:
            if self._clock() - self._looked >= LOOK_INTERVAL_S:
                try:
                    status = self._directory.stat()
                    seen = (status.st_mtime_ns, status.st_ino)
                    if seen != self._seen:
                        self._list()
                        self._seen = seen if time.time() - status.st_mtime > SETTLED_S else None
                except OSError as error:
                    self._index, self._places, self._seen, self._listed = {}, {}, None, False
                    self._tell_once("archive.missing", str(self._directory), why=error.strerror)
                self._looked = self._clock()
        return self._index

    def _list(self) -> None:
        places: dict[str, Place] = {}
        for name in os.listdir(self._directory):
            place = self._places.get(name) or self._place(name)
            if place is not None:
                places[name] = place
        if self._listed and places == self._places:
            return
        self._listed = True
        self._places = places
        self._spans = {name: span for name, span in self._spans.items() if name in places}
        self._said.forget(lambda said: said[1] not in places)
        self._rebuild()
        self._log.info("archive.listed", directory=str(self._directory), files=len(places))

    def _rebuild(self) -> None:
        by_series: dict[str, list[tuple[float, float, str]]] = {}
        for name, place in self._places.items():
            span = self._spans.get(name, (place.start, place.end))
            start, end = min(place.start, span[0]), max(place.end, span[1])
            by_series.setdefault(place.series, []).append((start, end, name))
        index = {}
        for series, files in by_series.items():
            starts, ends, names = zip(*sorted(files), strict=True)
            # The newest file may still grow, past what its name tells: it is looked at each time.
            index[series] = _Index(list(names), np.array(starts), np.array([*ends[:-1], np.inf]))
        self._index = index

    def _samples(self, name: str) -> TimesAndValues:
        path = self._directory / name
        place = self._places.get(name)
        try:
            status = path.stat()
        except OSError:
            place = None  # it vanished since it was listed
        if place is None:
            return np.empty(0), np.empty(0)
        # Names the content: a file that took another's place may have its name, size and time.
        key = (name, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return self.cache.get(key, lambda: self._load(path, name, place))

    def _load(self, path: Path, name: str, place: Place) -> TimesAndValues:
        try:
            parsed = self._parse(place, path.read_bytes())
        except OSError as error:
            self._tell_once("file.unreadable", name, why=error.strerror)
            return np.empty(0), np.empty(0)
        if parsed.skipped:
            self._tell_once("file.lines_skipped", name, lines=parsed.skipped)
        t, values = parsed.columns
        finite = np.isfinite(values)
        if not finite.all():
            t, values = t[finite], values[finite]
        t, values = ascending(t, values)
        if len(t) and not (place.start <= t[0] and t[-1] < place.end):
            self._outside(name, float(t[0]), float(np.nextafter(t[-1], np.inf)))
        return t, values

    def _outside(self, name: str, start: float, end: float) -> None:
        """Remember a file that holds more than its name tells."""
        with self._lock:
            if self._spans.get(name) != (start, end):
                self._spans[name] = (start, end)
                self._rebuild()

    def _tell_once(self, event: str, name: str, **fields: object) -> None:
        if self._said.is_new(event, name):
            self._log.warning(event, path=str(self._directory / name), **fields)


def _within(samples: TimesAndValues, start: float, end: float) -> TimesAndValues:
    t, values = samples
    first, last = t.searchsorted([start, end])
    return t[first:last], values[first:last]

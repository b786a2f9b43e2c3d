"""The data node `g3_reader`: an archive of .g3 files, through the index that the scanner keeps."""

import math
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import structlog
from sisock import DataNode, Field, Limits, Series, binning
from sisock.errors import SisockError, TooMuchDataError
from sisock.metrics import Caches, Registry
from sisock.node import Bins, FieldType, Grid
from sisock.trouble import Trouble
from sisock_g3.database import Database, Pool
from sisock_g3.decoding import BOOL, TEXT
from sisock_g3.index import ranges
from sisock_g3.index.fields import ArchiveField
from sisock_g3.layout import TICKS_PER_SECOND
from sisock_g3.names import raw
from sisock_g3.refusals import DatabaseAwayError, NotPreparedError

from sisock_g3_reader import summing
from sisock_g3_reader.cache import Columns, Ticked
from sisock_g3_reader.catalogue import Catalogue
from sisock_g3_reader.config import Config
from sisock_g3_reader.files import Complaints, Files
from sisock_g3_reader.select import SAMPLE_BYTES, Selection, drawn_width
from sisock_g3_reader.summing import Summing

LONG_SAMPLES = 2_000_000
"""A request for more samples than this is long: one such is answered at a time."""

MOST_LONG = 4
MOST_UNREAD_BYTES = 2 * 1024**3
"""Files that are not in the index are read through up to so many bytes in one request."""

FURTHEST_S = 9e10
"""Ticks are 64 bits wide."""

COARSEST_TICKS = 4096
"""More than lie between two numbers of float64 that are next to each other, as far out as that."""

_FIELD_TYPES: dict[str, FieldType] = {TEXT: "string", BOOL: "bool"}

T = TypeVar("T")


class G3Reader(DataNode):
    """Serves an archive.

    Parameters
    ----------
    config : Config
    log : structlog logger
    """

    name = "g3_reader"
    description = "Housekeeping archive in .g3 files"
    threads = 2 + MOST_LONG

    def __init__(self, config: Config, log: structlog.stdlib.BoundLogger) -> None:
        self._pool = Pool(config)
        complaints = Complaints(log)
        self._columns = Columns(config.cache_bytes, complaints)
        self._files = Files(config.cache_bytes // 8, complaints)
        self._catalogue = Catalogue(time.monotonic, self._files, log)
        self._most_bytes = config.most_reply_bytes
        self._log = log
        self._turn = threading.Lock()
        self._long = threading.BoundedSemaphore(MOST_LONG)
        self._unprepared = Trouble(log.warning, "index.missing")

    @property
    def memory_bytes(self) -> int:
        """Memory that what was read takes, to be used again."""
        return self._columns.size_bytes + self._files.size_bytes

    def measure(self, registry: Registry) -> None:
        """Show the caches."""
        registry.register(Caches({**self._columns.caches, **self._files.caches}))

    def close(self) -> None:
        """Let go of the database."""
        self._pool.close()

    def fields(self, start: float, end: float) -> list[Field]:
        """Fields that have samples in the interval, by the index (see `sisock.DataNode`)."""
        begin, stop = _ticks(start), _ticks(end)

        def ask(database: Database) -> list[Field]:
            fields = self._catalogue.every(database)
            unread = self._catalogue.unread(database)
            may = set(unread.fields(begin, stop)) if unread and stop > begin else set()
            return [
                Field(
                    field.name,
                    type=_FIELD_TYPES.get(self._catalogue.kind(field, unread), "number"),
                    source=raw(field.description, field.field),
                )
                for field in fields
                if stop > begin
                and (
                    (field.description, field.field) in may
                    or ranges.has_samples(database, field, begin, stop)
                )
            ]

        return self._with_database(ask)

    def read(self, names: Sequence[str], start: float, end: float, limits: Limits) -> list[Series]:
        """Samples of the fields wanted (see `sisock.DataNode`)."""
        begin, stop = _ticks(start), _ticks(end)

        def ask(database: Database) -> list[Series]:
            found = self._catalogue.find(database, names)
            unread = self._unread(database, found, begin, stop)
            plans = [
                self._plan(database, name, field, found, unread, begin, stop, limits)
                for name, field in found.items()
            ]
            samples = sum(plan.samples for plan in plans)
            if samples * SAMPLE_BYTES > self._most_bytes:
                raise TooMuchDataError(f"{samples} samples are more than {self._most_bytes} bytes")
            with self._in_turn(samples):
                read = [(plan, plan.read(begin, stop)) for plan in plans]
            return [
                _series(plan.name, plan.selection.field, one)
                for plan, one in read
                if one is not None and len(one.ticks)
            ]

        return self._with_database(ask)

    def bins(self, names: Sequence[str], start: float, end: float, grid: Grid) -> list[Bins] | None:
        """Sums of the fields wanted, from the summaries of the index (see `sisock.DataNode`)."""
        if grid.width < summing.FINEST_US:
            return None
        begin, stop = _ticks(start), _ticks(end)
        texts: list[str] = []

        def ask(database: Database) -> list[Bins]:
            found = self._catalogue.find(database, names)
            unread = self._unread(database, found, begin, stop)
            texts[:] = [name for name, field in found.items() if field.kind == TEXT]
            providers: dict[str, list[Summing]] = {}
            for name, field in found.items():
                if field.kind != TEXT:
                    selection = self._selection(database, field, found, unread)
                    one = Summing(name, selection, start, end, grid)
                    one.summarize(begin, stop)
                    providers.setdefault(field.description, []).append(one)
            for several in providers.values():
                self._fill(several)
            made = [one.result() for several in providers.values() for one in several]
            return [one for one in made if one is not None]

        made = self._with_database(ask)
        if texts:

            def read(some: Sequence[str], first: float, last: float) -> list[Series]:
                return self.read(some, first, last, Limits())

            made += binning.compute(read, texts, start, end, grid)
        return made

    def _fill(self, several: Sequence[Summing]) -> None:
        """Have samples tell what summaries do not, of fields of one provider, a while at a time."""
        windows, samples = summing.windows(several, binning.PIECE_VALUES)
        with self._in_turn(samples):
            for window in windows:
                for one in several:
                    one.read(*window)

    def _plan(
        self,
        database: Database,
        name: str,
        field: ArchiveField,
        found: dict[str, ArchiveField],
        unread: dict[ArchiveField, list[Path]],
        begin: int,
        stop: int,
        limits: Limits,
    ) -> "_Plan":
        selection = self._selection(database, field, found, unread)
        limited = limits != Limits() and field.kind != TEXT
        within = selection.bounds(begin, stop) if limited else None
        width = drawn_width(limits, *within) if within else None
        samples = selection.count(begin, stop) if width is None else 0
        return _Plan(name, selection, width, samples)

    def _selection(
        self,
        database: Database,
        field: ArchiveField,
        found: dict[str, ArchiveField],
        unread: dict[ArchiveField, list[Path]],
    ) -> Selection:
        together = [other.field for other in found.values() if other.description == field.description]
        return Selection(
            database, self._columns, self._files, field, together, unread.get(field, []), self._most_bytes
        )

    def _unread(
        self, database: Database, found: dict[str, ArchiveField], begin: int, stop: int
    ) -> dict[ArchiveField, list[Path]]:
        """Files that are not in our tables and may have samples, of each field; its kind is known then."""
        deployed = self._catalogue.unread(database)
        if deployed is None or stop <= begin:
            return {}
        paths = {}
        for name, field in found.items():
            found[name] = replace(field, kind=self._catalogue.kind(field, deployed))
            paths[found[name]] = deployed.files(field.description, [field.field], begin, stop)
        size = sum(map(self._files.size, {path for several in paths.values() for path in several}))
        if size > MOST_UNREAD_BYTES:
            raise TooMuchDataError(
                f"{size} bytes of files would have to be read through: a scan by sisock-g3-file-scanner "
                "makes that needless"
            )
        return paths

    def _with_database(self, ask: Callable[[Database], list[T]]) -> list[T]:
        """Ask one state of the database; without an index there is nothing, which is said once."""
        with self._pool.database() as database:
            try:
                with _reading(database):
                    answer = ask(database)
            except NotPreparedError as error:
                self._unprepared.tell(f"{error}; sisock-g3-file-scanner makes it")
                return []
        self._unprepared.over()
        return answer

    @contextmanager
    def _in_turn(self, samples: int) -> Iterator[None]:
        """Answer long requests one after the other, so that threads are left for short ones."""
        if samples <= LONG_SAMPLES:
            yield
            return
        if not self._long.acquire(blocking=False):
            raise SisockError(f"{MOST_LONG} long requests are being answered already: ask again")
        try:
            with self._turn:
                yield
        finally:
            self._long.release()


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to read a field: from its samples, or by bins of a width (ticks)."""

    name: str
    selection: Selection
    width: int | None
    samples: int

    def read(self, begin: int, stop: int) -> Ticked | None:
        if self.width is None:
            return self.selection.samples(begin, stop)
        return self.selection.drawn(begin, stop, self.width)


@contextmanager
def _reading(database: Database) -> Iterator[None]:
    """One state of the database; a connection that was lost meanwhile is made once more."""
    try:
        database.query("SELECT 1")
    except DatabaseAwayError:
        database.query("SELECT 1")
    with database.transaction(write=False):
        yield


def _ticks(t: float) -> int:
    """The first tick whose time, as it is served, is not before `t`.

    Between two times that float64 can tell from each other lie many ticks: were `t` only multiplied, a
    sample at the time that ends one range and begins the next could be in neither.
    """
    near = math.floor(min(max(t, -FURTHEST_S), FURTHEST_S) * TICKS_PER_SECOND)
    around = range(near - COARSEST_TICKS, near + COARSEST_TICKS)
    return around.start + bisect_left(around, t, key=lambda tick: tick / TICKS_PER_SECOND)


def _series(name: str, field: ArchiveField, samples: Ticked) -> Series:
    values = samples.values
    if field.kind == BOOL and values.dtype.kind == "f":
        values = values.astype(np.float64) > 0.5
    elif field.kind == TEXT and values.dtype.kind != "O":
        texts = np.empty(len(values), dtype=object)
        texts[:] = [str(value) for value in values.tolist()]
        values = texts
    return Series(name, samples.ticks / TICKS_PER_SECOND, values)

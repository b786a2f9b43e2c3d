"""Archives, indexes and what they say."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from sisock.config import load
from sisock_g3 import blobs
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database
from sisock_g3.tables import prepare
from sisock_g3.testing import Writer
from sisock_g3_file_scanner.scan import Scanner

T0 = 1.6e9
DAY = 86400.0
FEED = "observatory.therm.feeds.temperatures"

_TABLES = {
    "feeds": "SELECT path, filename, prov_id, description, scanned FROM feeds",
    "description": "SELECT description FROM description",
    "files": "SELECT path, filename, size, indexed, tail, cut, problem FROM sisock_files",
    "names": "SELECT p.description, f.field, f.name, f.kind FROM sisock_fields f "
    "JOIN sisock_providers p ON p.id = f.provider_id",
    "chunks": "SELECT p.description, x.path, x.filename, c.t0, c.t1, c.samples, c.records "
    "FROM sisock_chunks c JOIN sisock_providers p ON p.id = c.provider_id "
    "JOIN sisock_files x ON x.id = c.file_id",
    "stale": "SELECT p.description, s.level, s.tile FROM sisock_stale s "
    "JOIN sisock_providers p ON p.id = s.provider_id",
}
_BINS = {
    "spans": "SELECT f.name, x.path, x.filename, s.kind, s.t0, s.t1, s.samples, s.bins FROM sisock_spans s "
    "JOIN sisock_fields f ON f.id = s.field_id JOIN sisock_files x ON x.id = s.file_id",
    "tiles": "SELECT f.name, t.level, t.tile, t.bins FROM sisock_tiles t "
    "JOIN sisock_fields f ON f.id = t.field_id",
}
_DEPLOYED = (
    "SELECT p.path, p.filename, p.description, f.field, f.start, f.`end` FROM fields f "
    "JOIN feeds p ON p.id = f.feed_id"
)


def write(
    path: Path, t0: float = T0, hours: float = 1.0, description: str = FEED, step: float = 10.0
) -> Path:
    """Write a file of one feed, a frame each ten minutes."""
    writer = Writer(path)
    feed = writer.feed(description)
    for begin in np.arange(t0, t0 + hours * 3600, 600.0):
        t = begin + np.arange(0, 600.0, step)
        writer.data(feed, t, temps={"Channel 1": np.sin(t), "count": (t % 100).astype(int)})
    writer.close()
    return path


def content(database: Database) -> dict[str, list[str]]:
    """All that the index says, without the numbers that rows happen to have."""
    told: dict[str, list[Any]] = {name: database.query(text) for name, text in _TABLES.items()}
    for name, text in _BINS.items():
        told[name] = [(*row[:-1], _rounded(blobs.unpack_bins(row[-1]))) for row in database.query(text)]
    # MariaDB gives datetimes, SQLite their text, with or without a fraction.
    told["fields"] = [
        (*row[:4], *(str(time).removesuffix(".000000") for time in row[4:]))
        for row in database.query(_DEPLOYED)
    ]
    return {name: sorted(map(repr, rows)) for name, rows in told.items()}


def _rounded(bins: np.ndarray) -> Any:
    """Sums in another order differ in their last digits."""
    bins = bins.copy()
    bins["sum"] = np.round(bins["sum"], 6)
    return bins.tolist()


class Kit:
    """What the tests of an archive do again and again."""

    T0, DAY, FEED = T0, DAY, FEED
    write = staticmethod(write)

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._made = 0

    def scanner(self, database: Database, top: Path, **options: Any) -> Scanner:
        """A scanner of its own."""
        return Scanner(database, top, structlog.get_logger(), **options)

    def same_as_fresh(self, database: Database, top: Path) -> bool:
        """Whether the index is as one that is made from nothing."""
        self._made += 1
        file = self._directory / f"fresh-{self._made}.sqlite"
        other = Database(load(SqlConfig, {"SQL_FILE": str(file)}))
        prepare(other)
        self.scanner(other, top).scan()
        mine, theirs = content(database), content(other)
        other.close()
        # A tile that lost all its data while its time is not over stays noted, to no harm.
        assert set(mine.pop("stale")) >= set(theirs.pop("stale"))
        for name, rows in theirs.items():
            assert mine[name] == rows, name
        return True

    def run(self, environ: Mapping[str, str], top: Path, *arguments: str) -> subprocess.Popen[bytes]:
        """The scanner as a process, in another time zone than UTC."""
        return subprocess.Popen(
            [sys.executable, "-m", "sisock_g3_file_scanner", *arguments],
            env={**os.environ, "DATA_DIRECTORY": str(top), "TZ": "America/Santiago", **environ},
            stderr=subprocess.PIPE,
        )


class Clock:
    """Time that goes on by a step whenever somebody looks."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step, self.ns = 100.0, step, 10**18

    def monotonic(self) -> float:
        self.now += self.step
        return self.now

    def time_ns(self) -> int:
        return self.ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    top = tmp_path / "data"
    for i in range(6):
        write(top / f"{int(T0) // 100000 + i}" / f"{int(T0 + i * DAY)}.g3", T0 + i * DAY)
    return top


@pytest.fixture
def database(index_environ: Mapping[str, str]) -> Iterator[Database]:
    made = Database(load(SqlConfig, index_environ))
    prepare(made)
    yield made
    made.close()


@pytest.fixture
def events() -> Iterator[Callable[[str], list[Any]]]:
    with structlog.testing.capture_logs() as captured:
        yield lambda name: [event for event in captured if event["event"] == name]

"""The index against a model in plain Python of what the test itself wrote: whatever happens to the files."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sisock.config import load
from sisock_g3 import blobs
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database
from sisock_g3.frames import FrameReader
from sisock_g3.refusals import DatabaseAwayError
from sisock_g3.tables import prepare
from sisock_g3.testing import Writer
from sisock_g3_file_scanner.scan import Scanner

T0 = 1_600_000_000
FEEDS = ("observatory.a.feeds.x", "observatory.b.feeds.y")

Samples = dict[tuple[str, str], list[tuple[int, float]]]
"""What files hold: (file, feed) to seconds and values."""


def encode(path: Path, feed: str, values: list[float], first: int) -> bytes:
    """A file of one feed, one sample a frame, a minute apart, as so3g writes it."""
    writer = Writer(path)
    told = writer.feed(feed)
    for i, value in enumerate(values):
        writer.data(told, np.array([float(first + 60 * i)]), block={"ch": np.array([value])})
    writer.close()
    data = path.read_bytes()
    path.unlink()
    return data


def indexed(database: Database) -> Samples:
    """What the index says of files, times and bins, as far as one sample a frame can be told from it."""
    told: Samples = {}
    for filename, feed, records in database.query(
        "SELECT x.filename, p.description, c.records FROM sisock_chunks c "
        "JOIN sisock_files x ON x.id = c.file_id JOIN sisock_providers p ON p.id = c.provider_id"
    ):
        told[filename, feed] = [(int(t) // 10**8, 0.0) for t in blobs.unpack_records(records)["t0"]]
    return told


def bins_of(samples: list[tuple[int, float]]) -> list[tuple[int, int, float, float, float]]:
    """Number, count, least, greatest and sum of each five minutes."""
    numbers = sorted({t // 300 for t, _ in samples})
    groups = [[value for t, value in samples if t // 300 == number] for number in numbers]
    return [(n, len(g), min(g), max(g), sum(g)) for n, g in zip(numbers, groups, strict=True)]


def agree(database: Database, expected: Samples) -> None:
    """Compare every table with what the files are known to hold."""
    present = {at: samples for at, samples in expected.items() if samples}
    assert indexed(database) == {at: [(t, 0.0) for t, _ in samples] for at, samples in present.items()}
    spans = database.query(
        "SELECT x.filename, p.description, s.t0, s.t1, s.samples, s.bins FROM sisock_spans s "
        "JOIN sisock_files x ON x.id = s.file_id JOIN sisock_fields f ON f.id = s.field_id "
        "JOIN sisock_providers p ON p.id = f.provider_id"
    )
    assert {(row[0], row[1]): row[2:5] for row in spans} == {
        at: (samples[0][0] * 10**8, samples[-1][0] * 10**8, len(samples)) for at, samples in present.items()
    }
    for filename, feed, *_, blob in spans:
        bins = blobs.unpack_bins(blob)
        mine = [(int(b["bin"]), int(b["count"]), b["min"], b["max"], b["sum"]) for b in bins]
        assert mine == bins_of(present[filename, feed])
    deployed = database.query(
        "SELECT d.filename, d.description, x.field FROM feeds d JOIN fields x ON x.feed_id = d.id"
    )
    assert sorted(deployed) == sorted((*at, "ch") for at in present)
    names = [name for (name,) in database.query("SELECT description FROM description ORDER BY description")]
    assert names == sorted({f"{feed}.ch" for _, feed in present})


class Archive(RuleBasedStateMachine):
    """Files come, grow, change, move and go; after each scan the index holds what was written."""

    @initialize()
    def begin(self) -> None:
        self.room = tempfile.TemporaryDirectory()
        self.top = Path(self.room.name, "data")
        self.top.mkdir()
        (self.top / "mounted.g3").write_bytes(b"")  # an archive without any file is taken for a fault
        self.database = Database(load(SqlConfig, {"SQL_FILE": str(Path(self.room.name, "index.sqlite"))}))
        prepare(self.database)
        self.scanner = self.anew()
        self.files: dict[str, tuple[str, list[float], int, int]] = {}
        self.clock = 10**18
        self.scanned = True

    def anew(self) -> Scanner:
        return Scanner(self.database, self.top, structlog.get_logger())

    def put(self, name: str, feed: str, values: list[float], first: int, whole: int) -> None:
        """Write the first frames of a file; each writing has a time of its own, as on a real disk."""
        data = encode(Path(self.room.name, "new.g3"), feed, values, first)
        ends = [offset + frame.length for offset, frame in FrameReader(data)]
        (self.top / name).write_bytes(data[: ends[1 + whole]])
        self.clock += 10**9
        os.utime(self.top / name, ns=(self.clock, self.clock))
        self.files[name] = (feed, values, first, whole)
        self.scanned = False

    names = st.sampled_from(["1.g3", "2.g3", "3.g3"])
    columns = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=6)

    @rule(
        name=names, feed=st.sampled_from(FEEDS), values=columns, day=st.integers(0, 3), cut=st.integers(0, 5)
    )
    def write(self, name: str, feed: str, values: list[float], day: int, cut: int) -> None:
        self.put(name, feed, values, T0 + 86400 * day, max(1, len(values) - cut))

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def grow(self, data: Any) -> None:
        name = data.draw(st.sampled_from(sorted(self.files)))
        feed, values, first, whole = self.files[name]
        self.put(name, feed, values, first, min(len(values), whole + 1))

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def change_values_but_not_the_size(self, data: Any) -> None:
        name = data.draw(st.sampled_from(sorted(self.files)))
        feed, values, first, whole = self.files[name]
        self.put(name, feed, [value + 1 for value in values], first, whole)

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def remove(self, data: Any) -> None:
        name = data.draw(st.sampled_from(sorted(self.files)))
        (self.top / name).unlink()
        del self.files[name]
        self.scanned = False

    @precondition(lambda self: self.files)
    @rule(data=st.data(), to=names)
    def move(self, data: Any, to: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.files)))
        (self.top / name).replace(self.top / to)
        self.files[to] = self.files.pop(name)
        self.scanned = False

    @rule()
    def restart(self) -> None:
        self.scanner = self.anew()

    @rule()
    def scan(self) -> None:
        self.scanner.scan()
        self.scanned = True

    @invariant()
    def index_is_what_was_written(self) -> None:
        if not getattr(self, "scanned", False):
            return
        agree(
            self.database,
            {
                (name, feed): [(first + 60 * i, value) for i, value in enumerate(values[:whole])]
                for name, (feed, values, first, whole) in self.files.items()
            },
        )

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.room.cleanup()


Archive.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=15,
    suppress_health_check=list(HealthCheck),
    # To find the shortest history takes longer than to read a long one.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
TestArchive = Archive.TestCase


class Failing(Database):
    """A database whose connection breaks at a statement, and is there again afterwards."""

    left = 10**9

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            self.close()
            raise DatabaseAwayError("broken")
        return super()._run(*args, **kwargs)


def test_a_connection_that_breaks_at_any_statement_leaves_whole_files(index_environ, tmp_path: Path) -> None:
    top = tmp_path / "data"
    top.mkdir()
    contents = {("1.g3", FEEDS[0]): [1.0, 2.0], ("2.g3", FEEDS[1]): [3.0, 4.0]}
    first: Samples = {}
    for (name, feed), values in contents.items():
        (top / name).write_bytes(encode(tmp_path / "new.g3", feed, values, T0))
        first[name, feed] = [(T0 + 60 * i, value) for i, value in enumerate(values)]
    second = {("1.g3", FEEDS[1]): [(T0, 5.0)]}
    config = load(SqlConfig, index_environ)
    watching, failing = Database(config), Failing(config)
    prepare(watching)
    states: list[Samples] = [{}, first, {**second, ("2.g3", FEEDS[1]): first["2.g3", FEEDS[1]]}, second]

    def seen() -> int:
        for number, state in enumerate(states):
            try:
                agree(watching, state)
            except AssertionError:
                continue
            return number
        pytest.fail(f"half of something is in the index: {indexed(watching)}")

    def scan_broken_everywhere(before: int) -> int:
        for statement in range(1, 200):
            failing.left = statement
            try:
                Scanner(failing, top, structlog.get_logger()).scan()
            except DatabaseAwayError:
                assert seen() >= before
            else:
                return statement
        return 0

    assert scan_broken_everywhere(0) > 10
    assert seen() == 1
    (top / "1.g3").write_bytes(encode(tmp_path / "new.g3", FEEDS[1], [5.0], T0))
    assert scan_broken_everywhere(1) > 10
    assert seen() == 2
    (top / "2.g3").unlink()
    assert scan_broken_everywhere(2) > 10
    assert seen() == 3
    watching.close()
    failing.close()

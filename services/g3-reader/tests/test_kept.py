"""What is kept in memory, of which content, and for how long the list of fields counts as fresh."""

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from sisock import Limits
from sisock.config import load
from sisock.errors import ConfigError
from sisock_g3 import file_content
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database
from sisock_g3.file_content import RECORD
from sisock_g3.fingerprint import mark, tail
from sisock_g3.index.files import Indexed
from sisock_g3.testing import Writer, make_index
from sisock_g3_reader import cache, catalogue, node
from sisock_g3_reader.cache import Columns, Segment, Ticked, join, segments
from sisock_g3_reader.catalogue import Catalogue
from sisock_g3_reader.config import Config
from sisock_g3_reader.files import HELD_BYTES, Complaints, Files, Held

T0 = 1.6e9
FEED = "observatory.a.feeds.x"
MARK = (1, 2, 3, 4, 5)


def write(path: Path, frames: int = 3, **columns: Any) -> Path:
    """A file of frames of ten seconds, of two providers in turn."""
    writer = Writer(path)
    feed, other = writer.feed(FEED), writer.feed("observatory.between.feeds.y")
    for i in range(frames):
        writer.data(feed, T0 + 10 * i + np.arange(10.0), block=columns or {"ch": np.arange(10.0) + i})
        writer.data(other, T0 + 10 * i + np.arange(10.0), block={"other": np.zeros(10)})
    writer.close()
    return path


def segments_of(path: Path) -> list[Segment]:
    return segments(path, mark(path.stat()), file_content.read(path).providers[FEED].records, 0, 2**62)


@pytest.fixture
def complaints() -> Complaints:
    return Complaints(structlog.get_logger())


@pytest.fixture
def columns(complaints: Complaints) -> Columns:
    return Columns(2**20, complaints)


def records(frames: int, blocks: int = 2) -> Any:
    """Frames of ten ticks, each of some blocks."""
    found = np.zeros(frames * blocks, RECORD)
    found["offset"] = np.repeat(np.arange(frames) * 100, blocks)
    found["length"] = np.repeat(50 + np.arange(frames), blocks)
    found["t0"], found["t1"] = found["offset"] // 10, found["offset"] // 10 + 9
    return found


@pytest.mark.parametrize(
    ("begin", "end", "first_frames"),
    [
        (0, 10**6, [0, 64, 128]),
        (0, 640, [0]),
        (0, 641, [0, 64]),
        (639, 640, [0]),
        (640, 641, [64]),
        (1499, 1500, [128]),
        (1500, 2000, []),
        (-10, 0, []),
        (-10, 1, [0]),
    ],
)
def test_frames_are_read_by_segments_of_which_some_sample_is_wanted(
    begin: int, end: int, first_frames: list[int]
) -> None:
    found = segments(Path("a.g3"), MARK, records(150), begin, end)
    assert [one.offsets[0] // 100 for one in found] == first_frames
    for one in found:
        first = one.offsets[0] // 100
        count = min(64, 150 - first)
        assert one.offsets == tuple(range(100 * first, 100 * (first + count), 100))
        assert one.lengths == tuple(range(50 + first, 50 + first + count))
        assert one.key == (MARK, 100 * first, 100 * (first + count - 1), count)


def test_columns_of_several_kinds_are_put_together_as_the_widest() -> None:
    def piece(*values: Any, dtype: Any = None) -> Ticked:
        return Ticked(np.arange(len(values)), np.array(values, dtype=dtype))

    numbers, bools, texts = piece(1, 2), piece(True, False), piece("a", "b", dtype=object)
    assert join([bools]).values.tolist() == [True, False]
    assert join([bools]).values.dtype == bool
    assert join([bools, bools]).values.dtype == bool
    both = join([numbers, bools])
    assert (both.values.tolist(), both.values.dtype) == ([1.0, 2.0, 1.0, 0.0], np.float64)
    assert join([numbers]).values.dtype == np.float64
    assert join([texts, numbers, bools]).values.tolist() == ["a", "b", "1", "2", "True", "False"]
    assert join([texts]).values is texts.values
    assert both.ticks.tolist() == [0, 1, 0, 1]


def test_what_columns_take_is_counted_with_texts() -> None:
    ticks = np.arange(10)
    assert Ticked(ticks, np.zeros(10)).size_bytes == 160 + cache.ENTRY_BYTES
    texts = np.array(["x"] * 10, dtype=object)
    assert Ticked(ticks, texts).size_bytes == 160 + 640 + cache.ENTRY_BYTES
    assert Held(MARK, {"a": records(5), "b": records(1)}, {}).size_bytes == HELD_BYTES + 12 * RECORD.itemsize


def test_a_field_is_decoded_once_also_where_it_is_not_and_together_with_others(
    tmp_path: Path, columns: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = {"a": np.arange(10.0), "b": np.arange(10.0) * 2, "c": np.zeros(10)}
    [segment] = segments_of(write(tmp_path / "1.g3", **both))
    decoded: list[set[str]] = []
    original = cache.decoding.blocks
    monkeypatch.setattr(
        cache.decoding, "blocks", lambda *args: (decoded.append(set(args[3])), original(*args))[1]
    )
    for _ in range(2):
        for name in ("a", "b", "a"):
            found = columns.read(segment, name, ["a", "b"])
            assert found is not None
            assert found.values.tolist() == both[name].tolist() * 3
        assert columns.read(segment, "none", []) is None
    assert decoded == [{"a", "b"}, {"none"}]
    kept = 3 * cache.ENTRY_BYTES + 2 * 2 * 8 * 30
    assert columns.size_bytes == kept
    assert {name: one.size_bytes for name, one in columns.caches.items()} == {"columns": kept, "unpacked": 0}


def test_a_compressed_file_is_unpacked_once_for_all_its_segments(
    tmp_path: Path, columns: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "SEGMENT_FRAMES", 2)
    data = write(tmp_path / "1.g3", frames=5).read_bytes()
    packed = tmp_path / "1.g3.gz"
    packed.write_bytes(gzip.compress(data))
    unpacked: list[Path] = []
    original = file_content.decompress
    monkeypatch.setattr(file_content, "decompress", lambda path: (unpacked.append(path), original(path))[1])
    found = segments_of(packed)
    unpacked.clear()
    assert len(found) == 3
    columns.expect(found, "ch")  # nothing can be fetched ahead of one that is read as a whole
    values = [value for one in found for value in columns.read(one, "ch", []).values.tolist()]  # type: ignore[union-attr]
    assert values == [float(i + k) for i in range(5) for k in range(10)]
    assert unpacked == [packed]
    assert columns.caches["unpacked"].size_bytes == len(data)
    assert columns.size_bytes == len(data) + columns.caches["columns"].size_bytes


def test_what_will_be_read_is_fetched_ahead_unless_it_is_kept(
    tmp_path: Path, columns: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "SEGMENT_FRAMES", 2)
    found = segments_of(write(tmp_path / "1.g3", frames=4))
    gone = segments_of(write(tmp_path / "2.g3", frames=2))
    (tmp_path / "2.g3").unlink()
    advised: list[tuple[int, int, int]] = []
    monkeypatch.setattr(cache.os, "posix_fadvise", lambda _fd, *what: advised.append(what))
    before = len(os.listdir("/proc/self/fd"))
    columns.read(found[0], "ch", [])
    columns.expect([*gone, *found], "ch")
    begin, last = found[1].offsets
    assert advised == [(begin, last + found[1].lengths[1] - begin, os.POSIX_FADV_WILLNEED)]
    columns.expect(found, "other")
    assert len(advised) == 3
    assert len(os.listdir("/proc/self/fd")) == before


def test_of_a_file_that_changes_while_it_is_read_nothing_is_kept(
    tmp_path: Path, columns: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    [segment] = segments_of(write(tmp_path / "1.g3"))
    os.utime(segment.path, ns=(1, 1))
    for _ in range(2):
        found = columns.read(segment, "ch", ["ch"])
        assert found is not None
        assert len(found.ticks) == 30
    assert columns.size_bytes == 0


def test_frames_that_are_not_those_that_were_indexed_are_left_out_and_said(
    tmp_path: Path, columns: Columns
) -> None:
    path = write(tmp_path / "1.g3")
    [segment] = segments_of(path)
    status, shorter = path.stat(), (segment.lengths[0] - 1, *segment.lengths[1:])
    beside = Segment(path, mark(status), (0, *segment.offsets), (segment.offsets[0], *shorter))
    with structlog.testing.capture_logs() as logs:
        found = columns.read(beside, "ch", [])
        columns.read(beside, "none", [])
    assert found is not None
    assert len(found.ticks) == 20
    assert [entry["why"][:44] for entry in logs] == [
        "from byte 0 on: not the frame that was index",
        f"from byte {segment.offsets[0]} on: the checksum of the frame"[:44],
    ]


def indexed(path: Path, **changed: Any) -> Indexed:
    """A file as it was when it was indexed."""
    status = path.stat()
    end = changed.pop("end", status.st_size)
    was = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "end": end, "tail": tail(path, end)}
    return Indexed(path, **{**was, **changed})


def test_a_file_is_the_one_that_was_indexed_if_it_begins_as_that_did(
    tmp_path: Path, complaints: Complaints
) -> None:
    path = write(tmp_path / "1.g3")
    size, files = path.stat().st_size, Files(2**20, complaints)
    with structlog.testing.capture_logs() as logs:
        assert files.unchanged(indexed(path)) == mark(path.stat())
        assert files.unchanged(indexed(path, end=size - 7)) == mark(path.stat())
        # It has grown, or was only touched.
        assert files.unchanged(indexed(path, end=size - 7, size=size - 7, mtime_ns=1)) == mark(path.stat())
        assert files.unchanged(indexed(path, mtime_ns=1)) == mark(path.stat())
        # Whatever its number is: the first file of a disk, say.
        assert files._is_same((1, 2, size, 3, 3), indexed(path, end=size - 7, mtime_ns=1))
    assert logs == []
    with structlog.testing.capture_logs() as logs:
        assert files.unchanged(indexed(path, tail=1)) is None
        assert files.unchanged(indexed(path, tail=1)) is None
        shorter = Indexed(path, size + 1, 1, size + 1, tail(path, size))
        assert files.unchanged(shorter) is None
        path.unlink()
        assert files.unchanged(shorter) is None
    assert [entry["why"].partition(":")[0] for entry in logs] == [
        "not the file that was indexed",
        "[Errno 2] No such file or directory",
    ]


def test_a_compressed_file_is_the_one_that_was_indexed_only_if_nobody_touched_it(
    tmp_path: Path, complaints: Complaints
) -> None:
    path = tmp_path / "1.g3.gz"
    path.write_bytes(gzip.compress(write(tmp_path / "1.g3").read_bytes()))
    files, status = Files(2**20, complaints), path.stat()
    was = {"end": 10**6, "tail": 1}  # of the content, which is longer
    assert files.unchanged(Indexed(path, status.st_size, status.st_mtime_ns, **was)) == mark(status)
    assert files.unchanged(Indexed(path, status.st_size, 1, **was)) is None
    assert files.unchanged(Indexed(path, 1, status.st_mtime_ns, **was)) is None


def test_what_a_file_holds_is_read_through_once_and_costs_nothing_then(
    tmp_path: Path, complaints: Complaints
) -> None:
    path = write(tmp_path / "1.g3", ch=np.arange(10.0), on=np.arange(10) % 2 == 0, word=["x"] * 10)
    files = Files(2**20, complaints)
    assert files.size(path) == path.stat().st_size
    held = files.held(path)
    assert held is not None
    assert held.kinds[FEED] == {"ch": "number", "on": "bool", "word": "string"}
    assert len(held.records[FEED]) == 3
    assert files.held(path) is held
    assert files.size(path) == 0
    assert files.size(tmp_path / "none") == 0
    files.unchanged(indexed(path))
    assert files.size_bytes == held.size_bytes + 200
    assert {name: one.size_bytes for name, one in files.caches.items()} == {
        "unread_files": held.size_bytes,
        "file_marks": 200,
    }
    path.write_bytes(path.read_bytes()[:-1])
    assert files.size(path) == path.stat().st_size


def test_of_a_file_that_is_being_written_only_what_is_lost_is_said(
    tmp_path: Path, complaints: Complaints
) -> None:
    whole = write(tmp_path / "1.g3").read_bytes()
    files = Files(2**20, complaints)
    with structlog.testing.capture_logs() as logs:
        for name, data in (("cut", whole[:-3]), ("broken", whole + b"no frame at all")):
            (tmp_path / name).write_bytes(data)
            assert files.held(tmp_path / name) is not None
        assert files.held(tmp_path / "none") is None
    assert [Path(entry["path"]).name for entry in logs] == ["broken", "none"]
    assert logs[0]["why"] == f"from byte {len(whole)} on: this is no G3 frame"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Any:
    environ = {"SQL_FILE": str(tmp_path / "index.sqlite")}
    write(tmp_path / "data" / "1.g3")
    make_index(tmp_path / "data", environ)
    made = Database(load(SqlConfig, environ))
    yield made
    made.close()


def test_the_list_of_fields_counts_as_fresh_for_a_second(
    database: Database, clock: Clock, complaints: Complaints, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[float] = []
    original = catalogue.fields.every
    monkeypatch.setattr(catalogue.fields, "every", lambda db: (reads.append(clock.now), original(db))[1])
    one = Catalogue(clock, Files(2**20, complaints), structlog.get_logger())
    name = f"{FEED}.ch"
    for clock.now in (1000.0, 1000.9, 1001.0, 1001.5):
        assert [*one.find(database, [name, "none"])] == [name]
        assert one.unread(database) is None
    assert reads == [1000.0, 1001.0]
    # Who lists them is told what is there now.
    assert len(one.every(database)) == 2
    assert reads[2:] == [1001.5]


def test_a_field_whose_number_is_anothers_now_is_looked_up_anew_at_once(
    database: Database, clock: Clock, complaints: Complaints
) -> None:
    one = Catalogue(clock, Files(2**20, complaints), structlog.get_logger())
    assert one.find(database, [f"{FEED}.ch"])
    database.execute("UPDATE sisock_fields SET name = 'x', field = 'x' WHERE field = 'ch'")
    assert one.find(database, [f"{FEED}.ch"]) == {}
    assert [*one.find(database, ["x"])] == ["x"]


def test_deployed_tables_are_left_alone_for_twenty_times_as_long_as_they_took(
    database: Database, clock: Clock, complaints: Complaints, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in ("spans", "chunks", "files", "tiles"):
        database.execute(f"DELETE FROM sisock_{table}")
    reads: list[float] = []
    original = catalogue.Deployed.fields

    def slow(self: Any) -> Any:
        reads.append(clock.now)
        clock.now += 0.25
        return original(self)

    monkeypatch.setattr(catalogue.Deployed, "fields", slow)
    with structlog.testing.capture_logs() as logs:
        one = Catalogue(clock, Files(2**20, complaints), structlog.get_logger())
        for clock.now in (1000.0, 1002.0, 1004.2, 1005.25, 1006.6, 1010.4, 1011.5):
            assert one.unread(database) is not None
        assert {field.name for field in one.every(database)} == {
            f"{FEED}.ch",
            "observatory.between.feeds.y.other",
        }
    assert reads == [1000.0, 1005.25, 1011.5]
    assert [entry["event"] for entry in logs] == ["index.unscanned"]


def test_once_our_scanner_has_been_everywhere_the_deployed_tables_are_not_asked_any_more(
    database: Database, clock: Clock, complaints: Complaints, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Catalogue(clock, Files(2**20, complaints), structlog.get_logger())
    assert one.unread(database) is None
    monkeypatch.setattr(catalogue.Deployed, "any", None)
    clock.now += 1e6
    assert one.unread(database) is None


@pytest.mark.parametrize(
    ("variable", "value", "field", "size"),
    [("CACHE_MB", "2", "cache_bytes", 2_097_152), ("MAX_REPLY_MB", "1", "most_reply_bytes", 1_048_576),
     ("SQL_FILE", "x", "cache_bytes", 268_435_456), ("SQL_FILE", "x", "most_reply_bytes", 134_217_728)],
)  # fmt: skip
def test_memory_is_set_in_megabytes(variable: str, value: str, field: str, size: int) -> None:
    assert getattr(load(Config, {variable: value}), field) == size


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "much"])
def test_memory_that_makes_no_sense_is_told(value: str) -> None:
    with pytest.raises(ConfigError, match="CACHE_MB"):
        load(Config, {"CACHE_MB": value})


def test_memory_is_that_of_columns_and_of_files(tmp_path: Path, make_reader: Any) -> None:
    environ = {"SQL_FILE": str(tmp_path / "index.sqlite")}
    write(tmp_path / "data" / "1.g3")
    make_index(tmp_path / "data", environ)
    one = make_reader(environ)
    [_] = one.read([f"{FEED}.ch"], T0, T0 + 100, Limits())
    assert one.memory_bytes == 2 * 8 * 30 + cache.ENTRY_BYTES + 200
    one.close()


def test_bools_and_texts_are_served_as_what_the_index_has_them_for() -> None:
    def served(kind: str, *values: Any, dtype: Any = None) -> list[Any]:
        field = catalogue.ArchiveField(1, 1, "a", "b", "a.b", kind, 0)
        samples = Ticked(np.arange(len(values)), np.array(values, dtype=dtype))
        column: list[Any] = node._series("a", field, samples).values.tolist()
        return column

    assert served("bool", 0.0, 1.0, np.nan) == [False, True, False]
    assert served("bool", True, False) == [True, False]
    assert served("bool", "x", dtype=object) == ["x"]
    assert served("string", 1.5, True) == ["1.5", "1.0"]
    assert served("string", "x", dtype=object) == ["x"]
    assert served("number", 1.5) == [1.5]

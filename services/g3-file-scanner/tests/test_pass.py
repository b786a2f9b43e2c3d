"""One pass: what is committed together, reported when it is settled, forgotten and summarized."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from sisock.config import load
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database
from sisock_g3.frames import FrameReader
from sisock_g3.index.files import Seen
from sisock_g3.tables import prepare
from sisock_g3_file_scanner import scan, tree
from sisock_g3_file_scanner.scan import Outcome
from structlog.testing import capture_logs

LOG = structlog.get_logger()


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    """Logs as structlog has them by default, whatever a test before made of them."""
    structlog.reset_defaults()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(load(SqlConfig, {"SQL_FILE": str(tmp_path / "index.sqlite")}))
    prepare(made)
    yield made
    made.close()


def touch(path: Path, mtime_ns: int) -> Path:
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def test_the_newest_files_of_the_two_directories_that_were_written_last_may_grow(
    kit: Any, database: Database, tmp_path: Path
) -> None:
    top = tmp_path / "data"
    for name, mtime in (("a/1", 40), ("a/2", 30), ("b/3", 10), ("b/4", 20), ("c/5", 50), ("c/6", 60)):
        touch(kit.write(top / f"{name}.g3"), mtime * 10**9)
    ours = kit.scanner(database, top)
    ours.scan()
    assert ours.growing() == [(str(top / "a"), "1.g3"), (str(top / "c"), "6.g3")]


def test_a_file_may_grow_whose_time_nobody_knows(kit: Any, database: Database, tmp_path: Path) -> None:
    touch(kit.write(tmp_path / "data" / "1.g3"), 0)
    ours = kit.scanner(database, tmp_path / "data")
    ours.scan()
    assert ours.growing() == [(str(tmp_path / "data"), "1.g3")]


def test_files_are_read_one_at_a_time_unless_more_is_asked_for(
    kit: Any, database: Database, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    original = scan.read_all
    monkeypatch.setattr(
        scan, "read_all", lambda jobs, n, **how: (asked.append(n), original(jobs, n, **how))[1]
    )
    kit.scanner(database, archive).scan()
    kit.scanner(database, archive, processes=3).scan()
    assert asked == [1, 3]
    assert Outcome() == Outcome(0, 0, 0, 0)


def test_a_file_that_cannot_be_compared_is_read_anew(
    kit: Any, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kit.write(tmp_path / "data" / "1.g3")
    ours = kit.scanner(database, path.parent)
    ours.scan()
    kit.write(path, hours=2.0)

    def fail(*_: Any) -> bool:
        raise OSError(5, "no")

    monkeypatch.setattr(tree, "has_grown", fail)
    assert ours.scan().frames == 14
    assert kit.same_as_fresh(database, path.parent)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files were written together."""
    made: list[int] = []
    original = scan.Index.write
    monkeypatch.setattr(
        scan.Index, "write", lambda self, files: (made.append(len(files)), original(self, files))[1]
    )
    return made


def test_files_are_committed_some_at_a_time_and_at_the_latest_after_a_moment(
    kit: Any,
    database: Database,
    archive: Path,
    batches: list[int],
    monkeypatch: pytest.MonkeyPatch,
    clock: Any,
) -> None:
    monkeypatch.setattr(scan, "time", clock)
    monkeypatch.setattr(scan, "COMMIT_FILES", 4)
    assert kit.scanner(database, archive).scan() == Outcome(6, 6 * 8, 0, 4)
    assert batches == [4, 2]
    for path in archive.rglob("*.g3"):
        kit.write(path, hours=0.5)
    clock.step = 0.2
    assert kit.scanner(database, archive).scan().files == 6
    # Half a second is over with the third look.
    assert batches[2:] == [3, 3]


def test_who_is_told_to_stop_writes_what_it_has_read_and_goes_on_there_the_next_time(
    kit: Any, database: Database, archive: Path, batches: list[int]
) -> None:
    assert kit.scanner(database, archive, stopping=lambda: True).scan().files == 1
    assert kit.scanner(database, archive).scan().files == 5
    assert batches == [1, 5]


def test_a_file_that_vanishes_before_it_is_read_or_looked_at_costs_nothing(
    kit: Any, database: Database, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = kit.scanner(database, archive)
    assert ours.look_again([Seen(str(archive), "gone.g3", 5, 5)]) == Outcome(0, 0, 0, 0)
    assert database.query("SELECT * FROM sisock_files") == []

    first, second, *_ = sorted(archive.rglob("*.g3"))
    original = scan.tail

    def vanish(path: Path, end: int) -> int:
        if path == first:
            raise FileNotFoundError
        return original(path, end)

    monkeypatch.setattr(scan, "tail", vanish)
    assert ours.scan().files == 5
    monkeypatch.undo()
    assert ours.scan().files == 1
    # One that is only touched, or gone, holds up none that come after it.
    touch(first, 10**9)
    kit.write(second, hours=2.0)
    gone = Seen(str(first.parent), "gone.g3", 5, 5)
    looked = [gone, *(tree.look(path.parent, path.name) for path in (first, second))]
    assert ours.look_again(looked) == Outcome(1, 14, 0, 2)
    assert ours.scan().files == 0


def cut_file(kit: Any, tmp_path: Path, mtime_ns: int) -> Path:
    """A file that ends inside of its last frame, between two whole ones."""
    path = tmp_path / "data" / "1.g3"
    path.parent.mkdir()
    whole = kit.write(tmp_path / "whole.g3").read_bytes()
    for name in ("0.g3", "2.g3"):
        (path.parent / name).write_bytes(whole)
    path.write_bytes(whole[:-5])
    touch(path, mtime_ns)
    return path


@pytest.mark.parametrize("again", [False, True])
def test_a_file_that_ends_inside_of_a_frame_is_reported_when_nobody_writes_to_it_any_more(
    kit: Any, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Any, again: bool
) -> None:
    monkeypatch.setattr(scan, "time", clock)
    path = cut_file(kit, tmp_path, clock.ns)
    ours = kit.scanner(database, path.parent)
    minute = 60_000_000_000
    for late, told in ((0, 0), (minute - 1, 0), (minute, 1), (minute + 1, 0), (10**15, 0)):
        clock.ns = 10**18 + late
        if again:
            ours = kit.scanner(database, path.parent)
        with capture_logs() as logs:
            ours.scan()
        assert [entry["event"] for entry in logs] == ["file.damaged"] * told
        for entry in logs:
            assert entry["why"] == "the file ends inside of a frame"
            assert entry["indexed_bytes"] == path.stat().st_size - last_frame(path)
    assert database.query("SELECT cut, reported FROM sisock_files ORDER BY filename") == [
        (0, 0),
        (1, 1),
        (0, 0),
    ]


def last_frame(path: Path) -> int:
    """Bytes behind the last whole frame."""
    data = path.read_bytes()
    reader = FrameReader(data)
    ends = [offset + frame.length for offset, frame in reader]
    return len(data) - ends[-1]


def test_an_old_cut_file_or_one_of_a_single_pass_is_reported_at_once_and_only_then(
    kit: Any, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    monkeypatch.setattr(scan, "time", clock)
    path = cut_file(kit, tmp_path, clock.ns)
    with capture_logs() as logs:
        kit.scanner(database, path.parent, once=True).scan()
        kit.scanner(database, path.parent, once=True).scan()
        # It is written to again, in vain.
        touch(path, clock.ns + 1)
        kit.scanner(database, path.parent, once=True).scan()
    assert [entry["event"] for entry in logs] == ["file.damaged"]
    assert database.query("SELECT reported FROM sisock_files WHERE cut = 1") == [(1,)]
    touch(path, clock.ns - 60_000_000_000)
    database.execute("UPDATE sisock_files SET reported = 0")
    with capture_logs() as logs:
        kit.scanner(database, path.parent).scan()
    assert [entry["event"] for entry in logs] == ["file.damaged"]


def test_files_of_the_predecessor_that_are_not_there_leave_its_tables_with_the_first_pass(
    kit: Any, database: Database, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute(
        "INSERT INTO feeds (filename, path, prov_id, description) VALUES ('1.g3', '/gone', 0, 'a')"
    )
    sought: list[Any] = []
    original = scan.Index.orphans
    monkeypatch.setattr(
        scan.Index, "orphans", lambda self, present: (sought.append(present), original(self, present))[1]
    )
    ours = kit.scanner(database, archive)
    assert [ours.scan().removed for _ in range(3)] == [1, 0, 0]
    assert len(sought) == 1
    assert database.query("SELECT * FROM feeds WHERE path = '/gone'") == []


def test_what_was_in_a_directory_that_cannot_be_listed_stays(
    kit: Any, database: Database, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = kit.scanner(database, archive)
    ours.scan()
    first, second, *_ = sorted(archive.iterdir())
    original = os.scandir

    def refuse(directory: str) -> Any:
        if directory == str(second):
            raise PermissionError(13, "no", directory)
        return original(directory)

    monkeypatch.setattr(tree.os, "scandir", refuse)
    for path in (*first.iterdir(), *second.iterdir()):
        path.unlink()
    assert ours.scan().removed == 1
    monkeypatch.undo()
    assert ours.scan().removed == 1
    assert ours.scan().removed == 0


@pytest.mark.parametrize("stopping", [False, True])
def test_tiles_are_made_some_at_a_time(
    kit: Any, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopping: bool
) -> None:
    for day in range(5):
        kit.write(tmp_path / "data" / f"{day}.g3", kit.T0 + day * kit.DAY)
    monkeypatch.setattr(scan, "COMMIT_FILES", 2)
    stop: list[bool] = []
    ours = kit.scanner(database, tmp_path / "data", stopping=lambda: bool(stop))
    original = Database.execute
    begun: list[str] = []

    def execute(self: Database, statement: str, values: Any = ()) -> int:
        if statement.startswith("BEGIN"):
            begun.append(statement)
        return original(self, statement, values)

    monkeypatch.setattr(
        scan.tiles,
        "due",
        lambda db, due=scan.tiles.due: (stop.extend([True] * stopping), begun.clear(), due(db))[2],
    )
    monkeypatch.setattr(Database, "execute", execute)
    # The archive goes on for a day beyond the first three.
    assert ours.scan().tiles == (2 if stopping else 3)
    assert len(begun) == (1 if stopping else 2)
    stop.clear()
    assert kit.scanner(database, tmp_path / "data").scan().tiles == (1 if stopping else 0)
    assert kit.scanner(database, tmp_path / "data", summaries=False).scan().tiles == 0


def test_who_wants_no_summaries_has_no_tiles(kit: Any, database: Database, tmp_path: Path) -> None:
    for day in range(5):
        kit.write(tmp_path / "data" / f"{day}.g3", kit.T0 + day * kit.DAY)
    assert kit.scanner(database, tmp_path / "data", summaries=False).scan() == Outcome(5, 40, 0, 0)
    assert database.query("SELECT COUNT(*) FROM sisock_tiles") == [(0,)]

"""What a pass is made of: what is listed, read and shown."""

import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry
from sisock_g3.file_content import FileContent
from sisock_g3.fingerprint import tail
from sisock_g3.index.files import Known, Seen
from sisock_g3_file_scanner import jobs, progress, tree
from sisock_g3_file_scanner.jobs import Job
from sisock_g3_file_scanner.measures import GLANCE, ROUND, Measures
from sisock_g3_file_scanner.progress import Progress
from structlog.testing import capture_logs

LOG = structlog.get_logger()


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    """Logs as structlog has them by default, whatever a test before made of them."""
    structlog.reset_defaults()


# What is listed.


def test_files_are_listed_in_the_order_of_their_names_directories_after_those_beside_them(
    tmp_path: Path,
) -> None:
    for name in ("b/1.g3", "b/a/2.g3.gz", "a/3.g3", "c.g3", "a.g3", "a/notes.txt", "a/4.g3x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / "directory.g3").mkdir()
    (tmp_path / "dangling.g3").symlink_to(tmp_path / "nowhere")
    os.utime(tmp_path / "a.g3", ns=(5, 7))
    listing = tree.walk(Path(f"{tmp_path}/"), LOG)
    assert [str(seen.full.relative_to(tmp_path)) for seen in listing.files] == [
        "a.g3", "c.g3", "a/3.g3", "b/1.g3", "b/a/2.g3.gz"
    ]  # fmt: skip
    assert listing.files[0] == Seen(str(tmp_path), "a.g3", 5, 7)
    assert (listing.unread, listing.unfit) == ([], [])


def test_a_directory_that_cannot_be_listed_leaves_what_was_in_it_uncertain(tmp_path: Path) -> None:
    with capture_logs() as logs:
        listing = tree.walk(tmp_path / "gone", LOG)
    assert [entry["event"] for entry in logs] == ["directory.unreadable"]
    top = str(tmp_path / "gone")
    assert listing.unread == [top]
    covered = {path: listing.covers(path) for path in (top, f"{top}/below", f"{top}beside", str(tmp_path))}
    assert list(covered.values()) == [False, False, True, True]
    assert not tree.Listing(unread=["/"]).covers("/data")


@pytest.mark.parametrize(
    ("directory", "filename", "event"),
    [
        ("/" + "d" * 254, "f" * 255, ""),
        ("/" + "d" * 255, "f", "file.name_too_long"),
        ("/", "f" * 256, "file.name_too_long"),
        ("/", "f\udcff", "file.name_not_utf8"),
        ("/\udcff", "f", "file.name_not_utf8"),
        ("/ü", "é", ""),
    ],
)
def test_names_fit_the_columns_of_the_index_or_are_told(directory: str, filename: str, event: str) -> None:
    assert tree.unfit(directory, filename) == event


def test_of_a_file_that_is_gone_or_unfit_nothing_is_seen(tmp_path: Path) -> None:
    (tmp_path / "1.g3").write_bytes(b"123")
    assert tree.look(tmp_path, "1.g3") is not None
    assert tree.look(tmp_path, "2.g3") is None
    assert tree.look(tmp_path, "x" * 256) is None


def known(**changed: Any) -> Known:
    """A file as the index may have it."""
    usual = {"file_id": 1, "size": 10, "mtime_ns": 5, "indexed": 8, "tail": 0, "state": "{}"}
    return Known(**{**usual, "cut": False, "reported": False, **changed})


def test_a_file_has_changed_with_its_size_or_its_time() -> None:
    seen = Seen("/", "1.g3", 10, 5)
    assert tree.has_changed(seen, None)
    assert not tree.has_changed(seen, known())
    assert tree.has_changed(seen, known(size=9))
    assert tree.has_changed(seen, known(mtime_ns=6))


def test_a_file_has_grown_if_it_begins_as_it_did(tmp_path: Path) -> None:
    (tmp_path / "1.g3").write_bytes(b"0123456789")
    seen, sum_of_8 = Seen(str(tmp_path), "1.g3", 10, 5), tail(tmp_path / "1.g3", 8)
    assert tree.has_grown(seen, known(tail=sum_of_8))
    assert tree.has_grown(seen, known(indexed=10, tail=tail(seen.full, 10)))
    assert not tree.has_grown(seen, known(tail=sum_of_8 + 1))
    assert tree.has_grown(seen, known(indexed=1, tail=tail(seen.full, 1)))
    assert not tree.has_grown(seen, known(indexed=0, tail=tail(seen.full, 0)))
    assert not tree.has_grown(seen, known(indexed=11, tail=tail(seen.full, 11)))


# What is read.


def job(path: Path, start: int = 0, size: int = 10) -> Job:
    return Job(path, start, None, size)


@pytest.mark.parametrize(
    ("error", "problem", "cut"),
    [
        (FileNotFoundError("x"), "it vanished", True),
        (PermissionError(13, "no"), "PermissionError: [Errno 13] no", False),
        (MemoryError(), "MemoryError: ", False),
        (ValueError("odd"), "ValueError: odd", False),
    ],
)
def test_whatever_is_wrong_with_a_file_becomes_its_problem(
    monkeypatch: pytest.MonkeyPatch, error: Exception, problem: str, cut: bool
) -> None:
    def fail(*_: Any, **__: Any) -> FileContent:
        raise error

    monkeypatch.setattr(jobs.file_content, "read", fail)
    assert jobs.read(job(Path("a.g3"), 7), summaries=True) == FileContent(7, 7, problem=problem, cut=cut)


def test_few_bytes_or_one_process_are_read_here_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def read(*args: Any, summaries: bool) -> FileContent:
        asked.append((*args, summaries))
        return FileContent(args[1], args[1])

    monkeypatch.setattr(jobs.file_content, "read", read)
    monkeypatch.setattr(jobs, "_in_pool", lambda wanted, *_: iter([(n, n) for n in reversed(wanted)]))
    few = [job(Path("a"), 5, 5 + 2**29 - 50), job(Path("b"), 1, 50)]
    assert [number for number, _ in jobs.read_all(few, 2, summaries=False)] == [0, 1]
    assert asked == [(Path("a"), 5, None, False), (Path("b"), 1, None, False)]
    many = [*few, job(Path("c"), 0, 1)]
    assert [number for number, _ in jobs.read_all(many, 1, summaries=True)] == [0, 1, 2]
    assert len(asked) == 5
    assert [number for number, _ in jobs.read_all(many, 2, summaries=True)] == [2, 1, 0]
    assert len(asked) == 5


def test_what_a_broken_pool_left_is_read_alone_and_said_of_if_that_breaks_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pools: list[tuple[list[int], int]] = []

    def pool(wanted: dict[int, Job], processes: int, _summaries: bool) -> Iterator[tuple[int, Any]]:
        pools.append(([*wanted], processes))
        for number in [*wanted]:
            if number == 1 or (number == 2 and len(wanted) > 1):
                return
            yield number, "read"

    monkeypatch.setattr(jobs, "_in_pool", pool)
    monkeypatch.setattr(jobs, "WORTH_PROCESSES_BYTES", 0)
    read = dict(jobs.read_all([job(Path(name), 3) for name in "abc"], 4, summaries=True))
    assert pools == [([0, 1, 2], 4), ([1], 1), ([2], 1)]
    assert (read[0], read[2]) == ("read", "read")
    assert read[1] == FileContent(3, 3, problem="reading it kills the process")


class Pool:
    """Stands for a pool of processes: does at once what it is handed, and counts what is not fetched."""

    def __init__(self, processes: int, *_: Any) -> None:
        self.processes, self.open, self.most = processes, 0, 0

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def submit(self, work: Any, one: Job, *, summaries: bool) -> Any:
        self.open += 1
        self.most = max(self.most, self.open)
        done: Future[Any] = Future()
        done.set_result(work(one, summaries=summaries))
        return done


def test_a_pool_reads_a_few_files_for_each_process_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Pool] = []
    monkeypatch.setattr(jobs, "ProcessPoolExecutor", lambda *a: (made.append(Pool(*a)), made[-1])[1])
    monkeypatch.setattr(jobs, "as_completed", lambda running: iter([*running]))
    monkeypatch.setattr(jobs, "read", lambda one, *, summaries: (one.path.name, summaries))
    wanted = {n: job(Path(str(n))) for n in range(30)}
    for number, found in jobs._in_pool(wanted, 2, True):
        assert found == (str(number), True)
        made[0].open -= 1
        wanted.pop(number)
    assert wanted == {}
    assert (made[0].processes, made[0].most) == (2, 2 * jobs.AHEAD + 1)


def test_a_pool_that_breaks_gives_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(one: Job, *, summaries: bool) -> str:
        if one.path.name == "3":
            raise BrokenProcessPool("it is gone")
        return one.path.name

    class Broken(Pool):
        def submit(self, work: Any, one: Job, *, summaries: bool) -> Any:
            done: Future[Any] = Future()
            try:
                done.set_result(work(one, summaries=summaries))
            except BrokenProcessPool as error:
                done.set_exception(error)
            return done

    monkeypatch.setattr(jobs, "ProcessPoolExecutor", Broken)
    monkeypatch.setattr(jobs, "as_completed", lambda running: iter([*running]))
    monkeypatch.setattr(jobs, "read", read)
    wanted = {n: job(Path(str(n))) for n in range(9)}
    assert list(jobs._in_pool(wanted, 1, False)) == [(n, str(n)) for n in range(3)]


# What is shown of it.


@pytest.fixture
def shown() -> tuple[Measures, Callable[..., float | None]]:
    registry = CollectorRegistry()
    return Measures(registry), lambda name, **labels: registry.get_sample_value(f"sisock_{name}", labels)


def test_scans_are_counted_by_their_kind(shown: Any) -> None:
    measures, value = shown
    measures.done(ROUND, 1000.0, 2.5, 3, 40)
    measures.done(GLANCE, 1001.0, 0.5, 1, 2)
    measures.done(GLANCE, 1003.0, 0.25, 0, 0)
    assert [value("scans_total", kind=kind) for kind in (ROUND, GLANCE)] == [1.0, 2.0]
    assert [value("scan_done_timestamp_seconds", kind=kind) for kind in (ROUND, GLANCE)] == [1000.0, 1003.0]
    assert [value("scan_seconds", kind=kind) for kind in (ROUND, GLANCE)] == [2.5, 0.25]
    assert (value("scan_files_total"), value("scan_frames_total")) == (4.0, 42.0)
    assert value("database_up") == 1.0
    measures.database_away("busy")
    assert (value("database_up"), value("scan_errors_total", cause="busy")) == (0.0, 1.0)
    measures.done(ROUND, 1004.0, 0.5, 0, 0)
    assert value("database_up") == 1.0


def test_a_long_pass_says_now_and_then_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, clock: Any, shown: Any
) -> None:
    monkeypatch.setattr(progress, "time", clock)
    measures, value = shown
    left: list[float | None] = []
    with capture_logs() as logs:
        one = Progress(LOG, 4, 100_000_000, measures)
        left.append(value("scan_left_bytes"))
        for now, size in ((114.9, 20_000_000), (115.0, 10_000_000), (120.0, 0), (130.0, 80_000_000)):
            clock.now = now
            one.step(size)
            left.append(value("scan_left_bytes"))
        one.close()
        left.append(value("scan_left_bytes"))
    assert left == [100e6, 80e6, 70e6, 70e6, 0.0, 0.0]
    told = [(entry["files"], entry["of"], entry["mb_per_s"], entry["eta_s"]) for entry in logs]
    assert told == [(2, 4, 2.0, 35), (4, 4, 3.7, -3)]


def test_of_empty_files_nobody_knows_how_long_they_take(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    monkeypatch.setattr(progress, "time", clock)
    with capture_logs() as logs:
        one = Progress(LOG, 2, 0)
        clock.now += 15.0
        one.step(0)
    assert [(entry["mb_per_s"], entry["eta_s"]) for entry in logs] == [(0.0, None)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("files", "terminal", "bar"), [(50, True, True), (49, True, False), (50, False, False)]
)
def test_a_terminal_has_a_bar_for_many_files(
    monkeypatch: pytest.MonkeyPatch, clock: Any, files: int, terminal: bool, bar: bool
) -> None:
    out = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr("sys.stderr", out)
    with capture_logs() as logs:
        one = Progress(LOG, files, 2_000_000)
        clock.now += 100.0
        one.step(1_000_000)
        one.close()
    assert (len(logs) == 0) == bar
    assert ("scan:" in out.getvalue() and "50%" in out.getvalue() and "2.00M" in out.getvalue()) == bar

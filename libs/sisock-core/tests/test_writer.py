"""The thread that writes: in batches, a pause apart, whatever the disk does."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog
from sisock.writer import RETRY_INTERVAL_S, Writer
from sisock_testing import wait_until
from structlog.testing import capture_logs

INTERVAL_S = 0.25


class Pauses:
    """Remembers how long each pause would be, and ends it when the test says so."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._over = threading.Semaphore(0)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self._over.acquire(timeout=20)

    def end(self) -> None:
        self._over.release()

    def wait_for(self, number: int) -> None:
        wait_until(lambda: len(self.seconds) == number, 20, f"pause {number}")


class Disk:
    """A file of texts, and what the writer did to it; as many writes fail as the test says."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.batches: list[list[str]] = []
        self.connections: list[sqlite3.Connection] = []
        self.failures: list[Exception] = []
        self.hangs = threading.Event()
        self.goes_on = threading.Event()
        self.goes_on.set()

    def connect(self) -> sqlite3.Connection:
        self.connections.append(sqlite3.connect(self.file, check_same_thread=False))
        self.connections[-1].execute("CREATE TABLE IF NOT EXISTS kept (text)")
        return self.connections[-1]

    def write(self, database: sqlite3.Connection, batch: Sequence[str]) -> None:
        self.batches.append([*batch])
        self.hangs.set()
        self.goes_on.wait(20)
        if self.failures:
            raise self.failures.pop(0)
        with database:
            database.executemany("INSERT INTO kept VALUES (?)", [(text,) for text in batch])

    def kept(self) -> list[str]:
        database = sqlite3.connect(self.file)
        try:
            return [text for (text,) in database.execute("SELECT text FROM kept ORDER BY rowid")]
        finally:
            database.close()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "kept.sqlite")


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def open_writer(disk: Disk) -> Iterator[Callable[..., Writer[str]]]:
    opened: list[Writer[str]] = []

    def make(pause: Any = None, **settings: Any) -> Writer[str]:
        settings = {"interval_s": INTERVAL_S, "most_waiting": 3, **settings}
        log = structlog.get_logger()
        opened.append(Writer("diary", disk.file, disk.connect, disk.write, log, pause=pause, **settings))
        return opened[-1]

    yield make
    disk.goes_on.set()
    for writer in opened:
        writer.close()


def test_what_comes_during_a_pause_is_written_together(
    open_writer: Callable[..., Writer[str]], disk: Disk, pauses: Pauses
) -> None:
    writer = open_writer(pauses)
    writer.put("a")
    pauses.wait_for(1)
    for text in ("b", "c", "d"):
        writer.put(text)
    pauses.end()
    pauses.wait_for(2)
    pauses.end()
    assert disk.batches == [["a"], ["b", "c", "d"]]
    assert pauses.seconds == [INTERVAL_S, INTERVAL_S]
    assert disk.kept() == ["a", "b", "c", "d"]
    assert len(disk.connections) == 1


def test_what_waits_is_written_at_the_end_without_a_pause(
    open_writer: Callable[..., Writer[str]], disk: Disk
) -> None:
    writer = open_writer(most_waiting=1000, interval_s=1e6)
    for number in range(900):
        writer.put(str(number))
    writer.close()
    assert disk.kept() == [str(number) for number in range(900)]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        disk.connections[0].execute("SELECT 1")


def test_a_disk_that_fails_is_tried_again_with_a_new_connection_after_a_longer_pause_and_said_once(
    open_writer: Callable[..., Writer[str]], disk: Disk, pauses: Pauses
) -> None:
    disk.failures += [sqlite3.OperationalError("disk I/O error"), OSError("disk I/O error")]
    with capture_logs() as logs:
        writer = open_writer(pauses)
        for number in (1, 2, 3, 4):
            writer.put(f"{number}, first")
            writer.put(f"{number}, second")
            pauses.wait_for(number)
            assert len(disk.batches) <= number + 1
            if number < 4:
                pauses.end()
    pauses.end()
    assert pauses.seconds[:2] == [RETRY_INTERVAL_S] * 2
    assert set(pauses.seconds[2:]) == {INTERVAL_S}
    assert [entry["event"] for entry in logs] == ["diary.failed", "diary.back"]
    assert (logs[0]["why"], logs[0]["file"]) == ("disk I/O error", str(disk.file))
    assert logs[0]["not_stored"] == len(disk.batches[0]) >= 1
    assert len(disk.connections) == 3
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        disk.connections[0].execute("SELECT 1")


def test_a_file_that_cannot_be_opened_yet_is_opened_later(
    open_writer: Callable[..., Writer[str]], disk: Disk, pauses: Pauses
) -> None:
    right, disk.file = disk.file, disk.file.parent / "not_there" / "kept.sqlite"
    with capture_logs() as logs:
        writer = open_writer(pauses)
        writer.put("lost")
        pauses.wait_for(1)
        disk.file = right
        pauses.end()
        writer.put("kept")
        pauses.wait_for(2)
        pauses.end()
    assert disk.kept() == ["kept"]
    assert [entry["event"] for entry in logs] == ["diary.failed", "diary.back"]


def test_a_disk_that_fails_holds_nobody_up_at_the_end(
    open_writer: Callable[..., Writer[str]], disk: Disk
) -> None:
    disk.failures += [OSError("disk I/O error")] * 100
    writer = open_writer()
    writer.put("lost")
    wait_until(lambda: len(disk.failures) < 100, 20, "it fails, and pauses")
    writer.close()
    assert not writer._thread.is_alive()


@pytest.mark.parametrize("absurd", ["half a character: \ud83d", 2**65])
def test_what_no_file_holds_costs_its_batch_alone(
    open_writer: Callable[..., Writer[Any]], disk: Disk, pauses: Pauses, absurd: Any
) -> None:
    with capture_logs() as logs:
        writer = open_writer(pauses)
        writer.put(absurd)
        pauses.wait_for(1)
        pauses.end()
        writer.put("good")
        pauses.wait_for(2)
        pauses.end()
    assert disk.kept() == ["good"]
    assert [entry["event"] for entry in logs] == ["diary.failed", "diary.back"]


def test_when_the_disk_is_behind_nobody_waits_the_newest_is_lost_and_both_is_said_once(
    open_writer: Callable[..., Writer[str]], disk: Disk, pauses: Pauses
) -> None:
    disk.goes_on.clear()
    with capture_logs() as logs:
        writer = open_writer(pauses)
        writer.put("a")
        assert disk.hangs.wait(20)
        for text in ("b", "c", "d", "lost", "too"):
            writer.put(text)
        disk.goes_on.set()
        pauses.wait_for(1)
        assert [entry["event"] for entry in logs] == ["diary.behind", "diary.back"]
        pauses.end()
        pauses.wait_for(2)
        pauses.end()
    assert disk.kept() == ["a", "b", "c", "d"]
    assert "3 things wait for the disk" in logs[0]["why"]
    assert len(logs) == 2


def test_that_it_failed_and_was_behind_is_over_at_once(
    open_writer: Callable[..., Writer[str]], disk: Disk, pauses: Pauses
) -> None:
    disk.failures.append(OSError("disk I/O error"))
    with capture_logs() as logs:
        writer = open_writer(pauses)
        writer.put("lost")
        pauses.wait_for(1)
        for text in ("a", "b", "c", "lost, too"):
            writer.put(text)
        pauses.end()
        pauses.wait_for(2)
        writer.put("d")
        pauses.end()
        pauses.wait_for(3)
        pauses.end()
    assert [entry["event"] for entry in logs] == ["diary.failed", "diary.behind", "diary.back"]


def test_a_disk_that_hangs_is_not_waited_for_at_the_end(
    open_writer: Callable[..., Writer[str]], disk: Disk
) -> None:
    disk.goes_on.clear()
    writer = open_writer(most_waiting=1)
    writer.put("a")
    assert disk.hangs.wait(20)
    writer.put("b")
    writer.close()
    assert writer._thread.is_alive()


def test_who_wants_it_writes_now_and_then_though_nothing_comes(
    open_writer: Callable[..., Writer[str]], disk: Disk, pauses: Pauses
) -> None:
    writer = open_writer(pauses, idle_s=0.01)
    pauses.wait_for(1)
    writer.put("a")
    pauses.end()
    pauses.wait_for(2)
    pauses.end()
    assert disk.batches[:2] == [[], ["a"]]

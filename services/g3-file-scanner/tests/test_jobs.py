"""Processes that read files for the scanner."""

import multiprocessing
import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sisock_g3.file_content import FileContent
from sisock_g3_file_scanner import jobs
from sisock_g3_file_scanner.jobs import Job
from sisock_testing import wait_until

DEADLINE_S = 30


def stuck(job: Job, *, summaries: bool) -> FileContent:
    """Say who reads, and never be done."""
    fresh = job.path.with_suffix(f".{summaries}")
    fresh.write_text(str(os.getpid()))
    fresh.rename(job.path)
    threading.Event().wait()
    raise AssertionError("unreachable")


def scan(top: Path) -> None:
    jobs.WORTH_PROCESSES_BYTES = 0
    jobs.read = stuck
    list(jobs.read_all([Job(top / f"{n}", 0, None, 1) for n in range(2)], 2, summaries=False))


def test_processes_that_read_end_with_the_scanner_however_it_ends(tmp_path: Path) -> None:
    scanner = multiprocessing.get_context("fork").Process(target=scan, args=(tmp_path,))
    scanner.start()
    pids: list[int] = []
    try:
        there = [tmp_path / "0", tmp_path / "1"]
        wait_until(lambda: all(map(Path.exists, there)), DEADLINE_S, "both read")
        pids = [int(path.read_text()) for path in there]
        assert len({scanner.pid, *pids}) == 3
        os.kill(scanner.pid, signal.SIGKILL)
        scanner.join(DEADLINE_S)
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), DEADLINE_S, "none is left")
    finally:
        if scanner.is_alive():
            scanner.kill()
        for pid in pids:
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGKILL)


def test_who_reads_ends_when_told_and_leaves_what_its_parent_does_at_signals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handlers: dict[int, Any] = {}
    bound: list[tuple[int, int]] = []
    library = SimpleNamespace(prctl=lambda *what: bound.append(what))
    monkeypatch.setattr(jobs.signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(jobs, "ctypes", SimpleNamespace(CDLL=lambda _: library))
    jobs._begin(os.getppid())
    assert handlers == {
        signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.SIG_DFL, signal.SIGUSR1: signal.SIG_IGN,
    }  # fmt: skip
    assert bound == [(1, signal.SIGKILL)]


def test_nobody_forks_while_there_are_other_threads() -> None:
    held = threading.Event()
    other = threading.Thread(target=held.wait)
    other.start()
    try:
        assert jobs.how_to_start() == "spawn"
    finally:
        held.set()
        other.join()


@pytest.mark.parametrize(
    ("platform", "threads", "how"),
    [("linux", 1, "fork"), ("linux", 2, "spawn"), ("darwin", 1, "spawn"), ("darwin", 2, "spawn")],
)
def test_who_reads_is_forked_where_that_is_sound(
    monkeypatch: pytest.MonkeyPatch, platform: str, threads: int, how: str
) -> None:
    monkeypatch.setattr(jobs, "sys", SimpleNamespace(platform=platform))
    monkeypatch.setattr(jobs, "threading", SimpleNamespace(active_count=lambda: threads))
    assert jobs.how_to_start() == how


@pytest.mark.parametrize(
    ("platform", "parent", "ended"), [("linux", os.getppid(), []), ("linux", -5, [1]), ("darwin", -5, [])]
)
def test_who_reads_ends_where_its_parent_is_gone_already(
    monkeypatch: pytest.MonkeyPatch, platform: str, parent: int, ended: list[int]
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(jobs.signal, "signal", lambda *_: None)
    monkeypatch.setattr(jobs, "sys", SimpleNamespace(platform=platform))
    monkeypatch.setattr(jobs, "ctypes", SimpleNamespace(CDLL=lambda _: SimpleNamespace(prctl=lambda *_: 0)))
    monkeypatch.setattr(jobs.os, "_exit", codes.append)
    jobs._begin(parent)
    assert codes == ended

"""The scanner's rounds without processes: what is scanned when, waited for, said and noticed."""

import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry
from sisock.config import load
from sisock.errors import ConfigError
from sisock_g3.refusals import DatabaseAwayError, DatabaseBusyError, StatementError
from sisock_g3_file_scanner import __main__ as command
from sisock_g3_file_scanner import rounds as module
from sisock_g3_file_scanner.config import Config
from sisock_g3_file_scanner.measures import Measures
from sisock_g3_file_scanner.notices import Notices
from sisock_g3_file_scanner.rounds import Rounds
from sisock_g3_file_scanner.scan import Outcome
from structlog.testing import capture_logs
from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileOpenedEvent,
    FileSystemEvent,
)


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    """Logs as structlog has them by default, whatever a test before made of them."""
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("variable", "value", "field", "read"),
    [
        ("SUMMARIES", "no", "summaries", False),
        ("SUMMARIES", "0", "summaries", False),
        ("SUMMARIES", "FALSE", "summaries", False),
        ("SUMMARIES", "1", "summaries", True),
        ("SUMMARIES", "yes", "summaries", True),
        ("SUMMARIES", "True", "summaries", True),
        ("SCAN_INTERVAL", "0", "scan_interval_s", 1.0),
        ("SCAN_INTERVAL", "0.0", "scan_interval_s", 1.0),
        ("SCAN_INTERVAL", "90", "scan_interval_s", 90.0),
        ("PROCESSES", "1", "processes", 1),
        ("PROCESSES", "256", "processes", 256),
    ],
)
def test_settings_are_read_as_people_write_them(variable: str, value: str, field: str, read: object) -> None:
    assert getattr(load(Config, {"SQL_FILE": "x", variable: value}), field) == read


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SUMMARIES", "2"), ("SCAN_INTERVAL", "-1"), ("SCAN_INTERVAL", "soon"), ("PROCESSES", "0"),
     ("PROCESSES", "257"), ("PROCESSES", "+1")],
)  # fmt: skip
def test_a_setting_that_makes_no_sense_is_told(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        load(Config, {"SQL_FILE": "x", variable: value})


def test_usual_settings() -> None:
    config = load(Config, {"SQL_FILE": "x"})
    assert (config.scan_interval_s, config.processes, config.summaries) == (60.0, None, True)


A, B = "/data/1/a.g3", "/data/1/b.g3.gz"


@pytest.mark.parametrize(
    ("events", "taken"),
    [
        ([FileCreatedEvent(A), FileModifiedEvent(A), FileModifiedEvent(B)], {Path(A), Path(B)}),
        ([FileModifiedEvent("/data/1/notes.txt")], set()),
        ([FileOpenedEvent(A), FileClosedEvent(A)], set()),
        ([FileModifiedEvent(A), FileDeletedEvent(B)], None),
        ([FileMovedEvent("/data/1/a.tmp", A)], None),
        ([FileMovedEvent(A, "/data/1/a.old")], None),
        ([FileMovedEvent("/data/x", "/data/y")], set()),
        ([DirCreatedEvent("/data/2")], None),
        ([DirDeletedEvent("/data/2")], None),
        ([DirModifiedEvent("/data/1")], set()),
    ],
)
def test_of_what_the_kernel_says_files_that_are_written_are_told_apart_from_what_needs_a_scan(
    events: list[FileSystemEvent], taken: set[Path] | None
) -> None:
    notices = Notices(Path("/data"), structlog.get_logger())
    for event in events:
        notices.on_any_event(event)
    assert notices.event.is_set() is (taken != set())
    assert notices.take() == taken
    assert not notices.event.is_set()
    assert notices.take() == set()


def test_a_directory_that_cannot_be_watched_is_said_once_and_tried_again(tmp_path: Path) -> None:
    notices = Notices(tmp_path / "later", structlog.get_logger())
    with capture_logs() as logged:
        notices.watch()
        notices.watch()
    assert [entry["event"] for entry in logged] == ["notices.unavailable"]
    notices.stop()
    (tmp_path / "later" / "below").mkdir(parents=True)
    notices.watch()
    notices.watch()
    try:
        (tmp_path / "later" / "below" / "a.g3").write_bytes(b"x")
        assert notices.event.wait(60)
        assert notices.take() == {tmp_path / "later" / "below" / "a.g3"}
        watching = notices._observer
    finally:
        notices.stop()
    assert not watching.is_alive()


class Scans:
    """A scanner that notes what it is told to look at; `troubles` come first, one each time."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.troubles: list[Exception] = []
        self.made = 0

    def make(self, *_: Any, **options: Any) -> "Scans":
        self.made += 1
        self.options = options
        return self

    def _outcome(self, what: Any) -> Outcome:
        if self.troubles:
            raise self.troubles.pop(0)
        self.done.append(what)
        return Outcome(2, 30, 1, 0) if what == "all" else Outcome()

    def scan(self) -> Outcome:
        return self._outcome("all")

    def growing(self) -> list[tuple[str, str]]:
        return [("/nowhere", "gone.g3"), *self.grow]

    grow: list[tuple[str, str]] = []  # noqa: RUF012 (set by tests)

    def look_again(self, files: Any) -> Outcome:
        return self._outcome([seen.filename for seen in files])


class Pauses:
    """Stands for the event by which rounds wait: no time passes, and they end after so many waits."""

    def __init__(self, waits: int) -> None:
        self.seconds: list[float] = []
        self._waits, self._set = waits, False

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True

    def wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        self._set = self._set or len(self.seconds) >= self._waits
        return self._set


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> Scans:
    scans = Scans()
    monkeypatch.setattr(module, "Scanner", scans.make)
    monkeypatch.setattr(module, "prepare", lambda _database: None)
    return scans


def rounds(tmp_path: Path, measures: Measures | None = None, **environ: str) -> Rounds:
    (tmp_path / "data").mkdir(exist_ok=True)
    settings = {"SQL_FILE": str(tmp_path / "x"), "DATA_DIRECTORY": str(tmp_path / "data"), **environ}
    return Rounds(load(Config, settings), structlog.get_logger(), measures)


def test_what_is_scanned_and_waited_for_is_counted_and_timed(
    tmp_path: Path, scans: Scans, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, registry = Clock(), CollectorRegistry()
    monkeypatch.setattr(module, "time", clock)
    one = rounds(tmp_path, Measures(registry))
    one._stopped = Pauses(100)  # type: ignore[assignment]
    scans.troubles = [DatabaseAwayError("x"), DatabaseBusyError("y"), DatabaseAwayError("z")]
    original = scans.scan

    def slow() -> Outcome:
        clock.now += 1.2345678
        return original()

    monkeypatch.setattr(scans, "scan", slow)
    with capture_logs() as logged:
        one.run(once=True)
    assert logged[-1]["seconds"] == 1.235
    shown = registry.get_sample_value
    causes = [shown("sisock_scan_errors_total", {"cause": cause}) for cause in ("away", "busy")]
    assert causes == [2.0, 1.0]
    assert shown("sisock_scan_seconds", {"kind": "round"}) == pytest.approx(1.2345678)
    assert shown("sisock_scan_files_total") == 2.0
    assert scans.options["measures"] is one._measures


@pytest.mark.parametrize(("there", "asked", "used"), [(6, "", 6), (6, "2", 2), (None, "", 1)])
def test_as_many_processes_read_as_there_are_processors_unless_another_number_is_asked_for(
    tmp_path: Path, scans: Scans, monkeypatch: pytest.MonkeyPatch, there: int | None, asked: str, used: int
) -> None:
    monkeypatch.setattr(module.os, "cpu_count", lambda: there)
    rounds(tmp_path, PROCESSES=asked).run(once=True)
    assert scans.options["processes"] == used


def test_one_scan_is_told_whatever_it_found(tmp_path: Path, scans: Scans) -> None:
    health = tmp_path / "health"
    with capture_logs() as logged:
        rounds(tmp_path, HEALTH_FILE=str(health), PROCESSES="3", SUMMARIES="no").run(once=True)
    assert scans.done == ["all"]
    assert [(entry["event"], entry["files"], entry["removed"]) for entry in logged] == [("scan.done", 2, 1)]
    wanted = {"processes": 3, "summaries": False, "once": True}
    assert {name: scans.options[name] for name in wanted} == wanted
    assert not health.exists()


@pytest.mark.parametrize(
    ("outcome", "once", "is_told"),
    [
        (Outcome(), True, True),
        (Outcome(), False, False),
        (Outcome(frames=1), False, False),
        (Outcome(files=1), False, True),
        (Outcome(removed=1), False, True),
        (Outcome(tiles=1), False, True),
    ],
)
def test_a_round_is_told_if_it_changed_anything(
    tmp_path: Path, scans: Scans, monkeypatch: pytest.MonkeyPatch, outcome: Outcome, once: bool, is_told: bool
) -> None:
    ours = rounds(tmp_path)
    monkeypatch.setattr(scans, "scan", lambda: (ours.stop(), outcome)[1])
    with capture_logs() as logged:
        ours.run(once=once)
    assert [entry["event"] for entry in logged if entry["event"] == "scan.done"] == ["scan.done"] * is_told


def test_a_database_that_is_away_is_waited_for_with_growing_pauses_and_said_once(
    tmp_path: Path, scans: Scans
) -> None:
    health = tmp_path / "health"
    one = rounds(tmp_path, HEALTH_FILE=str(health))
    one._stopped = pauses = Pauses(100)  # type: ignore[assignment]
    scans.troubles = (
        [DatabaseAwayError("gone")] * 3 + [DatabaseBusyError("locked")] + [DatabaseAwayError("x")] * 4
    )
    seen: list[bool] = []
    original = scans.scan
    scans.scan = lambda: (seen.append(health.exists()), original())[1]  # type: ignore[method-assign]
    with capture_logs() as logged:
        one.run(once=True)
    assert [entry["event"] for entry in logged] == ["database.away", "database.back", "scan.done"]
    assert pauses.seconds == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
    assert scans.made == 9  # what the old one remembered may not be so any more
    assert seen == [False] * 9


def test_a_database_that_is_busy_is_said_as_that(tmp_path: Path, scans: Scans) -> None:
    one = rounds(tmp_path)
    one._stopped = Pauses(100)  # type: ignore[assignment]
    scans.troubles = [DatabaseBusyError("locked")]
    with capture_logs() as logged:
        one.run(once=True)
    assert [entry["event"] for entry in logged] == ["database.busy", "database.back", "scan.done"]


def test_what_waiting_does_not_mend_ends_the_rounds(tmp_path: Path, scans: Scans) -> None:
    scans.troubles = [StatementError("no such column")]
    with pytest.raises(StatementError):
        rounds(tmp_path).run(once=True)


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1.7e9 + self.now


class Written:
    """Notices that the test writes: each wait takes the next, or the time that it was asked to wait."""

    def __init__(self, one: Rounds, clock: Clock, news: list[set[Path] | None]) -> None:
        self._one, self._clock, self._news = one, clock, news
        self.event = self
        self.waits: list[float] = []
        self.looked_at: list[Any] = []

    def set(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def watch(self) -> None:
        self.looked_at.append("watch")

    def wait(self, seconds: float) -> bool:
        self.waits.append(round(seconds, 3))
        if len(self.waits) > len(self._news):
            self._one.stop()
            return True
        return self._news[len(self.waits) - 1] != "nothing" or self._pass(seconds)  # type: ignore[comparison-overlap]

    def _pass(self, seconds: float) -> bool:
        self._clock.now += seconds
        return False

    def take(self) -> Any:
        return ([*self._news, set()])[len(self.waits) - 1]


def test_files_that_are_written_are_looked_at_between_scans_and_all_when_something_went(
    tmp_path: Path, scans: Scans, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    one = rounds(tmp_path, SCAN_INTERVAL="5")
    one._stopped = pauses = Pauses(100)  # type: ignore[assignment]
    for name in ("a.g3", "b.g3"):
        (tmp_path / "data" / name).write_bytes(b"x")
    scans.grow = [(str(tmp_path / "data"), "b.g3")]
    written = {tmp_path / "data" / "a.g3"}
    news: list[Any] = ["nothing", "nothing", written, "nothing", "nothing", None]
    one._notices = noticed = Written(one, clock, news)  # type: ignore[assignment]
    noticed.looked_at = scans.done
    well: list[bool] = []
    original = one._health.set
    monkeypatch.setattr(one._health, "set", lambda up: (well.append(up), original(up))[1])
    one.run()
    assert well == [True] * 6 + [False]
    # Watching comes first: what changes right after a scan waits for no other one.
    scan = ["watch", "all"]
    assert scans.done == [*scan, ["b.g3"], ["a.g3", "b.g3"], ["b.g3"], *scan, *scan]
    assert noticed.waits == [0.0, 2.0, 2.0, 2.0, 1.0, 2.0, 2.0]
    assert pauses.seconds == [0.2, 0.2, 0.2]  # of a burst the end is waited for
    assert scans.made == 1


def test_the_process_ends_with_0_and_says_so_or_with_1_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers: dict[int, Any] = {}
    ran: list[Any] = []

    class Made:
        def __init__(self, *_: Any) -> None:
            self.stopped = threading.Event()

        def run(self, *, once: bool) -> None:
            ran.append(once)
            handlers[15]()
            assert self.stopped.is_set()
            if os.environ.get("REFUSE"):
                raise StatementError("no")

        def stop(self) -> None:
            self.stopped.set()

    monkeypatch.setattr(command, "Rounds", Made)
    monkeypatch.setattr(command, "signal", SimpleNamespace(SIGTERM=15, SIGINT=2, signal=handlers.__setitem__))
    monkeypatch.setattr(command.logs, "configure", lambda *_: SimpleNamespace(follow_signal=lambda: None))
    monkeypatch.setattr("sys.argv", ["scanner", "--once"])
    monkeypatch.setenv("SQL_FILE", str(tmp_path / "x"))
    with capture_logs() as logged:
        assert command.main() == 0
        monkeypatch.setattr("sys.argv", ["scanner"])
        monkeypatch.setenv("REFUSE", "1")
        assert command.main() == 1
    assert ran == [True, False]
    assert sorted(handlers) == [2, 15]
    assert [entry["event"] for entry in logged] == ["service.stopped", "service.refused", "service.stopped"]


def test_settings_that_make_no_sense_end_the_process_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["scanner"])
    monkeypatch.setenv("PROCESSES", "none")
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert "PROCESSES='none' is not a number of processes" in capsys.readouterr().err

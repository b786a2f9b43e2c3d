"""What crossbar.io says, as lines of ours."""

import signal
import warnings
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from sisock_hub import router_log
from structlog.testing import capture_logs
from twisted.logger import ILogObserver, LogLevel
from twisted.python.failure import Failure


def written(text: str, level: Any = LogLevel.info, **fields: Any) -> dict[str, Any]:
    """The one line that an event of crossbar.io's becomes."""
    structlog.reset_defaults()
    event = {"log_format": text, "log_level": level, "log_time": 1.0, **fields}
    with capture_logs() as logged:
        router_log.Observer(router_log._write)(event)
    [line] = logged
    return dict(line)


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (LogLevel.critical, "critical"),
        (LogLevel.error, "error"),
        (LogLevel.warn, "warning"),
        (LogLevel.info, "info"),
        (LogLevel.debug, "debug"),
    ],
)
def test_an_event_of_ours_keeps_its_name_its_fields_and_its_level(level: Any, name: str) -> None:
    text = "node.refused name={name!r}: it gave a session that is not its own"
    more = {"cb_level": 3, "txaio_x": 1, "message": "m", "log_system": "Router 7"}
    assert written(text, level, name="a", **more) == {"event": "node.refused", "log_level": name, "name": "a"}
    assert written("hub.ready", level) == {"event": "hub.ready", "log_level": name}


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (LogLevel.critical, "critical"),
        (LogLevel.error, "error"),
        (LogLevel.warn, "warning"),
        (LogLevel.info, "debug"),
        (LogLevel.debug, "debug"),
    ],
)
def test_what_crossbar_says_is_told_as_a_librarys_and_its_info_is_our_debug(level: Any, name: str) -> None:
    line = written("Session {n} joined. It", level, n=7, log_system="Router 12345 x")
    assert line == {
        "event": "library.event",
        "log_level": name,
        "library": "crossbar",
        "part": "router",
        "text": "Session 7 joined. It",
    }


def test_who_says_it_may_be_unknown_and_what_failed_is_told_with_where() -> None:
    assert written("Ready")["part"] == written("Ready", log_system=None)["part"] == "-"
    line = written("No", LogLevel.error, log_failure=Failure(ValueError("half a file")))
    assert "half a file" in line["error"]
    assert "error" not in written("No", LogLevel.error)


def test_crossbars_controller_writes_what_goes_well_and_what_does_not_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what crossbar.io imports is deprecated here and there
        from crossbar.node import main
    for name in ("make_stdout_observer", "make_stderr_observer"):
        monkeypatch.setattr(main, name, None)
    router_log.install()
    structlog.reset_defaults()
    with capture_logs() as logged:
        for make in (main.make_stdout_observer, main.make_stderr_observer):
            observer = make(levels=())
            assert ILogObserver.providedBy(observer)
            observer({"log_format": "hub.ready", "log_level": LogLevel.warn})
    assert [line["event"] for line in logged] == ["hub.ready"]


@pytest.mark.parametrize(
    ("level", "levels"), [("warn", ["debug", "warn", "debug"]), ("debug", ["debug", "debug", "debug"])]
)
def test_each_signal_changes_between_the_configured_level_and_debug(
    monkeypatch: pytest.MonkeyPatch, level: str, levels: list[str]
) -> None:
    handlers: dict[int, Any] = {}
    told: list[Any] = []

    def kill(pid: int, number: int) -> None:
        told.append((pid, number))
        if pid == 7:
            raise ProcessLookupError

    with monkeypatch.context() as patched:
        patched.setattr(router_log.signal, "signal", handlers.__setitem__)
        patched.setattr(router_log.txaio, "set_global_log_level", told.append)
        patched.setattr(router_log.os, "kill", kill)
        router_log.follow_signal(level, [7, 8], SimpleNamespace(toggle=lambda: told.append("ours")))  # type: ignore[arg-type]
        for _ in range(3):
            handlers[signal.SIGUSR1]()
        assert told == [
            each for one in levels for each in (one, "ours", (7, signal.SIGUSR1), (8, signal.SIGUSR1))
        ]
        told.clear()
        router_log.follow_signal("warn", ())
        handlers[signal.SIGUSR1]()
        assert told == ["debug"]


def test_levels_that_are_not_known_are_no_louder_than_debug() -> None:
    assert written("hub.ready", None)["log_level"] == "debug"

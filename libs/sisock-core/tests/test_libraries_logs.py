"""What Twisted, autobahn and the standard library log, as events of ours."""

import io
import json
import logging
import signal
from typing import Any

import pytest
import structlog
from sisock import logs
from structlog.testing import capture_logs
from twisted.logger import LogLevel
from twisted.python.failure import Failure


@pytest.fixture
def kept():
    configured, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**configured)
    root.handlers[:] = handlers
    root.setLevel(level)


def told(**event: Any) -> list[dict[str, Any]]:
    structlog.reset_defaults()
    with capture_logs() as logged:
        logs._TwistedObserver()({"log_namespace": "autobahn.wamp", **event})
    return [dict(one) for one in logged]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (LogLevel.debug, "debug"),
        (LogLevel.info, "debug"),
        (LogLevel.warn, "warning"),
        (LogLevel.error, "error"),
        (LogLevel.critical, "critical"),
        (None, "debug"),
    ],
)
def test_an_event_of_a_library_has_our_level(theirs: Any, ours: str) -> None:
    level = {} if theirs is None else {"log_level": theirs}
    assert told(log_format="{what} came", what="it", **level) == [
        {"event": "library.event", "library": "autobahn.wamp", "text": "it came", "log_level": ours}
    ]


def test_a_failure_of_a_library_has_its_traceback() -> None:
    try:
        raise ValueError("what?")
    except ValueError:
        failure = Failure()
    [event] = told(
        log_level=LogLevel.critical, log_format="oh", log_failure=failure, log_namespace="sisock.x"
    )
    assert event["event"] == "library.event"
    assert "ValueError: what?" in event["error"]


def test_an_event_of_ours_that_went_through_the_routers_log_is_as_we_write_it() -> None:
    ours = {"log_namespace": "sisock_hub.hub", "log_level": LogLevel.info}
    [event] = told(
        log_format="node.added node={node} session={session}: {why}", node="a", session=7, why="new", **ours
    )
    assert event == {"event": "node.added", "node": "a", "session": 7, "why": "new", "log_level": "info"}
    [event] = told(log_format="hub.started", **ours)
    assert event == {"event": "hub.started", "log_level": "info"}
    [event] = told(log_format="hub.slow by={s}", s=3, **ours | {"log_level": LogLevel.warn})
    assert event == {"event": "hub.slow", "s": 3, "log_level": "warning"}


@pytest.mark.parametrize("namespace", ["sisock_hub.hub", "crossbar.router"])
def test_what_has_no_dot_in_its_name_is_a_librarys_sentence(namespace: str) -> None:
    text = "Started up" if namespace.startswith("sisock") else "a.b c={c}"
    [event] = told(log_namespace=namespace, log_format=text, c=1, log_level=LogLevel.info)
    assert event["event"] == "library.event"
    assert event["library"] == namespace


def test_the_standard_librarys_records_are_events_with_their_error(kept: None) -> None:
    structlog.reset_defaults()
    with capture_logs() as logged:
        handler = logs._ToStructlog()
        handler.emit(logging.LogRecord("lib", logging.WARNING, "", 0, "%s!", ("late",), None))
        handler.emit(logging.LogRecord("lib", logging.ERROR, "", 0, "x", (), (ValueError, None, None)))
    assert [(one["log_level"], one["library"], one["text"]) for one in logged] == [
        ("warning", "lib", "late!"),
        ("error", "lib", "x"),
    ]
    assert ["exc_info" in one for one in logged] == [False, True]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_lines_and_anything_else_json(kept: None) -> None:
    stream, terminal = io.StringIO(), Terminal()
    for out in (stream, terminal):
        logs.configure("weather", logging.INFO, out, libraries=False)
        logs.get("part").info("came", n=1)
    event = json.loads(stream.getvalue())
    assert {**event, "timestamp": ""} == {
        "service": "weather", "part": "part", "event": "came", "n": 1, "level": "info", "timestamp": "",
    }  # fmt: skip
    assert event["timestamp"].endswith("Z")
    assert "came" in terminal.getvalue()
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(terminal.getvalue())


def test_a_logger_without_a_part_has_none(kept: None) -> None:
    stream = io.StringIO()
    logs.configure("weather", logging.INFO, stream, libraries=False)
    logs.get().info("came")
    assert "part" not in json.loads(stream.getvalue())


@pytest.mark.parametrize(
    ("level", "root"), [(logging.DEBUG, logging.WARNING), (logging.ERROR, logging.ERROR)]
)
def test_libraries_are_heard_from_warnings_on(kept: None, monkeypatch, level: int, root: int) -> None:
    begun: list[Any] = []
    captured: list[bool] = []
    monkeypatch.setattr(logs.globalLogBeginner, "beginLoggingTo", lambda *a, **k: begun.append((a, k)))
    monkeypatch.setattr(logging, "captureWarnings", captured.append)
    logs.configure("weather", level, io.StringIO())
    assert logging.getLogger().level == root
    assert [type(one) for one in logging.getLogger().handlers] == [logs._ToStructlog]
    assert captured == [True]
    [((observers,), how)] = begun
    assert [type(one) for one in observers] == [logs._TwistedObserver]
    assert how == {"redirectStandardIO": False, "discardBuffer": True}


def test_a_signal_changes_the_level_and_another_one_back(kept: None, monkeypatch) -> None:
    handlers: dict[int, Any] = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    stream = io.StringIO()
    verbosity = logs.configure("weather", logging.ERROR, stream, libraries=False)
    verbosity.follow_signal()
    for level in (logging.DEBUG, logging.ERROR):
        handlers[signal.SIGUSR1](signal.SIGUSR1, None)
        assert verbosity.level == level
    assert [json.loads(line)["now"] for line in stream.getvalue().splitlines()] == ["debug"]


def test_a_level_of_debug_has_nothing_to_toggle_to(kept: None) -> None:
    verbosity = logs.configure("weather", logging.DEBUG, io.StringIO(), libraries=False)
    assert not verbosity.toggle()
    assert verbosity.level == logging.DEBUG


def test_the_service_may_be_named_when_it_is_known(kept: None) -> None:
    stream = io.StringIO()
    verbosity = logs.configure("", logging.INFO, stream, libraries=False)
    verbosity.service = "weather"
    logs.get().info("came")
    assert json.loads(stream.getvalue())["service"] == "weather"

"""What crossbar.io says, as events of ours: JSON, one a line, with the same names and levels.

crossbar.io's workers hand their lines to its controller, text and fields; here the controller writes them.
What crossbar.io calls "info" is our "debug": several lines for each session that comes or goes.
"""

import logging
import os
import re
import signal
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import structlog
import txaio
from sisock.logs import Verbosity
from twisted.logger import ILogObserver, LogLevel, formatEvent
from zope.interface import implementer

_OWN = re.compile(r"([a-z_]+\.[a-z_]+)( |$)")
_LEVELS = {
    LogLevel.warn: logging.WARNING,
    LogLevel.error: logging.ERROR,
    LogLevel.critical: logging.CRITICAL,
}
_NOT_OURS = (
    "log_",
    "cb_",
    "txaio",
    "format",
    "level",
    "text",
    "namespace",
    "message",
    "time",
    "isError",
    "system",
)


def install() -> None:
    """Have crossbar.io's controller, which this process is about to become, write as we do."""
    from crossbar.node import main  # noqa: PLC0415 (only where a router is to run)

    # It has one for what goes well, and one for the rest.
    main.make_stdout_observer = lambda **_options: Observer(_write)
    main.make_stderr_observer = lambda **_options: Observer(lambda _event: None)


@implementer(ILogObserver)
class Observer:
    """Is handed each event.

    Parameters
    ----------
    write : callable
    """

    def __init__(self, write: Callable[[Mapping[str, Any]], None]) -> None:
        self._write = write

    def __call__(self, event: Mapping[str, Any]) -> None:
        """See twisted.logger."""
        self._write(event)


def _write(event: Mapping[str, Any]) -> None:
    level = event.get("log_level", LogLevel.info)
    text = formatEvent(dict(event))
    own = _OWN.match(text)
    if own:
        number = _LEVELS.get(level, logging.INFO if level is LogLevel.info else logging.DEBUG)
        fields = {key: value for key, value in event.items() if not key.startswith(_NOT_OURS)}
        structlog.get_logger().log(number, own[1], **fields)
        return
    failure = event.get("log_failure")
    told = {"error": failure.getTraceback()} if failure is not None else {}
    said_by = str(event.get("log_system") or "-").split()[0]
    structlog.get_logger().log(
        _LEVELS.get(level, logging.DEBUG),
        "library.event",
        library="crossbar",
        part=said_by.lower(),
        text=text,
        **told,
    )


def follow_signal(level: str, pids: Iterable[int], verbosity: Verbosity | None = None) -> None:
    """At each SIGUSR1 change between crossbar.io's configured level and ``debug``, here and in its workers.

    Parameters
    ----------
    level : str
        crossbar.io's name of the configured one.
    pids : iterable of int
        Processes that follow it, too.
    verbosity : Verbosity, optional
        Of the events that this process writes.
    """
    state = {"debug": level == "debug"}

    def changed(*_: Any) -> None:
        state["debug"] = not state["debug"]
        txaio.set_global_log_level("debug" if state["debug"] else level)
        if verbosity is not None:
            verbosity.toggle()
        for pid in pids:
            with suppress(ProcessLookupError):  # it ended, and has been replaced
                os.kill(pid, signal.SIGUSR1)

    signal.signal(signal.SIGUSR1, changed)

"""Logs are events with fields: JSON in containers, readable on a terminal, one stream for all.

Twisted's and autobahn's own events (both use `twisted.logger`) and the standard library's go
through structlog too, so that a site has one format to read.
"""

import logging
import signal
import string
import sys
from collections.abc import Mapping
from typing import Any, TextIO, cast

import structlog
from twisted.logger import ILogObserver, LogLevel, formatEvent, globalLogBeginner
from zope.interface import implementer

_LEVELS = {
    LogLevel.debug: logging.DEBUG,
    LogLevel.info: logging.DEBUG,  # libraries' "info" is our "debug": one line per thing that changed
    LogLevel.warn: logging.WARNING,
    LogLevel.error: logging.ERROR,
    LogLevel.critical: logging.CRITICAL,
}

_NUMBERS = {
    name: getattr(logging, name.upper()) for name in ("debug", "info", "warning", "error", "critical")
}


class Verbosity:
    """Which events are written: those of the configured level, or for a while all of them.

    Parameters
    ----------
    level : int
        As in `logging`.
    service : str
        Written with every event; may be set once it is known.
    """

    def __init__(self, level: int, service: str = "") -> None:
        self._configured = self.level = level
        self.service = service

    def __call__(self, _logger: Any, method: str, event: Any) -> Any:
        """Drop what is below the level (a processor of structlog)."""
        if _NUMBERS.get(method, logging.INFO) < self.level:
            raise structlog.DropEvent
        return event

    def toggle(self) -> bool:
        """Change between the configured level and ``debug``; whether it is ``debug`` now."""
        debug = self.level > logging.DEBUG
        self.level = logging.DEBUG if debug else self._configured
        get().warning("log.level", now=logging.getLevelName(self.level).lower())
        return debug

    def follow_signal(self) -> None:
        """Toggle at each SIGUSR1; to be said in a process's main thread."""
        signal.signal(signal.SIGUSR1, lambda *_: self.toggle())


def configure(service: str, level: int, stream: TextIO | None = None, *, libraries: bool = True) -> Verbosity:
    """Set up the process's logs, once, from ``__main__``.

    Parameters
    ----------
    service : str
        Written with every event.
    level : int
        Least level that is written, as in `logging`.
    stream : text file, optional
        Where to; standard error by default. A terminal gets readable lines, else JSON.
    libraries : bool
        Carry the libraries' events over, too; not in a process whose forks log in another way.

    Returns
    -------
    Verbosity
        Changes the level while the process runs.
    """
    verbosity = Verbosity(level, service)
    out = sys.stderr if stream is None else stream
    shared: list[Any] = [
        verbosity,
        structlog.contextvars.merge_contextvars,
        lambda _logger, _method, event: {"service": verbosity.service, **event},
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if out.isatty():
        render: list[Any] = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    else:
        render = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    if not libraries:
        return verbosity
    root = logging.getLogger()
    root.handlers[:] = [_ToStructlog()]
    root.setLevel(max(level, logging.WARNING))
    globalLogBeginner.beginLoggingTo(
        [cast("Any", _TwistedObserver())], redirectStandardIO=False, discardBuffer=True
    )
    logging.captureWarnings(True)
    return verbosity


def get(name: str | None = None) -> structlog.stdlib.BoundLogger:
    """A logger; `name` says which part of a service speaks."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger(**({"part": name} if name else {}))
    return log


@implementer(ILogObserver)
class _TwistedObserver:
    """Carries the events of Twisted and autobahn over into structlog."""

    def __call__(self, event: Mapping[str, Any]) -> None:
        level = _LEVELS.get(event.get("log_level", LogLevel.info), logging.DEBUG)
        failure = event.get("log_failure")
        namespace = str(event.get("log_namespace", ""))
        if namespace.startswith("sisock") and failure is None and _own(event):
            return
        fields: dict[str, Any] = {"library": namespace, "text": formatEvent(dict(event))}
        if failure is not None:
            fields["error"] = failure.getTraceback()
        structlog.get_logger().log(level, "library.event", **fields)


def _own(event: Mapping[str, Any]) -> bool:
    """Write an event of ours that was told as crossbar.io wants it: ``noun.verb key={key}: why``."""
    name, _, rest = str(event.get("log_format") or "").partition(" ")
    if "." not in name:
        return False
    named, _, why = rest.partition(": ")
    fields = {key: event.get(key) for _, key, _, _ in string.Formatter().parse(named) if key}
    if why:
        fields["why"] = formatEvent({**event, "log_format": why})
    level = event.get("log_level", LogLevel.info)
    number = logging.INFO if level is LogLevel.info else _LEVELS.get(level, logging.DEBUG)
    structlog.get_logger().log(number, name, **fields)
    return True


class _ToStructlog(logging.Handler):
    """Carries the standard library's records over into structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"library": record.name, "text": record.getMessage()}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        structlog.get_logger().log(record.levelno, "library.event", **fields)

"""The whole ``main`` of a data server: settings, logs, one connection, signals, exit code."""

import gc
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import structlog
from twisted.internet.defer import Deferred, ensureDeferred

from sisock import logs
from sisock.auth import CERTIFICATE
from sisock.config import NodeConfig, load
from sisock.connection import Connection
from sisock.errors import ConfigError, SisockError
from sisock.node import DataNode
from sisock.session import NodeSession

if TYPE_CHECKING:
    from sisock.metrics import Measured

C = TypeVar("C", bound=NodeConfig)

SWITCH_INTERVAL_S = 0.0005
"""How soon a busy thread lets the reactor go on; Python's own 5 ms would be most of a reply's time."""

EXIT_REFUSED = 1
EXIT_CONFIG = 2


def the_reactor() -> Any:
    """Twisted's reactor; importing it chooses and installs it, so only a ``main`` may ask."""
    from twisted.internet import reactor  # noqa: PLC0415

    return reactor


def run(
    make_node: Callable[[C], DataNode],
    config_class: type[C],
    *,
    environ: Mapping[str, str] | None = None,
    open_port: bool | Callable[[C], bool] = False,
) -> NoReturn:
    """Run a data server until it is told to stop. Never returns.

    Parameters
    ----------
    make_node : callable
        Makes the node from its settings; usually the class itself.
    config_class : type
        `NodeConfig` or a subclass.
    environ : mapping, optional
        ``os.environ`` by default.
    open_port : bool or callable
        Join on the open port that is shared with OCS instead of the TLS port; a callable decides
        by the settings.

    Raises
    ------
    SystemExit
        0 after SIGTERM or SIGINT, 1 if the router refused us, 2 if a setting is wrong.
    """
    try:
        config = load(config_class, os.environ if environ is None else environ)
        # What takes a logger while the node is made has the same log as everybody else.
        verbosity = logs.configure(config_class.__module__.partition(".")[0], config.log_level)
        node = make_node(config)
    except ConfigError as error:
        exit_with(str(error), EXIT_CONFIG)
    verbosity.service = node.name
    verbosity.follow_signal()
    log = logs.get()
    reactor = the_reactor()
    health = Health(config.health_file)
    measured = _measured(node, config)
    session = NodeSession(
        reactor,
        node,
        log,
        time.time,
        max_points=config.max_points,
        replica=config.replica,
        on_listed=health.set,
        queries=measured.queries if measured else None,
    )
    try:
        is_open = open_port(config) if callable(open_port) else open_port
        connection = Connection(reactor, config, session, log, open_port=is_open)
        if measured:
            measured.serve(reactor, connection, config.crossbar_dir / CERTIFICATE, config.metrics_port)
    except ConfigError as error:
        exit_with(str(error), EXIT_CONFIG)

    # More threads than cores at work on columns only take the interpreter from each other.
    reactor.suggestThreadPoolSize(node.threads or (os.cpu_count() or 1) + 1)

    async def goodbye() -> None:
        await connection.stop(session.farewell)
        session.close()
        health.set(False)

    exit_with("", run_until_stopped(reactor, connection.run, goodbye, log))


def _measured(node: DataNode, config: NodeConfig) -> "Measured | None":
    """What Prometheus reads; None where nobody reads it, and the node adds nothing to it."""
    if config.metrics_port is None and type(node).measure is DataNode.measure:
        return None
    # It takes a megabyte, which most data servers need not have.
    from sisock.metrics import Measured  # noqa: PLC0415

    return Measured(node)


def run_until_stopped(
    reactor: Any,
    start: Callable[[], Deferred[None]],
    goodbye: Callable[[], Any],
    log: structlog.stdlib.BoundLogger,
) -> int:
    """Run the reactor until SIGTERM, SIGINT or a failure of what `start` started.

    Returns
    -------
    int
        The process's exit code.
    """
    code = [0]

    def ended(failure: Any) -> None:
        error = failure.value
        if isinstance(error, SisockError):
            log.error("service.refused", why=str(error))
        else:
            log.error("service.failed", why=str(error), exc_info=error)
        code[0] = EXIT_REFUSED
        if reactor.running:
            reactor.stop()

    def begin() -> None:
        start().addErrback(ended)

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # What is loaded by now stays: the collector need not look through it again, 20 ms each time.
    gc.freeze()
    reactor.callWhenRunning(begin)
    reactor.addSystemEventTrigger("before", "shutdown", lambda: ensureDeferred(goodbye()))
    reactor.run()
    log.info("service.stopped", code=code[0])
    return code[0]


def exit_with(sentence: str, code: int) -> NoReturn:
    """End the process, with one clear sentence on standard error if something was wrong."""
    if sentence:
        sys.stderr.write(f"{Path(sys.argv[0]).name}: {sentence}\n")
    sys.stderr.flush()
    sys.exit(code)


class Health:
    """A file that exists while all is well, for a container's health check."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.set(False)

    def set(self, healthy: bool) -> None:
        """Write or remove the file."""
        if self._file is None:
            return
        if healthy:
            self._file.write_text("healthy\n", encoding="utf-8")
        else:
            self._file.unlink(missing_ok=True)

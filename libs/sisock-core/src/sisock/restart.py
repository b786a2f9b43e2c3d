"""A server of the predecessor's time comes back after the router was away.

autobahn's `ApplicationRunner` connects once. Before its first session has joined, a server is connected
again as it is. Afterwards its loops and buffers are under way, and only a new process has exactly one
set of them: see docs/decisions/0009-a-new-process-for-an-old-server.md.
"""

import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from autobahn.twisted.wamp import ApplicationRunner, ApplicationSession
from autobahn.twisted.websocket import WampWebSocketClientFactory
from autobahn.wamp.types import ComponentConfig
from autobahn.websocket.util import parse_url
from OpenSSL import SSL
from twisted.internet import ssl
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.task import deferLater
from zope.interface import implementer

from sisock.backoff import Backoff

OPEN_DEADLINE_S = 10.0
LASTING_S = 60.0
"""A session that lasted so long earns a quick return."""

_DELAY_S = Backoff(first_s=0.25, most_s=2.0, factor=1.5)
_RESTART_DELAY_S = Backoff(first_s=0.25, most_s=30.0, factor=2.0)
_RESTARTS = "SISOCK_RESTARTS"
_HOSTS = ("_pytest", "IPython", "ipykernel")


class Hosting:
    """How a session is run, as seen from within a call of the reactor.

    Attributes
    ----------
    runner : ApplicationRunner or None
        What connected the session, as far as it can be known.
    whole_process : bool
        Whether the process is there for this session and may be started anew for its sake.
    """

    def __init__(self, session: ApplicationSession) -> None:
        self.runner: Any = getattr(session.config, "runner", None)
        self.endpoint: Any = None
        self.whole_process = False
        frame: FrameType | None = sys._getframe()
        while frame is not None and frame.f_code is not ApplicationRunner.run.__code__:
            frame = frame.f_back
        if frame is None:
            return
        given = frame.f_locals
        if given.get("make") is session or given.get("self") is self.runner:
            self.runner, self.endpoint = given["self"], given.get("endpoint")
            self.whole_process = bool(given.get("start_reactor")) and not _is_guest()


def _is_guest() -> bool:
    """Whether the process is somebody's shell, notebook or test run."""
    return hasattr(sys, "ps1") or any(module in sys.modules for module in _HOSTS)


def command() -> list[str] | None:
    """Command line that starts this process anew; None if there is none (a script on standard input)."""
    main = sys.modules["__main__"]
    argv = [sys.executable, *sys.orig_argv[1:]]
    if getattr(main, "__spec__", None) is not None or "-c" in sys.orig_argv:
        return argv
    script = getattr(main, "__file__", None)
    if script is None:
        return None
    # The name may have been relative to a directory that the process has left.
    position = sys.orig_argv.index(sys.argv[0], 1) if sys.argv[0] in sys.orig_argv[1:] else None
    if position is not None:
        argv[position] = str(Path(script).absolute())
    return argv


async def restart(reactor: Any, hosting: Hosting, lasted_s: float, log: Any) -> None:
    """Wait until the router is back, then end the reactor and become a new process.

    Parameters
    ----------
    reactor : twisted reactor
    hosting : Hosting
        Of a whole process.
    lasted_s : float
        How long the session that is lost has lasted.
    log : txaio logger
    """
    argv = command()
    if argv is None:
        log.error("Cannot start anew by itself, since the script is not in a file: start it again")
        reactor.stop()
        return
    # A runner that reconnects by itself would begin a second set of loops.
    hosting.runner.stop()
    restarts = 1 if lasted_s > LASTING_S else int(os.environ.get(_RESTARTS) or 0) + 1
    await deferLater(reactor, _RESTART_DELAY_S(restarts), lambda: None)
    await connect(reactor, hosting, _probe_factory(hosting.runner))
    log.info("The router is back: starting anew")
    environ = {**os.environ, _RESTARTS: str(restarts)}

    def become() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(argv[0], argv, environ)  # noqa: S606 (our own command line)

    # Last of what is done before the shutdown, and not later: threads may never end.
    reactor.addSystemEventTrigger("before", "shutdown", become)
    reactor.stop()


async def connect(reactor: Any, hosting: Hosting, factory: Any) -> None:
    """Connect as the runner did, as often as it takes to have a session that is open."""
    endpoint = hosting.endpoint or _endpoint(reactor, hosting.runner)
    attempt = 0
    while True:
        attempt += 1
        await deferLater(reactor, _DELAY_S(attempt), lambda: None)
        try:
            protocol = await endpoint.connect(factory)
        except Exception:  # noqa: BLE001, S112 (a router that is away is normal: try again)
            continue
        if await _opened(reactor, protocol):
            return


async def _opened(reactor: Any, protocol: Any) -> bool:
    """Whether a connection becomes a session: a router that is about to start or end may not let it."""
    late = deferLater(reactor, OPEN_DEADLINE_S, lambda: None)
    is_open, is_closed = _watch(protocol.is_open), _watch(protocol.is_closed)
    _, first = await DeferredList([is_open, is_closed, late], fireOnOneCallback=True)
    late.addErrback(lambda _cancelled: None)
    late.cancel()
    if first == 2:
        protocol.transport.abortConnection()
    return bool(first == 0)


def _watch(waited_for: "Deferred[Any]") -> "Deferred[None]":
    """Fires when a Deferred does that others wait for, too."""
    watcher: Deferred[None] = Deferred()

    def fired(result: Any) -> Any:
        watcher.callback(None)
        return result

    waited_for.addBoth(fired)
    return watcher


def _probe_factory(runner: Any) -> Any:
    """A factory of connections that are closed as soon as the router has opened them."""
    factory = WampWebSocketClientFactory(
        lambda: _Probe(ComponentConfig(runner.realm)), url=runner.url, serializers=runner.serializers
    )
    factory.noisy = False
    factory.setProtocolOptions(openHandshakeTimeout=OPEN_DEADLINE_S)
    return factory


class _Probe(ApplicationSession):
    """Does not join."""

    def onConnect(self) -> None:  # noqa: N802
        """The router is there, which is all that we wanted to know."""
        self.disconnect()


def _endpoint(reactor: Any, runner: Any) -> Any:
    secure, host, port, *_ = parse_url(runner.url)
    endpoint: Any = HostnameEndpoint(reactor, host, port)
    if not secure:
        return endpoint
    given: Any = runner.ssl or ssl.optionsForClientTLS(host)
    creator: Any = given if IOpenSSLClientConnectionCreator.providedBy(given) else _AsGiven(given)
    return wrapClientTLS(creator, endpoint)


@implementer(IOpenSSLClientConnectionCreator)
class _AsGiven:
    """TLS exactly as the author's CertificateOptions say."""

    def __init__(self, options: Any) -> None:
        self._context = options.getContext()

    def clientConnectionForTLS(self, _protocol: object) -> Any:  # noqa: N802
        """Make the connection object that Twisted's TLS wraps."""
        return SSL.Connection(self._context, None)

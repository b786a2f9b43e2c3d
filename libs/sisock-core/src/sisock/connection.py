"""One lasting connection to the router: TLS, WAMP-CRA, and a new try with backoff for ever.

What the session is for is its owner's business (`sisock.session`, `sisock_consumer.consumer`): the owner
gets `joined` for every session that the router accepted and `lost` when it is over. A router that
is away is said once, and again only when the reason changes.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog
from autobahn.twisted.wamp import ApplicationSession
from autobahn.twisted.websocket import WampWebSocketClientFactory, WampWebSocketClientProtocol
from autobahn.wamp.message import Unregistered
from autobahn.wamp.serializer import CBORSerializer, JsonSerializer, MsgPackSerializer
from autobahn.wamp.types import CloseDetails, ComponentConfig
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectionClosed
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from sisock import auth, uris
from sisock.backoff import Backoff
from sisock.blocking import within
from sisock.config import RouterConfig, Secret
from sisock.errors import ConfigError, DeadlineError, RefusedError
from sisock.trouble import Trouble

JOIN_DEADLINE_S = 15.0
LEAVE_DEADLINE_S = 1.0

_RETRY_DELAY_S = Backoff(first_s=0.25, most_s=2.0, factor=1.5)

_REFUSALS = {
    "wamp.error.authentication_failed",
    "wamp.error.authorization_failed",
    "wamp.error.no_auth_method",
    "wamp.error.no_such_principal",
    "wamp.error.no_such_realm",
    "wamp.error.no_such_role",
    "wamp.error.not_authorized",
}


_CLOSED = "the router closed the connection"
_REMEDY = (
    "(the secret must be the one that the router has for WAMP_USER: set WAMP_SECRET to it, "
    "or leave WAMP_SECRET unset and mount the router's directory)"
)


class Owner(Protocol):
    """What is done with the connection."""

    async def joined(self, session: Any, details: Any) -> None:
        """Use a session that the router accepted; an error ends it and is tried again."""

    def lost(self) -> None:
        """Do without a session, until the next `joined`."""


class RouterSession(ApplicationSession):
    """A WAMP session that authenticates and tells its connection how it fares."""

    def __init__(self, connection: "Connection") -> None:
        super().__init__(ComponentConfig(realm=uris.REALM))
        self._connection = connection

    def onConnect(self) -> None:  # noqa: N802
        """Ask the router to let us in: with a secret by WAMP-CRA, if it offers that."""
        methods = (["wampcra"] if self._connection.secret else []) + (
            ["anonymous"] if self._connection.anonymous else []
        )
        user = self._connection.user if self._connection.secret else None
        self.join(uris.REALM, methods, user)

    def onChallenge(self, challenge: Any) -> str:  # noqa: N802
        """Prove that we know the secret."""
        if challenge.method != "wampcra" or self._connection.secret is None:
            raise RefusedError(f"the router asks for {challenge.method!r}, which we cannot answer")
        return auth.sign(self._connection.secret, challenge)

    def onJoin(self, details: Any) -> None:  # noqa: N802
        """Hand the session to the owner."""
        self._connection.session_joined(self, details)

    def onMessage(self, msg: Any) -> None:  # noqa: N802
        """Notice what autobahn passes over: that the router gave a procedure of ours to somebody else."""
        super().onMessage(msg)
        lost = taken_from(self, msg)
        if lost:
            self._connection.name_lost(self, lost)

    def onLeave(self, details: CloseDetails) -> None:  # noqa: N802
        """Remember why, then close the transport."""
        self._connection.session_left(details)
        self._errback_outstanding_requests(_left(details))
        self.disconnect()


def taken_from(session: Any, msg: Any) -> str:
    """The procedure that a message takes from a session which did not ask for that; empty for others."""
    if not isinstance(msg, Unregistered) or msg.request:
        return ""
    registration = session._registrations.pop(msg.registration, None)
    return str(registration.procedure) if registration is not None else ""


def _left(details: CloseDetails) -> Exception:
    return ConnectionError(f"the session ended: {details.message or details.reason}")


class _Protocol(WampWebSocketClientProtocol):
    """Tells the connection when the transport is gone, at whatever stage."""

    def connectionMade(self) -> None:  # noqa: N802
        super().connectionMade()
        # autobahn reads its option before it has it, and leaves Nagle's algorithm on: 40 ms at times.
        self.transport.setTcpNoDelay(True)

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        super().connectionLost(reason)
        self.factory.connection.transport_lost(reason)


class Connection:
    """Keeps one session with the router alive.

    Parameters
    ----------
    reactor : twisted reactor
    config : RouterConfig
    owner : Owner
    log : structlog logger
    open_port : bool
        Use the open port shared with OCS instead of the TLS port; a secret is then optional.

    Attributes
    ----------
    sessions : int
        How many sessions there were.
    """

    def __init__(
        self,
        reactor: Any,
        config: RouterConfig,
        owner: Owner,
        log: structlog.stdlib.BoundLogger,
        *,
        open_port: bool = False,
    ) -> None:
        self._config = config
        self.anonymous = open_port
        self.user = config.wamp_user
        self.secret: Secret | None = auth.find_secret(config) if open_port else auth.require_secret(config)
        if config.wamp_secret is not None and self.secret != config.wamp_secret:
            log.warning(
                "secret.of_another_user",
                why=f"WAMP_SECRET is another user's: taking that of {self.user!r} in the router's directory",
            )
        self.url = config.open_url if open_port else config.tls_url
        self._reactor = reactor
        self._owner = owner
        self._log = log
        plain: Any = HostnameEndpoint(
            reactor, config.crossbar_host, config.crossbar_ocs_port if open_port else config.crossbar_tls_port
        )
        self._plain = plain
        self._pem = auth.mounted_certificate(config)
        self._endpoint: Any = plain if open_port else wrapClientTLS(auth.trust(config), plain)
        self._unreadable = Trouble(log.warning, "router.directory_unreadable")
        self.sessions = 0
        self._session: Any = None
        self._ever_joined = False
        self._stopping = False
        self._over: Deferred[str] | None = None
        self._loop: Deferred[None] | None = None
        self._why = ""
        self._refused = False
        self._away = Trouble(log.warning, "router.away")
        self._turned_away = False

    @property
    def session(self) -> Any:
        """The joined session, or None while there is none."""
        return self._session

    @property
    def why_away(self) -> str:
        """Why there is no session; empty while there is one, or no try has failed yet."""
        return self._away.why

    def run(self) -> Deferred[None]:
        """Connect, and connect again whenever it is lost, until `stop`.

        Returns
        -------
        Deferred
            Fires after `stop`; fails with `RefusedError` if the router refused us from the start.
        """
        self._loop = ensureDeferred(self._run())
        return self._loop

    async def stop(self, farewell: Callable[[Any], Awaitable[None]] | None = None) -> None:
        """Say farewell on a joined session, leave, and try no more."""
        self._stopping = True
        session, loop = self._session, self._loop
        if session is not None and farewell is not None:
            await farewell(session)
        if loop is None:
            return
        if session is not None and session.is_attached():
            over: Deferred[None] = Deferred()
            loop.addBoth(lambda _result: over.callback(None))
            session.leave()
            try:
                await within(self._reactor, LEAVE_DEADLINE_S, over, "the router")
            except DeadlineError as error:
                self._log.debug("router.no_goodbye", why=str(error))
        loop.cancel()

    async def _run(self) -> None:
        attempt = 0
        while not self._stopping:
            self._why, self._refused = "", False
            started = self._reactor.seconds()
            try:
                was_joined = await self._one_session()
            except CancelledError:
                if self._stopping:
                    return
                raise
            if self._stopping:
                return
            if self._refused and not self._ever_joined:
                raise RefusedError(
                    f"the router at {self.url} refused user {self.user!r}: {self._why} {_REMEDY}"
                )
            # A session that lasted earns a quick return; a refused one waits like a failed connection.
            attempt = 1 if was_joined and self._reactor.seconds() - started > 5 else attempt + 1
            self._away.tell(self._why, url=self.url)
            try:
                await deferLater(self._reactor, _RETRY_DELAY_S(attempt), lambda: None)
            except CancelledError:
                return

    def _renew(self) -> None:
        """Take secret and certificate as they are now: both may be replaced while we run."""
        try:
            self.secret = auth.find_secret(self._config) or self.secret
            pem = auth.mounted_certificate(self._config)
            if pem != self._pem and not self.anonymous:
                self._endpoint = wrapClientTLS(auth.trust(self._config), self._plain)
                self._pem = pem
        except ConfigError as error:
            # What we have is good until it is refused.
            self._unreadable.tell(str(error))
        else:
            self._unreadable.over()

    async def _one_session(self) -> bool:
        self._renew()
        factory = WampWebSocketClientFactory(
            lambda: RouterSession(self),
            url=self.url,
            serializers=[CBORSerializer(), MsgPackSerializer(), JsonSerializer()],
        )
        factory.protocol = _Protocol
        factory.connection = self
        factory.noisy = False
        factory.setProtocolOptions(
            openHandshakeTimeout=10,
            closeHandshakeTimeout=1,
            autoPingInterval=5,
            autoPingTimeout=10,
            tcpNoDelay=True,
        )
        self._over = Deferred()
        try:
            protocol = await self._endpoint.connect(factory)
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 (any failure to connect is a router that is away)
            self._why = f"{error}" or type(error).__name__
            return False
        deadline = self._reactor.callLater(JOIN_DEADLINE_S, self._join_too_slow, protocol)
        try:
            why = await self._over
        finally:
            if deadline.active():
                deadline.cancel()
            was_joined, self._session = self._session is not None, None
        self._why = self._why or why
        if was_joined:
            self._owner.lost()
        return was_joined

    def _join_too_slow(self, protocol: Any) -> None:
        if self._session is None:
            self._why = f"no session within {JOIN_DEADLINE_S:g} s of connecting"
            protocol.transport.abortConnection()

    def session_joined(self, session: Any, details: Any) -> None:
        """Take note of an accepted session (called by `RouterSession`)."""
        self._session = session
        self._ever_joined = True
        self.sessions += 1
        if not self._turned_away:
            self._tell_joined(details)
        ensureDeferred(self._use(session, details))

    def _tell_joined(self, details: Any) -> None:
        self._away.over()
        self._log.info(
            "router.joined", url=self.url, user=self.user if self.secret else None, role=details.authrole
        )

    async def _use(self, session: Any, details: Any) -> None:
        try:
            await self._owner.joined(session, details)
        except RefusedError as refusal:
            # Until that changes every try ends here: one line for all of them.
            self._why, self._turned_away = str(refusal), True
        except Exception as error:  # noqa: BLE001 (whatever went wrong, the next session is a new chance)
            if not session.is_attached():
                return
            self._why = f"{type(error).__name__}: {error}"
        else:
            if self._turned_away:
                self._turned_away = False
                self._tell_joined(details)
            return
        if session.is_attached():
            session.leave()

    def name_lost(self, session: Any, procedure: str) -> None:
        """Begin anew, until the name is ours again (called by `RouterSession`)."""
        if self._session is session and session.is_attached():
            self._why = f"another session took {procedure} over"
            session.leave()

    def session_left(self, details: CloseDetails) -> None:
        """Remember why a session ended (called by `RouterSession`)."""
        if self._session is None and details.reason in _REFUSALS:
            self._refused = True
        if not self._why and details.reason != CloseDetails.REASON_TRANSPORT_LOST:
            self._why = details.message or details.reason

    def transport_lost(self, reason: Failure | None) -> None:
        """End the attempt (called by the protocol)."""
        over = self._over
        if over is not None and not over.called:
            clean = reason is None or reason.check(ConnectionClosed)
            error = None if clean or reason is None else reason.value
            over.callback(auth.why_refused(error, self._config) if error else _CLOSED)

"""The names that data servers written for the predecessor import (CONTRACT section 2).

`DataNodeServer` is a WAMP session that its author subclasses and hands to autobahn's
`ApplicationRunner`. New servers are better off with `sisock.DataNode`. Constants that stand for
settings (`WAMP_SECRET` and so on) are read from the environment when they are asked for.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp.exception import ApplicationError
from autobahn.websocket.util import parse_url
from OpenSSL import SSL
from twisted.application.internet import backoffPolicy
from twisted.internet import ssl
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from sisock import auth, uris
from sisock.config import RouterConfig, load
from sisock.runner import the_reactor
from sisock.times import sisock_to_unix_time
from sisock.uris import BASE_URI, REALM, uri
from sisock.wire import V1_BYTES

__all__ = [
    "BASE_URI",
    "OCS_PORT",
    "REALM",
    "SISOCK_HOST",
    "SISOCK_PORT",
    "WAMP_SECRET",
    "WAMP_URI",
    "WAMP_USER",
    "DataNodeServer",
    "sisock_to_unix_time",
    "uri",
]

# These are made by __getattr__ below.
OCS_PORT: int
SISOCK_HOST: str
SISOCK_PORT: int
WAMP_SECRET: str
WAMP_URI: str
WAMP_USER: str

_SETTINGS: dict[str, Callable[[RouterConfig], Any]] = {
    "WAMP_USER": lambda config: config.wamp_user,
    "WAMP_SECRET": lambda config: auth.require_secret(config).reveal(),
    "WAMP_URI": lambda config: config.tls_url,
    "SISOCK_HOST": lambda config: config.crossbar_host,
    "SISOCK_PORT": lambda config: config.crossbar_tls_port,
    "OCS_PORT": lambda config: config.crossbar_ocs_port,
}
_RETRY_DELAY_S = backoffPolicy(initialDelay=0.25, maxDelay=2.0, factor=1.5)
_JSON_NUMBER_BYTES = 18


def __getattr__(name: str) -> Any:
    """Read a setting when it is asked for, so that importing this module does no work."""
    try:
        setting = _SETTINGS[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return setting(load(RouterConfig, os.environ))


class DataNodeServer(ApplicationSession):
    """Parent class for all data node servers.

    Attributes
    ----------
    name : str
        Each data node server inheriting this class must set its own name. The hub will reject
        duplicate names.
    description : str
        Each data node server inheriting this class must provide its own, human-readable
        description for consumers.
    """

    name: str = None  # type: ignore[assignment]
    description: str = None  # type: ignore[assignment]

    def onConnect(self) -> None:
        """Fired when session first connects to WAMP router."""
        self.join(self.config.realm, ["wampcra"], __getattr__("WAMP_USER"))

    def onChallenge(self, challenge: Any) -> str:
        """Fired when the WAMP router requests authentication.

        Parameters
        ----------
        challenge : autobahn.wamp.types.Challenge
            The authentication request to be responded to.

        Returns
        -------
        str
            The authentication response.
        """
        if challenge.method != "wampcra":
            raise RuntimeError(f"Invalid authmethod {challenge.method}")
        return auth.sign(auth.require_secret(load(RouterConfig, os.environ)), challenge)

    def onJoin(self, details: Any) -> "Deferred[None]":
        """Fired when the session joins WAMP (after successful authentication).

        After registering procedures, the hub is requested to add this data node server.

        Parameters
        ----------
        details : autobahn.wamp.types.SessionDetails
            Details about the session.
        """
        return ensureDeferred(self._join_stack(details))

    async def _join_stack(self, details: Any) -> None:
        try:
            await self.register(self._answer_get_fields, uris.get_fields(self.name))
            await self.register(self._answer_get_data, uris.get_data(self.name))
        except ApplicationError as error:
            self.log.error("Data node {name!r} is refused: {why}", name=self.name, why=error.error_message())
            self.leave()
            return
        try:
            await self.subscribe(
                lambda *_, **__: ensureDeferred(self._announce(details)), uris.DATA_NODE_ANNOUNCE
            )
        except ApplicationError as error:
            self.log.debug("no announcements from the hub: {why}", why=error.error_message())
        await self._announce(details)
        await maybeDeferred(self.after_onJoin, details)

    async def _announce(self, details: Any) -> None:
        try:
            added = await self.call(uris.DATA_NODE_ADD, self.name, self.description, details.session)
        except ApplicationError as error:
            self.log.warn("The hub is away, waiting for it: {why}", why=error.error_message())
            return
        if added:
            self.log.info("Data node registered as {name!r}.", name=self.name)
        else:
            self.log.error("Another data node is listed as {name!r}: request denied.", name=self.name)
            self.leave()

    def after_onJoin(self, details: Any) -> Any:
        """This method is called after onJoin() has finished.

        This method can be overridden by child classes that need to run more code after the parent
        onJoin method has run.

        Parameters
        ----------
        details : autobahn.wamp.types.SessionDetails
            Details about the session, as passed to onJoin.
        """

    def onDisconnect(self) -> None:
        """Fired when the transport is gone: connect again, where nobody else does."""
        super().onDisconnect()
        runner = getattr(self.config, "runner", None)
        if runner is None or getattr(runner, "_client_service", None) is not None:
            return
        reactor = the_reactor()
        if reactor.running and not getattr(reactor, "_stopped", False):
            ensureDeferred(_reconnect(reactor, runner, self._factory)).addErrback(
                lambda failure: self.log.failure("Could not reconnect", failure=failure)
            )

    def onOpen(self, transport: Any) -> None:
        """Fired when the transport is there; remember what made it."""
        self._factory = transport.factory
        super().onOpen(transport)

    def get_fields(self, start: float, end: float) -> Any:
        """Get a list of available fields and associated timelines available within a time interval.

        Override this if the fields are obtained in a non-blocking way (running in the reactor
        thread), else override `_get_fields_blocking`.

        Parameters
        ----------
        start, end : float
            If positive, a UNIX time; if 0 or negative, that many seconds ago.

        Returns
        -------
        tuple of dict
            Fields and timelines, as in CONTRACT section 1.
        """
        return deferToThread(self._get_fields_blocking, sisock_to_unix_time(start), sisock_to_unix_time(end))

    def get_data(
        self, field: Sequence[str], start: float, end: float, min_stride: float | None = None
    ) -> Any:
        """Request data.

        Override this if it runs in the main reactor thread, else override `_get_data_blocking`.

        Parameters
        ----------
        field : list of str
            The list of fields you want data from.
        start, end : float
            If positive, a UNIX time; if 0 or negative, that many seconds ago.
        min_stride : float or None
            If not None then, if necessary, downsample data such that successive samples are
            separated by at least `min_stride` seconds.

        Returns
        -------
        dict or False
            ``{"data", "timeline"}`` as in CONTRACT section 1.
        """
        return deferToThread(
            self._get_data_blocking, field, sisock_to_unix_time(start), sisock_to_unix_time(end), min_stride
        )

    def _get_fields_blocking(self, start: float, end: float) -> Any:
        """As `get_fields`, in a thread and with absolute times."""
        raise NotImplementedError(
            f"{type(self).__name__} overrides neither get_fields nor _get_fields_blocking"
        )

    def _get_data_blocking(
        self, field: Sequence[str], start: float, end: float, min_stride: float | None = None
    ) -> Any:
        """As `get_data`, in a thread and with absolute times."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither get_data nor _get_data_blocking")

    async def _answer_get_fields(self, start: float = 1, end: float = 0) -> Any:
        return _plain(await maybeDeferred(self.get_fields, start, end))

    async def _answer_get_data(
        self, field: Sequence[str], start: float, end: float, min_stride: float | None = None
    ) -> Any:
        reply = _plain(await maybeDeferred(self.get_data, field, start, end, min_stride))
        # An old peer accepts no message over 1 MiB: without this it would wait for ever.
        if isinstance(reply, dict) and _numbers(reply) * _JSON_NUMBER_BYTES > V1_BYTES:
            self.log.warn("{name}: the reply is longer than a message may be", name=self.name)
            return False
        return reply


def _plain(value: Any) -> Any:
    """The same with numpy's arrays and numbers as lists and Python's numbers."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, list) and value and not isinstance(value[0], int | float | str):
        return [_plain(item) for item in value]
    return value


def _numbers(reply: dict[str, Any]) -> int:
    columns = list((reply.get("data") or {}).values())
    columns += [
        entry.get("t", ()) for entry in (reply.get("timeline") or {}).values() if isinstance(entry, dict)
    ]
    return sum(len(column) for column in columns if isinstance(column, list))


@implementer(IOpenSSLClientConnectionCreator)
class _AsGiven:
    """TLS exactly as the author's CertificateOptions say."""

    def __init__(self, options: Any) -> None:
        self._context = options.getContext()

    def clientConnectionForTLS(self, _protocol: object) -> Any:
        return SSL.Connection(self._context, None)


async def _reconnect(reactor: Any, runner: Any, factory: Any) -> None:
    """Connect the runner's factory again, as often as it takes."""
    secure, host, port, *_ = parse_url(runner.url)
    endpoint: Any = HostnameEndpoint(reactor, host, port)
    if secure:
        given: Any = runner.ssl or ssl.optionsForClientTLS(host)
        creator: Any = given if IOpenSSLClientConnectionCreator.providedBy(given) else _AsGiven(given)
        endpoint = wrapClientTLS(creator, endpoint)
    attempt = 0
    while True:
        attempt += 1
        await deferLater(reactor, _RETRY_DELAY_S(attempt), time.time)
        try:
            await endpoint.connect(factory)
        except Exception:  # noqa: BLE001, S112 (a router that is away is normal: try again)
            continue
        return

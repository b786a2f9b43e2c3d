"""The names that data servers written for the predecessor import (CONTRACT section 2).

`DataNodeServer` is a WAMP session that its author subclasses and hands to autobahn's
`ApplicationRunner`. New servers are better off with `sisock.DataNode`. Constants that stand for
settings (`WAMP_SECRET` and so on) are read from the environment when they are asked for.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import RegisterOptions
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from sisock import auth, message, uris
from sisock.announce import Announcement, not_registered
from sisock.config import RouterConfig, load
from sisock.connection import taken_from
from sisock.errors import RefusedError
from sisock.restart import Hosting, connect, restart
from sisock.runner import the_reactor
from sisock.times import sisock_to_unix_time
from sisock.uris import BASE_URI, REALM, uri
from sisock.wire import PART_BYTES

# These are made by __getattr__ below.
__all__: list[str]
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
_CONSTANTS = {"BASE_URI": BASE_URI, "REALM": REALM, "sisock_to_unix_time": sisock_to_unix_time, "uri": uri}


def __getattr__(name: str) -> Any:
    """Read a setting when it is asked for, so that importing this module does no work."""
    if name == "__all__":
        # `import *` asks for all of them, and must work where there is no secret.
        absent = set() if auth.find_secret(load(RouterConfig, os.environ)) else {"WAMP_SECRET"}
        return [*(set(_SETTINGS) - absent), *_CONSTANTS, "DataNodeServer"]
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

    # On the class: authors need not call our __init__.
    _announcement: Announcement | None = None
    _hosting: Hosting | None = None
    _joined_at: float | None = None
    _factory: Any = None
    _served: Mapping[str, tuple[Any, Any]] = MappingProxyType({})
    _missing: dict[str, tuple[Any, Any]]

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
        served: dict[str, tuple[Any, Any]] = {
            uris.get_fields(self.name): (self._answer_get_fields, None),
            uris.get_data(self.name): (self._answer_get_data, RegisterOptions(details_arg="_details")),
        }
        missing = self._missing = dict(served)
        self._served = served

        async def register() -> None:
            for procedure, (answer, options) in list(missing.items()):
                try:
                    await self.register(answer, procedure, options=options)
                except ApplicationError as error:
                    raise RefusedError(not_registered(self.name, error)) from error
                del missing[procedure]

        # A no ends nothing, as before: the loops of after_onJoin run, and the name may become free.
        self._announcement = announcement = Announcement(
            the_reactor(),
            self,
            (self.name, self.description, details.session),
            self._hub_told,
            capabilities=["parts"],
            prepare=register,
        )
        try:
            await self.subscribe(lambda *_, **__: announcement.ask_soon(), uris.DATA_NODE_ANNOUNCE)
        except ApplicationError as error:
            self.log.debug("no announcements from the hub: {why}", why=error.error_message())
        await announcement.ask()
        await maybeDeferred(self.after_onJoin, details)

    def onMessage(self, msg: Any) -> None:
        """Take note of a name that was taken over, and ask for it until it is free."""
        super().onMessage(msg)
        lost = taken_from(self, msg)
        if lost in self._served and self._announcement is not None:
            self.log.error("Data node {name!r} lost {lost} to another session", name=self.name, lost=lost)
            self._missing[lost] = self._served[lost]
            self._announcement.ask_soon()

    def _hub_told(self, why: str) -> None:
        if why:
            self.log.error(
                "Data node {name!r} is not listed, and goes on asking: {why}", name=self.name, why=why
            )
        else:
            self.log.info("Data node registered as {name!r}.", name=self.name)

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
        """Fired when the transport is gone: come back, where nobody else sees to that."""
        super().onDisconnect()
        if self._announcement is not None:
            self._announcement.stop()
        reactor, hosting = the_reactor(), self._hosting
        if hosting is None or not reactor.running or getattr(reactor, "_stopped", False):
            return
        if hosting.whole_process and self._joined_at is not None:
            coming_back = restart(reactor, hosting, reactor.seconds() - self._joined_at, self.log)
        elif hosting.runner is not None and getattr(hosting.runner, "_client_service", None) is None:
            coming_back = connect(reactor, hosting, self._factory)
        else:
            return
        ensureDeferred(coming_back).addErrback(
            lambda failure: self.log.failure("Could not come back", failure=failure)
        )

    def onOpen(self, transport: Any) -> None:
        """Fired when the transport is there; remember what made it."""
        self._factory, self._hosting, self._joined_at = transport.factory, Hosting(self), None
        self.on("join", self._take_note)  # whatever an author's onJoin does
        super().onOpen(transport)

    def _take_note(self, *_: Any) -> None:
        self._joined_at = the_reactor().seconds()

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
        self,
        field: Sequence[str],
        start: float,
        end: float,
        min_stride: float | None = None,
        *,
        _details: Any = None,
    ) -> Any:
        reply = _plain(await maybeDeferred(self.get_data, field, start, end, min_stride))
        size = await deferToThread(message.size, self, reply)
        if size <= message.MOST_BYTES:
            return reply
        progress = getattr(_details, "progress", None)
        if progress is None or not message.is_splittable(reply):
            self.log.warn(
                "{name}: the reply has {size} bytes, more than a message may have", name=self.name, size=size
            )
            return False
        *parts, last = message.split(reply, size // PART_BYTES + 1)
        for part in parts:
            progress(part)
            await deferLater(the_reactor(), 0, lambda: None)
        return last


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

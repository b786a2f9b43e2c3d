"""What a node does beside answering: tell consumers that its data grew, hear topics, do things regularly.

`Live` is one session's, `Repeats` outlasts the sessions: a sensor is read while the router is away, too.
"""

from collections.abc import Callable
from inspect import isawaitable, iscoroutinefunction
from typing import Any, cast

import structlog
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import PublishOptions, SubscribeOptions
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import LoopingCall

from sisock import uris
from sisock.announce import not_allowed
from sisock.blocking import in_thread
from sisock.errors import ContractError, RefusedError
from sisock.node import LiveSession, Repeated, Told, Update
from sisock.trouble import Trouble


class Repeats:
    """The calls that a node wants repeated, until the process ends.

    Parameters
    ----------
    reactor : twisted reactor
    log : structlog logger
    """

    def __init__(self, reactor: Any, log: structlog.stdlib.BoundLogger) -> None:
        self._reactor = reactor
        self._log = log
        self._session: LiveSession | None = None
        self._loops: dict[tuple[float, Repeated], LoopingCall] = {}
        self._unconfirmed: set[tuple[float, Repeated]] = set()

    def begin(self, session: LiveSession) -> None:
        """From now on the node speaks on this session, and says anew what it wants repeated."""
        self._session = session
        self._unconfirmed = set(self._loops)

    def settle(self) -> None:
        """The node has said it: what an earlier session began, and this one did not, ends."""
        for key in self._unconfirmed:
            self._loops.pop(key).stop()
        self._unconfirmed.clear()

    def every(self, period_s: float, call: Repeated) -> None:
        """See `sisock.node.LiveSession.every`."""
        key = (period_s, call)
        self._unconfirmed.discard(key)
        if key not in self._loops:
            loop = self._loops[key] = LoopingCall(
                self._call_once, call, Trouble(self._log.error, "repeat.failed")
            )
            loop.clock = self._reactor
            loop.start(period_s)

    def stop(self) -> None:
        """Repeat nothing any more."""
        self._unconfirmed = set(self._loops)
        self.settle()

    def _call_once(self, call: Repeated, trouble: Trouble) -> Deferred[None]:
        return ensureDeferred(self._guarded(call, trouble))

    async def _guarded(self, call: Repeated, trouble: Trouble) -> None:
        """Call; a failure is told, and must not be the end of it."""
        try:
            if iscoroutinefunction(call):
                told = await call()
            else:
                told = await in_thread(self._reactor, cast("Callable[[], Told]", call))
        except Exception as error:  # noqa: BLE001 (the author's code may raise anything)
            name = getattr(call, "__name__", repr(call))
            trouble.tell(f"{name}: {type(error).__name__}: {error}", exc_info=error)
            return
        trouble.over()
        if told is not None and self._session is not None:
            update = told if isinstance(told, Update) else Update(told)
            self._session.publish_updated(update.until, fields_changed=update.fields_changed)


class Live:
    """What a joined node may do with its session (see `sisock.node.LiveSession`)."""

    def __init__(
        self,
        reactor: Any,
        session: Any,
        name: str,
        repeats: Repeats,
        on_updated: Callable[[float], None] = lambda _until: None,
    ) -> None:
        self._reactor = reactor
        self._session = session
        self._name = name
        self._topic = uris.updated(name)
        self._repeats = repeats
        self._on_updated = on_updated
        self._sent = float("-inf")
        self._pending: float | None = None
        self._fields_changed = False

    def publish_updated(self, until: float, *, fields_changed: bool = False) -> None:
        """Tell consumers, now or when the second is over."""
        self._on_updated(until)
        first = self._pending is None
        self._pending = until
        self._fields_changed |= fields_changed
        if first:
            wait = max(0.0, self._sent + 1.0 - self._reactor.seconds())
            self._reactor.callLater(wait, self._send)

    def _send(self) -> None:
        event: dict[str, Any] = {"until": self._pending}
        if self._fields_changed:
            event["fields"] = True
        self._pending, self._fields_changed = None, False
        self._sent = self._reactor.seconds()
        if self._session.is_attached():
            self._session.publish(self._topic, event, options=PublishOptions(acknowledge=False))

    async def subscribe(self, handler: Any, topic: str, match: str = "exact") -> None:
        """Subscribe for as long as this session lasts."""
        try:
            await self._session.subscribe(handler, topic, options=SubscribeOptions(match=match))
        except ApplicationError as error:
            raise RefusedError(not_allowed(topic, error)) from error

    async def serve(self, procedure: str, handler: Callable[..., Any]) -> None:
        """Answer a procedure of the node's own for as long as this session lasts."""

        async def answer(*args: Any, **kwargs: Any) -> Any:
            try:
                answered = handler(*args, **kwargs)
                return await answered if isawaitable(answered) else answered
            except ContractError as error:
                raise ApplicationError(ApplicationError.INVALID_ARGUMENT, str(error)) from error

        uri = uris.procedure(self._name, procedure)
        try:
            await self._session.register(answer, uri)
        except ApplicationError as error:
            raise RefusedError(not_allowed(uri, error)) from error

    def every(self, period_s: float, call: Repeated) -> None:
        """Repeat a call from now on."""
        self._repeats.every(period_s, call)

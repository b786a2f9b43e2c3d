"""The other side: who is online, which fields there are, and their data, each with a deadline.

The list of nodes is the hub's: read once, kept by its events, and compared with it every few
seconds, so that a hub that restarted, or an event that was lost, is noticed. A node that does not
answer costs its caller the deadline and nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from autobahn.wamp.exception import ApplicationError, TransportLost
from autobahn.wamp.types import CallOptions, SubscribeOptions
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.task import LoopingCall

from sisock import uris, wire
from sisock.blocking import within
from sisock.config import RouterConfig
from sisock.connection import Connection
from sisock.errors import DeadlineError, NodeAwayError, NodeError, TooMuchDataError
from sisock.node import Field, Series

HUB_DEADLINE_S = 5.0
COMPARE_INTERVAL_S = 5.0
MOST_UNANSWERED = 256
"""Calls to one node that may be open at once; beyond that it is not asked any more."""

SUSPECT_DEADLINE_S = 1.0
"""Longest wait for a node that has let an earlier call's deadline pass and still owes the answer."""


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A data node as the hub lists it."""

    name: str
    description: str
    capabilities: frozenset[str] = frozenset()


class Watcher(Protocol):
    """Is told, in the reactor thread, what changes."""

    def node_added(self, node: NodeInfo) -> None:
        """A node came online, or changed what it says of itself."""

    def node_subtracted(self, node: NodeInfo) -> None:
        """A node went offline."""

    def router_changed(self, here: bool) -> None:
        """The router came or went."""


class Consumer:
    """A session with the router that asks data nodes.

    Parameters
    ----------
    reactor : twisted reactor
    config : RouterConfig
        ``wamp_user`` is usually ``simonsobs``.
    log : structlog logger
    watcher : Watcher, optional
    fields_changed : callable, optional
        Is told of a live node that says that it would now list other fields (CONTRACT section 7.5).
    """

    def __init__(
        self,
        reactor: Any,
        config: RouterConfig,
        log: structlog.stdlib.BoundLogger,
        watcher: Watcher | None = None,
        fields_changed: Callable[[NodeInfo], None] | None = None,
    ) -> None:
        self._reactor = reactor
        self._log = log
        self._watcher = watcher
        self._fields_changed = fields_changed
        self._connection = Connection(reactor, config, self, log)
        self._compare = LoopingCall(self._compare_with_hub)
        self._compare.clock = reactor
        self._unanswered: dict[str, int] = {}
        self._overdue: dict[str, int] = {}
        self._hub_told = True
        self.nodes: dict[str, NodeInfo] = {}
        self.hub_here = False

    @property
    def router_here(self) -> bool:
        """Whether there is a session with the router."""
        return self._connection.session is not None

    def run(self) -> Deferred[None]:
        """Connect and stay connected; fires after `stop`, fails if the router refuses us at once."""
        return self._connection.run()

    async def stop(self) -> None:
        """Leave the router for good."""
        await self._connection.stop()

    async def joined(self, session: Any, _details: Any) -> None:
        """Follow the hub's events (see `sisock.connection.Owner`)."""
        await session.subscribe(self._on_added, uris.DATA_NODE_ADDED)
        await session.subscribe(self._on_subtracted, uris.DATA_NODE_SUBTRACTED)
        if self._fields_changed:
            await self._follow_updates(session)
        if self._watcher:
            self._watcher.router_changed(True)
        if self._compare.running:
            self._compare.stop()
        self._compare.start(COMPARE_INTERVAL_S)

    async def _follow_updates(self, session: Any) -> None:
        options = SubscribeOptions(match="wildcard", details_arg="details")
        try:
            await session.subscribe(self._on_updated, uris.UPDATED_OF_ANY, options=options)
        except ApplicationError as error:
            # A site's own roles may not allow it: fields are then looked for now and then only.
            self._log.debug("updates_not_allowed", why=error.error_message())

    def _on_updated(self, event: Any = None, *_args: Any, details: Any = None, **_kwargs: Any) -> None:
        node = self.nodes.get(uris.node_of_updated(details.topic) or "")
        if node and self._fields_changed and isinstance(event, dict) and event.get("fields") is True:
            self._fields_changed(node)

    def lost(self) -> None:
        """Forget who is online (see `sisock.connection.Owner`)."""
        if self._compare.running:
            self._compare.stop()
        self.hub_here = False
        self._unanswered.clear()
        self._overdue.clear()
        if self._watcher:
            self._watcher.router_changed(False)
        for node in list(self.nodes.values()):
            self._remove(node.name)

    def _on_added(self, entry: Any, **_kwargs: Any) -> None:
        node = _node_info(entry)
        if node is not None:
            self._add(node)
            if not node.capabilities or not self.hub_here:
                # The event of CONTRACT section 1 has no capabilities, the list has; and a hub that was
                # away is back.
                ensureDeferred(self._compare_with_hub())

    def _on_subtracted(self, entry: Any, **_kwargs: Any) -> None:
        node = _node_info(entry)
        if node is not None:
            self._remove(node.name)

    def _add(self, node: NodeInfo) -> None:
        known = self.nodes.get(node.name)
        if known == node or (known and known.capabilities and not node.capabilities):
            return
        self.nodes[node.name] = node
        if self._watcher:
            self._watcher.node_added(node)

    def _remove(self, name: str) -> None:
        node = self.nodes.pop(name, None)
        self._overdue.pop(name, None)
        if node and self._watcher:
            self._watcher.node_subtracted(node)

    async def _compare_with_hub(self) -> None:
        try:
            listed = await self.call("the hub", HUB_DEADLINE_S, uris.GET_DATA_NODE)
        except NodeError as error:
            self.hub_here = False
            if self._hub_told and self.router_here:
                self._log.warning("hub.away", why=str(error))
                self._hub_told = False
            return
        except CancelledError:
            return
        if not self._hub_told:
            self._log.info("hub.back")
            self._hub_told = True
        self.hub_here = True
        nodes = [node for node in map(_node_info, listed if isinstance(listed, list) else []) if node]
        for node in nodes:
            self._add(node)
        for name in set(self.nodes) - {node.name for node in nodes}:
            self._remove(name)

    async def get_fields(self, name: str, start: float, end: float, deadline_s: float) -> list[Field]:
        """List a node's fields.

        Parameters
        ----------
        name : str
            The data node.
        start, end : float
            Sisock times.
        deadline_s : float
            Seconds to wait.

        Raises
        ------
        NodeError
            If it is away, too slow, or answers something else.
        """
        reply = await self._ask(name, deadline_s, uris.get_fields(name), start, end)
        if (
            not isinstance(reply, list | tuple)
            or len(reply) != 2
            or not all(isinstance(r, dict) for r in reply)
        ):
            raise NodeError(f"{name}.get_fields answered {type(reply).__name__}, not [fields, timelines]")
        listed, timelines = reply
        return [_field(field, entry, timelines) for field, entry in listed.items() if isinstance(entry, dict)]

    async def fetch(
        self,
        name: str,
        fields: Sequence[str],
        start: float,
        end: float,
        *,
        deadline_s: float,
        max_points: int | None = None,
        min_stride: float | None = None,
    ) -> list[Any]:
        """Ask a node for data, packed and reduced if it can.

        Parameters
        ----------
        name : str
            The data node.
        fields : sequence of str
            Names of its fields.
        start, end : float
            Sisock times.
        deadline_s : float
            Seconds to wait for the whole reply.
        max_points : int, optional
            Most points per field; only sent to a node that announced that it knows it.
        min_stride : float, optional
            Least seconds between samples.

        Returns
        -------
        list
            The parts of the reply, for `sisock.wire.merge`.

        Raises
        ------
        TooMuchDataError
            If the node has more data than it is willing to send.
        NodeError
            If it is away, too slow, or failed.
        """
        node = self.nodes.get(name)
        able = node.capabilities if node else frozenset()
        extra: dict[str, Any] = {"packed": True} if "packed" in able else {}
        if max_points is not None and "max_points" in able:
            extra["max_points"] = max_points
        if min_stride is not None:
            extra["min_stride"] = min_stride
        received: list[Any] = []
        if "packed" in able:
            extra["options"] = CallOptions(on_progress=received.append)
        last = await self._ask(name, deadline_s, uris.get_data(name), list(fields), start, end, **extra)
        if last is False:
            raise TooMuchDataError(f"{name} has more data in this range than it is willing to send")
        received.append(last)
        return received

    async def get_data(
        self,
        name: str,
        fields: Sequence[str],
        start: float,
        end: float,
        *,
        deadline_s: float,
        timelines: Mapping[str, str] | None = None,
        max_points: int | None = None,
        min_stride: float | None = None,
    ) -> tuple[dict[str, Series], dict[str, str]]:
        """Ask a node for data and read its reply; see `fetch` and `sisock.wire.merge`."""
        received = await self.fetch(
            name, fields, start, end, deadline_s=deadline_s, max_points=max_points, min_stride=min_stride
        )
        return wire.merge(received, fields, timelines or {})

    async def _ask(self, name: str, deadline_s: float, procedure: str, *args: Any, **kwargs: Any) -> Any:
        unanswered = self._unanswered.get(name, 0)
        if unanswered >= MOST_UNANSWERED:
            raise NodeAwayError(f"{name} has not answered {unanswered} earlier calls")
        if self._overdue.get(name):
            deadline_s = min(deadline_s, SUSPECT_DEADLINE_S)
        return await self.call(name, deadline_s, procedure, *args, **kwargs)

    async def call(self, who: str, deadline_s: float, procedure: str, *args: Any, **kwargs: Any) -> Any:
        """Call any procedure.

        Parameters
        ----------
        who : str
            Whom the errors name.
        deadline_s : float
            Seconds to wait.
        procedure : str
            Its URI; further arguments are passed on.

        Raises
        ------
        NodeError
            If there is no usable answer in time.
        """
        session = self._connection.session
        if session is None:
            raise NodeAwayError("the router is away")
        try:
            call = session.call(procedure, *args, **kwargs)
        except TransportLost:
            raise NodeAwayError("the router is away") from None
        self._count(self._unanswered, who, 1)
        state = {"overdue": False}

        def answered(result: Any) -> Any:
            self._count(self._unanswered, who, -1)
            if state["overdue"]:
                self._count(self._overdue, who, -1)
            return result

        call.addBoth(answered)
        try:
            return await within(self._reactor, deadline_s, call, who)
        except ApplicationError as error:
            if error.error in (ApplicationError.NO_SUCH_PROCEDURE, ApplicationError.CANCELED):
                raise NodeAwayError(f"{who} is away") from error
            raise NodeError(f"{who}: {error.error_message()}") from error
        except DeadlineError:
            state["overdue"] = True
            self._count(self._overdue, who, 1)
            raise
        except (ConnectionError, TransportLost) as error:
            raise NodeAwayError("the router went away") from error

    @staticmethod
    def _count(counts: dict[str, int], who: str, change: int) -> None:
        number = max(0, counts.get(who, 0) + change)
        if number:
            counts[who] = number
        else:
            counts.pop(who, None)


def _node_info(entry: Any) -> NodeInfo | None:
    """A node from the hub's list or event; None if it is not one."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        return None
    capabilities = entry.get("capabilities") or ()
    return NodeInfo(entry["name"], str(entry.get("description") or ""), frozenset(map(str, capabilities)))


def _field(name: str, entry: dict[str, Any], timelines: dict[str, Any]) -> Field:
    timeline = str(entry.get("timeline") or name)
    interval = (timelines.get(timeline) or {}).get("interval")
    kind = entry.get("type")
    return Field(
        name,
        description=entry.get("description"),
        units=entry.get("units"),
        type=kind if kind in ("string", "bool") else "number",
        timeline=timeline,
        interval=interval if isinstance(interval, int | float) else None,
    )

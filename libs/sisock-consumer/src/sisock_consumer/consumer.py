"""The other side: who is online, which fields there are, and their data, each with a deadline.

The list of nodes is the hub's: read once, kept by its events, and compared with it every few
seconds, so that a hub that restarted, or an event that was lost, is noticed. A node that does not
answer costs its caller the deadline and nothing else. What nodes send is read by `sisock_consumer.replies`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import SubscribeOptions
from sisock import request_id, uris
from sisock.config import RouterConfig
from sisock.connection import Connection
from sisock.errors import NodeAwayError, NodeError, TooMuchDataError
from sisock.memory import Holes
from sisock.node import Bins, Field, Grid, Limits
from sisock.trouble import Trouble
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.task import LoopingCall

from sisock_consumer import bins, replies
from sisock_consumer.calls import Calls, Parts
from sisock_consumer.replies import Listing, Reading

MOST_REPLY_BYTES = 256 * 1024 * 1024
"""Most bytes of a reply unless said otherwise: no node of ours sends more."""

HUB_DEADLINE_S = 5.0
COMPARE_INTERVAL_S = 5.0
REPLICAS_ASKED = 4
"""How many replicas of a node a question goes to, one after the other, while they go away."""

_WHOLE = Limits()

T = TypeVar("T")


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
    most_reply_bytes : int
        A longer reply is refused, and the node told to stop.
    """

    def __init__(
        self,
        reactor: Any,
        config: RouterConfig,
        log: structlog.stdlib.BoundLogger,
        *,
        most_reply_bytes: int = MOST_REPLY_BYTES,
    ) -> None:
        self._reactor = reactor
        self._log = log
        self._watcher: Watcher | None = None
        self._fields_changed: Callable[[NodeInfo], None] | None = None
        self._updated: Callable[[NodeInfo], None] | None = None
        self._most_reply_bytes = most_reply_bytes
        self._connection = Connection(reactor, config, self, log)
        self._calls = Calls(reactor, self._connection)
        self._holes = Holes(reactor)
        self._compare = LoopingCall(self._compare_with_hub)
        self._compare.clock = reactor
        self._comparing: object | None = None
        self._compare_again = False
        self._hub_away = Trouble(log.warning, "hub.away")
        self.nodes: dict[str, NodeInfo] = {}
        self.hub_here = False

    @property
    def connection(self) -> Connection:
        """The connection to the router, to look at."""
        return self._connection

    @property
    def router_here(self) -> bool:
        """Whether there is a session with the router."""
        return self._connection.session is not None

    @property
    def why_away(self) -> str:
        """Why there is no session with the router, as far as is known."""
        return self._connection.why_away

    def watch(
        self,
        watcher: Watcher,
        fields_changed: Callable[[NodeInfo], None] | None = None,
        updated: Callable[[NodeInfo], None] | None = None,
    ) -> None:
        """Tell a watcher what changes; to be said before `run`.

        Parameters
        ----------
        watcher : Watcher
        fields_changed : callable, optional
            Is told of a live node that says that it would now list other fields (CONTRACT section 7.5).
        updated : callable, optional
            Is told of a live node that says that its data grew.
        """
        self._watcher, self._fields_changed, self._updated = watcher, fields_changed, updated

    def run(self) -> Deferred[None]:
        """Connect and stay connected; fires after `stop`, fails if the router refuses us at once."""
        return self._connection.run()

    async def stop(self) -> None:
        """Leave the router for good."""
        self._holes.stop()
        await self._connection.stop()

    async def joined(self, session: Any, _details: Any) -> None:
        """Follow the hub's events (see `sisock.connection.Owner`)."""
        await session.subscribe(self._on_added, uris.DATA_NODE_ADDED)
        await session.subscribe(self._on_subtracted, uris.DATA_NODE_SUBTRACTED)
        if self._fields_changed or self._updated:
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
        if node is None or not isinstance(event, dict):
            return
        if self._fields_changed and event.get("fields") is True:
            self._fields_changed(node)
        if self._updated:
            self._updated(node)

    def lost(self) -> None:
        """Forget who is online (see `sisock.connection.Owner`)."""
        if self._compare.running:
            self._compare.stop()
        self.hub_here = False
        self._comparing = None
        self._calls.forget()
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
        self._calls.trust(name)
        if node and self._watcher:
            self._watcher.node_subtracted(node)

    async def _compare_with_hub(self) -> None:
        """Read the hub's list; whoever wants that while it is under way has it read once more, afterwards."""
        self._compare_again = True
        if self._comparing is not None:
            return
        mine = self._comparing = object()
        try:
            while self._compare_again and self._comparing is mine:
                self._compare_again = False
                await self._compare_once(mine)
        finally:
            if self._comparing is mine:
                self._comparing = None

    async def _compare_once(self, mine: object) -> None:
        try:
            listed = await self.call("the hub", HUB_DEADLINE_S, uris.GET_DATA_NODE)
        except NodeError as error:
            if self._comparing is not mine:
                return
            self.hub_here = False
            if self.router_here and not self._hub_away.why:
                self._hub_away.tell(str(error))
            return
        except CancelledError:
            return
        if self._comparing is not mine:
            return
        if self._hub_away.over():
            self._log.info("hub.back")
        self.hub_here = True
        nodes = [node for node in map(_node_info, listed if isinstance(listed, list) else []) if node]
        for node in nodes:
            self._add(node)
        for name in set(self.nodes) - {node.name for node in nodes}:
            self._remove(name)

    async def get_fields(self, name: str, start: float, end: float, deadline_s: float) -> list[Field]:
        """List a node's fields; see `list_fields`, which says what could not be read, too."""
        return (await self.list_fields(name, start, end, deadline_s)).fields

    async def list_fields(self, name: str, start: float, end: float, deadline_s: float) -> Listing:
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
        extra = self._signed(self._able(name))

        def ask(left_s: float) -> Awaitable[Any]:
            return self._calls.ask(name, left_s, uris.get_fields(name), (start, end), extra)

        listing = replies.read_fields(name, await self._of_any(name, deadline_s, ask))
        self._holes.left_by(len(listing.fields))
        return listing

    async def get_data(
        self,
        name: str,
        fields: Sequence[str],
        start: float,
        end: float,
        *,
        deadline_s: float,
        timelines: Mapping[str, str] | None = None,
        limits: Limits = _WHOLE,
    ) -> Reading:
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
        timelines : mapping, optional
            Timeline of each field as ``get_fields`` had it, for replies that do not say it themselves.
        limits : Limits
            ``max_points`` is only sent to a node that announced that it knows it; another's series may be
            longer.

        Raises
        ------
        TooMuchDataError
            If the node has more data than it is willing to send.
        NodeError
            If it is away, too slow, or failed, or sent more than we take, or no data at all.
        """
        parts = await self._fetch(name, fields, start, end, deadline_s, limits)
        return replies.read_data(name, parts, fields, timelines or {})

    async def get_bins(
        self, name: str, fields: Sequence[str], start: float, end: float, *, deadline_s: float, grid: Grid
    ) -> tuple[dict[str, Bins], dict[str, str]]:
        """Have a node sum samples up in even bins; it must have announced that it can (`bins`).

        Returns
        -------
        bins : dict of Bins
            One for each field that has samples and could be read.
        problems : dict of str
            A sentence for each that could not be read.

        Raises
        ------
        TooMuchDataError, NodeError
            As `get_data` does.
        """
        return bins.read_bins(
            name, await self._fetch(name, fields, start, end, deadline_s, _WHOLE, grid), fields
        )

    def _able(self, name: str) -> frozenset[str]:
        node = self.nodes.get(name)
        return node.capabilities if node else frozenset()

    @staticmethod
    def _signed(able: frozenset[str]) -> dict[str, Any]:
        """The keyword that says for which request a question is, to a node that understands it."""
        request = request_id.current()
        return {request_id.KEY: request} if request and request_id.KEY in able else {}

    async def _fetch(
        self,
        name: str,
        fields: Sequence[str],
        start: float,
        end: float,
        deadline_s: float,
        limits: Limits,
        grid: Grid | None = None,
    ) -> list[Any]:
        """The parts of a node's reply, for `sisock_consumer.replies`."""
        able = self._able(name)
        extra = self._signed(able)
        if "packed" in able:
            extra["packed"] = True
        if "stepped" in able and "packed" in able and grid is None:
            extra["stepped"] = True
        if limits.max_points is not None and "max_points" in able:
            extra["max_points"] = limits.max_points
        if limits.min_stride is not None:
            extra["min_stride"] = limits.min_stride
        if grid is not None:
            extra["bins"] = {"width": grid.width / 1e6, "offset": grid.offset / 1e6}
        asked = (list(fields), start, end)

        async def ask(left_s: float) -> list[Any]:
            parts = Parts(name, self._most_reply_bytes)
            # A node of the predecessor's sends no parts, and must not notice that nobody waits any more.
            in_parts = parts if able & {"packed", "parts"} else None
            last = await self._calls.ask(name, left_s, uris.get_data(name), asked, extra, in_parts)
            if last is False:
                raise TooMuchDataError(f"{name} has more data in this range than it is willing to send")
            parts.take(last)
            if parts.full:
                raise parts.too_long()
            return parts.taken

        return await self._of_any(name, deadline_s, ask)

    async def _of_any(self, name: str, deadline_s: float, ask: Callable[[float], Awaitable[T]]) -> T:
        """Ask a node, and, if it has replicas and the one that was asked went away, another of them."""
        until = self._reactor.seconds() + deadline_s
        for tries_left in reversed(range(REPLICAS_ASKED)):
            try:
                return await ask(until - self._reactor.seconds())
            except NodeAwayError:
                node = self.nodes.get(name)
                here = node is not None and "replicas" in node.capabilities and self.router_here
                if not tries_left or not here or self._reactor.seconds() >= until:
                    raise
        raise AssertionError("unreachable")

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
        return await self._calls.call(who, deadline_s, procedure, args, kwargs)


def _node_info(entry: Any) -> NodeInfo | None:
    """A node from the hub's list or event; None if it is not one."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        return None
    description, capabilities = entry.get("description"), entry.get("capabilities")
    return NodeInfo(
        entry["name"],
        replies.shown(description) if isinstance(description, str) else "",
        frozenset(filter(lambda one: isinstance(one, str), capabilities))
        if isinstance(capabilities, list | tuple)
        else frozenset(),
    )

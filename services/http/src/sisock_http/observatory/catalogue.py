"""Who is online and which fields they have, kept by events: no request has to ask for it.

Nodes are asked for their fields when they come online and now and then afterwards, in the
background. Knows nothing of HTTP.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from sisock.errors import NodeError
from sisock.node import Field
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Listing
from sisock_consumer.target import Target
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import LoopingCall

from sisock_http.observatory.names import Named, Names, folded
from sisock_http.observatory.sources import Sources

FIELDS_DEADLINE_S = 10.0
REFRESH_INTERVAL_S = 60.0
SWEEP_INTERVAL_S = 5.0
"""How often to look whose fields are due; a node that had none yet is asked each time."""

SOONEST_REFRESH_S = 2.0
SOONEST_CHANGE_S = 0.5
"""The same for a node that says itself that its fields changed."""

MOST_EVENTS = 10_000
MOST_PROBLEMS = 5


class Lister(Protocol):
    """Lists a node's fields, as `sisock_consumer.consumer.Consumer` does."""

    async def list_fields(self, name: str, start: float, end: float, deadline_s: float) -> Listing:
        """List them, or raise `NodeError`."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the stack, for annotations."""

    t: float
    node: str
    online: bool
    text: str

    @property
    def title(self) -> str:
        """What happened, in two words."""
        return f"{self.node} {self.tags[1]}"

    @property
    def tags(self) -> list[str]:
        """The node, and what became of it."""
        return [self.node, "online" if self.online else "offline"]


@dataclass(slots=True)
class OnlineNode:
    """What is known of one node that is online."""

    info: NodeInfo
    fields: dict[str, Field] = field(default_factory=dict)
    asked_at: float = float("-inf")
    asking: bool = False
    changed: bool = False
    problem: str = ""
    torn: set[str] = field(default_factory=set)
    """Timelines that several fields name with times that differ, as old nodes do."""
    told: set[str] = field(default_factory=set)
    """Fields whose data could not be read, which the log has said."""

    @property
    def timelines(self) -> dict[str, str]:
        """Timeline of each field."""
        return {name: known.timeline_name for name, known in self.fields.items()}


class Catalogue:
    """Keeps the list of nodes and fields (see `sisock_consumer.consumer.Watcher`).

    Parameters
    ----------
    reactor : IReactorTime
    clock : callable
        The present, UNIX seconds.
    log : structlog logger
    lister : Lister
        Asks nodes for their fields.
    """

    def __init__(
        self, reactor: Any, clock: Callable[[], float], log: structlog.stdlib.BoundLogger, lister: Lister
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._log = log
        self._lister = lister
        self._settled = False
        self._sweep = LoopingCall(self._refresh_due)
        self._sweep.clock = reactor
        self._names = Names()
        self.online: dict[str, OnlineNode] = {}
        self.sources = Sources()
        self.events: deque[Event] = deque(maxlen=MOST_EVENTS)

    @property
    def settled(self) -> bool:
        """Whether every node that was online when the router came has been asked for its fields.

        A node that comes later does not take that back.
        """
        if not self._settled:
            self._settled = all(entry.asked_at > float("-inf") for entry in self.online.values())
        return self._settled

    def now(self) -> float:
        """The present, UNIX seconds."""
        return self._clock()

    def field(self, target: Target) -> Field | None:
        """What is known of a field."""
        entry = self.online.get(target.node)
        return entry.fields.get(target.field) if entry else None

    def named(self) -> list[Named]:
        """Every field of every node, sorted as they are written."""
        return self._names.of((name, entry.fields) for name, entry in self.online.items())

    def targets(self) -> list[Target]:
        """Every field of every node, sorted as they are written."""
        return [one.target for one in self.named()]

    def search(self, text: str) -> list[str]:
        """Targets that contain a text, or whose source does, in any case, ``_`` for blanks; all for none."""
        wanted = folded(text.strip())
        return [one.written for one in self.named() if wanted in one.name or wanted in one.source]

    def node_added(self, node: NodeInfo) -> None:
        """A node came online, or says something new of itself."""
        entry = self.online.get(node.name)
        if entry is None:
            self.online[node.name] = OnlineNode(node)
            self._happened(node, online=True)
        else:
            entry.info = node
        self.refresh(node.name)

    def node_subtracted(self, node: NodeInfo) -> None:
        """A node went offline."""
        if self.online.pop(node.name, None):
            self.sources.left(node.name, self._clock())
            self._happened(node, online=False)

    def router_changed(self, here: bool) -> None:
        """The router came or went; its nodes are told one by one."""
        self._settled = False
        if self._sweep.running:
            self._sweep.stop()
        if here:
            self._sweep.start(SWEEP_INTERVAL_S, now=False)
        self._log.info("router.here" if here else "router.gone")

    def _happened(self, node: NodeInfo, *, online: bool) -> None:
        self._log.info("node.online" if online else "node.offline", node=node.name)
        self.events.append(Event(self._clock(), node.name, online, node.description))

    def _refresh_due(self) -> None:
        due = self._reactor.seconds() - REFRESH_INTERVAL_S
        for name, entry in list(self.online.items()):
            if not entry.fields or entry.asked_at <= due:
                self.refresh(name)

    def refresh(self, name: str) -> None:
        """Ask a node for its fields again, unless that was done a moment ago."""
        entry = self.online.get(name)
        now = self._reactor.seconds()
        if entry is None or entry.asking or now - entry.asked_at < SOONEST_REFRESH_S:
            return
        entry.asking = True
        ensureDeferred(self._ask(name, entry))

    def fields_changed(self, node: NodeInfo) -> None:
        """Ask a node for its fields again as soon as that is possible: it says that they changed."""
        entry = self.online.get(node.name)
        if entry is not None and not entry.changed:
            entry.changed = True
            wait = max(0.0, entry.asked_at + SOONEST_CHANGE_S - self._reactor.seconds())
            self._reactor.callLater(wait, self._ask_anew, node.name, entry)

    def _ask_anew(self, name: str, entry: OnlineNode) -> None:
        if self.online.get(name) is not entry:
            return
        if entry.asking:
            # What is asked already may be answered from before the change.
            self._reactor.callLater(SOONEST_CHANGE_S, self._ask_anew, name, entry)
            return
        entry.changed, entry.asking = False, True
        ensureDeferred(self._ask(name, entry))

    async def _ask(self, name: str, entry: OnlineNode) -> None:
        try:
            # From 1 s after the epoch until now: every field there is, as the predecessor asked.
            listing = await self._lister.list_fields(name, 1, 0, FIELDS_DEADLINE_S)
        except NodeError as error:
            problem = str(error)
        else:
            fields = {known.name: known for known in listing.fields}
            if fields != entry.fields:
                entry.fields = fields
            if self.online.get(name) is entry:
                self.sources.listed(name, listing.fields)
            problem = "; ".join(listing.problems[:MOST_PROBLEMS])
        finally:
            entry.asking = False
            entry.asked_at = self._reactor.seconds()
        if problem and problem != entry.problem:
            self._log.warning("fields.unknown", node=name, why=problem)
        entry.problem = problem

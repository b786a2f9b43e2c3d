"""Who is online and which fields they have, kept by events: no request has to ask for it.

Nodes are asked for their fields when they come online and now and then afterwards, in the
background. Knows nothing of HTTP.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from sisock.blocking import in_thread
from sisock.errors import NodeError
from sisock.node import Field
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Listing
from sisock_consumer.target import Target
from sisock_site import EMPTY, Conversion, Site
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import LoopingCall

from sisock_http.observatory.described import Described, describe
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
FEW_FIELDS = 200
"""To hold more than that against the site's file is a thread's work."""


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
    """What is known of one node that is online; `fields` and what follows them as in `Described`."""

    info: NodeInfo
    fields: Mapping[str, Field] = field(default_factory=dict)
    asked_at: float = float("-inf")
    asking: bool = False
    changed: bool = False
    problem: str = ""
    torn: set[str] = field(default_factory=set)
    """Timelines that several fields name with times that differ, as old nodes do."""
    told: set[str] = field(default_factory=set)
    """Fields whose data could not be read, which the log has said."""
    said: Mapping[str, Field] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    conversions: Mapping[str, Conversion] = field(default_factory=dict)

    def take(self, described: Described) -> None:
        """Have other fields; what is the same stays the same object, by which others know it again."""
        if (described.fields, described.labels) != (self.fields, self.labels):
            self.fields, self.labels = described.fields, described.labels
        if described.said != self.said:
            self.said = described.said
        if described.conversions != self.conversions:
            self.conversions = described.conversions

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
    site : callable, optional
        What the site's file says now.
    """

    def __init__(
        self,
        reactor: Any,
        clock: Callable[[], float],
        log: structlog.stdlib.BoundLogger,
        lister: Lister,
        site: Callable[[], Site] = lambda: EMPTY,
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._log = log
        self._lister = lister
        self._site = site
        self._settled = False
        self._sweep = LoopingCall(self._refresh_due)
        self._sweep.clock = reactor
        self._names = Names()
        self.online: dict[str, OnlineNode] = {}
        self.changes = 0
        """How often a node came, went, or was asked for its fields: as long as it is the same, all is."""
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
        """What is known of a field, of its values as they are shown."""
        entry = self.online.get(target.node)
        return entry.fields.get(target.field) if entry else None

    def said(self, target: Target) -> Field | None:
        """What a field's own node says of it, and of the values that it has."""
        entry = self.online.get(target.node)
        return entry.said.get(target.field) if entry else None

    def label(self, target: Target) -> str:
        """What people call a field; empty if nobody says."""
        entry = self.online.get(target.node)
        return entry.labels.get(target.field, "") if entry else ""

    def named(self) -> list[Named]:
        """Every field of every node, sorted as they are written."""
        return self._names.of((name, entry.fields, entry.labels) for name, entry in self.online.items())

    def targets(self) -> list[Target]:
        """Every field of every node, sorted as they are written."""
        return [one.target for one in self.named()]

    def search(self, text: str) -> list[str]:
        """Targets that a text finds (`Named.has`); all for none."""
        wanted = folded(text.strip())
        return [one.written for one in self.named() if one.has(wanted)]

    def node_added(self, node: NodeInfo) -> None:
        """A node came online, or says something new of itself."""
        self.changes += 1
        entry = self.online.get(node.name)
        if entry is None:
            self.online[node.name] = OnlineNode(node)
            self._happened(node, online=True)
        else:
            entry.info = node
        self.refresh(node.name)

    def node_subtracted(self, node: NodeInfo) -> None:
        """A node went offline."""
        self.changes += 1
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
            await self._take(name, entry, listing.fields)
            problem = "; ".join(listing.problems[:MOST_PROBLEMS])
        finally:
            entry.asking = False
            entry.asked_at = self._reactor.seconds()
        if problem and problem != entry.problem:
            self._log.warning("fields.unknown", node=name, why=problem)
        entry.problem = problem

    async def _take(self, name: str, entry: OnlineNode, listed: Sequence[Field]) -> None:
        described = await self.describe(name, listed)
        entry.take(described)
        self.changes += 1
        if self.online.get(name) is entry:
            self.sources.listed(name, entry.fields.values())

    async def describe(self, name: str, listed: Sequence[Field]) -> Described:
        """What the site's file says of fields that a node lists."""
        while True:
            site = self._site()
            described = (
                describe(site, name, listed)
                if site is EMPTY or len(listed) <= FEW_FIELDS
                else await in_thread(self._reactor, describe, site, name, listed)
            )
            if self._site() is site:
                return described

    def site_changed(self) -> None:
        """The site's file says something else, of fields that are known already, too."""
        for name, entry in self.online.items():
            # Who is being asked takes the answer as the file has it by then.
            if not entry.asking and entry.fields:
                entry.asking = True
                ensureDeferred(self._describe_anew(name, entry))

    async def _describe_anew(self, name: str, entry: OnlineNode) -> None:
        try:
            await self._take(name, entry, list(entry.said.values()))
        finally:
            entry.asking = False

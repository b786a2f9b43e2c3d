"""Follows all data nodes: when to ask which of them for what, so that many fields cost little.

A node is asked for all its fields in one question, for the last sample of each alone: live nodes every few
seconds, the rarer the more fields there are; fields with limits or a time of silence as soon as their node
says that data grew. Runs in the reactor thread.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from sisock import uris
from sisock.blocking import in_thread
from sisock.errors import NodeError, TooMuchDataError
from sisock.node import Field, Limits
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Listing, Reading
from sisock_site import Facts, Site, SiteFile
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import LoopingCall

from sisock_watch.roll import RETURN_S, Happening, Roll

TICK_S = 0.5
SAMPLES_PER_S = 1000.0
"""Most last samples that are asked for in a second, of each kind of question."""

QUICK_S, LIVE_S, ARCHIVE_S = 1.0, 2.0, 30.0
WIDE_EVERY_S, RELIST_S, RETRY_LIST_S, LOOK_S = 60.0, 300.0, 5.0, 5.0
NARROW_S, HOUR_S, DAY_S = 30.0, 3600.0, 86400.0
SEARCH_S = 1.0
MOST_AT_ONCE = 1_000
"""A node that has more is asked for some after the other: who answers for all is busy for long."""

BACK_S = (HOUR_S, DAY_S, 30 * DAY_S)
"""How far back to look, one after the other, for fields of which nothing was heard yet."""

FUTURE_S = 7 * DAY_S
DEADLINE_S = 10.0
QUICK_POINTS = 40
MOST_QUICK_S = 120.0


class Asker(Protocol):
    """Asks nodes, as `sisock_consumer.consumer.Consumer` does."""

    hub_here: bool

    async def list_fields(self, name: str, start: float, end: float, deadline_s: float) -> Listing:
        """List fields, or raise `NodeError`."""

    async def get_data(
        self,
        name: str,
        fields: Sequence[str],
        start: float,
        end: float,
        *,
        deadline_s: float,
        timelines: Mapping[str, str] | None = None,
        limits: Limits = ...,
    ) -> Reading:
        """Read data, or raise `NodeError`."""


@dataclass(slots=True)
class Followed:
    """One node that is online, and when it was asked for what; UNIX seconds."""

    info: NodeInfo
    names: list[str] = field(default_factory=list)
    timelines: dict[str, str] = field(default_factory=dict)
    """Of its fields, by name; empty if its answers say it themselves."""

    quick: list[str] = field(default_factory=list)
    busy: bool = False
    listing: bool = False
    grew: bool = True
    listed_at: float = float("-inf")
    named_at: float = float("-inf")
    quick_at: float = float("-inf")
    all_at: float = float("-inf")
    wide_at: float = float("-inf")
    back: int = 0
    """How many of `BACK_S` were looked at for what was never heard."""

    cursor: int = 0
    """Which fields are asked for next."""

    search_at: float = float("-inf")
    search_s: float = HOUR_S
    search: list[str] = field(default_factory=list)
    """What is still to be looked for, so far back."""

    @property
    def live(self) -> bool:
        """Whether it says when data grew."""
        return "live" in self.info.capabilities

    @property
    def reduces(self) -> bool:
        """Whether it can send the last sample alone."""
        return "max_points" in self.info.capabilities


class Follower:
    """Keeps a roll current (see `sisock_consumer.consumer.Watcher`).

    Parameters
    ----------
    reactor : twisted reactor
    clock : callable
        The present, UNIX seconds; may be set back, which is passed over.
    log : structlog logger
    asker : Asker
    roll : Roll
    site_file : SiteFile
    record : callable
        Is given what happened, and fields that are new or were listed anew.
    """

    def __init__(
        self,
        reactor: Any,
        clock: Callable[[], float],
        log: structlog.stdlib.BoundLogger,
        asker: Asker,
        roll: Roll,
        site_file: SiteFile,
        record: Callable[[list[Happening], Mapping[str, str]], None],
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._log = log
        self._asker = asker
        self._roll = roll
        self._site_file = site_file
        self._record = record
        self._latest = float("-inf")
        self._looked_at = float("-inf")
        self._looking = False
        self._missing_said = False
        self._tick = LoopingCall(self._look_round)
        self._tick.clock = reactor
        self.followed: dict[str, Followed] = {}

    def now(self) -> float:
        """The present, which never goes back."""
        self._latest = max(self._latest, self._clock())
        return self._latest

    def start(self) -> None:
        """Begin to look round; what the site's file says is known before any field is."""
        if news := self._site_file.look():
            news.tell(self._log)
        self._looked_at = self.now()
        self._tick.start(TICK_S)

    def stop(self) -> None:
        """Look round no more."""
        if self._tick.running:
            self._tick.stop()

    def node_added(self, node: NodeInfo) -> None:
        """A node is online, or says something new of itself."""
        if node.name == uris.WATCH:
            return
        known = self.followed.get(node.name)
        if known is None:
            self.followed[node.name] = Followed(node)
        else:
            known.info = node
        live = "live" in node.capabilities
        self._record(self._roll.node_came(self.now(), node.name, live=live), {})
        self._list(self.followed[node.name])

    def node_subtracted(self, node: NodeInfo) -> None:
        """A node is offline."""
        if self.followed.pop(node.name, None) is not None:
            self._record(self._roll.node_went(self.now(), node.name), {})

    def router_changed(self, here: bool) -> None:
        """The router came or went."""
        self._missing_said = False
        self._record(self._roll.router(self.now(), here=here), {})

    def fields_changed(self, node: NodeInfo) -> None:
        """A node says that it would list other fields."""
        known = self.followed.get(node.name)
        if known is not None:
            known.listed_at = float("-inf")

    def updated(self, node: NodeInfo) -> None:
        """A node says that data grew."""
        known = self.followed.get(node.name)
        if known is not None:
            known.grew = True
            self._ask_due(known)

    def _look_round(self) -> None:
        now = self.now()
        self._record(self._roll.tick(now), {})
        if (
            not self._missing_said
            and self._roll.router_here
            and self._asker.hub_here
            and now - self._roll.since > RETURN_S
        ):
            self._missing_said = True
            self._record(self._roll.missed(now), {})
        for known in list(self.followed.values()):
            again = RELIST_S if known.names else RETRY_LIST_S
            node = self._roll.nodes[known.info.name]
            if now - known.listed_at > again or (node.coming and now - node.since > RETURN_S):
                self._list(known)
            self._ask_due(known)
        if now - self._looked_at > LOOK_S and not self._looking:
            self._looking, self._looked_at = True, now
            ensureDeferred(self._look_at_site()).addErrback(self._failed)

    def _failed(self, failure: Any) -> None:
        self._looking = False
        self._log.error("watch.failed", why=str(failure.value), exc_info=failure.value)

    async def _look_at_site(self) -> None:
        """Read the site's file again if it changed."""
        news = await in_thread(self._reactor, self._site_file.look)
        if news:
            news.tell(self._log)
        if news and news.changed:
            # Fields are not kept: each node says them again, also one that is about to.
            for known in self.followed.values():
                known.listed_at = float("-inf")
        self._looking = False

    def _list(self, known: Followed) -> None:
        if not known.listing:
            known.listing = True
            ensureDeferred(self._ask_for_fields(known)).addErrback(self._failed)

    async def _ask_for_fields(self, known: Followed) -> None:
        name = known.info.name
        known.listed_at = self.now()
        try:
            listing = await self._asker.list_fields(name, 1, 0, DEADLINE_S)
            if self.followed.get(name) is known:
                self._roll.trouble(name, "; ".join(listing.problems[:3]))
                await self._take(known, listing.fields)
        except NodeError as error:
            self._roll.trouble(name, str(error))
        finally:
            known.listing = False
        self._ask_due(known)

    async def _take(self, known: Followed, fields: list[Field]) -> None:
        """Hold a node's fields against the site's file; many of them take a while."""
        facts = await in_thread(self._reactor, facts_of, self._site_file.site, known.info.name, fields)
        if self.followed.get(known.info.name) is not known:
            return
        now = self.now()
        fresh = {one.name for one in fields} != set(known.names)
        if fresh:
            known.names = [one.name for one in fields]
        if "packed" not in known.info.capabilities:
            known.timelines = {one.name: sys.intern(one.timeline_name) for one in fields}
        quick = {
            one.name
            for one, fact in zip(fields, facts, strict=True)
            if known.live and (fact.limits is not None or (fact.silent_after or MOST_QUICK_S) < MOST_QUICK_S)
        }
        # The texts that are kept already, not those of this listing.
        known.quick = [name for name in known.names if name in quick]
        if fresh:
            known.back, known.search, known.cursor = 0, [], 0
        named: dict[str, str] = {}
        if fresh or now - known.named_at > DAY_S:
            known.named_at = now
            named = {fact.identity: fact.target for fact in facts}
        happened = self._roll.listed(now, known.info.name, _drained(fields, facts))
        self._record(happened, named)

    def _ask_due(self, known: Followed) -> None:
        """Ask a node what is due, one question at a time."""
        if known.busy or not known.names:
            return
        question = self._due(known, self.now())
        if question is not None:
            known.busy = True
            ensureDeferred(self._ask(known, *question)).addErrback(self._failed)

    def _due(self, known: Followed, now: float) -> tuple[list[str], float, Limits] | None:
        """Which fields to ask for, from when on, and how much of them."""
        total = sum(len(one.names) for one in self.followed.values())
        quick_s = max(QUICK_S, sum(len(one.quick) for one in self.followed.values()) / SAMPLES_PER_S)
        if known.quick and known.grew and now - known.quick_at >= quick_s - TICK_S / 2:
            known.grew, known.quick_at = False, now
            limits = Limits(QUICK_POINTS) if known.reduces else Limits()
            return known.quick, self._heard_until(known, now), limits
        period_s = max(LIVE_S if known.live else ARCHIVE_S, total / SAMPLES_PER_S)
        last = Limits(2) if known.reduces else Limits()
        some = known.names[known.cursor : known.cursor + MOST_AT_ONCE]
        if now - known.all_at >= period_s * len(some) / len(known.names):
            known.all_at = now
            known.cursor = (known.cursor + len(some)) % len(known.names)
            return some, now - max(NARROW_S, 3 * period_s), last
        if known.reduces and now - known.search_at >= SEARCH_S:
            known.search_at = now
            names = self._to_be_found(known, now)
            if names:
                return names, now - known.search_s, last
        return None

    def _to_be_found(self, known: Followed, now: float) -> list[str]:
        """Fields whose last sample is to be looked for farther back, some at a time."""
        while not known.search and known.back < len(BACK_S):
            known.search, known.search_s = self._older(known, -float("inf")), BACK_S[known.back]
            known.back += 1
        if not known.search and now - known.wide_at > WIDE_EVERY_S:
            # What came late, or seldom.
            known.wide_at = now
            known.search, known.search_s = self._older(known, now - NARROW_S), HOUR_S
        names, known.search = known.search[:MOST_AT_ONCE], known.search[MOST_AT_ONCE:]
        return names

    def _older(self, known: Followed, before: float) -> list[str]:
        """Fields of which nothing later than that was heard."""
        identities, board = self._roll.nodes[known.info.name].identities, self._roll.board
        return [
            name for name, identity in identities.items() if (t := board[identity].t) is None or t < before
        ]

    def _heard_until(self, known: Followed, now: float) -> float:
        """Since when there may be samples of quick fields that were not heard yet."""
        identities = self._roll.nodes[known.info.name].identities
        heard = [self._roll.board[identities[name]].t for name in known.quick if name in identities]
        recent = [t for t in heard if t is not None and now - MOST_QUICK_S < t <= now]
        return min(recent, default=now - MOST_QUICK_S)

    async def _ask(self, known: Followed, names: list[str], start: float, limits: Limits) -> None:
        name = known.info.name
        try:
            reading = await self._asker.get_data(
                name,
                names,
                start,
                self.now() + FUTURE_S,
                deadline_s=DEADLINE_S,
                timelines=known.timelines,
                limits=limits,
            )
        except TooMuchDataError as error:
            self._roll.trouble(name, str(error))
        except NodeError as error:
            if self.followed.get(name) is known:
                self._roll.trouble(name, str(error))
        else:
            if self.followed.get(name) is known:
                self._roll.trouble(name, "")
                self._record(self._roll.heard(self.now(), name, reading.series.values()), {})
        finally:
            known.busy = False


def facts_of(site: Site, node: str, fields: Sequence[Field]) -> list[Facts]:
    """What is known of each field of a node."""
    return [site.facts(node, one) for one in fields]


def _drained(fields: list[Field], facts: list[Facts]) -> Iterator[tuple[Field, Facts]]:
    """Pairs of both, which are let go one by one: what is made of them takes their place."""
    fields.reverse()
    facts.reverse()
    while fields:
        yield fields.pop(), facts.pop()

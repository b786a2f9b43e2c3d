"""Every field that is, was, or ought to be here: who holds it, how it is, and why, in words.

Holds no clock and asks nobody: `now` is an argument, UNIX seconds by our clock, and what comes out is
`Happening`s, for whoever keeps them. How a field's state follows from its samples is `sisock_site.states`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sisock.node import Field, Series
from sisock_site import Conversion, Facts, Site
from sisock_site.states import Board, Change, State

ROUTER_AWAY = "the router is away"
NEVER = float("inf")
GROWN_TWICE = 2
"""So often must an archive have grown, before our eyes, until a pause of it means something."""

RETURN_S = 10.0
"""So long has a node, after the router came back, or it itself did, to be there with all that it had."""

AN_ARCHIVE = "an archive, which was not seen to grow"
MOST_SHARED = 10_000

MOST_FIELDS = 100_000
WORTH_TELLING = frozenset({State.SILENT, State.WARNING, State.ALARM})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Happening:
    """For the history: `what` is a state, ``came``, ``went``, ``router_here`` or ``router_away``."""

    t: float
    what: str
    target: str
    why: str = ""
    before: str = ""
    told: bool = True
    """Whether it is an event for people; a state that is only part of something larger is none."""


@dataclass(slots=True)
class Entry:
    """One measured thing.

    Attributes
    ----------
    target : str
        ``node::field`` of its first holder.
    facts : Facts
        As its first holder has them, without its names: fields of which the same is known share one.
    holders : tuple of str
        Fields that measure it, ``node::field``; those of a node that is away stay.
    feed : (str, str)
        Node and timeline of the first holder.
    archive : bool
        Whether no live node holds it.
    grown : int
        How often it was seen to grow.
    seq : int
        When it changed last, in the order of all changes.
    """

    target: str
    facts: Facts
    holders: tuple[str, ...] = ()
    feed: tuple[str, str] = ("", "")
    archive: bool = False
    grown: int = 0
    seq: int = 0
    quick: bool = False


@dataclass(slots=True)
class Node:
    """A data node that is or was here."""

    name: str
    since: float
    here: bool = True
    live: bool = False
    problem: str = ""
    coming: bool = False
    """Whether it came a moment ago, and has not all yet that it had."""

    identities: dict[str, str] = field(default_factory=dict)
    """What each of its fields measures, by the field's name."""

    conversions: dict[str, Conversion] = field(default_factory=dict)
    """What is done with values of some of its fields, by the field's name."""

    feeds: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Its feeds, node and timeline, by timeline: the same for all that have one."""

    seq: int = 0


class Roll:
    """All fields and nodes, each with its state.

    Parameters
    ----------
    now : float
        UNIX seconds.
    known : mapping
        What earlier runs knew: target of each identity.
    """

    def __init__(self, now: float, known: Mapping[str, str]) -> None:
        self.board = Board()
        self.entries: dict[str, Entry] = {}
        self.nodes: dict[str, Node] = {}
        self.seq = 0
        self.router_here = False
        self.since = self.began = now
        self._newest: dict[tuple[str, str], float] = {}
        self._shared: dict[Facts, Facts] = {}
        for identity, target in known.items():
            self.entries[identity] = Entry(target, self._share(Facts("", "")), (target,))
            self.board.watch(identity, now, silent_after=NEVER)
            self.board.lose([identity], now, ROUTER_AWAY)
            self._bump(identity)

    def _share(self, facts: Facts) -> Facts:
        """The same facts without the names, as one object for all fields of which that is known."""
        nameless = replace(facts, target="", identity="")
        if len(self._shared) >= MOST_SHARED:
            self._shared.clear()
        return self._shared.setdefault(nameless, nameless)

    def absent(self, site: Site) -> list[str]:
        """Fields that the site's file expects, and that nobody ever had."""
        return site.missing(_Names(self.entries))

    def _bump(self, identity: str) -> None:
        self.seq += 1
        self.entries[identity].seq = self.seq

    def _bump_node(self, node: Node) -> None:
        self.seq += 1
        node.seq = self.seq

    def _told(self, changes: Iterable[Change], *, bulk: bool) -> Iterator[Happening]:
        for change in changes:
            identity = str(change.key)
            self._bump(identity)
            told = not bulk and not {change.state, change.before}.isdisjoint(WORTH_TELLING)
            why = self.why(identity, change.since) if change.state is not State.FRESH else ""
            yield Happening(change.since, str(change.state), identity, why, str(change.before), told)

    def listed(self, now: float, name: str, fields: Iterable[tuple[Field, Facts]]) -> list[Happening]:
        """A node says which fields it has."""
        node = self.nodes.get(name)
        if node is None:
            return []
        # What time alone did is told as that, and not lost among what the node says.
        said = self.tick(now)
        changes: list[Change] = []
        young, were = now - node.since < RETURN_S, node.coming
        node.coming = False
        # Texts that are known stay the same objects: new ones amid a long reply would keep its memory.
        earlier, node.conversions = dict(node.identities), {}
        listed: set[str] = set()
        own: dict[str, tuple[str, ...]] = {}
        for one, facts in fields:
            if facts.identity not in self.entries and len(self.entries) >= MOST_FIELDS:
                continue
            identity = node.identities[one.name] = _kept(earlier.get(one.name), facts.identity)
            listed.add(one.name)
            if facts.conversion is not None:
                node.conversions[one.name] = facts.conversion
            # Several, if one was renamed.
            own[identity] = (*own.get(identity, ()), facts.target)
            changes += self._hold(now, node, one, facts, own[identity])
        for gone in earlier.keys() - listed:
            del node.identities[gone]
        for identity in list(self.entries):
            # Also what an earlier run of ours knew of this node.
            holders = self.entries[identity].holders
            if identity not in own and any(_node(holder) == name for holder in holders):
                changes += self._let_go(now, node, identity, young=young)
        if earlier != node.identities or were != node.coming:
            self._bump_node(node)
        return said + list(self._told(changes, bulk=True))

    def _hold(self, now: float, node: Node, one: Field, facts: Facts, own: tuple[str, ...]) -> list[Change]:
        entry = self.entries.get(facts.identity)
        if entry is None:
            entry = self.entries[facts.identity] = Entry(facts.target, facts, archive=not node.live)
        others = tuple(holder for holder in entry.holders if _node(holder) != node.name)
        leader = _node(entry.holders[0]) if entry.holders else node.name
        # Who is here goes before who is away, a live node before an archive.
        first = leader == node.name or (node.live and entry.archive) or not self._is_here(leader)
        entry.holders = _kept(entry.holders, own + others if first else others + own)
        anew = first and self._lead(entry, node, one.timeline_name)
        if first:
            entry.target, entry.facts = _kept(entry.target, facts.target), self._share(facts)
            entry.quick = facts.limits is not None or facts.silent_after is not None
        known = facts.identity in self.board
        before = self.board[facts.identity].lost if known else ""
        changes = self._watch(now, facts.identity, entry, one.interval, anew=anew)
        if not known:
            self._bump(facts.identity)
        elif before:
            changes += self.board.resume([facts.identity], now)
            self._bump(facts.identity)
        return changes

    @staticmethod
    def _lead(entry: Entry, node: Node, timeline: str) -> bool:
        """A node stands for an entry; whether samples come in another rhythm because of that."""
        entry.feed = node.feeds.setdefault(timeline, (node.name, timeline))
        if entry.archive != node.live:
            return False
        entry.archive, entry.grown = not node.live, 0
        return True

    def _watch(
        self, now: float, identity: str, entry: Entry, interval: float | None = None, *, anew: bool = False
    ) -> list[Change]:
        facts = entry.facts
        return self.board.watch(
            identity,
            now,
            limits=facts.limits,
            silent_after=facts.silent_after,
            interval=interval,
            # It may be complete, or grow once a day: nobody can tell that it is well, or late.
            unjudged=AN_ARCHIVE if entry.archive and entry.grown < GROWN_TWICE else "",
            anew=anew,
        )

    def _let_go(self, now: float, node: Node, identity: str, *, young: bool) -> list[Change]:
        entry = self.entries[identity]
        left = tuple(holder for holder in entry.holders if _node(holder) != node.name)
        if left:
            entry.holders = left
            if any(self._is_here(_node(holder)) for holder in left):
                return self._hand_over(now, identity)
        self._bump(identity)
        # What is measured from one reading to the next comes a moment after its node.
        node.coming |= young
        why = f"{node.name} came a moment ago, without it" if young else f"{node.name} has it no more"
        return self.board.lose([identity], now, why)

    def _hand_over(self, now: float, identity: str) -> list[Change]:
        """Who stood for a field went: one of the others that are here does so now."""
        entry = self.entries[identity]
        here = [holder for holder in entry.holders if self._is_here(_node(holder))]
        if not here or any(_node(holder) == entry.feed[0] for holder in here):
            return []
        here.sort(key=lambda holder: not self.nodes[_node(holder)].live)
        # What the site's file says of who went is of the same thing: it goes on.
        entry.target = here[0]
        entry.holders = (here[0], *(holder for holder in entry.holders if holder != here[0]))
        anew = self._lead(entry, self.nodes[_node(here[0])], "")
        self._bump(identity)
        return self._watch(now, identity, entry, anew=anew)

    def _is_here(self, name: str) -> bool:
        node = self.nodes.get(name)
        return node is not None and node.here

    def node_came(self, now: float, name: str, *, live: bool) -> list[Happening]:
        """A node is online."""
        node = self.nodes.get(name)
        if node is not None and node.here:
            node.live = live
            return []
        if node is None:
            node = self.nodes[name] = Node(name, now, live=live)
        node.here, node.since, node.live, node.problem = True, now, live, ""
        self._bump_node(node)
        return [Happening(now, "came", name)]

    def node_went(self, now: float, name: str) -> list[Happening]:
        """A node is not online any more; its fields stay listed."""
        node = self.nodes.get(name)
        if node is None or not node.here:
            return []
        node.here, node.since = False, now
        self._bump_node(node)
        if not self.router_here:
            return []
        why = f"{name} is away"
        lost: list[str] = []
        changes: list[Change] = []
        for identity in dict.fromkeys(node.identities.values()):
            if any(self._is_here(_node(holder)) for holder in self.entries[identity].holders):
                changes += self._hand_over(now, identity)
            else:
                lost.append(identity)
        said = [Happening(now, "went", name, f"{len(lost)} fields with it" if lost else "")]
        return said + list(self._told(changes, bulk=True)) + self._lose(now, lost, why)

    def _lose(self, now: float, identities: Sequence[str], why: str) -> list[Happening]:
        for identity in identities:
            self._bump(identity)
        return list(self._told(self.board.lose(identities, now, why), bulk=True))

    def router(self, now: float, *, here: bool) -> list[Happening]:
        """The router came or went."""
        if here == self.router_here:
            return []
        self.router_here, self.since = here, now
        if here:
            return [Happening(now, "router_here", "")]
        return [Happening(now, "router_away", ""), *self._lose(now, list(self.entries), ROUTER_AWAY)]

    def missed(self, now: float) -> list[Happening]:
        """The router is back for a while: whose node did not come back is lost because of that."""
        blamed: dict[str, list[str]] = {}
        for identity, entry in self.entries.items():
            holders = [_node(holder) for holder in entry.holders]
            if self.board[identity].lost == ROUTER_AWAY and not any(map(self._is_here, holders)):
                blamed.setdefault(holders[0], []).append(identity)
        return [
            happened for name, lost in blamed.items() for happened in self._lose(now, lost, f"{name} is away")
        ]

    def heard(self, now: float, name: str, series: Iterable[Series]) -> list[Happening]:
        """Samples of a node's fields came."""
        node = self.nodes.get(name)
        if node is None or not node.here:
            return []
        changes: list[Change] = []
        for one in series:
            identity = node.identities.get(one.name)
            if identity is not None and len(one.t):
                changes += self._hear(now, identity, one, node)
        return list(self._told(changes, bulk=False))

    def _hear(self, now: float, identity: str, one: Series, node: Node) -> list[Change]:
        entry, condition = self.entries[identity], self.board[identity]
        if condition.t == one.t[-1]:
            return []
        before, paused = condition.t, condition.rhythm.first is not None
        # What the site's file does with values belongs to the field that has them, not to who stands for it.
        conversion = node.conversions.get(one.name)
        values = conversion.shown(one.values) if conversion is not None else one.values
        changes = self.board.heard_all(identity, now, one.t, values)
        if condition.t is None or condition.t == before:
            return changes
        newest = min(condition.t, now)
        for feed in (entry.feed, (entry.feed[0], "")):
            if newest > self._newest.get(feed, -NEVER):
                self._newest[feed] = newest
        if entry.archive and paused and entry.grown < GROWN_TWICE:
            entry.grown += 1
            if entry.grown == GROWN_TWICE:
                changes += self._watch(now, identity, entry)
        return changes

    def tick(self, now: float) -> list[Happening]:
        """Time went by."""
        return list(self._told(self.board.check(now), bulk=False))

    def why(self, identity: str, now: float) -> str:
        """The cause of a field's state, in words."""
        entry, condition = self.entries[identity], self.board[identity]
        if condition.lost:
            return condition.lost
        why = condition.why
        node = self.nodes.get(entry.feed[0])
        if condition.t is None:
            why = (node.problem if node is not None else "") or "no sample of it was found yet"
        elif condition.state in (State.LATE, State.SILENT):
            pause_s = now - condition.rhythm.last
            why = f"{self._stopped(entry, now - pause_s / 2)}: nothing came for {pause_s:.0f} s"
        elif condition.unjudged and condition.state is State.UNKNOWN:
            away = next((n for holder in entry.holders if not self._is_here(n := _node(holder))), "")
            why = f"{away} is away, and {entry.feed[0]} is {why}" if away else why
        if condition.ahead_s:
            ahead = f"clock ahead: its newest sample is {condition.ahead_s:.0f} s in the future"
            why = f"{ahead}; {why}" if why else ahead
        return why

    def _stopped(self, entry: Entry, others_since: float) -> str:
        """Whether a field stopped alone, or all of its feed with it: others of it have later samples."""
        node = self.nodes.get(entry.feed[0])
        if node is not None and node.problem:
            return f"node trouble ({node.problem})"
        if self._newest.get(entry.feed, -NEVER) > others_since:
            return "sensor silent"
        others = self._newest.get((entry.feed[0], ""), -NEVER) > others_since
        return f"feed stale ({entry.feed[1]})" if others else "feed stale"

    def trouble(self, name: str, problem: str) -> None:
        """What is wrong with asking a node; empty: nothing."""
        node = self.nodes.get(name)
        if node is not None and node.problem != problem:
            node.problem = problem
            self._bump_node(node)


class _Names:
    """What is known, by what it measures and by who has it; the latter are gathered when somebody asks."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries
        self._targets: frozenset[str] | None = None

    def __contains__(self, name: object) -> bool:
        if name in self._entries:
            return True
        if self._targets is None:
            self._targets = frozenset(holder for entry in self._entries.values() for holder in entry.holders)
        return name in self._targets


def _kept(there: T | None, given: T) -> T:
    """What is there already, if it is equal."""
    return there if there is not None and there == given else given


def _node(target: str) -> str:
    """The node of ``node::field``."""
    return target.partition("::")[0]

"""What watch answers to those who ask how things are: plain dictionaries, as they go over the wire."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sisock.errors import ContractError
from sisock_site import Facts, Site
from sisock_site.states import State

from sisock_watch.ledger import STATES
from sisock_watch.roll import Entry, Node, Roll

MOST_FIELDS = 5_000
"""So many fields in one answer; `more` says that there are others, which `since` asks for."""

EXPECTED = "expected by the site's file, and nobody has it"
EXPECTED_NODE = "expected by the site's file, and not there"


def state(
    roll: Roll,
    site: Site,
    epoch: str,
    now: float,
    *,
    search: str = "",
    states: Sequence[str] = (),
    since: int = 0,
    most: int = MOST_FIELDS,
) -> dict[str, Any]:
    """How things are.

    Parameters
    ----------
    roll : Roll
    site : Site
    epoch : str
        Of this run: numbers of another one mean nothing here.
    now : float
        UNIX seconds.
    search : str
        A text that target, source, label or group have, in upper or lower case.
    states : sequence of str
        Only fields that are in one of these.
    since : int
        Only what changed after that number, which an earlier answer had as `seq`.
    most : int
        Most fields.

    Returns
    -------
    dict
        ``docs/contract.md``, section 7.11.
    """
    wanted = search.strip().lower()
    fits = _Search(wanted)
    chosen = [
        (entry.seq, identity, entry)
        for identity, entry in roll.entries.items()
        if entry.seq > since
        # The names themselves are looked at here: a call for each of 20,000 takes longer than all the rest.
        and (
            not wanted
            or wanted in entry.target.lower()
            or (identity is not entry.target and wanted in identity.lower())
            or fits.facts(entry.facts)
        )
        and (not states or roll.board[identity].state in states)
    ]
    more = len(chosen) > most
    if more or since:
        # In the order of changes, so that who asks for the rest misses nothing.
        chosen.sort(key=lambda one: one[0])
        chosen = chosen[:most]
    fields = [field(roll, identity, entry, now) for _, identity, entry in chosen]
    if not since:
        fields += _missing(roll, site, wanted, states)
    return {
        "now": now,
        "epoch": epoch,
        "seq": chosen[-1][0] if more else roll.seq,
        "more": more,
        "router": roll.router_here,
        "counts": counts(roll),
        "nodes": [*_nodes(roll, site, since)],
        "fields": fields,
    }


def counts(roll: Roll) -> dict[str, int]:
    """How many fields are in each state."""
    return {state: roll.board.counts.get(State(state), 0) for state in STATES}


def field(roll: Roll, identity: str, entry: Entry, now: float) -> dict[str, Any]:
    """One field."""
    condition = roll.board[identity]
    value = condition.value
    return {
        "field": entry.target,
        "series": identity,
        "holders": list(entry.holders),
        "label": entry.facts.label,
        "units": entry.facts.units,
        "groups": list(entry.facts.groups),
        "state": str(condition.state),
        "since": condition.since,
        "why": roll.why(identity, now),
        "t": condition.t,
        "value": value.item() if hasattr(value, "item") else value,
        "ahead": condition.ahead_s,
        "limits": entry.facts.limits.on_wire() if entry.facts.limits else None,
        "metric": entry.facts.metric,
        "expected": entry.facts.expected,
    }


class _Search:
    """Whether labels or groups contain a text in lower case; fields share facts, which are looked at once."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._found: dict[int, bool] = {}

    def facts(self, facts: Facts) -> bool:
        """Whether they do; the facts must not go away before this does."""
        found = self._found.get(id(facts))
        if found is None:
            texts = (facts.label or "", *facts.groups)
            found = self._found[id(facts)] = any(self._wanted in text.lower() for text in texts)
        return found


def _missing(roll: Roll, site: Site, wanted: str, states: Sequence[str]) -> Iterable[dict[str, Any]]:
    """Fields that are expected, and that nobody ever had."""
    if states and "unknown" not in states:
        return
    for name in roll.absent(site):
        if wanted in name.lower():
            yield {
                "field": name,
                "series": name,
                "holders": [],
                "label": None,
                "units": None,
                "groups": [],
                "state": "unknown",
                "since": roll.began,
                "why": EXPECTED,
                "t": None,
                "value": None,
                "ahead": 0.0,
                "limits": None,
                "metric": False,
                "expected": True,
            }


def _nodes(roll: Roll, site: Site, since: int) -> Iterable[dict[str, Any]]:
    expected = set(site.expected_nodes)
    for node in roll.nodes.values():
        if node.seq > since:
            yield _node(roll, node, node.name in expected)
    if not since:
        for name in sorted(expected - roll.nodes.keys()):
            yield {
                "name": name,
                "here": False,
                "since": roll.began,
                "why": EXPECTED_NODE,
                "fields": 0,
                "live": False,
                "coming": False,
                "expected": True,
            }


def _node(roll: Roll, node: Node, expected: bool) -> dict[str, Any]:
    away = "" if roll.router_here else "the router is away"
    return {
        "name": node.name,
        "here": node.here,
        "since": node.since,
        "why": node.problem if node.here else away or "it is not online",
        "fields": len(node.identities),
        "live": node.live,
        "coming": node.coming,
        "expected": expected,
    }


def asked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Read what a caller of ``state`` gave, and believe nothing.

    Raises
    ------
    ContractError
        If it makes no sense.
    """
    states = given.get("states") or []
    if not isinstance(states, list | tuple) or not all(one in STATES for one in states):
        raise ContractError(f"states={states!r} are not of {', '.join(STATES)}")
    return {
        "search": text(given, "search"),
        "states": list(states),
        "since": whole(given, "since", 0, 2**53),
        "most": whole(given, "most", MOST_FIELDS, MOST_FIELDS),
    }


def text(given: Mapping[str, Any], name: str) -> str:
    """A text, which may be missing; fit for UTF-8, as JSON can smuggle half a character in."""
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise ContractError(f"{name} is {type(value).__name__}, not a text")
    return (value or "").encode("utf-8", "replace").decode()


def whole(given: Mapping[str, Any], name: str, default: int, most: int) -> int:
    """A whole number from 0 to `most`, which may be missing."""
    value = given.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise ContractError(f"{name}={value!r} is not a whole number up to {most}")
    return value


def moment(given: Mapping[str, Any], name: str, default: float) -> float:
    """UNIX seconds, which may be missing."""
    value = given.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise ContractError(f"{name}={value!r} is not a time in UNIX seconds")
    return float(value)

"""How a data node fares: does it say what it has, can its samples be read, and are they coming in?

Only little is asked of it, and nothing that a server of the predecessor's could not answer: this is
no test of the contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from sisock.errors import SisockError
from sisock.node import Field, Times

RECENT_S = 900.0
DAY_S = 86_400.0
MOST_TIMELINES = 16
USUAL_PAUSES = 5.0
SOONEST_S = 15.0
UNKNOWN_S = 60.0
FEW = 10


class State(Enum):
    """What is to be thought of a finding."""

    GOOD = "ok"
    WRONG = "WRONG"
    OPEN = "-"
    """Not looked at, or for a person to judge."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and what is to be thought of it."""

    state: State
    sentence: str


class Looker(Protocol):
    """A way to ask one node, by router or bridge."""

    def fields(self, node: str) -> list[Field]:
        """All fields of a node."""

    def times(
        self, node: str, fields: Sequence[Field], start: float, end: float, *, few: bool
    ) -> list[Times]:
        """Times of the samples of each field; of some of them if few do."""


def look(looker: Looker, node: str, *, live: bool, now: float) -> Finding:
    """Look at a node.

    Parameters
    ----------
    looker : Looker
    node : str
        Its name.
    live : bool
        Whether it said of itself that its data come in as they are taken.
    now : float
        The present, UNIX seconds.
    """
    try:
        fields = looker.fields(node)
        if not fields:
            return Finding(State.OPEN, f"{node}: it answers and has no fields, or none yet")
        chosen = list({field.timeline_name: field for field in fields}.values())[:MOST_TIMELINES]
        recent = looker.times(node, chosen, now - RECENT_S, now, few=False)
        if any(len(t) for t in recent):
            return _judged(node, chosen, recent, live=live, now=now)
        day = [t for t in looker.times(node, chosen, now - DAY_S, now, few=True) if len(t)]
    except SisockError as error:
        return Finding(State.WRONG, f"{node}: {error}")
    last = (
        f"its last sample is {_age(now - max(t[-1] for t in day))} old"
        if day
        else "no sample within the last day"
    )
    if live:
        return Finding(
            State.WRONG, f"{node}: {last}, though it serves live data: is what it listens to running?"
        )
    return Finding(State.GOOD, f"{node}: it answers; {last} (an archive, perhaps)")


def _judged(node: str, fields: Sequence[Field], times: Sequence[Times], *, live: bool, now: float) -> Finding:
    """What samples of the last quarter of an hour tell."""
    ages = [now - float(t[-1]) for t in times if len(t)]
    silent = [
        f"{field.name} for {_age(now - float(t[-1]))}"
        for field, t in zip(fields, times, strict=True)
        if len(t) and now - float(t[-1]) > patience_s(t, field.interval)
    ]
    if not silent:
        return Finding(State.GOOD, f"{node}: its last sample is {_age(min(ages))} old")
    sentence = f"{node}: silent: {', '.join(silent)}"
    if live:
        return Finding(State.WRONG, f"{sentence}; is what it listens to running?")
    return Finding(State.OPEN, f"{sentence}; if it serves live data, look at what feeds it")


def patience_s(t: Times, interval: float | None) -> float:
    """How long a series may pause before it counts as silent.

    Parameters
    ----------
    t : (n,) float64
        Times of its recent samples, UNIX seconds, ascending.
    interval : float or None
        What its node says of its rhythm.

    Returns
    -------
    float
        Some times the second longest pause: feeds come in bursts, and one outage is no rhythm.
    """
    pauses = np.sort(np.diff(t))
    usual = max(float(pauses[-2]) if len(pauses) > 1 else 0.0, interval or 0.0)
    least = SOONEST_S if len(pauses) >= FEW else UNKNOWN_S
    return max(least, USUAL_PAUSES * usual)


def _age(seconds: float) -> str:
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} d"

"""What is asked and what is answered, in our own words: neither HTTP's nor the wire's."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from sisock.node import Bins, Field, Grid, Limits, Series
from sisock_consumer.target import Target

Join = Literal["all", "newest", "no"]
"""Whom to ask for a field of which several nodes hold the source: all that have some of the range, only
the live ones (if there are any) for the newest samples, or the named node alone."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is wanted: fields in ``[start, end)``, UNIX seconds, how much of them or which bins, from whom.

    `convert` is whether values are wanted as the site's file has them shown, or as the node has them.
    """

    targets: tuple[Target, ...]
    start: float
    end: float
    limits: Limits = Limits()
    join: Join = "all"
    grid: Grid | None = None
    convert: bool = True


@dataclass(slots=True, eq=False, weakref_slot=True)
class Written:
    """What was made of samples already; it lives as long as they are kept, and is known by what it is.

    Parameters
    ----------
    pairs
        Values and times as JSON.
    """

    pairs: Any = None


@dataclass(frozen=True, slots=True)
class SharedSeries(Series):
    """A series that several who ask are given, and what was made of it."""

    written: Written = field(default_factory=Written, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One field's samples, or its bins if these were asked for.

    `notice` says why there may be none, or not all. `nodes` are those that were asked, where several hold
    what the field measures. `label` is what people call it, if the site's file says so.
    """

    target: Target
    series: Series
    field: Field | None = None
    notice: str = ""
    nodes: tuple[str, ...] = ()
    bins: Bins | None = None
    label: str = ""


def empty(name: str) -> Series:
    """A series without samples."""
    return Series(name, np.empty(0), np.empty(0))

"""One series of several holders: which of them to ask for which range, and their answers made one.

Live nodes keep the last while and say since when they have missed nothing of it; the others, archives,
have the rest. So an archive is asked for what is older than that, and for all of it where no live node
can tell; a live node for what it keeps. The ranges overlap a little, and no end of an archive is assumed.
Pure: knows nothing of how nodes are asked.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sisock import decimate
from sisock.node import Column, Field, Grid, Limits, Series
from sisock_consumer.target import Target

from sisock_http.asking.question import Question, empty

SAME_S = 2e-6
"""Samples of two holders that are nearer than that are one: archives have ticks of 10 ns, cut off, and
float64 has steps of 0.24 us. Much below any cadence."""

SLACK = 0.1
"""Part of what a live node keeps that is asked of the archive, too: clocks differ."""

UNHEARD_S = 120.0
"""So long it may take until it is known that a live node keeps what is older: that its feed has stopped."""

OVERLAP_S = 1.0
"""So much of what a live node has heard from its beginning on is asked of the archive, too."""

LARGE_SAMPLES = 200_000
"""So many samples take a while to be joined: a thread's work."""

GRID_S = 10.0
"""What moves with time is on such a grid, so that the same question, asked a moment later, is the same."""

LEAST_SHARE = 8
"""A holder's share of the points is not less than this part of them: who asks for all time does not know
how much of it has samples."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A field that holds a source.

    Parameters
    ----------
    target : Target
    field : Field
    online : bool
        Whether its node is there to be asked.
    live : bool
        Whether it is a live node's.
    """

    target: Target
    field: Field
    online: bool
    live: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """What is asked of one field of one node."""

    target: Target
    start: float
    end: float
    limits: Limits
    grid: Grid | None = None
    convert: bool = True

    @property
    def question(self) -> Question:
        """The same without the field's name: pieces that share it are asked together."""
        return Question((), self.start, self.end, self.limits, "no", self.grid, self.convert)


def covered_since(holders: Iterable[Holder], now: float) -> float:
    """From when on live nodes that are online have all there is; infinity if none can tell.

    Parameters
    ----------
    holders : iterable of Holder
        Of one source.
    now : float
        The present, UNIX seconds.
    """
    earliest = math.inf
    for holder in holders:
        since = holder.field.complete_since
        if holder.live and holder.online and since is not None:
            since += OVERLAP_S
            kept = holder.field.kept_for
            if kept is not None:
                since = max(since, math.ceil((now - (1 - SLACK) * kept) / GRID_S) * GRID_S)
            earliest = min(earliest, since)
    return earliest


def kept_since(holder: Holder, now: float) -> float:
    """Before that a holder has nothing."""
    kept = holder.field.kept_for
    if not holder.live or kept is None:
        return -math.inf
    return math.floor((now - (1 + SLACK) * kept - UNHEARD_S) / GRID_S) * GRID_S


def divide(
    question: Question, held: Mapping[Target, Sequence[Holder]], now: float
) -> dict[Target, list[Piece]]:
    """Decide whom to ask for what.

    Parameters
    ----------
    question : Question
    held : mapping
        Holders of each target that has several; only those that are online are asked.
    now : float
        The present, UNIX seconds.

    Returns
    -------
    dict
        Pieces of each target in `held`, archives' first. Targets that are held by the same nodes are
        asked for the same ranges, so that one call asks a node for all of them.
    """
    return {
        target: _pieces(question, held[target], since, now)
        for targets, since in kin(question, held, now)
        for target in targets
    }


def kin(
    question: Question, held: Mapping[Target, Sequence[Holder]], now: float
) -> Iterator[tuple[list[Target], float]]:
    """Targets that the same nodes hold, and from when on live ones have all there is of all of them."""
    groups: dict[tuple[object, ...], list[Target]] = {}
    covered: dict[Target, float] = {}
    for target, holders in held.items():
        since = covered[target] = covered_since(holders, now)
        nodes = tuple(holder.target.node for holder in holders if holder.online)
        groups.setdefault((nodes, since <= question.start, math.isinf(since)), []).append(target)
    for targets in groups.values():
        yield targets, max(covered[target] for target in targets)


def _pieces(question: Question, holders: Sequence[Holder], covered: float, now: float) -> list[Piece]:
    there = [holder for holder in holders if holder.online]
    lives = [holder for holder in there if holder.live]
    archives = [] if lives and question.join == "newest" else [h for h in there if not h.live]
    spans = [(holder.target, question.start, min(question.end, covered)) for holder in archives]
    spans += [(holder.target, max(question.start, kept_since(holder, now)), question.end) for holder in lives]
    return [
        Piece(target, start, end, _share(question, start, end), convert=question.convert)
        for target, start, end in spans
        if start < end
    ]


def _share(question: Question, start: float, end: float) -> Limits:
    """Limits of a part of a question: as many points as it has time."""
    most = question.limits.max_points
    if most is None or (start, end) == (question.start, question.end):
        return question.limits
    share = math.ceil(most * (end - start) / (question.end - question.start))
    return replace(question.limits, max_points=min(most, max(share, most // LEAST_SHARE, 4)))


def missing(question: Question, holders: Sequence[Holder], now: float) -> list[str]:
    """Sentences about holders that are away and would have been asked for something."""
    covered = covered_since(holders, now)
    archive_here = any(holder.online and not holder.live for holder in holders)
    told = []
    for holder in holders:
        if holder.online:
            continue
        if holder.live:
            if question.end > kept_since(holder, now):
                told.append(
                    f"data node {holder.target.node!r} is not online: the newest samples may be missing"
                )
        elif question.start < covered and not archive_here and question.join != "newest":
            told.append(f"data node {holder.target.node!r} is not online: older samples may be missing")
    return told


def described(field: Field, holders: Iterable[Holder]) -> Field:
    """What is known of a field; what it does not say itself as another holder says it."""
    units = next((holder.field.units for holder in holders if holder.field.units), None)
    return field if field.units or units is None else replace(field, units=units)


def merge(name: str, parts: Sequence[Series], limits: Limits) -> Series:
    """Make the parts of a series one: in order, each sample once, reduced as one.

    Parameters
    ----------
    name : str
        What the series is called.
    parts : sequence of Series
        Of different holders; of samples that are the same the first part's are taken, unless it has no
        value there.
    limits : Limits
        How much of it is wanted.
    """
    there = [part for part in parts if len(part.t)]
    if not there:
        return empty(name)
    first, *others = there
    if not others:
        # What is shared of it stays shared.
        return replace(first, name=name)
    t, values, until = first.t, first.values, first.finalized_until
    for part in others:
        t, values = _joined(t, values, part.t, part.values)
        until = part.finalized_until
    t, values = _reduced(t, values, limits)
    return Series(name, t, values, finalized_until=until)


def _joined(t: Column, values: Column, more_t: Column, more: Column) -> tuple[Column, Column]:
    values, more = _alike(values, more)
    # Only where they overlap is anything to be done.
    a, b = t.searchsorted(more_t[0] - SAME_S), more_t.searchsorted(t[-1] + SAME_S, side="right")
    both_t, both = _overlapped(t[a:], values[a:], more_t[:b], more[:b])
    return np.concatenate([t[:a], both_t, more_t[b:]]), np.concatenate([values[:a], both, more[b:]])


def _overlapped(t: Column, values: Column, more_t: Column, more: Column) -> tuple[Column, Column]:
    if not len(t) or not len(more_t):
        return np.concatenate([t, more_t]), np.concatenate([values, more])
    nearest = np.minimum(t.searchsorted(more_t - SAME_S), len(t) - 1)
    same = np.abs(t[nearest] - more_t) <= SAME_S
    gaps = same & _nothing(values)[nearest] & ~_nothing(more)
    if gaps.any():
        values = values.copy()
        values[nearest[gaps]] = more[gaps]
    t, values = np.concatenate([t, more_t[~same]]), np.concatenate([values, more[~same]])
    order = np.argsort(t, kind="stable")
    return t[order], values[order]


def _alike(values: Column, more: Column) -> tuple[Column, Column]:
    """Both columns of one dtype: numbers, bools, or objects."""
    kinds = values.dtype.kind + more.dtype.kind
    if kinds == "bb":
        return values, more
    dtype: type = object if kinds.strip("fiub") else np.float64
    return values.astype(dtype, copy=False), more.astype(dtype, copy=False)


def _nothing(values: Column) -> Column:
    """Where a column has no value."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind == "O":
        return np.array([value is None for value in values], dtype=bool)
    return np.zeros(len(values), dtype=bool)


def _reduced(t: Column, values: Column, limits: Limits) -> tuple[Column, Column]:
    if limits.min_stride is not None:
        kept = decimate.thin(t, [values], limits.min_stride)
        t, values = t[kept], values[kept]
    if limits.max_points is not None and len(t) > limits.max_points:
        kept = decimate.envelope(t, [values], limits.max_points)
        t, values = t[kept], values[kept]
    return t, values

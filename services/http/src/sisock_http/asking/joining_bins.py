"""Bins of one series of several holders: whom to ask for which of them, and their answers made one.

An archive sums up what is older than a live node keeps, the live node what it has for certain. Of what lies
between, either may lack something: there both are asked for their samples, which are joined and then summed
up. Where that would be too much, the live node's bins begin behind the archive's last sample. So each sample
counts once, also in a bin in which both have some. Pure: knows nothing of how nodes are asked.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sisock.binning import Accumulator
from sisock.node import Bins, Column, Grid, Limits
from sisock_consumer.target import Target

from sisock_http.asking.joining import SAME_S, Holder, Piece, kept_since, kin, merge
from sisock_http.asking.question import Answer, Question

MOST_BETWEEN = 500_000
"""So many samples of a field are joined and summed up here at most."""

USUAL_INTERVAL_S = 0.1
"""Between samples of which nobody says how often they come."""

OFF_BEAT_S = 0.4142136
"""Seams lie so far behind a whole second, where nobody's clock ticks: a sample that is on one might be
before it by a float step in one node, and behind it in the other."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Who is asked for what, of one series.

    Parameters
    ----------
    pieces : sequence of Piece
        Those without a grid are samples, to be summed up here.
    behind : sequence of Target
        Who is asked then for what is behind the last sample of those.
    """

    pieces: Sequence[Piece]
    behind: Sequence[Target] = ()


def divide(question: Question, held: Mapping[Target, Sequence[Holder]], now: float) -> dict[Target, Shares]:
    """Decide whom to ask for what.

    Parameters
    ----------
    question : Question
        With a grid.
    held : mapping
        Holders of each target that has several; only those that are online are asked.
    now : float
        The present, UNIX seconds.
    """
    shares: dict[Target, Shares] = {}
    for targets, covered in kin(question, held, now):
        for target in targets:
            shares[target] = _shares(question, held[target], covered, now)
    return shares


def _shares(question: Question, holders: Sequence[Holder], covered: float, now: float) -> Shares:
    start, end, grid = question.start, question.end, question.grid
    there = [holder for holder in holders if holder.online]
    lives, archives = [h for h in there if h.live], [h for h in there if not h.live]

    def pieces(some: Iterable[Holder], begin: float, until: float, grid: Grid | None = grid) -> list[Piece]:
        limits = question.limits if grid else Limits()
        return [
            Piece(one.target, begin, until, limits, grid, question.convert) for one in some if begin < until
        ]

    if covered <= start or not archives:
        return Shares(pieces(lives, start, end))
    kept = min((kept_since(one, now) for one in lives), default=math.inf)
    if kept >= end:
        return Shares(pieces(archives, start, end))
    kept, covered = max(start, _off_beat(kept, -1)), min(end, _off_beat(covered, 1))
    covered = max(kept, covered)
    interval = min((one.field.interval or USUAL_INTERVAL_S for one in there), default=USUAL_INTERVAL_S)
    if (covered - kept) / interval > MOST_BETWEEN:
        return Shares(pieces(archives, start, covered), [one.target for one in lives])
    return Shares(
        [
            *pieces(archives, start, kept),
            *pieces(there, kept, covered, None),
            *pieces(lives, covered, end),
        ]
    )


def _off_beat(t: float, seconds: int) -> float:
    """A moment some time before or behind another, off anybody's beat."""
    return math.floor(t) + seconds + OFF_BEAT_S if math.isfinite(t) else t


def behind(question: Question, shares: Shares, given: Sequence[Answer]) -> list[Piece]:
    """What is asked of live nodes once the archives have answered.

    Parameters
    ----------
    question : Question
    shares : Shares
    given : sequence of Answer
        To `Shares.pieces`.
    """
    lasts = [float(one.bins.last_t[-1]) for one in given if one.bins is not None and len(one.bins.t)]
    start = max([question.start, *(last + SAME_S for last in lasts)])
    return [
        Piece(target, start, question.end, question.limits, question.grid, question.convert)
        for target in shares.behind
        if start < question.end
    ]


def merge_bins(name: str, grid: Grid, pieces: Sequence[Piece], given: Sequence[Answer]) -> Bins | None:
    """Make the answers to the pieces of one series one.

    Parameters
    ----------
    name : str
        What the series is called.
    grid : Grid
    pieces : sequence of Piece
    given : sequence of Answer
        Their answers.

    Returns
    -------
    Bins or None
        None if there is no sample.
    """
    ranges: dict[tuple[float, float], list[tuple[Piece, Answer]]] = {}
    for piece, answer in zip(pieces, given, strict=True):
        ranges.setdefault((piece.start, piece.end), []).append((piece, answer))
    found = []
    for members in ranges.values():
        if members[0][0].grid is None:
            joined = merge(name, [answer.series for _, answer in members], Limits())
            sums = Accumulator(name, grid)
            sums.add(joined.t, joined.values)
            found.append(sums.result())
            continue
        nodes: dict[str, list[Bins]] = {}
        for piece, answer in members:
            if answer.bins is not None and len(answer.bins.t):
                nodes.setdefault(piece.target.node, []).append(answer.bins)
        found.append(fullest([one for several in nodes.values() if (one := added(several))]))
    return added([one for one in found if one is not None])


def added(found: Sequence[Bins]) -> Bins | None:
    """Bins of samples that are all different, as the bins of all of them."""
    if len(found) < 2:
        return next(iter(found), None)
    first, *_ = found
    columns = _columns(found)
    t = columns["t"]
    order = np.argsort(t, kind="stable")
    starts = np.flatnonzero(np.diff(t[order], prepend=-np.inf))
    early = np.lexsort((columns["first_t"], t))[starts]
    late = np.lexsort((columns["last_t"], t))[np.append(starts[1:], len(t)) - 1]
    kept: dict[str, Any] = {
        "count": np.add.reduceat(columns["count"][order], starts),
        **{key: columns[key][early] for key in ("first", "first_t")},
        **{key: columns[key][late] for key in ("last", "last_t")},
    }
    for key, ufunc in (("sum", np.add), ("min", np.minimum), ("max", np.maximum)):
        if key in columns:
            kept[key] = ufunc.reduceat(columns[key][order], starts)
    return Bins(first.name, t[order][starts], **kept)


def fullest(found: Sequence[Bins]) -> Bins | None:
    """Bins of copies of the same samples: each from the one that has most of them."""
    if len(found) < 2:
        return next(iter(found), None)
    first, *_ = found
    columns = _columns(found)
    order = np.lexsort((-columns["count"], columns["t"]))
    best = order[np.flatnonzero(np.diff(columns["t"][order], prepend=-np.inf))]
    kept: dict[str, Any] = {key: column[best] for key, column in columns.items()}
    return Bins(first.name, **kept)


def _columns(found: Sequence[Bins]) -> dict[str, Column]:
    """Columns of several, one behind the other; sums only if all have them."""
    keys = ["t", "count", "first", "first_t", "last", "last_t"]
    if all(one.sum is not None for one in found):
        keys += ["sum", "min", "max"]
    joined = {}
    for key in keys:
        several = [getattr(one, key) for one in found]
        alike = len({column.dtype.kind for column in several}) == 1
        joined[key] = np.concatenate([one if alike else one.astype(object) for one in several])
    return joined

"""Bins of archive and live node as those of one series, on literal input."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sisock.binning import Accumulator
from sisock.node import Bins, Field, Grid, Limits, Series
from sisock_consumer.target import Target
from sisock_http.asking import joining_bins
from sisock_http.asking.joining import Holder, Piece
from sisock_http.asking.joining_bins import added, behind, divide, fullest, merge_bins
from sisock_http.asking.question import Answer, Question, empty

NOW = 1_700_000_000.0
HOUR, DAY = 3600.0, 86400.0
LIVE, ARCHIVE, COPY = Target("feed", "t"), Target("g3", "o.T"), Target("g3_copy", "o.T")
MINUTE = Grid(60_000_000)


def live(since: float | None = NOW - 5 * HOUR, kept_for: float | None = HOUR, **more: Any) -> Holder:
    field = Field("t", source="o.T", kept_for=kept_for, complete_since=since, **more)
    return Holder(LIVE, field, online=True, live=True)


def archive(target: Target = ARCHIVE, *, online: bool = True) -> Holder:
    return Holder(target, Field(target.field, source="o.T"), online, live=False)


class Nodes:
    """Holders that have samples, asked piece by piece as the bridge asks nodes."""

    def __init__(self, held: dict[Target, tuple[Any, Any]], holders: Sequence[Holder]) -> None:
        self.held, self.holders = held, holders
        self.asked: list[Piece] = []

    def answer(self, piece: Piece) -> Answer:
        self.asked.append(piece)
        t, values = (np.asarray(column, dtype=float) for column in self.held[piece.target])
        inside = (t >= piece.start) & (t < piece.end)
        if piece.grid is None:
            return Answer(piece.target, Series(piece.target.field, t[inside], values[inside]))
        return Answer(piece.target, empty("x"), bins=summed(t[inside], values[inside], piece.grid))

    def ask(self, start: float, end: float = NOW, grid: Grid = MINUTE) -> Bins | None:
        question = Question((LIVE,), start, end, grid=grid)
        shares = divide(question, {LIVE: self.holders}, NOW)[LIVE]
        pieces, given = list(shares.pieces), [self.answer(piece) for piece in shares.pieces]
        more = behind(question, shares, given)
        return merge_bins("x", grid, pieces + more, given + [self.answer(piece) for piece in more])

    def ranges(self) -> list[tuple[str, str, float, float]]:
        return [
            (piece.target.node, "bins" if piece.grid else "samples", piece.start - NOW, piece.end - NOW)
            for piece in self.asked
        ]


def summed(t: Any, values: Any, grid: Grid = MINUTE) -> Bins | None:
    sums = Accumulator("x", grid)
    sums.add(np.asarray(t, dtype=float), np.asarray(values))
    return sums.result()


def same(made: Bins | None, want: Bins | None) -> None:
    if want is None or made is None:
        assert made is want
        return
    assert made.t.tolist() == want.t.tolist()
    assert made.count.tolist() == want.count.tolist()
    assert (made.first.tolist(), made.last.tolist()) == (want.first.tolist(), want.last.tolist())
    assert made.sum is not None
    np.testing.assert_allclose(made.sum, want.sum)
    np.testing.assert_array_equal(made.min, want.min)
    np.testing.assert_array_equal(made.max, want.max)


def test_what_the_live_node_has_is_summed_up_by_it_alone() -> None:
    nodes = Nodes({LIVE: ([NOW - 90, NOW - 30], [1, 2])}, [archive(), live()])
    same(nodes.ask(NOW - 600), summed([NOW - 90, NOW - 30], [1, 2]))
    assert nodes.ranges() == [("feed", "bins", -600.0, 0.0)]


def test_archive_and_live_node_sum_up_what_each_has_for_certain_and_between_samples_are_joined() -> None:
    every = NOW - 2 * HOUR + np.arange(0.05, 2 * HOUR)
    filed = every[every < NOW - 3300]
    heard = every[every > NOW - HOUR]
    nodes = Nodes({ARCHIVE: (filed, filed), LIVE: (heard, heard)}, [archive(), live()])
    same(nodes.ask(NOW - 2 * HOUR), summed(every, every))
    kinds = [(node, kind) for node, kind, _, _ in nodes.ranges()]
    assert kinds == [("g3", "bins"), ("g3", "samples"), ("feed", "samples"), ("feed", "bins")]
    ends = [(start, end) for _, _, start, end in nodes.ranges()]
    assert ends[0][1] == ends[1][0] == ends[2][0] == pytest.approx(-4081, abs=2)
    assert ends[1][1] == ends[2][1] == ends[3][0] == pytest.approx(-3239, abs=2)


def test_of_a_live_node_that_cannot_tell_what_it_has_bins_begin_behind_the_archives_last_sample() -> None:
    every = NOW - 30 * DAY + np.arange(0, 30 * DAY, 600) + 0.1
    filed, heard = (np.floor(every[:-20] * 1e8) / 1e8), every[-50:]
    nodes = Nodes({ARCHIVE: (filed, every[:-20]), LIVE: (heard, heard)}, [archive(), live(None, None)])
    same(
        nodes.ask(NOW - 30 * DAY, grid=Grid(7 * 86400 * 10**6)), summed(every, every, Grid(7 * 86400 * 10**6))
    )
    assert [(node, kind) for node, kind, _, _ in nodes.ranges()] == [("g3", "bins"), ("feed", "bins")]
    assert nodes.asked[1].start == pytest.approx(filed[-1], abs=1e-5)


def test_an_archive_without_a_sample_leaves_all_to_the_live_node() -> None:
    nodes = Nodes({ARCHIVE: ([], []), LIVE: ([NOW - 5], [7.0])}, [archive(), live(None, None)])
    same(nodes.ask(NOW - 300 * DAY), summed([NOW - 5], [7.0]))


def test_one_side_alone_is_asked_for_all() -> None:
    nodes = Nodes({ARCHIVE: ([NOW - 5], [7.0])}, [archive(), replace(live(), online=False)])
    same(nodes.ask(NOW - DAY), summed([NOW - 5], [7.0]))
    nodes = Nodes({LIVE: ([NOW - 5], [7.0])}, [archive(online=False), live()])
    same(nodes.ask(NOW - DAY), summed([NOW - 5], [7.0]))
    assert merge_bins("x", MINUTE, [], []) is None


def test_a_sample_of_both_copies_of_an_archive_counts_once() -> None:
    t = NOW - DAY + np.arange(600.0)
    nodes = Nodes({ARCHIVE: (t, t), COPY: (t[:500], t[:500])}, [archive(), archive(COPY)])
    same(nodes.ask(NOW - 2 * DAY), summed(t, t))


def test_a_channel_that_was_renamed_within_an_archive_is_one_series() -> None:
    t = NOW - DAY + np.arange(600.0)
    old = Target("g3", "o.old")
    nodes = Nodes({old: (t[:310], t[:310]), ARCHIVE: (t[310:], t[310:])}, [archive(old), archive()])
    same(nodes.ask(NOW - 2 * DAY), summed(t, t))


def test_bins_of_any_parts_of_the_samples_are_those_of_all() -> None:
    rng = np.random.default_rng(5)
    for _ in range(100):
        t = np.sort(NOW - 2 * HOUR + rng.random(400) * 2 * HOUR)
        values = rng.normal(size=len(t))
        filed = (t < NOW - 3300) & (rng.random(len(t)) < 0.9)
        # Since the seam the live node has all; before it, what it happens to have kept.
        heard = (t > NOW - 3240) | ((t > NOW - 4000) & (rng.random(len(t)) < 0.5))
        kept = filed | heard
        cut = np.floor(t * 1e8) / 1e8
        nodes = Nodes(
            {ARCHIVE: (cut[filed], values[filed]), LIVE: (t[heard], values[heard])}, [archive(), live()]
        )
        grid = Grid(int(rng.choice([1, 37, 600, 86400])) * 10**6)
        same(nodes.ask(NOW - 2 * HOUR, grid=grid), summed(t[kept], values[kept], grid))


def test_words_are_joined_without_sums() -> None:
    old = summed([NOW - 100], np.array(["shut"], dtype=object))
    new = summed([NOW - 50], np.array(["open"], dtype=object))
    assert old is not None
    assert new is not None
    made = added([old, new])
    assert made is not None
    assert (made.first.tolist(), made.sum, made.count.tolist()) == (["shut", "open"], None, [1.0, 1.0])
    assert fullest([old, old]) is not None


def test_fields_of_a_node_are_asked_in_the_same_ranges_also_for_bins() -> None:
    other = Target("feed", "u")
    held = {LIVE: [archive(), live(NOW - 300)], other: [archive(), live(NOW - 200)]}
    shares = divide(Question((LIVE, other), NOW - 9 * HOUR, NOW, grid=MINUTE), held, NOW)
    for one, two in itertools.pairwise([shares[LIVE], shares[other]]):
        assert [piece.question for piece in one.pieces] == [piece.question for piece in two.pieces]
    assert all(math.isfinite(piece.start) and piece.limits == Limits() for piece in shares[LIVE].pieces)


@pytest.mark.parametrize("t", [0.0, 0.4, 0.5, 0.999, -0.3, 1.5e9 + 0.41])
@pytest.mark.parametrize("seconds", [-1, 0, 1, 60])
def test_a_seam_is_off_the_beat_in_the_very_second_that_is_meant(t: float, seconds: int) -> None:
    seam = joining_bins._off_beat(t, seconds)
    assert math.floor(seam) == math.floor(t) + seconds
    assert all(abs(seam * beats - round(seam * beats)) > 0.01 for beats in (1, 2, 4, 5, 10, 20, 50))
    assert joining_bins._off_beat(math.inf, seconds) == math.inf

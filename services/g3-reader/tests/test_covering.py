"""Which summaries a range is covered with: whatever tiles are made, the answer is that of all samples.

An index in memory stands for the database, with summaries of some files and some tiles only.
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sisock import Series, binning
from sisock.errors import TooMuchDataError
from sisock.node import Grid
from sisock_g3 import summary
from sisock_g3.decoding import BOOL, NUMBER
from sisock_g3.file_content import RECORD
from sisock_g3.index.fields import ArchiveField
from sisock_g3.index.files import Indexed
from sisock_g3.summary import DAY, FINEST_WIDTH, LEVELS, SECOND
from sisock_g3_reader import select, summing
from sisock_g3_reader.cache import Segment, Ticked
from sisock_g3_reader.files import Held
from sisock_g3_reader.node import _ticks
from sisock_g3_reader.select import Selection
from sisock_g3_reader.summing import Summing

BEGIN = 16_000 * DAY
"""A multiple of the widest tile, 128 days."""

DAYS = 300
MARK = (1, 1, 1, 1, 1)


class World:
    """What an index says of one field whose samples are known; in the place of `sisock_g3.index.ranges`.

    Each frame holds one sample. Files are of `file_days`; of those in `bare` there are no summaries.
    """

    def __init__(self, ticks: Any, values: Any, *, file_days: int = 10, bare: Sequence[int] = ()) -> None:
        self.ticks, self.values = np.asarray(ticks, np.int64), np.asarray(values, np.float64)
        self.bare = set(bare)
        self.file = (self.ticks - BEGIN) // (file_days * DAY)
        self.made = [
            (level, number)
            for level in (1, 2, 3)
            for number in range(
                BEGIN // LEVELS[level - 1].tile, (BEGIN + DAYS * DAY) // LEVELS[level - 1].tile + 1
            )
        ]
        self.asked: list[tuple[Any, ...]] = []
        self.read: list[int] = []

    def _bins(self, width: int, begin: int, end: int) -> Any:
        inside = (self.ticks >= begin) & (self.ticks < end)
        return summary.summarize(self.ticks[inside], self.values[inside][None, :], width)[0]

    def _overlapping(self, begin: int, end: int) -> list[int]:
        found = []
        for number in np.unique(self.file).tolist():
            mine = self.ticks[self.file == number]
            if mine.min() < end and mine.max() >= begin:
                found.append(number)
        return found

    def bounds(self, _database: Any, _field: Any, begin: int, end: int) -> tuple[int, int] | None:
        mine = self.ticks[np.isin(self.file, self._overlapping(begin, end))]
        return (max(begin, int(mine.min())), min(end, int(mine.max()) + 1)) if len(mine) else None

    def count(self, _database: Any, _field: Any, begin: int, end: int) -> int:
        return int(np.isin(self.file, self._overlapping(begin, end)).sum())

    def finest(self, _database: Any, _field: Any, begin: int, end: int) -> Any:
        self.asked.append((0, begin, end))
        files = self._overlapping(begin, end)
        if self.bare & set(files):
            return None
        each = [self.ticks[self.file == number] for number in files]
        return [self._bins(FINEST_WIDTH, int(mine.min()), int(mine.max()) + 1) for mine in each]

    def tiles(self, _database: Any, _field: Any, level: int, first: int, last: int) -> Any:
        self.asked.append((level, first, last))
        tile, width = LEVELS[level - 1].tile, LEVELS[level - 1].width
        return [
            (number, self._bins(width, number * tile, (number + 1) * tile))
            for at, number in self.made
            if at == level and first <= number <= last
        ]

    def chunks(self, _database: Any, _field: Any, begin: int, end: int) -> Iterator[Any]:
        for number in self._overlapping(begin, end):
            rows = np.flatnonzero(self.file == number)
            records = np.zeros(len(rows), RECORD)
            records["offset"], records["length"], records["n"] = rows, 1, 1
            records["t0"] = records["t1"] = self.ticks[rows]
            yield Indexed(Path(f"/{number}.g3"), 1, 1, 1, 1), records

    # What stands for the columns of files, and for the files.

    def unchanged(self, _indexed: Indexed) -> Any:
        return MARK

    def expect(self, _segments: Sequence[Segment], _field: str) -> None:
        pass

    def column(self, segment: Segment, _field: str, _together: Sequence[str]) -> Ticked:
        rows = list(segment.offsets)
        self.read += rows
        return Ticked(self.ticks[rows], self.values[rows])


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def selection(world: World, patch: pytest.MonkeyPatch, kind: str = NUMBER, **more: Any) -> Selection:
    patch.setattr(select, "ranges", world)
    patch.setattr(summing, "ranges", world)
    columns: Any = SimpleNamespace(expect=world.expect, read=world.column)
    files: Any = SimpleNamespace(unchanged=world.unchanged)
    field = ArchiveField(7, 3, "observatory.a", "ch", "observatory.a.ch", kind, 10 * DAY)
    settings: dict[str, Any] = {"unread": (), "most_bytes": 10**9, **more}
    return Selection(SimpleNamespace(), columns, files, field, [], **settings)


def random_world(rng: np.random.Generator) -> World:
    """Samples in bursts, some right at edges; some files without summaries, some tiles not made."""
    days = rng.choice(DAYS, 12)
    at = BEGIN + rng.choice(days, 250) * DAY + rng.choice([0, 300, 1200, 10_800, 43_200], 250) * SECOND
    at = np.unique(at + rng.choice([-1, 0, 1, 7 * SECOND, 299 * SECOND, 400 * SECOND], 250))
    values = rng.integers(-50, 50, len(at)).astype(float)
    world = World(at, values, file_days=int(rng.choice([1, 10, 40])), bare=rng.choice(300, 3).tolist())
    world.made = [one for one in world.made if rng.random() < 0.6]
    return world


def span(world: World, rng: np.random.Generator) -> tuple[int, int]:
    """A range that begins and ends at a sample, beside one, at the edge of a bin, or anywhere."""
    ends = [
        int(rng.choice(world.ticks)) + int(rng.integers(-1, 2)),
        BEGIN + int(rng.integers(0, DAYS)) * DAY,
        BEGIN + int(rng.integers(0, DAYS * 288)) * FINEST_WIDTH,
        BEGIN + int(rng.integers(0, DAYS * DAY)),
        BEGIN - 5 * DAY,
        BEGIN + (DAYS + 5) * DAY,
    ]
    begin, end = sorted(rng.choice(ends, 2, replace=False).tolist())
    return begin, end


def drawn_model(world: World, begin: int, end: int, width: int) -> dict[int, float]:
    """The first of all, the last of all, and of each bin the first that is least, and greatest."""
    inside = [
        (int(t), v) for t, v in zip(world.ticks, world.values.tolist(), strict=True) if begin <= t < end
    ]
    points = dict([inside[0], inside[-1]]) if inside else {}
    for number in {t // width for t, _ in inside}:
        mine = [(t, v) for t, v in inside if t // width == number]
        points |= dict([min(mine, key=lambda p: p[1]), max(mine, key=lambda p: p[1])])
    return points


def from_samples(world: World, of_bools: bool, _names: Any, first: float, last: float) -> list[Series]:
    """All samples of a range, as the node gives them."""
    t = world.ticks / SECOND
    inside = (t >= first) & (t < last)
    values = world.values[inside]
    return [Series("a", t[inside], values > 0.5 if of_bools else values)]


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_whatever_tiles_there_are_a_picture_is_that_of_all_samples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    world = random_world(rng)
    with pytest.MonkeyPatch.context() as patch:
        one = selection(world, patch)
        for _ in range(6):
            begin, end = span(world, rng)
            finest = int(rng.integers(0, 4))  # and so wide that no coarser one fits in
            width = select._WIDTHS[finest] * int(rng.integers(1, (4, 9, 8, 9)[finest]))
            found = one.drawn(begin, end, width)
            expected = drawn_model(world, begin, end, width)
            ticks = [] if found is None else found.ticks.tolist()
            values = [] if found is None else found.values.tolist()
            assert ticks == sorted(expected)
            assert dict(zip(ticks, values, strict=True)) == expected


@settings(max_examples=20, deadline=None)
@given(seeds, st.booleans())
def test_whatever_tiles_there_are_bins_are_those_of_all_samples(seed: int, of_bools: bool) -> None:
    rng = np.random.default_rng(seed)
    world = random_world(rng)
    if of_bools:
        world.values = (world.values > 0).astype(float)
    elif rng.random() < 0.5:
        world.values[rng.choice(len(world.values), 5)] = rng.choice([np.nan, np.inf, -np.inf])
    with pytest.MonkeyPatch.context() as patch:
        chosen = selection(world, patch, BOOL if of_bools else NUMBER)
        for _ in range(4):
            start, stop = (t / SECOND for t in span(world, rng))
            begin, end = _ticks(start), _ticks(stop)
            seconds = int(rng.choice([300, 900, 1200, 3600, 10_800, 86_400, 8 * 86_400, 400, 777_777]))
            grid = Grid(seconds * 10**6, int(rng.choice([0, 0, 60, 3600])) * 10**6)
            ours = Summing("a", chosen, start, stop, grid)
            ours.summarize(begin, end)
            windows, _ = summing.windows([ours], 40)
            for window in windows:
                ours.read(*window)
            truth = [*binning.compute(partial(from_samples, world, of_bools), ["a"], start, stop, grid)]
            made = ours.result()
            assert (made is not None) == bool(truth)
            for one in truth:
                for key in ("t", "count", "first", "first_t", "last", "last_t", "min", "max", "sum"):
                    mine, theirs = getattr(made, key), getattr(one, key)
                    assert (mine is None) == (theirs is None), key
                    assert mine is None or mine.tolist() == pytest.approx(theirs.tolist(), rel=1e-12), key


def even_world(every_s: int = 3600) -> World:
    """A sample an hour, over all days, all tiles made."""
    ticks = BEGIN + np.arange(DAYS * 86_400 // every_s) * every_s * SECOND
    return World(ticks, np.sin(np.arange(len(ticks))))


@pytest.mark.parametrize(
    ("first", "days", "width", "levels"),
    [
        (0, 256, DAY, {3}),
        (0, 256, 3 * DAY, {3}),
        (0, 64, 10_800 * SECOND, {2}),
        (0, 2, 1_200 * SECOND, {1}),
        (0, 2, FINEST_WIDTH, {0}),
        (1, 200, DAY, {3}),
        (0.5, 200, DAY, {3, 2}),
    ],
)
def test_a_picture_is_drawn_of_the_coarsest_summaries_that_are_fine_enough(
    patch: pytest.MonkeyPatch, first: float, days: float, width: int, levels: set[int]
) -> None:
    world = even_world()
    begin = BEGIN + int(first * DAY)
    assert selection(world, patch).drawn(begin, begin + int(days * DAY), width) is not None
    assert {asked[0] for asked in world.asked} == levels
    assert world.read == []


def test_a_tile_that_is_not_made_costs_finer_summaries_of_its_time_alone(patch: pytest.MonkeyPatch) -> None:
    world = even_world()
    missing = BEGIN // LEVELS[2].tile
    world.made.remove((3, missing))
    assert selection(world, patch).drawn(BEGIN, BEGIN + 256 * DAY, DAY) is not None
    assert world.asked == [
        (3, missing, missing + 1),
        (2, BEGIN // LEVELS[1].tile, (BEGIN // LEVELS[1].tile) + 3),
    ]
    assert world.read == []


def test_the_ends_of_a_picture_are_read_from_few_samples(patch: pytest.MonkeyPatch) -> None:
    world = even_world(60)
    begin, end = BEGIN + 100 * SECOND, BEGIN + 7 * DAY + 130 * SECOND
    assert selection(world, patch).drawn(begin, end, 1_200 * SECOND) is not None
    # Frames by the segment: of the first five minutes, and of the last.
    assert 0 < len(world.read) <= 2 * 64
    t = world.ticks[world.read]
    assert t.min() < begin + 300 * SECOND
    assert t.max() >= end - 300 * SECOND


def test_files_without_summaries_are_drawn_from_samples_if_these_are_few_enough(
    patch: pytest.MonkeyPatch,
) -> None:
    world = even_world()
    world.made.clear()
    world.bare = set(range(40))
    one = selection(world, patch, most_bytes=16 * 240)
    assert one.drawn(BEGIN, BEGIN + 10 * DAY, DAY) is not None
    assert len(world.read) == 240
    with pytest.raises(TooMuchDataError, match="more than 3840 bytes of samples"):
        one.drawn(BEGIN, BEGIN + 11 * DAY, DAY)
    # The ends of a range are never too much.
    assert selection(world, patch, most_bytes=0).drawn(BEGIN + 1, BEGIN + 299 * SECOND, FINEST_WIDTH) is None


HOUR_US = 3600 * 10**6


def bins(world: World, patch: pytest.MonkeyPatch, start: float, stop: float, grid: Grid) -> Summing:
    one = Summing("a", selection(world, patch), start, stop, grid)
    one.summarize(int(start * SECOND), int(stop * SECOND))
    return one


def test_bins_are_made_of_the_coarsest_summaries_that_lie_in_them(patch: pytest.MonkeyPatch) -> None:
    start, stop = BEGIN / SECOND, (BEGIN + 256 * DAY) / SECOND
    for seconds, offset, levels, holes in (
        (86_400, 0, {3}, False),
        (8 * 86_400, 0, {3}, False),
        (10_800, 0, {2}, False),
        (1200, 0, {1}, False),
        (3600, 0, {1}, False),
        (900, 0, {0}, False),
        # An edge is looked for in finer summaries, of its time alone, until it cuts none.
        (8 * 86_400, 3600, {3, 2, 1}, False),
    ):
        world = even_world()
        one = bins(world, patch, start, stop, Grid(seconds * 10**6, offset * 10**6))
        assert {asked[0] for asked in world.asked} == levels, seconds
        assert bool(one.holes) == holes
        made = one.result()
        assert made is not None
        assert made.count.sum() == 256 * 24


def test_bins_that_no_summary_fits_are_looked_for_in_the_finest(patch: pytest.MonkeyPatch) -> None:
    world = even_world()
    one = bins(world, patch, BEGIN / SECOND, (BEGIN + DAY) / SECOND, Grid(400 * 10**6))
    assert {asked[0] for asked in world.asked} == {0}
    made = one.result()
    assert made is not None
    assert made.count.sum() == 24


def test_a_file_without_the_field_that_it_was_said_to_have_tells_nothing(patch: pytest.MonkeyPatch) -> None:
    records = np.zeros(1, RECORD)
    records["n"], records["t0"], records["t1"] = 5, BEGIN, BEGIN + 10
    for held, samples, ends in (
        (None, 0, None),
        (Held(MARK, {"another": records}, {}), 0, None),
        (Held(MARK, {"observatory.a": records[:0]}, {}), 0, None),
        (Held(MARK, {"observatory.a": records}, {}), 5, (BEGIN, BEGIN + 11)),
    ):
        one = selection(World([], []), patch, unread=[Path("/1.g3")])
        one.files.held = lambda _, held=held: held  # type: ignore[method-assign, misc]
        assert one.count(BEGIN - 5, BEGIN + 50) == samples
        assert one.bounds(BEGIN - 5, BEGIN + 50) == ends
        if ends:
            assert one.bounds(BEGIN + 5, BEGIN + 8) == (BEGIN + 5, BEGIN + 8)
            assert one.bounds(BEGIN + 10, BEGIN + 80) == (BEGIN + 10, BEGIN + 11)
            for begin, end in ((BEGIN + 11, BEGIN + 80), (BEGIN - 9, BEGIN)):
                assert (one.bounds(begin, end), one.count(begin, end)) == (None, 0)


def test_samples_are_read_where_an_edge_cuts_a_summary_and_nowhere_else(patch: pytest.MonkeyPatch) -> None:
    world = even_world(60)
    start, stop = BEGIN / SECOND, (BEGIN + DAY) / SECOND
    one = bins(world, patch, start, stop, Grid(HOUR_US, 90 * 10**6))
    assert one.holes == [
        (BEGIN + hour * 3600 * SECOND, BEGIN + hour * 3600 * SECOND + FINEST_WIDTH) for hour in range(24)
    ]
    assert {asked[0] for asked in world.asked} == {1, 0}
    # Ranges that are near are read as one, in windows of about so many samples.
    windows, samples = summing.windows([one], 500)
    assert samples == world.count(None, None, BEGIN, BEGIN + DAY)
    lengths = {b - a for a, b in windows}
    assert windows[0][0] == BEGIN
    assert windows[-1][1] == one.holes[-1][1]
    assert all(a[1] == b[0] for a, b in itertools.pairwise(windows))
    assert len(windows) == -(-samples // 500)
    assert max(lengths) == -(-(one.holes[-1][1] - BEGIN) // len(windows))
    for window in windows:
        one.read(*window)
    made = one.result()
    assert made is not None
    assert made.count.tolist() == [2, *[60] * 23, 58]


def test_nothing_is_read_of_summaries_that_hold_no_number(patch: pytest.MonkeyPatch) -> None:
    world = even_world()
    world.values[24 * 5 : 24 * 7] = np.nan
    one = bins(world, patch, BEGIN / SECOND, (BEGIN + 128 * DAY) / SECOND, Grid(24 * HOUR_US))
    assert (one.holes, {asked[0] for asked in world.asked}) == ([], {3})
    made = one.result()
    assert made is not None
    assert len(made.t) == 126


def test_holes_of_several_fields_are_read_together_if_they_are_near(patch: pytest.MonkeyPatch) -> None:
    world = even_world()
    one, other = (bins(world, patch, 0.0, 1.0, Grid(HOUR_US)) for _ in range(2))
    assert summing.windows([one, other], 10) == ([], 0)
    near = 21_600 * SECOND
    one.holes = [(BEGIN, BEGIN + 10 * SECOND), (BEGIN + 10 * SECOND + near, BEGIN + near + 20 * SECOND)]
    other.holes = [(BEGIN + 5 * DAY, BEGIN + 5 * DAY + SECOND), (BEGIN + 5 * SECOND, BEGIN + 8 * SECOND)]
    windows, samples = summing.windows([one, other], 10**9)
    assert windows == [(BEGIN, BEGIN + near + 20 * SECOND), (BEGIN + 5 * DAY, BEGIN + 5 * DAY + SECOND)]
    assert samples == 2 * 2 * 240  # of two fields, in two ranges, of a file of ten days
    one.holes[1] = (one.holes[1][0] + 1, one.holes[1][1] + 1)
    assert len(summing.windows([one, other], 10**9)[0]) == 3


def test_long_ranges_are_looked_up_in_pieces_that_begin_where_tiles_do() -> None:
    tile = 10
    window = tile * summing.TILES_AT_ONCE
    assert list(summing._together([(3, 2 * window + 5)], tile)) == [
        [(3, window)], [(window, 2 * window)], [(2 * window, 2 * window + 5)]
    ]  # fmt: skip
    # Near ones at once, unless they lie in different windows.
    assert list(summing._together([(0, 5), (15, 20), (31, 32)], tile)) == [[(0, 5), (15, 20)], [(31, 32)]]
    assert list(summing._together([(window - 5, window - 1), (window, window + 3)], tile)) == [
        [(window - 5, window - 1)], [(window, window + 3)]
    ]  # fmt: skip
    assert list(summing._together([], tile)) == []


def test_more_bins_than_there_is_room_for_are_refused(patch: pytest.MonkeyPatch) -> None:
    world = even_world()
    patch.setattr(summing, "MOST_PARTS", 50)
    start, stop = BEGIN / SECOND, (BEGIN + 100 * DAY) / SECOND
    patch.setattr(summing, "MOST_BYTES", 100 * binning.BIN_BYTES)
    made = bins(world, patch, start, stop, Grid(24 * HOUR_US)).result()
    assert made is not None
    assert made.count.tolist() == [24] * 100
    patch.setattr(summing, "MOST_BYTES", 100 * binning.BIN_BYTES - 1)
    with pytest.raises(TooMuchDataError, match="bins of 86400 s take more than"):
        bins(world, patch, start, stop, Grid(24 * HOUR_US))

"""Reductions, bins and rhythms on columns of a few samples, whose answers were worked out by hand."""

from typing import Any

import numpy as np
import pytest
import sisock
from sisock import binning, decimate, steps
from sisock.errors import ContractError, TooMuchDataError
from sisock.node import Bins, Grid, Series
from sisock.steps import Run

T = np.arange(12.0)
V = np.array([0.0, 5.0, 1.0, -3.0, 1.0, 5.0, 2.0, 2.0, 9.0, 9.0, -7.0, 0.0])


def kept(*columns: Any, most: int) -> list[int]:
    return decimate.envelope(T, [np.asarray(c) for c in columns], most).tolist()


def test_edges_are_even_and_leave_room_for_both_ends() -> None:
    assert decimate.bin_edges(0.0, 10.0, 12).tolist() == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    for most in (1, 4, 5):
        assert decimate.bin_edges(0.0, 10.0, most).tolist() == [0.0, 10.0]


def test_of_each_bin_the_first_least_and_the_first_greatest_are_kept_and_both_ends() -> None:
    assert kept(V, most=12) == list(range(12))
    assert kept(V, most=6) == [0, 1, 3, 8, 10, 11]
    assert kept(V, most=4) == [0, 8, 10, 11]
    assert kept(V > 4, most=6) == [0, 1, 6, 8, 11]
    assert kept(V.astype(int), most=6) == [0, 1, 3, 8, 10, 11]


@pytest.mark.parametrize(("most", "left"), [(3, [0, 11]), (2, [0, 11]), (1, [0]), (0, [0])])
def test_where_is_no_room_for_extremes_the_ends_are_kept(most: int, left: list[int]) -> None:
    assert kept(V, most=most) == left


def test_a_bin_of_nothing_keeps_its_first_sample_only() -> None:
    gap = V.copy()
    gap[:6] = np.nan
    assert kept(gap, most=6) == [0, 8, 10, 11]
    gap[:] = np.nan
    assert kept(gap, most=6) == [0, 6, 11]


def test_several_columns_share_the_room_and_text_has_none() -> None:
    other = np.zeros(12)
    other[[2, 7]] = 5.0, -5.0
    assert kept(V, other, most=10) == [0, 1, 2, 3, 6, 7, 8, 10, 11]
    text = np.array(["x"] * 12, dtype=object)
    assert kept(V, text, most=6) == [0, 1, 3, 8, 10, 11]
    assert kept(text, most=6) == [0, 6, 11]


def test_where_columns_have_more_extremes_than_room_the_ones_that_stand_out_stay() -> None:
    columns = [np.zeros(12) for _ in range(4)]
    for number, column in enumerate(columns):
        column[1 + 2 * number] = 1.0
        column[2 + 2 * number] = 0.5
    columns[0][9] = 3.0
    assert kept(*columns, most=5) == [0, 3, 5, 7, 11]


@pytest.mark.parametrize(
    ("values", "far"),
    [
        ([0.0, 0.0, 4.0], [0.0, 0.0, 1.0]),
        ([1.0, 2.0, 5.0, float("nan")], [1 / 3, 0.0, 1.0, 0.0]),
        ([float("nan"), float("inf")], [0.0, 0.0]),
        ([7.0, 7.0], [0.0, 0.0]),
        ([True, False, False], [1.0, 0.0, 0.0]),
    ],
)
def test_what_stands_out_is_measured_from_the_middle_in_units_of_the_farthest(values, far) -> None:
    np.testing.assert_allclose(decimate._prominence(np.array(values)), far)


@pytest.mark.parametrize(
    ("kind", "numeric"),
    [("f8", True), ("i4", True), ("u1", True), ("?", True), ("U1", False), ("O", False)],
)
def test_numbers_and_bools_have_extremes(kind: str, numeric: bool) -> None:
    assert decimate.is_numeric(np.zeros(1, dtype=kind)) is numeric


def thinned(t: Any, v: Any, stride: float) -> list[int]:
    return decimate.thin(np.asarray(t, dtype=float), [np.asarray(v)], stride).tolist()


def test_of_few_samples_the_one_that_stands_out_is_kept_if_that_costs_none() -> None:
    assert thinned(range(6), [0, 0, 0, 9, 0, 0], 2.0) == [0, 3, 5]
    assert thinned(range(6), [0, 0, 0, 0, 0, 9], 2.0) == [0, 2, 5]
    assert thinned(range(5), [0, 9, 0, 0, 0], 2.0) == [0, 2, 4]
    assert thinned([0, 1, 10, 11], [0, 9, 0, 0], 5.0) == [1, 2]
    assert thinned([0, 1, 10, 11], ["a", "b", "c", "d"], 5.0) == [0, 2]
    assert thinned([5.0], [1.0], 2.0) == [0]
    assert thinned([], [], 2.0) == []


def test_of_two_that_stand_out_side_by_side_the_greater_is_kept() -> None:
    v = np.zeros(400)
    v[[199, 200]] = 5.0, 6.0  # on either side of an end of twenty strides of ten
    t = np.arange(400.0)
    found = decimate.thin(t, [v], 10.0).tolist()
    assert 200 in found
    assert 199 not in found
    assert np.diff(found).min() >= 10


def test_samples_at_the_same_times_are_one_a_stride() -> None:
    assert thinned([0, 0, 0, 1, 1, 2], [0, 0, 0, 0, 0, 0], 1.0) == [0, 3, 5]
    assert thinned([0, 0, 0], [0, 1, 3], 1.0) == [2]


# --- bins


@pytest.mark.parametrize(
    ("given", "grid"),
    [
        ((1,), Grid(1_000_000, 0)),
        ((1e-6, -0.5), Grid(1, -500_000)),
        ((0.1, 0.1), Grid(100_000, 100_000)),
        ((4e12, -4e12), Grid(4 * 10**18, -4 * 10**18)),
    ],
)
def test_a_grid_is_of_whole_microseconds(given: Any, grid: Grid) -> None:
    assert binning.grid(*given) == grid


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((4.1e12,), "bins with width=4100000000000.0: not a number of seconds"),
        ((1, -4.1e12), "bins with offset=-4100000000000.0: not a number of seconds"),
        ((1, True), "bins with offset=True: not a number of seconds"),
        ((4e-7,), "bins with width=4e-07: not a microsecond or more"),
        ((-1,), "bins with width=-1: not a microsecond or more"),
    ],
)
def test_a_grid_that_is_none_is_told_with_what_is_wrong_of_it(given: Any, told: str) -> None:
    with pytest.raises(ContractError) as error:
        binning.grid(*given)
    assert str(error.value) == told


def test_pieces_may_share_a_bin_and_of_what_is_final_the_oldest_counts() -> None:
    taken = binning.Accumulator("a", Grid(10_000_000))
    assert taken.result() is None
    taken.add(np.array([1.0, 5.0]), np.array([4.0, 2.0]), 50.0)
    taken.add(np.array([]), np.array([]), 40.0)
    taken.add(np.array([6.0, 12.0]), np.array([1.0, 7.0]), 60.0)
    taken.add(np.array([13.0]), np.array([np.nan]))
    assert taken.rows == 3
    made = taken.result()
    assert (made.name, made.finalized_until) == ("a", 40.0)
    assert made.t.tolist() == [0.0, 10.0]
    found = {key: getattr(made, key).tolist() for key in binning.STATISTICS}
    assert found == {
        "count": [3.0, 1.0], "sum": [7.0, 7.0], "min": [1.0, 7.0], "max": [4.0, 7.0],
        "first": [4.0, 7.0], "first_t": [1.0, 12.0], "last": [1.0, 7.0], "last_t": [6.0, 12.0],
    }  # fmt: skip


def test_pieces_of_different_kinds_have_no_sum() -> None:
    taken = binning.Accumulator("a", Grid(10_000_000))
    taken.add(np.array([1.0]), np.array([4.0]))
    taken.add(np.array([12.0]), np.array([True]))
    made = taken.result()
    assert (made.sum, made.first.tolist(), made.first.dtype.kind) == (None, [4.0, True], "O")


def test_whole_numbers_are_numbers_and_what_is_missing_is_none() -> None:
    for column in (np.array([1, 2, 3]), np.array([1, None, 2.0, 3], dtype=object)[[0, 2, 3]]):
        taken = binning.Accumulator("a", Grid(10_000_000))
        taken.add(np.arange(3.0), column)
        assert taken.result().sum.tolist() == [6.0]
    t, values = binning._present(np.arange(4.0), np.array([None, float("nan"), "on", True], dtype=object))
    assert (t.tolist(), values.tolist()) == ([2.0, 3.0], ["on", True])


def windows(rate: float, pieces: int, monkeypatch: Any, *, most: int = 10**9, interval: Any = 1.0,
            start: float = 0.0, end: float = 200.0) -> list[tuple[float, float]]:  # fmt: skip
    """What is read of samples that come with a rate from 0 to 100."""
    monkeypatch.setattr(binning, "PIECE_VALUES", pieces)
    t = np.arange(0.0, 100.0, 1 / rate)
    read: list[tuple[float, float]] = []

    def reader(names: Any, begin: float, until: float) -> Any:
        read.append((begin, until))
        first, last = t.searchsorted([begin, until])
        if last - first > most:
            raise TooMuchDataError("too much")
        return [Series("a", t[first:last], t[first:last])]

    [made] = binning.compute(
        reader, ["a"], start, end, Grid(10**6), intervals=None if interval is None else {"a": interval}
    )
    assert made.count.sum() == len(t)
    return read


def test_a_window_is_as_long_as_a_piece_takes_by_what_is_known_of_the_rhythm(monkeypatch: Any) -> None:
    assert windows(1.0, 50, monkeypatch)[:3] == [(0.0, 50.0), (50.0, 100.0), (100.0, 150.0)]
    assert windows(1.0, 50, monkeypatch, interval=None)[0] == (0.0, 50.0)
    assert windows(1.0, 50, monkeypatch, interval=0.0)[0] == (0.0, 50.0)
    assert windows(1.0, 50, monkeypatch, interval=2.0)[0] == (0.0, 100.0)


def test_a_window_with_too_many_is_followed_by_half_of_it_and_one_with_few_by_twice(monkeypatch: Any) -> None:
    assert windows(4.0, 40, monkeypatch)[:4] == [(0.0, 40.0), (40.0, 60.0), (60.0, 70.0), (70.0, 80.0)]
    few = windows(0.1, 40, monkeypatch, interval=4.0 / 4)
    assert few[:2] == [(0.0, 40.0), (40.0, 120.0)]


def test_while_there_is_nothing_a_window_grows_eightfold_and_no_more(monkeypatch: Any) -> None:
    read = windows(1.0, 10, monkeypatch, start=-1000.0, end=100.0)
    assert [until - begin for begin, until in read[:6]] == [10.0, 20.0, 40.0, 80.0, 80.0, 80.0]


def test_what_a_node_refuses_is_asked_for_in_eighths_down_to_a_second(monkeypatch: Any) -> None:
    read = windows(1.0, 64, monkeypatch, most=10)
    assert read[:3] == [(0.0, 64.0), (0.0, 8.0), (8.0, 16.0)]
    assert windows(10.0, 5, monkeypatch, most=10, end=100.0)[0] == (0.0, 5.0)
    with pytest.raises(TooMuchDataError):
        windows(10.0, 5, monkeypatch, most=9)


def bins(t: Any = (10.0,), *, name: str = "a", **columns: Any) -> Bins:
    n = len(t)
    given = {"count": [1.0] * n, "first": [1.0] * n, "first_t": t, "last": [1.0] * n, "last_t": t} | columns
    return Bins(name, np.asarray(t), **{key: np.asarray(value) for key, value in given.items()})


def check(*made: Any) -> list[Any]:
    return list(binning.checked(made, ["a", "b"], 5.0, 30.0, Grid(10_000_000)))


def test_good_bins_of_an_author_are_handed_on() -> None:
    good = bins((0.0, 10.0, 20.0), first_t=(5.0, 10.0, 20.0), last_t=(5.0, 19.0, 29.999999))
    empty = bins((), name="b")
    assert check(good, empty) == [good, empty]
    assert [table.timeline for table in binning.tables([good, empty])] == ["a/bins"]
    assert list(binning.tables([good])[0].columns) == [
        "a/count", "a/first", "a/first_t", "a/last", "a/last_t",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([bins(), bins()], r"bins\(\) gave the field 'a' twice"),
        ([bins(name="c")], r"bins\(\) gave the field 'c', which was not asked for"),
        ([bins((10.0, 10.0))], "not on the grid, in order and each once"),
        ([bins((10.5,))], "not on the grid"),
        ([bins(count=[0.5])], "bins without a sample"),
        ([bins((0.0,), first_t=[4.9])], "samples outside of the range"),
        ([bins((0.0,), first_t=[6.0], last_t=[4.9])], "samples outside of the range"),
        ([bins((20.0,), last_t=[30.0])], "samples outside of the range"),
        ([bins((20.0,), first_t=[30.0])], "samples outside of the range"),
        ([bins(sum=[1.0, 2.0])], "columns of different lengths"),
        ([bins([[10.0]], count=[[1.0]], first=[[1.0]], last=[[1.0]])], "lengths"),
        ([None], "gave NoneType, which is not sisock.Bins"),
    ],
)  # fmt: skip
def test_bins_of_an_author_that_are_none_are_refused(wrong: Any, told: str) -> None:
    with pytest.raises(ContractError, match=told):
        check(*wrong)


def test_as_many_bins_as_there_is_room_for_are_made(monkeypatch: Any) -> None:
    t = np.arange(10.0)

    def reader(*_: Any) -> Any:
        return [sisock.Series("a", t, t)]

    size = 10 * binning.BIN_BYTES
    assert binning.BIN_BYTES == 72
    assert len(binning.compute(reader, ["a"], 0.0, 10.0, Grid(10**6), most_bytes=size)) == 1
    with pytest.raises(TooMuchDataError, match="bins of 1 s take more than 719 bytes"):
        binning.compute(reader, ["a"], 0.0, 10.0, Grid(10**6), most_bytes=size - 1)


# --- rhythms


def test_sixteen_samples_make_a_rhythm() -> None:
    assert steps.found(np.arange(15.0)) is None
    assert steps.found(np.arange(16.0)) == Run(0.0, 1.0, 0, 16)
    assert steps.found(5.0 + np.arange(100) * 0.5) == Run(5.0, 0.5, 0, 100)


@pytest.mark.parametrize("late", [1, 7, 50, 98, 99])
def test_a_sample_that_is_off_anywhere_is_no_rhythm(late: int) -> None:
    t = np.arange(100.0)
    t[late] += 1e-3
    assert steps.found(t) is None


def test_a_run_is_cut_as_a_slice_is() -> None:
    run = Run(5.0, 2.0, 10, 5)
    assert run.part(1, 4) == Run(5.0, 2.0, 11, 3)
    assert run.times().tolist() == [25.0, 27.0, 29.0, 31.0, 33.0]
    assert run.part(1, 4).times().tolist() == run.times()[1:4].tolist()
    assert run.on_wire() == {"first": 5.0, "step": 2.0, "from": 10, "count": 5}

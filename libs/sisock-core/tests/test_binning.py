"""Bins are what a plain loop over the samples makes of them, however they are read and sent."""

import math
from collections import defaultdict

import numpy as np
import pytest
import sisock
from hypothesis import given
from hypothesis import strategies as st
from sisock import binning, wire
from sisock.node import Grid
from sisock_consumer.bins import read_bins

BEGIN = 1_500_000_000.0
T = np.arange(100.0, 130.0)
STEPS = st.lists(st.integers(0, 4_000_000), min_size=1, max_size=200)
GRIDS = st.builds(Grid, st.integers(1, 9_000_000), st.integers(-(10**13), 10**13))
NUMBERS = st.floats(-1e9, 1e9) | st.sampled_from([math.nan, math.inf])


def plain_model(t, values, start, end, grid):
    """Bins as a loop makes them, with whole numbers."""
    found = defaultdict(list)
    for time, value in zip(t, values, strict=True):
        there = value is not None and (isinstance(value, bool | str) or math.isfinite(value))
        if start <= time < end and there:
            found[(round(time * 1e6) - grid.offset) // grid.width].append((time, value))
    return {(k * grid.width + grid.offset) / 1e6: samples for k, samples in sorted(found.items())}


def assert_like_model(bins, model) -> None:
    if not model:
        assert bins is None
        return
    assert bins.t.tolist() == list(model)
    assert bins.count.tolist() == [len(samples) for samples in model.values()]
    assert bins.first.tolist() == [samples[0][1] for samples in model.values()]
    assert bins.last.tolist() == [samples[-1][1] for samples in model.values()]
    assert bins.first_t.tolist() == [samples[0][0] for samples in model.values()]
    assert bins.last_t.tolist() == [samples[-1][0] for samples in model.values()]
    numbers = [[value for _, value in samples] for samples in model.values()]
    if isinstance(numbers[0][0], bool | str):
        assert bins.sum is None
        assert bins.min is None
        assert bins.max is None
        return
    assert bins.min.tolist() == [min(values) for values in numbers]
    assert bins.max.tolist() == [max(values) for values in numbers]
    np.testing.assert_allclose(bins.sum, [math.fsum(v) for v in numbers], rtol=1e-12, atol=1e-4)


class Samples(sisock.DataNode):
    """A node of one field, which refuses more than so many samples at once."""

    name, description = "samples", "Samples."

    def __init__(self, t, values, most=10**9, interval=None) -> None:
        self.t, self.values, self.most, self.interval = t, values, most, interval

    def fields(self, start, end):
        return [sisock.Field("x", interval=self.interval)]

    def read(self, names, start, end, limits):
        first, last = self.t.searchsorted([start, end])
        if last - first > self.most:
            raise sisock.TooMuchDataError("too much")
        yield sisock.Series("x", self.t[first:last], self.values[first:last])


def computed(node, start, end, grid, **settings):
    def read(names, begin, until):
        return node.read(names, begin, until, sisock.Limits())

    return next(iter(binning.compute(read, ["x"], start, end, grid, **settings)), None)


@given(STEPS, GRIDS, st.data())
def test_bins_of_any_samples_are_those_of_a_plain_loop(steps, grid, data) -> None:
    t = BEGIN + np.cumsum(steps) / 1e6
    kinds = st.sampled_from([NUMBERS, st.booleans(), st.none() | st.sampled_from(["open", "shut"])])
    values = data.draw(st.lists(data.draw(kinds), min_size=len(t), max_size=len(t)))
    column = np.array(values, dtype=object if any(v is None or isinstance(v, str) for v in values) else None)
    start, end = sorted(BEGIN + data.draw(st.floats(-5, 300)) for _ in range(2))
    node = Samples(t, column, interval=1.0)
    assert_like_model(computed(node, start, end, grid), plain_model(t, values, start, end, grid))


@given(STEPS, GRIDS, st.integers(1, 50), st.floats(1e-3, 10.0))
def test_bins_do_not_depend_on_the_pieces_that_they_are_read_in(steps, grid, most, interval) -> None:
    t = BEGIN + np.cumsum(steps) / 1e6
    values = np.sin(t)
    whole = computed(Samples(t, values), BEGIN, BEGIN + 1000, grid)
    try:
        pieces = computed(Samples(t, values, most), BEGIN, BEGIN + 1000, grid, intervals={"x": interval})
    except sisock.TooMuchDataError:
        second = np.searchsorted(t, t + 1.0) - np.arange(len(t))
        assert second.max() > most
        return
    model = plain_model(t, values.tolist(), BEGIN, BEGIN + 1000, grid)
    assert_like_model(whole, model)
    assert_like_model(pieces, model)


@given(STEPS, GRIDS, st.booleans(), st.sampled_from(["number", "bool", "string"]))
def test_bins_arrive_as_they_were_made(steps, grid, packed, kind) -> None:
    t = BEGIN + np.cumsum(steps) / 1e6
    values = {"number": t, "bool": t % 2 < 1, "string": np.array(["on", "off"] * len(t), dtype=object)}[kind]
    made = computed(Samples(t, values[: len(t)]), 1.0, 2e9, grid)
    parts = list(wire.parts(binning.tables([made]), [], packed=packed, part_bytes=700))
    read, problems = read_bins("samples", parts, ["x", "y"])
    assert not problems
    assert list(read) == ["x"]
    assert_like_model(read["x"], plain_model(t, values[: len(t)].tolist(), 1.0, 2e9, grid))


def test_no_window_holds_much_more_than_a_piece(monkeypatch) -> None:
    monkeypatch.setattr(binning, "PIECE_VALUES", 1000)
    t = np.concatenate([BEGIN + np.arange(20_000.0), BEGIN + 1e5 + np.arange(0, 200.0, 0.01)])
    sizes = []

    class Measured(Samples):
        def read(self, names, start, end, limits):
            for series in super().read(names, start, end, limits):
                sizes.append(len(series.t))
                yield series

    made = computed(Measured(t, t), BEGIN - 1e4, BEGIN + 2e5, Grid(10**9), intervals={"x": 0.01})
    assert made.count.sum() == len(t)
    assert max(sizes) <= binning.EMPTY_WIDER * 1000


def test_too_many_bins_are_refused_before_they_are_all_made() -> None:
    t = BEGIN + np.arange(50_000.0)
    with pytest.raises(sisock.TooMuchDataError, match="bins of 1 s take more than 1000000 bytes"):
        computed(Samples(t, t), 1.0, 2e9, Grid(10**6), most_bytes=1_000_000)


def test_bins_that_a_peer_made_up_are_a_sentence() -> None:
    good = next(wire.parts(binning.tables([computed(Samples(T, T), 0, 200, Grid(10**7))]), [], packed=False))
    assert not read_bins("n", [good], ["x"])[1]
    for key, value in (
        ("x/last_t", []),
        ("x/count", [math.nan]),
        ("x/count", ["3"]),
        ("x/first_t", [1.0, 2.0]),
    ):
        bad = {"data": good["data"] | {key: value}, "timeline": good["timeline"]}
        found, problems = read_bins("n", [bad], ["x"])
        assert not found
        assert "n::x" in problems["x"]

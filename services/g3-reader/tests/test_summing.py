"""Bins from summaries are those that a sum over all samples makes, on both engines, within bounds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sisock import Limits, binning
from sisock.node import Grid
from sisock_g3.testing import Writer
from sisock_g3_reader import summing
from sisock_g3_reader.cache import Columns

T0 = 1_600_000_000
FEED = "observatory.cryo.feeds.temperatures"
HOURS = 40
EDGE = 1_600_041_600
"""Midnight."""

NAMES = [f"{FEED}.{name}" for name in ("smooth", "broken", "open", "state", "odd")]
MINUTE, HOUR, DAY = 60 * 10**6, 3600 * 10**6, 86_400 * 10**6


def write_archive(top: Path) -> None:
    """Hours of a feed at 0.5 Hz with a gap, in files that overlap, with values that are no finite numbers."""
    rng = np.random.default_rng(7)
    for hour in range(HOURS):
        if 20 <= hour < 23:
            continue
        writer = Writer(top / f"{T0 + hour * 3600}.g3")
        feed = writer.feed(FEED)
        for first in range(hour * 3600, (hour + 1) * 3600 + (300 if hour % 5 == 0 else 0), 150):
            t = T0 + first + np.arange(0, 150, 2.0) + (0.5 if hour % 5 == 0 else 0.0)
            n = len(t)
            broken = rng.normal(size=n)
            broken[rng.random(n) < 0.02] = np.nan
            if first % 7200 == 0:
                broken[3] = np.inf
                broken[-1] = -np.inf
            if hour == 30:
                broken[:] = np.nan
            columns = {"smooth": 300 + rng.normal(size=n), "broken": broken, "open": rng.random(n) < 0.5}
            writer.data(feed, t, block=columns)
            # Within a tenth of a microsecond of the next bin: as whole microseconds they are in it.
            odd = np.array([T0 + first + 10.0, T0 + first + 150 - 2.4e-7])
            state = [f"s{int(k)}" for k in rng.integers(0, 3, 2)]
            writer.data(feed, odd, rest={"odd": rng.normal(size=2), "state": state})
        writer.close()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("archive")
    write_archive(top)
    return top


@pytest.fixture
def reader(archive: Path, index_environ: Any, scan: Any, make_reader: Any) -> Any:
    scan(archive, index_environ)
    node = make_reader(index_environ)
    yield node
    node.close()


def from_samples(node: Any, names: list[str], start: float, end: float, grid: Grid) -> dict[str, Any]:
    def read(some: Any, first: float, last: float) -> Any:
        return node.read(some, first, last, Limits())

    return {one.name: one for one in binning.compute(read, names, start, end, grid)}


def assert_same(ours: Any, truth: Any) -> None:
    for key in ("t", "count", "first", "first_t", "last", "last_t", "min", "max"):
        mine, theirs = getattr(ours, key), getattr(truth, key)
        assert (mine is None) == (theirs is None), key
        assert mine is None or mine.tolist() == theirs.tolist(), key
    if truth.sum is not None:
        # Rounding is in proportion to what was added, not to what came out of it.
        size = np.maximum(np.abs(truth.min), np.abs(truth.max)) * truth.count
        assert (np.abs(ours.sum - truth.sum) <= 2e-15 * size).all()


GRIDS = {
    "5 min": Grid(5 * MINUTE),
    "15 min": Grid(15 * MINUTE),
    "1 h": Grid(HOUR),
    "1 h, 7 min later": Grid(HOUR, 7 * MINUTE),
    "50 min": Grid(50 * MINUTE, 123_457),
    "400.000001 s": Grid(400_000_001),
    "1 day": Grid(DAY),
    "8 days": Grid(8 * DAY, 3 * HOUR),
    "all": Grid(2 * 10**18, -(10**18)),
}


def test_bins_from_summaries_are_those_of_all_samples(reader: Any) -> None:
    rng = np.random.default_rng(5)
    for grid in GRIDS.values():
        spans = [(T0 - 1e5, T0 + 1e6), (EDGE - 5e-7, EDGE + 36_000 - 5e-7)]
        spans += [tuple(np.sort(T0 + rng.uniform(-100, HOURS * 3600, 2))) for _ in range(2)]
        for start, end in spans:
            bins = binning.checked(reader.bins(NAMES, start, end, grid), NAMES, start, end, grid)
            made = {one.name: one for one in bins}
            truth = from_samples(reader, NAMES, start, end, grid)
            assert made.keys() == truth.keys()
            for name, one in truth.items():
                assert_same(made[name], one)


def test_whole_bins_read_no_samples(reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    whole = Columns.read
    monkeypatch.setattr(Columns, "read", lambda *args: read.append(args) or whole(*args))
    for grid in (Grid(5 * MINUTE), Grid(HOUR), Grid(DAY), GRIDS["all"]):
        # As a dashboard asks: half a microsecond before the edge.
        [made] = reader.bins(NAMES[:1], EDGE - 5e-7, EDGE + 86_400 - 5e-7, grid)
        assert made.count.sum() > 30_000
    assert read == []
    reader.bins(NAMES[:1], EDGE + 1.0, EDGE + 86_400 - 5e-7, Grid(HOUR))
    assert len(read) == 1
    assert reader.bins(NAMES, T0, T0 + 1e6, Grid(MINUTE)) is None


def test_coarser_summaries_are_used_once_they_are_made(
    archive: Path, index_environ: Any, scan: Any, make_reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(archive, index_environ)
    node = make_reader(index_environ)
    looked: list[int] = []
    whole = summing.Summing._summaries

    def noting(self: Any, level: int, begin: int, end: int) -> Any:
        looked.append(level)
        return whole(self, level, begin, end)

    monkeypatch.setattr(summing.Summing, "_summaries", noting)
    [made] = node.bins(NAMES[:1], 0.0, T0 + 1e6, GRIDS["all"])
    assert (
        made.count.tolist()
        == from_samples(node, NAMES[:1], T0 - 10, T0 + 1e6, GRIDS["all"])[NAMES[0]].count.tolist()
    )
    assert looked == [3, 2, 1, 0]
    node.close()


def test_an_index_without_summaries_is_summed_up_from_samples_within_bounds(
    archive: Path, index_environ: Any, scan: Any, make_reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(archive, {**index_environ, "SUMMARIES": "no"})
    node = make_reader(index_environ, CACHE_MB="1")
    monkeypatch.setattr(binning, "PIECE_VALUES", 2000)
    most = 0
    whole = summing.Summing._add

    def noting(self: Any, ticks: Any, values: Any) -> None:
        nonlocal most
        most = max(most, len(ticks))
        whole(self, ticks, values)

    monkeypatch.setattr(summing.Summing, "_add", noting)
    names = NAMES[:2]
    made = {one.name: one for one in node.bins(names, T0 - 10.0, T0 + 1e6, Grid(HOUR))}
    assert 0 < most <= 4000
    truth = from_samples(node, names, T0 - 10.0, T0 + 1e6, Grid(HOUR))
    for name in names:
        assert_same(made[name], truth[name])
    node.close()


def test_of_a_file_within_the_time_of_another_neither_loses_a_sample(
    tmp_path: Path, index_environ: Any, scan: Any, make_reader: Any
) -> None:
    for name, begin, step, count in (("long", 0, 60.0, 600), ("short", 7200, 7.0, 100)):
        writer = Writer(tmp_path / "data" / f"{name}.g3")
        t = T0 + begin + np.arange(count) * step
        writer.data(writer.feed(FEED), t, block={"smooth": np.ones(count)})
        writer.close()
    scan(tmp_path / "data", index_environ)
    node = make_reader(index_environ)
    [made] = node.bins(NAMES[:1], T0 - 1e4, T0 + 1e6, Grid(DAY))
    assert made.count.sum() == 700
    node.close()

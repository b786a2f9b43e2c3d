"""What the reader serves is what so3g reads, sample by sample, on both engines."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sisock import Limits, wire
from sisock_g3.testing import Writer

T0 = 1.6e9
HOURS = 30
FEEDS = ["observatory.cryo.feeds.temperatures", "observatory.pump.feeds.pressures"]


def write_archive(top: Path) -> None:
    """Two feeds of every kind of column, with gaps, a step of the clock, and integers that become doubles."""
    rng = np.random.default_rng(3)
    for hour in range(0, HOURS, 2):
        if hour == 14:
            continue
        writer = Writer(top / str(int(T0 + hour * 3600))[:5] / f"{int(T0 + hour * 3600)}.g3")
        feeds = [writer.feed(description) for description in FEEDS]
        for minute in range(0, 120, 5):
            for number, feed in enumerate(feeds):
                n = int(rng.integers(1, 300))
                t = T0 + hour * 3600 + minute * 60 + np.sort(rng.uniform(0, 300, n))
                if number and minute == 60:
                    t -= 400.0  # the clock was set back
                slow = np.linspace(t[0], t[-1], 3)
                whole = rng.integers(-100, 100, n)
                columns = {
                    "channel_1": rng.normal(size=n).cumsum(),
                    "count": whole if minute % 10 else whole.astype(float),
                    "open": rng.random(n) < 0.5,
                }
                writer.data(feed, t, fast=columns)
                state = [f"état {int(i)}" for i in rng.integers(0, 9, 3)]
                writer.data(feed, slow, slow={"state": state, "level": rng.normal(size=3)})
        writer.close()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("archive")
    write_archive(top)
    return top


@pytest.fixture(scope="module")
def truth(archive: Path) -> Callable[[str], tuple[np.ndarray, np.ndarray]]:
    """All samples of a field as so3g reads them, in the order of their times."""
    from so3g import hk
    from so3g.spt3g import core

    core.set_log_level(core.G3LogLevel.LOG_ERROR)
    scanner = hk.HKArchiveScanner()
    for path in sorted(archive.rglob("*.g3")):
        scanner.process_file(str(path))
    whole = scanner.finalize()

    def read(name: str) -> tuple[np.ndarray, np.ndarray]:
        data, timelines = whole.get_data([name])
        [timeline] = timelines.values()
        order = np.argsort(timeline["t"], kind="stable")
        return timeline["t"][order], np.array(data[name])[order]

    return read


@pytest.fixture
def reader(archive: Path, index_environ, scan, make_reader) -> Any:
    scan(archive, index_environ)
    node = make_reader(index_environ)
    yield node
    node.close()


def test_fields_are_listed_with_their_types_where_they_have_data(reader: Any) -> None:
    kinds = {field.name: field.type for field in reader.fields(T0, T0 + 3600)}
    columns = {"channel_1": "number", "count": "number", "open": "bool", "state": "string", "level": "number"}
    assert kinds == {f"{feed}.{name}": kind for feed in FEEDS for name, kind in columns.items()}
    assert list(reader.fields(T0 - 7200, T0 - 3600)) == []
    assert list(reader.fields(T0 + 14.2 * 3600, T0 + 15.8 * 3600)) == []
    assert list(reader.fields(T0 + 60 * 3600, T0 + 70 * 3600)) == []


def test_every_sample_is_as_so3g_reads_it(reader: Any, truth: Any) -> None:
    rng = np.random.default_rng(8)
    for name in [field.name for field in reader.fields(T0 - 1e5, T0 + 1e6)]:
        t, values = truth(name)
        for _ in range(12):
            begin, end = np.sort(rng.uniform(t[0] - 100, t[-1] + 100, 2))
            inside = (t >= begin) & (t < end)
            found = list(reader.read([name], begin, end, Limits()))
            tables = wire.tabulate(found, [name], begin, end, Limits(), own_times=True)
            ours = tables[0].t.tolist() if tables else []
            assert ours == t[inside].tolist()
            if tables:
                assert tables[0].columns[name].tolist() == values[inside].tolist()


def test_limits_keep_every_drawn_bins_extremes(reader: Any, truth: Any) -> None:
    rng = np.random.default_rng(9)
    for name in (f"{FEEDS[0]}.channel_1", f"{FEEDS[1]}.count", f"{FEEDS[1]}.open"):
        t, values = truth(name)
        for most in (10, 30, 100, 300):
            begin, end = np.sort(rng.uniform(t[0] - 100, t[-1] + 100, 2))
            limits = Limits(max_points=most)
            [found] = reader.read([name], begin, end, limits)
            [table] = wire.tabulate([found], [name], begin, end, limits, own_times=True)
            inside = (t >= begin) & (t < end)
            assert len(table.t) <= most
            assert (table.t[0], table.t[-1]) == (t[inside][0], t[inside][-1])
            drawn = set(zip(table.t.tolist(), table.columns[name].tolist(), strict=True))
            assert drawn <= set(zip(t[inside].tolist(), values[inside].tolist(), strict=True))
            assert table.columns[name].min() == values[inside].min()
            assert table.columns[name].max() == values[inside].max()


def test_summaries_draw_bins_whose_extremes_are_the_truth(reader: Any, truth: Any) -> None:
    from sisock_g3.summary import SECOND
    from sisock_g3_reader.select import drawn_width

    name = f"{FEEDS[1]}.channel_1"
    t, values = truth(name)
    ticks = np.round(t * SECOND).astype(np.int64)
    limits = Limits(max_points=120)
    begin, end = int(t[40] * SECOND), int(t[-40] * SECOND)
    width = drawn_width(limits, begin, end)
    assert width is not None
    [found] = reader.read([name], begin / SECOND, end / SECOND, limits)
    ours = np.round(found.t * SECOND).astype(np.int64)
    inside = (ticks >= begin) & (ticks < end)
    bins = np.unique(ticks[inside] // width)
    assert 30 < len(bins) <= 60
    for number in bins:
        mine = found.values[ours // width == number]
        theirs = values[inside & (ticks // width == number)]
        assert (mine.min(), mine.max()) == (theirs.min(), theirs.max())


def test_a_stride_is_kept_and_the_greatest_spike_with_it(reader: Any, truth: Any) -> None:
    name = f"{FEEDS[0]}.channel_1"
    _, values = truth(name)
    for stride in (10.0, 600.0, 3000.0):
        limits = Limits(min_stride=stride)
        found = list(reader.read([name], T0, T0 + 1e6, limits))
        [table] = wire.tabulate(found, [name], T0, T0 + 1e6, limits, own_times=True)
        assert np.diff(table.t).min() >= stride
        middle = np.median(values)
        assert np.abs(table.columns[name] - middle).max() == pytest.approx(np.abs(values - middle).max())


def test_names_of_so3g_work_as_well_as_those_that_are_listed(
    tmp_path, index_environ, scan, make_reader
) -> None:
    writer = Writer(tmp_path / "data" / "1.g3")
    feed = writer.feed("observatory.LSA22YE")
    writer.data(feed, T0 + np.arange(5.0), block={"Channel 01 R": np.arange(5.0)})
    writer.close()
    scan(tmp_path / "data", index_environ)
    node = make_reader(index_environ)
    assert [field.name for field in node.fields(T0, T0 + 10)] == ["observatory.LSA22YE.channel_01_r"]
    assert [field.source for field in node.fields(T0, T0 + 10)] == ["observatory.LSA22YE.Channel 01 R"]
    for name in ("observatory.LSA22YE.channel_01_r", "observatory.LSA22YE.Channel 01 R"):
        [found] = node.read([name], T0, T0 + 10, Limits())
        assert (found.name, found.values.tolist()) == (name, [0.0, 1.0, 2.0, 3.0, 4.0])
    node.close()


def test_an_index_without_summaries_draws_the_same(archive, index_environ, scan, make_reader, truth) -> None:
    scan(archive, {**index_environ, "SUMMARIES": "no"})
    node = make_reader(index_environ)
    name = f"{FEEDS[0]}.channel_1"
    _, values = truth(name)
    [found] = node.read([name], T0 - 10, T0 + 1e6, Limits(max_points=50))
    assert (found.values.min(), found.values.max()) == (values.min(), values.max())
    assert len(found.t) <= 50
    node.close()


def test_ranges_that_meet_at_a_samples_time_have_it_once(tmp_path, index_environ, scan, make_reader) -> None:
    t = (int(T0) * 10**8 + np.arange(300) * 10_000_007).astype(np.longdouble) / 1e8  # to 10 ns
    writer = Writer(tmp_path / "data" / "1.g3")
    writer.data(writer.feed(FEEDS[0]), t, block={"ch": np.arange(300.0)})
    writer.close()
    scan(tmp_path / "data", index_environ)
    node = make_reader(index_environ)

    def read(start: float, end: float) -> list[float]:
        name = f"{FEEDS[0]}.ch"
        tables = wire.tabulate(
            node.read([name], start, end, Limits()), [name], start, end, Limits(), own_times=True
        )
        return [value for table in tables for value in table.columns[name].tolist()]

    [whole] = node.read([f"{FEEDS[0]}.ch"], T0, T0 + 100, Limits())
    for meeting in whole.t[::10].tolist():
        assert read(T0, meeting) + read(meeting, T0 + 100) == list(range(300))
    node.close()

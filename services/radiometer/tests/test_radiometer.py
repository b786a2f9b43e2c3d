"""The radiometer server: both styles of file names, days of all years, and the whole on a real router."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from sisock import Limits
from sisock_archive.dated_files import DatedFiles
from sisock_radiometer import archive, synthetic
from sisock_radiometer.node import RadiometerNode
from sisock_testing import Peer, Stack, assert_contract


def utc(*date: int) -> float:
    return dt.datetime(*date, tzinfo=dt.UTC).timestamp()


def node_of(directory: Path) -> RadiometerNode:
    folder = directory / archive.FOLDER
    return RadiometerNode(DatedFiles(folder, archive.place, archive.parse, structlog.get_logger(), 2**24))


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("PWV_UCSC_2017-001.txt", utc(2017, 1, 1)),
        ("PWV_UCSC_201-2018.txt", utc(2018, 7, 20)),
        ("PWV_UCSC_2018-202.txt", utc(2018, 7, 21)),
        ("PWV_UCSC_2020-366.txt", utc(2020, 12, 31)),
        ("PWV_UCSC_2019-060.txt", utc(2019, 3, 1)),
        ("PWV_UCSC_2020-060.txt", utc(2020, 2, 29)),
    ],
)
def test_both_styles_of_names_tell_their_day(name: str, start: float) -> None:
    place = archive.place(name)
    assert place is not None
    assert (place.start, place.end) == (start, start + 86400)


@pytest.mark.parametrize(
    "name", ["PWV_UCSC_2018-1.txt", "PWV_UCSC_18-2018.txt", "PWV_UCSC_2018-400.txt", "notes.txt"]
)
def test_other_names_are_none_of_ours(name: str) -> None:
    assert archive.place(name) is None


@given(st.dates(dt.date(2012, 1, 1), dt.date(2032, 12, 31)))
def test_every_days_file_is_found_under_the_name_that_it_has(day: dt.date) -> None:
    place = archive.place(synthetic.file_name(day))
    assert place is not None
    assert place.start == utc(day.year, day.month, day.day)


@given(st.binary(max_size=300))
def test_any_bytes_in_a_file_are_lines_or_not(content: bytes) -> None:
    place = archive.place("PWV_UCSC_2020-060.txt")
    assert place is not None
    t, pwv = archive.parse(place, content).columns
    assert len(t) == len(pwv)
    assert ((t >= utc(2020, 1, 1)) & (t < utc(2021, 1, 2))).all()


GOOD = st.tuples(st.floats(1, 366), st.floats(-1e3, 1e3)).map(lambda row: b"%r %r 0" % row)


@given(st.binary(max_size=20), st.lists(st.tuples(GOOD, st.binary(max_size=30)), min_size=1))
def test_good_lines_come_out_between_any_bytes(header, lines) -> None:
    place = archive.place("PWV_UCSC_2020-060.txt")
    assert place is not None
    content = header.replace(b"\n", b"") + b"\n" + b"".join(b"%s\n%s\n" % line for line in lines)
    found = list(zip(*(c.tolist() for c in archive.parse(place, content).columns), strict=True))
    rest = iter(found)
    for good, _ in lines:
        day, pwv = map(float, good.split()[:2])
        # `in` takes from the iterator up to the line: all come, in their order.
        assert (utc(2020, 1, 1) + (day - 1.0) * 86400.0, pwv) in rest


def test_a_file_that_runs_past_new_year_stays_in_order() -> None:
    for name, days, want in (
        ("PWV_UCSC_2019-365.txt", (365.75, 1.25), (utc(2019, 12, 31, 18), utc(2020, 1, 1, 6))),
        ("PWV_UCSC_2020-366.txt", (366.75, 1.25), (utc(2020, 12, 31, 18), utc(2021, 1, 1, 6))),
        ("PWV_UCSC_2021-001.txt", (366.75, 1.25), (utc(2020, 12, 31, 18), utc(2021, 1, 1, 6))),
        ("PWV_UCSC_2019-366.txt", (366.25, 1.25), (utc(2020, 1, 1, 6), utc(2020, 1, 1, 6))),
    ):
        place = archive.place(name)
        assert place is not None
        content = "head\n" + "".join(f"{day} 1.0\n" for day in days)
        assert archive.parse(place, content.encode()).columns[0].tolist() == list(want)


def test_days_that_no_year_has_are_bad_lines() -> None:
    place = archive.place("PWV_UCSC_2020-060.txt")
    assert place is not None
    parsed = archive.parse(place, b"head\n60.5 1\n0.5 1\n367.0 1\n1e300 1\n-1 1\n")
    assert parsed.columns[0].tolist() == [utc(2020, 2, 29, 12)]
    assert parsed.skipped == 4


def test_both_names_of_one_day_are_one_day(tmp_path: Path) -> None:
    folder = tmp_path / archive.FOLDER
    folder.mkdir()
    (folder / "PWV_UCSC_201-2018.txt").write_text("head\n201.25 1\n201.5 2\n")
    (folder / "PWV_UCSC_2018-201.txt").write_text("head\n201.5 2\n201.75 3\n")
    [series] = node_of(tmp_path).read(["pwv"], 1, 2e9, Limits())
    assert series.t.tolist() == [utc(2018, 7, 20, hour) for hour in (6, 12, 18)]


def test_each_planted_spike_of_a_long_range_survives(tmp_path: Path) -> None:
    spikes = {3: 90.0, 17: -80.0, 40: 91.0}
    synthetic.write(tmp_path, dt.date(2018, 7, 1), 60, spikes)
    for limits in (Limits(max_points=50), Limits(min_stride=7200.0)):
        [series] = node_of(tmp_path).read(["pwv"], 1, 2e9, limits)
        assert set(spikes.values()) <= set(series.values.tolist())


def test_nan_blank_and_broken_lines_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / archive.FOLDER
    folder.mkdir()
    text = "head\n60.0 1.5 x\n\n60.25 NaN x\nbroken\n60.5 2.5\n60.75 3."
    (folder / "PWV_UCSC_2020-060.txt").write_text(text)
    [series] = node_of(tmp_path).read(["pwv"], 1, 2e9, Limits())
    assert series.t.tolist() == [utc(2020, 2, 29), utc(2020, 2, 29, 12)]
    assert series.values.tolist() == [1.5, 2.5]


def test_a_range_over_several_years_and_the_change_of_names_is_whole(tmp_path: Path) -> None:
    for start, days in ((dt.date(2017, 12, 30), 4), (dt.date(2018, 7, 19), 4), (dt.date(2020, 12, 30), 4)):
        synthetic.write(tmp_path, start, days)
    node = node_of(tmp_path)
    [series] = node.read(["pwv"], 1, 2e9, Limits())
    a_day = len(np.arange(0, 86400, archive.INTERVAL_S))
    assert len(series.t) == 12 * a_day
    steps = np.diff(series.t)
    # Days follow each other without a hole, but for the two between the spans.
    assert np.sort(steps)[-3] < 2 * archive.INTERVAL_S
    [series] = node.read(["pwv"], utc(2018, 1, 1), utc(2018, 1, 2), Limits())
    assert len(series.t) == a_day
    assert series.t[0] == utc(2018, 1, 1)


def test_times_are_utc_whatever_the_time_zone(tmp_path: Path) -> None:
    synthetic.write(tmp_path, dt.date(2020, 2, 29), 1)
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[2]);"
        "from sisock_radiometer import archive; p = pathlib.Path(sys.argv[1]);"
        "f = next(p.glob('PWV/*')); print(archive.parse(archive.place(f.name), f.read_bytes()).columns[0][0])"
    )
    for zone in ("UTC", "America/Santiago", "Asia/Tokyo"):
        told = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path), ""],
            env={**os.environ, "TZ": zone}, capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
        assert float(told.stdout) == utc(2020, 2, 29)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, sisock_stack: Stack, sisock_peer: Peer):
    directory = tmp_path_factory.mktemp("data")
    synthetic.write(directory, dt.date(2019, 12, 1), 60)
    process = sisock_stack.start_module(
        "sisock_radiometer", DATA_DIRECTORY=str(directory), TZ="America/Santiago"
    )
    sisock_peer.wait_for_node("ucsc_radiometer")
    yield directory
    assert process.stop() == 0


def test_the_field_is_that_of_the_contract(served: Path, sisock_peer: Peer) -> None:
    [field] = sisock_peer.get_fields("ucsc_radiometer")
    assert (field.name, field.units, field.interval) == ("pwv", "mm", 60.48)


def test_node_keeps_the_contract(served: Path) -> None:
    assert_contract(node_of(served), utc(2019, 12, 31), utc(2020, 1, 2))


def test_conformance_suite_passes(served: Path, sisock_peer: Peer) -> None:
    assert sisock_peer.breaches("ucsc_radiometer") == []


def test_a_synthetic_archive_has_nothing_from_the_future(tmp_path: Path) -> None:
    noon = utc(2020, 2, 29) + 43_200
    synthetic.write(tmp_path, dt.date(2020, 2, 29), 1, until=noon)
    (file,) = (tmp_path / archive.FOLDER).iterdir()
    times = archive.parse(archive.place(file.name), file.read_bytes()).columns[0]  # type: ignore[arg-type]
    assert noon - 2 * archive.INTERVAL_S < times[-1] < noon

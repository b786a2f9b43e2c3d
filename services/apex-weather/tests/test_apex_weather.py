"""The APEX weather server: names, files, and the whole on a real router."""

from pathlib import Path

import numpy as np
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from sisock import Limits, wire
from sisock_apex_weather import archive, synthetic
from sisock_apex_weather.node import ApexWeatherNode
from sisock_archive.dated_files import DatedFiles
from sisock_testing import Peer, Stack, assert_contract

START = 1_700_006_400.0
DAYS = 40


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("data")
    synthetic.write(directory, START, DAYS)
    return directory


@pytest.fixture
def node(data: Path) -> ApexWeatherNode:
    folder = data / archive.FOLDER
    return ApexWeatherNode(DatedFiles(folder, archive.place, archive.parse, structlog.get_logger(), 2**24))


def test_names_tell_field_and_span_whatever_their_prefix() -> None:
    place = archive.place("APEX_at_chajnantor_windspeed_1500000000_1500086400.dat")
    assert place is not None
    assert (place.series, place.start) == ("windspeed", 1.5e9)
    for other in ("APEX_snow_1_2.dat", "readme.txt", "humidity_1_2.dat", "APEX_humidity_1_2.dat.part"):
        assert archive.place(other) is None


@given(st.text(max_size=60) | st.from_regex(r"\A.+_(humidity|pressure)_\d+(\.\d+)?_\d+\.dat\Z"))
def test_any_name_is_ours_or_not(name: str) -> None:
    place = archive.place(name)
    assert place is None or place.start <= place.end


GOOD = st.tuples(st.integers(1, 2**31), st.floats(-1e9, 1e9)).map(lambda row: b"%d %r" % row)


@given(st.lists(GOOD), st.binary(max_size=100), st.lists(GOOD), st.binary(max_size=20))
def test_good_lines_come_out_around_any_bytes(above, bytes_between, below, bytes_last) -> None:
    place = archive.place("APEX_humidity_1_2.dat")
    assert place is not None
    content = b"".join(b"%s\n" % line for line in [*above, bytes_between, *below]) + bytes_last
    found = list(zip(*(c.tolist() for c in archive.parse(place, content).columns), strict=True))
    rows = [tuple(map(float, line.split())) for line in above]
    assert found[: len(rows)] == rows
    rows = [tuple(map(float, line.split())) for line in below]
    last_whole = bytes_last.count(b"\n")
    assert any(found[len(found) - len(rows) - n :][: len(rows)] == rows for n in range(last_whole + 1))


def test_two_archives_with_prefixes_of_their_own_are_one_series(tmp_path: Path) -> None:
    folder = tmp_path / archive.FOLDER
    folder.mkdir()
    (folder / "old_site_humidity_100_200.dat").write_text("100 1\n150 2\n")
    (folder / "APEX_humidity_150_300.dat").write_text("150 -2\n250 3\n")
    node = ApexWeatherNode(DatedFiles(folder, archive.place, archive.parse, structlog.get_logger(), 2**20))
    [series] = node.read(["humidity"], 1, 1000, Limits())
    assert (series.t.tolist(), series.values.tolist()) == ([100.0, 150.0, 250.0], [1.0, 2.0, 3.0])
    assert [(f.name, f.interval) for f in node.fields(1, 1000)] == [("humidity", 100.0)]
    assert list(node.fields(300, 1000)) == []


def test_a_name_from_the_network_opens_nothing(node: ApexWeatherNode) -> None:
    for name in ("../../etc/passwd", "", "humidity_1_2", "/etc/passwd\x00"):
        [series] = node.read([name], START, START + 86400, Limits())
        assert len(series.t) == 0


def test_node_keeps_the_contract(node: ApexWeatherNode) -> None:
    assert_contract(node, START, START + 2 * 86400)


def test_fields_and_units_are_those_of_the_contract(node: ApexWeatherNode) -> None:
    assert {field.name: field.units for field in node.fields(START, START + 86400)} == archive.UNITS


def test_every_sample_of_the_files_is_served(node: ApexWeatherNode, data: Path) -> None:
    [series] = node.read(["pressure"], START, START + DAYS * 86400, Limits())
    rows = [
        line.split()
        for file in sorted((data / archive.FOLDER).glob("*_pressure_*"))
        for line in file.read_text().splitlines()
    ]
    np.testing.assert_array_equal(np.column_stack([series.t, series.values]), np.array(rows, dtype=float))


def test_a_planted_spike_survives_any_reduction(tmp_path: Path) -> None:
    synthetic.write(tmp_path, START, DAYS, names=["windspeed"], spikes={17: 999.0})
    folder = tmp_path / archive.FOLDER
    node = ApexWeatherNode(DatedFiles(folder, archive.place, archive.parse, structlog.get_logger(), 2**20))
    for limits in (Limits(max_points=1000), Limits(max_points=10), Limits(min_stride=86400.0)):
        series = list(node.read(["windspeed"], START, 2e9, limits))
        [table] = wire.tabulate(series, ["windspeed"], START, 2e9, limits, own_times=False)
        assert table.columns["windspeed"].max() == 999.0


@pytest.fixture(scope="module")
def served(data: Path, sisock_stack: Stack, sisock_peer: Peer):
    process = sisock_stack.start_module("sisock_apex_weather", DATA_DIRECTORY=str(data), MAX_POINTS="1000")
    sisock_peer.wait_for_node("apex_weather")
    yield process
    assert process.stop() == 0


def test_an_old_consumer_gets_max_points_and_every_extreme(served, sisock_peer: Peer, data: Path) -> None:
    reply = sisock_peer.v1_data("apex_weather", ["temperature", "humidity"], START, START + DAYS * 86400)
    for field in ("temperature", "humidity"):
        files = (data / archive.FOLDER).glob(f"*_{field}_*")
        whole = [float(line.split()[1]) for file in files for line in file.read_text().splitlines()]
        assert 500 < len(reply["data"][field]) <= 1000
        assert (min(reply["data"][field]), max(reply["data"][field])) == (min(whole), max(whole))


def test_conformance_suite_passes(served, sisock_peer: Peer) -> None:
    assert sisock_peer.breaches("apex_weather") == []


def test_a_synthetic_archive_has_nothing_from_the_future(tmp_path: Path) -> None:
    synthetic.write(tmp_path, START, 1, names=["windspeed"], until=START + 3600)
    (file,) = (tmp_path / archive.FOLDER).iterdir()
    assert file.read_text().splitlines()[-1].startswith(f"{START + 3540:.1f} ")

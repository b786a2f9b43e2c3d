"""The weather server on its sample, by itself and on a real router."""

from pathlib import Path

import numpy as np
import pytest
import structlog
from sisock_testing import Peer, Stack, assert_contract
from sisock_weather.archive import Archive, parse
from sisock_weather.config import bundled
from sisock_weather.node import WeatherNode

FIELDS = ["apex_humidity", "apex_pressure", "apex_radiometer", "apex_temperature", "apex_windspeed"]
START, END = 1499904000.0, 1501200001.0
REAL = Path(__file__).parents[4] / "shared" / "data" / "apex"


@pytest.fixture
def node() -> WeatherNode:
    return WeatherNode(Archive(bundled(), structlog.get_logger()))


def test_sample_keeps_the_contract(node: WeatherNode) -> None:
    assert_contract(node, START, END)


@pytest.fixture(scope="module", params=["sample", "real"])
def served(request: pytest.FixtureRequest, sisock_stack: Stack, sisock_peer: Peer):
    directory = bundled() if request.param == "sample" else REAL
    if not directory.is_dir():
        pytest.skip(f"the real APEX archive is not here ({directory})")
    process = sisock_stack.start_module("sisock_weather", DATA_DIRECTORY=str(directory))
    sisock_peer.wait_for_node("apex_archive")
    yield directory
    assert process.stop() == 0


def test_every_value_of_every_field_arrives_as_it_is_in_the_file(served: Path, sisock_peer: Peer) -> None:
    assert sorted(field.name for field in sisock_peer.get_fields("apex_archive")) == FIELDS
    series, problems = sisock_peer.get_data("apex_archive", FIELDS, START, END + 3600)
    assert problems == {}
    for name in FIELDS:
        rows = [
            line.split()
            for line in (served / f"{name}.dat").read_text().splitlines()
            if line and not line.startswith("#")
        ]
        want = np.array(rows, dtype=float)
        want = want[(want[:, 0] >= START) & (want[:, 0] < END + 3600)]
        np.testing.assert_array_equal(series[name].t, want[:, 0])
        np.testing.assert_array_equal(series[name].values, want[:, 1])


def test_a_peer_of_the_predecessors_gets_plain_lists(served: Path, sisock_peer: Peer) -> None:
    first = parse((served / "apex_temperature.dat").read_bytes())
    reply = sisock_peer.v1_data("apex_archive", ["apex_temperature", "nothing"], START, END)
    timeline = sisock_peer.call("org.simonsobservatory.consumer.apex_archive.get_fields", 1, 0)[0]
    assert reply["data"]["nothing"] == []
    assert reply["timeline"][timeline["apex_temperature"]["timeline"]]["t"] == first.t[first.t < END].tolist()


def test_conformance_suite_passes(served: Path, sisock_peer: Peer) -> None:
    assert sisock_peer.breaches("apex_archive") == []

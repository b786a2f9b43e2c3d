"""The sensors server: what it has repeated, and the process on a real router."""

import sys
from typing import Any

import numpy as np
import pytest
from sisock import Limits, Update
from sisock_sensors.node import SensorsNode
from sisock_sensors.reading import Reading
from sisock_sensors.sampler import Sampler
from sisock_testing import Peer, Stack, wait_until

CORE = "coretemp-isa-0000_Core_0"
FAN = "board-isa-0001_fan1"


class FakeSession:
    """Remembers what the node wants repeated."""

    def __init__(self) -> None:
        self.repeated: list[tuple[float, Any]] = []

    def every(self, period_s: float, call: Any) -> None:
        self.repeated.append((period_s, call))


def test_a_sample_is_taken_every_two_and_a_half_seconds_and_tells_how_far_the_data_reach() -> None:
    now, session = [1000.0], FakeSession()
    sampler = Sampler([lambda: [Reading("a", "a", "C", 1.0)]])
    node = SensorsNode(sampler, lambda: now[0])
    with pytest.raises(StopIteration):
        node.joined(session).send(None)
    [(period_s, sample)] = session.repeated
    assert period_s == 2.5
    assert sample() == Update(1000.0, fields_changed=True)
    now[0] = 1002.5
    assert sample() == Update(1002.5)
    [series] = node.read(["a"], 0, 1e9, Limits())
    assert series.t.tolist() == [1000.0, 1002.5]


@pytest.fixture(scope="module")
def served(sisock_stack: Stack, sisock_peer: Peer, busy_machine):
    command = ["umockdev-wrapper", sys.executable, "-m", "sisock_sensors"]
    environ = {"UMOCKDEV_DIR": str(busy_machine.directory)}
    process = sisock_stack.start("sisock_sensors", command, **environ)
    sisock_peer.wait_for_node("sensors")
    yield process
    process.stop()


def test_sensors_and_the_hosts_figures_are_served_live(served, sisock_peer: Peer) -> None:
    def received():
        return len(sisock_peer.get_data("sensors", ["host_load_1m"], -60, 0)[0]["host_load_1m"].t)

    wait_until(lambda: received() >= 2, 20, "two samples")
    fields = {field.name: field for field in sisock_peer.get_fields("sensors")}
    assert {name: fields[name].units for name in (CORE, FAN, "psu-isa-0002_power1", "host_memory_used")} == {
        CORE: "C",
        FAN: "RPM",
        "psu-isa-0002_power1": "W",
        "host_memory_used": "%",
    }
    series, problems = sisock_peer.get_data("sensors", [CORE, FAN], -60, 0)
    assert problems == {}
    assert (set(series[CORE].values), set(series[FAN].values)) == ({45.0}, {1200.0})
    assert np.diff(series[CORE].t).min() > 2
    assert "live" in sisock_peer.consumer.nodes["sensors"].capabilities


def test_a_chip_that_vanishes_leaves_a_gap_and_the_list_of_fields(
    served, sisock_peer: Peer, busy_machine
) -> None:
    busy_machine.unplug(1)

    def fan_with_gap():
        fan = sisock_peer.get_data("sensors", [FAN], -60, 0)[0][FAN]
        return fan if np.isnan(fan.values[-1]) else None

    fan = wait_until(fan_with_gap, 20, "the fan stops")
    assert fan.values[0] == 1200.0
    listed = {field.name for field in sisock_peer.get_fields("sensors", float(fan.t[-1]), 0)}
    assert CORE in listed
    assert FAN not in listed
    v1 = sisock_peer.v1_data("sensors", [FAN, CORE], -60, 0)
    assert v1["data"][FAN][-1] is None
    assert v1["data"][CORE][-1] == 45.0
    assert len(v1["timeline"]["t"]["t"]) == len(v1["data"][FAN])


def test_conformance_suite_passes(served, sisock_peer: Peer) -> None:
    assert sisock_peer.breaches("sensors") == []


def test_sigterm_ends_the_process_with_0(served) -> None:
    assert served.stop() == 0
    assert "service.stopped" in served.text()

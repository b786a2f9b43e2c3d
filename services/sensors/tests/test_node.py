"""The sensors server: its rhythm on a fake clock, and the process on a real router."""

import sys

import numpy as np
import pytest
import structlog
from sisock_sensors.node import SensorsNode
from sisock_sensors.reading import Reading
from sisock_sensors.sampler import Sampler
from sisock_testing import Peer, Stack, wait_until
from structlog.testing import capture_logs
from twisted.internet.task import Clock
from twisted.python.failure import Failure

CORE = "coretemp-isa-0000_Core_0"
FAN = "board-isa-0001_fan1"


class FakeReactor(Clock):
    """A clock whose threads do their work at once."""

    def getThreadPool(self):
        return self

    def callInThreadWithCallback(self, tell, work, *args, **kwargs) -> None:
        try:
            result = work(*args, **kwargs)
        except ValueError:
            tell(False, Failure())
        else:
            tell(True, result)

    def callFromThread(self, work, *args) -> None:
        work(*args)


class FakeSession:
    def __init__(self) -> None:
        self.updates: list[float] = []

    def publish_updated(self, until: float) -> None:
        self.updates.append(until)


def join(node: SensorsNode, session: FakeSession) -> None:
    with pytest.raises(StopIteration):
        node.joined(session).send(None)


def test_samples_are_taken_every_two_and_a_half_seconds_however_often_it_joins() -> None:
    reactor, first, second = FakeReactor(), FakeSession(), FakeSession()
    sampler = Sampler([lambda: [Reading("a", "a", "C", 1.0)]])
    node = SensorsNode(sampler, reactor, lambda: 1000 + reactor.seconds(), structlog.get_logger())
    join(node, first)
    reactor.pump([2.5, 2.5])
    join(node, second)
    reactor.pump([2.5])
    node.close()
    reactor.pump([2.5, 2.5])
    assert first.updates == [1000.0, 1002.5, 1005.0]
    assert second.updates == [1007.5]
    [series] = sampler.read(["a"], 0, 1e9)
    assert series.t.tolist() == [1000.0, 1002.5, 1005.0, 1007.5]


def test_a_sample_that_fails_is_told_once_and_the_next_is_taken() -> None:
    reactor, session = FakeReactor(), FakeSession()
    failing = [True, True, False]

    def source() -> list[Reading]:
        if failing.pop(0):
            raise ValueError("no such thing")
        return [Reading("a", "a", "C", 1.0)]

    node = SensorsNode(Sampler([source]), reactor, reactor.seconds, structlog.get_logger())
    with capture_logs() as logs:
        join(node, session)
        reactor.pump([2.5, 2.5])
    node.close()
    assert [event["event"] for event in logs] == ["sample.failed"]
    assert session.updates == [5.0]


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

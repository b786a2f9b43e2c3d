"""The sensors server on a real router, on this very host."""

import pytest
from sisock.testing import Peer, Stack, wait_until


@pytest.fixture(scope="module")
def served(sisock_stack: Stack, sisock_peer: Peer):
    process = sisock_stack.start_module("sisock_sensors")
    sisock_peer.wait_for_node("sensors")
    yield process
    assert process.stop() == 0


def test_this_hosts_figures_are_served_live(served, sisock_peer: Peer) -> None:
    def received():
        return len(sisock_peer.get_data("sensors", ["host_load_1m"], -60, 0)[0]["host_load_1m"].t)

    wait_until(lambda: received() >= 2, 20, "two samples")
    fields = {field.name: field for field in sisock_peer.get_fields("sensors")}
    assert fields["host_memory_used"].units == "%"
    assert "live" in sisock_peer.consumer.nodes["sensors"].capabilities


def test_conformance_suite_passes(served, sisock_peer: Peer) -> None:
    assert sisock_peer.breaches("sensors") == []

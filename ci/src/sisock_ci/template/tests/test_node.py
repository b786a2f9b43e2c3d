"""The data server by itself and on a real router."""

from @module@.node import Node
from sisock_testing import Peer, Stack, assert_contract


def test_it_keeps_the_contract() -> None:
    assert_contract(Node(600.0, 1_500_000_000.0), 1_500_000_000.0, 1_500_003_600.0)


def test_it_keeps_the_contract_on_a_router(sisock_stack: Stack, sisock_peer: Peer) -> None:
    process = sisock_stack.start_module("@module@")
    sisock_peer.wait_for_node("@node@")
    assert sisock_peer.breaches("@node@") == []
    assert process.stop() == 0

"""Servers of the predecessor's time, each started as authors do, whose router goes and comes back."""

import signal
import sys

import pytest
from sisock.errors import NodeError
from sisock_testing import SERVERS, Peer, Process, Stack, wait_until
from sisock_testing.stack import Reactor

WAYS = ("class", "instance", "reconnecting", "module", "relative")


def start(stack: Stack, way: str) -> Process:
    command = {
        "module": ["-m", "ticking", "class"],
        "relative": ["ticking.py", "instance"],
    }.get(way, [str(SERVERS / "ticking.py"), way])
    return stack.start(way, [sys.executable, *command], NAME=way, PYTHONPATH=str(SERVERS))


def loops(peer: Peer, name: str) -> list[float]:
    """Which loops have sampled in the node's process; none while it does not answer."""
    try:
        return peer.get_data(name, ["loop"], -10, 0)[0]["loop"].values.tolist()
    except NodeError:
        return []


@pytest.fixture(scope="module")
def stack(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory):
    stack = Stack(tmp_path_factory.mktemp("restarts"))
    (stack.directory / "ticking.py").symlink_to(SERVERS / "ticking.py")
    try:
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def peer(stack: Stack, sisock_reactor: Reactor):
    stack.start_hub()
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    yield peer
    peer.close()


def away_and_back(stack: Stack, peer: Peer) -> None:
    stack.processes["hub"].kill()
    wait_until(lambda: not peer.consumer.nodes, what="the router is away")
    stack.start_hub()


@pytest.mark.timeout(240)
def test_old_servers_come_back_with_one_set_of_loops_however_they_were_started(
    stack: Stack, peer: Peer
) -> None:
    servers = {way: start(stack, way) for way in WAYS}
    pids = {way: server.pid for way, server in servers.items()}
    for way in WAYS:
        peer.wait_for_node(way)
        wait_until(lambda way=way: loops(peer, way) == [1.0], what=f"{way} samples")
    for _ in range(2):
        away_and_back(stack, peer)
        for way in WAYS:
            peer.wait_for_node(way)
            wait_until(lambda way=way: loops(peer, way), what=f"{way} answers")
            assert loops(peer, way) == [1.0], way
    for way, server in servers.items():
        assert server.popen.poll() is None
        assert server.pid == pids[way]
        assert server.stop() == 0, way


def test_a_server_that_is_stopped_while_the_router_is_away_ends(stack: Stack, peer: Peer) -> None:
    server = start(stack, "class")
    peer.wait_for_node("class")
    stack.processes["hub"].kill()
    wait_until(lambda: not peer.consumer.nodes, what="the router is away")
    server.signal(signal.SIGTERM)
    assert server.popen.wait(20) == 0
    stack.start_hub()


def test_a_session_in_somebody_elses_reactor_comes_back_in_the_same_process(stack: Stack, peer: Peer) -> None:
    server = start(stack, "embedded")
    peer.wait_for_node("embedded")
    away_and_back(stack, peer)
    peer.wait_for_node("embedded")
    assert "starting anew" not in server.text()
    server.stop()

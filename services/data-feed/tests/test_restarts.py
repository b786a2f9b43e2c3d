"""What a restart costs: of the server, by kill -9, and of the router."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sisock_data_feed.topics import Address
from sisock_testing import Peer, Process, Stack, wait_until
from sisock_testing.stack import Reactor

Serve = Callable[..., Process]
CHANNEL = "channel_01_t"


def served(peer: Peer, name: str) -> list[float]:
    series, problems = peer.get_data(name, [CHANNEL], -600, 0)
    assert problems == {}
    times: list[float] = series[CHANNEL].t.tolist()
    return times


def test_a_kill_costs_at_most_the_last_second(
    serve: Serve, sisock_stack: Stack, sisock_peer: Peer, ocs_peer: Any
) -> None:
    arrivals: list[tuple[float, list[float]]] = []
    address = Address("fast", "temperatures")
    ocs_peer.listen(
        str(address), lambda message: arrivals.append((time.time(), message[0]["temps"]["timestamps"]))
    )
    process = serve("fast", TARGET="fast")
    publisher = sisock_stack.start_module(
        "sisock_data_feed.synthetic", TARGET="fast", SAMPLE_INTERVAL="0.01", MESSAGE_INTERVAL="0.05"
    )
    wait_until(lambda: sum(len(t) for _, t in arrivals) > 300, 20, "three seconds of samples")
    process.kill()
    killed = time.time()
    process.popen.wait()
    wait_until(lambda: "fast" not in sisock_peer.consumer.nodes, 10, "the node is gone")
    serve("fast", TARGET="fast")
    subscribed = time.time()
    wait_until(lambda: max(served(sisock_peer, "fast")) > subscribed + 0.5, 20, "new samples")
    publisher.stop()
    got = served(sisock_peer, "fast")
    missing = set.union(*(set(t) for came, t in arrivals if came < killed - 1)) - set(got)
    assert missing == set()
    assert len(got) == len(set(got))


@pytest.mark.peer
def test_after_a_restart_of_the_router_each_sample_comes_once(
    tmp_path: Path, sisock_reactor: Reactor, make_ocs_peer: Callable[[Stack], Any]
) -> None:
    stack = Stack(tmp_path)
    try:
        hub = stack.start_hub(restart=True)
        peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
        publisher = make_ocs_peer(stack)
        process = stack.start_module("sisock_data_feed", TARGET="a", NAME="a", DESCRIPTION="test")
        wait_until(lambda: process.text().count("feed.subscribed") == 1, what="the subscription")
        hub.kill()
        wait_until(lambda: process.text().count("feed.subscribed") == 2, what="the second subscription")
        peer.wait_for_node("a")
        wait_until(lambda: publisher.here, what="the publisher is back")
        now = time.time()
        block = {
            "block_name": "temps",
            "timestamps": [now - 2, now - 1],
            "data": {"Channel 01 T": [1.0, 2.0]},
        }
        publisher.publish(Address("a", "temperatures"), block)
        wait_until(lambda: peer.get_fields("a"), 10, "the samples")
        assert served(peer, "a") == [now - 2, now - 1]
        publisher.close()
        peer.close()
        process.stop()
        assert '"messages": 1, "samples": 2' in process.text()
    finally:
        stack.stop()

"""With the real OCS: what its agents publish is what a consumer gets, sample by sample."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sisock_data_feed.topics import Address
from sisock_testing import Peer, Process, Stack, wait_until

FAKE = Address("fake1", "false_temperatures")
CHANNELS = ["channel_00", "channel_01", "channel_02"]
Serve = Callable[..., Process]
Rows = dict[float, tuple[float, ...]]


@pytest.fixture(scope="module")
def agents(ocs: Any, sisock_stack: Stack) -> Iterator[None]:
    running = [ocs.start_agent("registry"), ocs.start_agent("fake1")]
    yield
    for agent in running:  # asked to stop, an agent takes six seconds
        agent.kill()
        agent.popen.wait()


@pytest.fixture(scope="module")
def recorded(agents: None, ocs_peer: Any) -> Callable[[], Rows]:
    """What the agent has published until now, as a peer beside us heard it."""
    ocs_peer.listen(str(FAKE))

    def rows() -> Rows:
        blocks = [message[0]["temps"] for message in list(ocs_peer.heard)]
        return {
            t: values
            for block in blocks
            for t, *values in zip(block["timestamps"], *(block["data"][c] for c in CHANNELS), strict=True)
        }

    return rows


@pytest.fixture(scope="module")
def acquiring(recorded: Callable[[], Rows], ocs: Any) -> None:
    assert "OK" in ocs.client("fake1", "client.acq.start()")


def served(peer: Peer, name: str) -> Rows:
    series, problems = peer.get_data(name, CHANNELS, -3600, 0)
    assert problems == {}
    columns = [series[channel].values.tolist() for channel in CHANNELS]
    t = series[CHANNELS[0]].t.tolist()
    return {t: values for t, *values in zip(t, *columns, strict=True)}


def test_the_registry_sees_the_agent_through_our_router(agents: None, ocs: Any) -> None:
    look = "[time.sleep(2), client.main.status().session['data']][1]"
    assert "observatory.fake1" in ocs.client("registry", look)


def test_what_the_agent_published_is_what_a_consumer_gets(
    acquiring: None, recorded: Callable[[], Rows], serve: Serve, sisock_peer: Peer
) -> None:
    serve("fake1", TARGET="fake1", FEED="false_temperatures")
    begin = time.time()
    wait_until(lambda: max(recorded(), default=0) > begin + 3, 20, "the agent publishes")
    want = recorded()
    wait_until(lambda: max(served(sisock_peer, "fake1"), default=0) >= max(want), 10, "the samples")
    got = served(sisock_peer, "fake1")
    assert len(got) > 30
    assert {t: values for t, values in want.items() if t >= min(got)} == {
        t: values for t, values in got.items() if t <= max(want)
    }


def test_a_killed_server_comes_back_with_all_that_it_had_heard(
    acquiring: None, recorded: Callable[[], Rows], ocs_peer: Any, serve: Serve, sisock_peer: Peer
) -> None:
    settings = {"TARGET": "fake1", "FEED": "false_temperatures"}
    process = serve("killed", **settings)
    messages = len(ocs_peer.heard)
    wait_until(lambda: len(ocs_peer.heard) >= messages + 2, 20, "two messages")
    wait_until(lambda: max(served(sisock_peer, "killed"), default=0) >= max(recorded()), 10, "the samples")
    before = served(sisock_peer, "killed")
    heard = len(ocs_peer.heard)
    wait_until(lambda: len(ocs_peer.heard) > heard, 20, "a message more than a second later")
    process.kill()
    process.popen.wait()
    wait_until(lambda: "killed" not in sisock_peer.consumer.nodes, 10, "the node is gone")
    process = serve("killed", **settings)
    begin = time.time()
    wait_until(lambda: max(served(sisock_peer, "killed")) > begin, 20, "new samples")
    after = served(sisock_peer, "killed")
    assert {t: values for t, values in after.items() if t in before} == before
    assert {t: values for t, values in recorded().items() if t in after} == {
        t: values for t, values in after.items() if t in recorded()
    }
    assert "store.restored" in process.text()

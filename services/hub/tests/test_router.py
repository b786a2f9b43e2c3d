"""The router with its hub: privileges, restarts, a site's configuration of 2019."""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from sisock import uris
from sisock.errors import NodeError
from sisock_hub.hub import UNKNOWN
from sisock_hub.prepare import prepare
from sisock_testing import Peer, Stack, wait_until
from sisock_testing.stack import executable

SERVERS = Path(__file__).parents[3] / "libs" / "sisock-core" / "tests" / "servers"
RELIST_DEADLINE_S = 5.0


@pytest.fixture
def stack(tmp_path: Path):
    stack = Stack(tmp_path)
    yield stack
    stack.stop()


def start(stack: Stack, server: str):
    return stack.start(server, [sys.executable, str(SERVERS / f"{server}.py")])


def test_a_consumer_can_call_and_subscribe_but_neither_register_nor_publish(
    sisock_peer: Peer, sisock_stack: Stack, sisock_reactor
) -> None:
    session = sisock_peer.consumer._connection.session

    def refused(make):
        async def attempt():
            await make()

        with pytest.raises(Exception, match=r"not[ _]authorized"):
            sisock_reactor.wait(attempt)

    name = uris.get_data("impostor")
    refused(lambda: session.register(lambda: None, name))
    refused(lambda: session.call(uris.DATA_NODE_ADD, "x", "y", 1))
    refused(lambda: session.call("wamp.session.list"))
    refused(lambda: session.subscribe(lambda: None, "observatory.x.feeds.y"))
    from autobahn.wamp.types import PublishOptions

    refused(lambda: session.publish(uris.DATA_NODE_ADDED, {}, options=PublishOptions(acknowledge=True)))


@pytest.fixture
def node_peer(sisock_stack: Stack, sisock_reactor):
    peer = Peer(sisock_reactor, sisock_stack.config(WAMP_USER="server"))
    yield peer
    peer.close()


def test_a_node_cannot_be_removed_by_another_session(
    node_peer: Peer, sisock_stack: Stack, sisock_peer: Peer
) -> None:
    node = start(sisock_stack, "old_style")
    sisock_peer.wait_for_node("old_thermometer")
    stranger = node_peer.consumer._connection.session._session_id
    for session_id in (stranger, 1):
        node_peer.call(uris.DATA_NODE_SUBTRACT, "old_thermometer", session_id)
    listed = [entry["name"] for entry in sisock_peer.call(uris.GET_DATA_NODE)]
    assert "old_thermometer" in listed
    node.stop()


@pytest.mark.parametrize("name", ["", "two words", 7, "a#b"])
def test_a_name_that_is_no_part_of_a_uri_is_refused(node_peer: Peer, name) -> None:
    session = node_peer.consumer._connection.session._session_id
    with pytest.raises(NodeError, match="cannot be a data node's name"):
        node_peer.call(uris.DATA_NODE_ADD, name, "", session)


def test_a_session_can_add_nodes_for_itself_only(node_peer: Peer) -> None:
    assert node_peer.call(uris.DATA_NODE_ADD, "mine", "", 12345) is False


def relisted(peer: Peer, names: set[str], since: float, what: str) -> None:
    wait_until(lambda: peer.consumer.hub_here and names <= set(peer.consumer.nodes), 30, f"{what}: {names}")
    print(f"{what}: all of {sorted(names)} listed again after {time.monotonic() - since:.1f} s")


def test_after_a_hub_or_router_restart_every_live_node_is_listed_again(
    stack: Stack, sisock_reactor, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = stack.start_hub(restart=True)
    start(stack, "clockwork")
    start(stack, "old_style")
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    names = {"clockwork", "old_thermometer"}
    for name in names:
        peer.wait_for_node(name)
    pids = {name: stack.processes[name].pid for name in ("clockwork", "old_style")}
    with capsys.disabled():
        ready = hub.text().count("hub.ready")
        killed = time.monotonic()
        hub.kill()
        wait_until(lambda: hub.text().count("hub.ready") > ready, what="the router and hub are back")
        back = time.monotonic()
        print(f"\nrouter and hub killed with -9: back after {back - killed:.1f} s")
        relisted(peer, names, back, "from there")
        assert time.monotonic() - back < RELIST_DEADLINE_S
    assert pids == {name: stack.processes[name].pid for name in pids}
    series, problems = peer.get_data("old_thermometer", ["t1"], 1000, 1100)
    assert (len(series["t1"].t), problems) == (10, {})
    peer.close()


@pytest.fixture
def lone_hub(stack: Stack):
    """A stack whose hub runs in a process of its own, started again when it dies."""
    config = prepare(stack.directory / ".crossbar", ["localhost"]).config
    tree = json.loads(config.read_text())
    tree["workers"] = [worker for worker in tree["workers"] if worker["type"] == "router"]
    config.write_text(json.dumps(tree))
    router = stack.start("router", [executable("sisock-hub")])
    wait_until(lambda: "NODE_BOOT_COMPLETE" in router.text(), what="the router is up")
    command = [sys.executable, str(Path(__file__).parent / "hub_alone.py")]
    hub = stack.start("hub", command, restart=True, CROSSBAR_DIR=".crossbar")
    wait_until(lambda: "hub.ready" in hub.text(), what="the hub is up")
    return hub


def test_a_hub_that_restarts_alone_lists_every_live_node_again(
    lone_hub, stack: Stack, sisock_reactor, capsys: pytest.CaptureFixture[str]
) -> None:
    for server in ("clockwork", "old_style", "pre_core"):
        start(stack, server)
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    names = {"clockwork", "old_thermometer", "pre_core"}
    for name in names:
        peer.wait_for_node(name)
    said = {name: peer.consumer.nodes[name].description for name in names}
    assert said["pre_core"] == "older than the core"
    lone_hub.kill()
    killed = time.monotonic()

    def listed():
        try:
            return {e["name"]: e["description"] for e in peer.call(uris.GET_DATA_NODE)}
        except NodeError:
            return {}

    wait_until(lambda: set(listed()) == names, 30, "all nodes are listed")
    with capsys.disabled():
        took = time.monotonic() - killed
        print(f"\nhub alone killed with -9: all of {sorted(names)} listed again after {took:.1f} s")
    assert took < RELIST_DEADLINE_S
    # The node older than the core does not announce itself again: the router's registrations show it.
    wait_until(lambda: listed() == {**said, "pre_core": UNKNOWN}, 5, "our own nodes say again what they are")
    peer.close()


def test_fields_with_each_others_times_are_not_paired(sisock_stack: Stack, sisock_peer: Peer) -> None:
    node = start(sisock_stack, "pre_core")
    sisock_peer.wait_for_node("pre_core")
    series, problems = sisock_peer.get_data("pre_core", ["a", "b"], 100, 1000, timelines={"a": "m", "b": "m"})
    assert list(series) == ["b"]
    assert problems == {"a": "pre_core::a: 3 values for 2 times of the timeline 'm'"}
    node.kill()
    wait_until(lambda: "pre_core" not in sisock_peer.consumer.nodes, what="the router notices")


def test_a_sites_configuration_of_2019_runs_unchanged(site: Path, stack: Stack, sisock_reactor) -> None:
    directory = site
    text = (directory / "config.json").read_text()
    text = text.replace("8001", str(stack.ocs_port)).replace("8080", str(stack.tls_port))
    (directory / "config.json").write_text(text)
    hub = stack.start_hub()
    assert "auto_ping_size 4 is now 12" in hub.text()
    start(stack, "clockwork")
    start(stack, "old_style")
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    for name in ("clockwork", "old_thermometer"):
        peer.wait_for_node(name)
    assert len(peer.get_data("clockwork", ["sine"], 1, 100)[0]["sine"].t) == 99
    assert (directory / "config.json").read_text() == text
    peer.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="SISOCK_RUN_AS is root's")
def test_a_sites_paths_are_its_own_and_its_realm_is_told_when_its_directory_is_copied(
    site: Path, stack: Stack, sisock_reactor
) -> None:
    text = (site / "config.json").read_text().replace('"name": "test_realm"', '"name": "sisock"')
    text = text.replace('"realm": "test_realm"', '"realm": "sisock"')
    text = text.replace("8001", str(stack.ocs_port)).replace("8080", str(stack.tls_port))
    (site / "config.json").write_text(text)
    (site / "config.json").chmod(0o600)
    (site.parent / "www").mkdir()
    (site.parent / "www" / "index.html").write_text("the site's own page")
    hub = stack.start("hub", [executable("sisock-hub")], SISOCK_RUN_AS="0:0")
    wait_until(lambda: "hub.ready" in hub.text() or hub.popen.poll() is not None, what=f"the hub ({hub.log})")
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.ocs_port}/", timeout=10) as reply:
        assert reply.read() == b"the site's own page"
    assert "has the realm 'sisock' and no 'test_realm'" in hub.text()
    node = start(stack, "clockwork")
    assert node.popen.wait(20) == 1
    assert "test_realm" in node.text()


def test_a_taken_port_is_said_in_a_sentence(stack: Stack, sisock_stack: Stack) -> None:
    stack.tls_port = sisock_stack.tls_port
    process = stack.start("hub", [executable("sisock-hub")])
    assert process.popen.wait(20) == 2
    assert f"CROSSBAR_TLS_PORT={stack.tls_port} cannot be listened on" in process.text()

"""The router with its hub: privileges, restarts, a site's configuration of 2019."""

import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sisock import uris
from sisock.errors import NodeError
from sisock_hub.hub import UNKNOWN
from sisock_hub.prepare import prepare
from sisock_testing import SERVERS, Peer, Stack, wait_until
from sisock_testing.stack import executable

RELIST_DEADLINE_S = 5.0


@pytest.fixture
def stack(sisock_processes: None, tmp_path: Path):
    stack = Stack(tmp_path)
    yield stack
    stack.stop()


def start(stack: Stack, server: str):
    return stack.start(server, [sys.executable, str(SERVERS / f"{server}.py")])


def test_a_consumer_can_call_and_subscribe_but_neither_register_nor_publish(
    sisock_peer: Peer, sisock_stack: Stack, sisock_reactor
) -> None:
    session = sisock_peer.session

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
    stranger = node_peer.session_id
    for session_id in (stranger, 1):
        node_peer.call(uris.DATA_NODE_SUBTRACT, "old_thermometer", session_id)
    listed = [entry["name"] for entry in sisock_peer.call(uris.GET_DATA_NODE)]
    assert "old_thermometer" in listed
    node.stop()


@pytest.mark.parametrize("name", ["", "two words", 7, "a#b"])
def test_a_name_that_is_no_part_of_a_uri_is_refused(node_peer: Peer, name) -> None:
    session = node_peer.session_id
    with pytest.raises(NodeError, match="cannot be a data node's name"):
        node_peer.call(uris.DATA_NODE_ADD, name, "", session)


def test_a_session_can_add_nodes_for_itself_only(node_peer: Peer) -> None:
    assert node_peer.call(uris.DATA_NODE_ADD, "mine", "", 12345) is False


def relisted(peer: Peer, names: set[str], since: float, what: str) -> str:
    wait_until(lambda: peer.consumer.hub_here and names <= set(peer.consumer.nodes), 30, f"{what}: {names}")
    return f"{what}: all of {sorted(names)} listed again after {time.monotonic() - since:.1f} s"


def test_after_a_hub_or_router_restart_every_live_node_is_listed_again(
    stack: Stack, sisock_reactor, record_property: Callable[[str, object], None]
) -> None:
    hub = stack.start_hub(restart=True)
    start(stack, "clockwork")
    start(stack, "old_style")
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    names = {"clockwork", "old_thermometer"}
    for name in names:
        peer.wait_for_node(name)
    pids = {name: stack.processes[name].pid for name in ("clockwork", "old_style")}
    ready = hub.text().count("hub.ready")
    killed = time.monotonic()
    hub.kill()
    wait_until(lambda: hub.text().count("hub.ready") > ready, what="the router and hub are back")
    back = time.monotonic()
    record_property("measured", f"router and hub killed with -9: back after {back - killed:.1f} s")
    record_property("measured", relisted(peer, names, back, "from there"))
    # A machine that is slow to start a router is as slow for those who come back.
    assert time.monotonic() - back < max(RELIST_DEADLINE_S, 3 * (back - killed))
    assert pids == {name: stack.processes[name].pid for name in pids}
    series, problems = peer.get_data("old_thermometer", ["t1"], 1000, 1100)
    assert (len(series["t1"].t), problems) == (10, {})
    peer.close()


def part(stack: Stack, title: str) -> psutil.Process:
    """The process of router or hub that has `title` as a part of its title, as soon as it is there."""

    def find() -> psutil.Process | None:
        for process in psutil.Process(stack.processes["hub"].pid).children(recursive=True):
            try:
                if title in " ".join(process.cmdline()):
                    return process
            except psutil.NoSuchProcess:
                continue
        return None

    return wait_until(find, what=f"a process {title!r}")  # type: ignore[return-value]


def sessions(stack: Stack) -> dict[str, str]:
    """Session of each node of ours, by the hub's log: the last one that it listed."""
    found = {}
    for line in stack.processes["hub"].text().splitlines():
        if '"node.added"' in line:
            event = json.loads(line)
            found[event["name"]] = event["session"]
    return found


def test_a_hub_that_is_killed_lists_every_live_node_again_and_no_session_ends(
    stack: Stack, sisock_reactor, record_property: Callable[[str, object], None]
) -> None:
    hub = stack.start_hub()
    for server in ("clockwork", "old_style", "pre_core"):
        start(stack, server)
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    names = {"clockwork", "old_thermometer", "pre_core"}
    for name in names:
        peer.wait_for_node(name)
    said = {name: peer.consumer.nodes[name].description for name in names}
    assert said["pre_core"] == "older than the core"
    before, ours = sessions(stack), peer.session_id
    router = part(stack, "RouterController").pid
    victim = part(stack, "sisock-hub [hub]")
    victim.kill()
    killed = time.monotonic()
    wait_until(lambda: hub.text().count("hub.ready") == 2, what="another hub is ready")

    def listed():
        try:
            return {e["name"]: e["description"] for e in peer.call(uris.GET_DATA_NODE)}
        except NodeError:
            return {}

    wait_until(lambda: set(listed()) == names, 30, "all nodes are listed")
    took = time.monotonic() - killed
    told = f"hub alone killed with -9: all of {sorted(names)} listed again after {took:.1f} s"
    record_property("measured", told)
    # The node older than the core does not announce itself again: the router's registrations show it.
    wait_until(lambda: listed() == {**said, "pre_core": UNKNOWN}, 30, "our own nodes say again what they are")
    assert set(before) == names
    assert sessions(stack) == before
    assert peer.session_id == ours
    assert part(stack, "RouterController").pid == router
    peer.close()


def test_a_router_that_is_killed_is_back_and_the_hub_joins_it_again(stack: Stack, sisock_reactor) -> None:
    hub = stack.start_hub()
    start(stack, "clockwork")
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    peer.wait_for_node("clockwork")
    hub_process = part(stack, "sisock-hub [hub]").pid
    part(stack, "crossbar-controller").kill()
    wait_until(lambda: hub.text().count("hub.ready") == 2, what="the hub is back")
    wait_until(lambda: peer.consumer.hub_here and "clockwork" in peer.consumer.nodes, what="the node is back")
    assert part(stack, "sisock-hub [hub]").pid == hub_process
    assert '"part.ended"' in hub.text()
    peer.close()


def test_a_session_that_joins_and_leaves_is_told_in_one_line_each_and_in_json(
    stack: Stack, sisock_reactor
) -> None:
    hub = stack.start_hub()
    begun = len(hub.text().splitlines())
    node = start(stack, "clockwork")
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    peer.wait_for_node("clockwork")
    node.stop()
    wait_until(lambda: "clockwork" not in peer.consumer.nodes, what="the node is gone")
    peer.close()
    lines = [json.loads(line) for line in hub.text().splitlines()[begun:]]
    assert [line["event"] for line in lines] == ["node.added", "node.subtracted"]


def test_router_and_hub_end_when_they_are_told_to_and_leave_nothing(stack: Stack) -> None:
    hub = stack.start_hub()
    family = psutil.Process(hub.pid).children(recursive=True)
    assert len(family) == 3
    hub.signal(signal.SIGTERM)
    assert hub.popen.wait(20) == 0
    _gone, alive = psutil.wait_procs(family, 10)
    assert alive == []
    assert not (stack.directory / ".crossbar" / "node.pid").exists()


def test_router_and_hub_do_not_outlive_who_keeps_them(stack: Stack) -> None:
    hub = stack.start_hub()
    family = psutil.Process(hub.pid).children(recursive=True)
    hub.signal(signal.SIGKILL)
    _gone, alive = psutil.wait_procs(family, 10)
    assert alive == []


def test_a_configuration_that_crossbar_refuses_ends_with_its_code_at_once(stack: Stack) -> None:
    config = prepare(stack.directory / ".crossbar", ["localhost"]).config
    config.write_text(config.read_text().replace('"type": "router"', '"type": "rooter"'))
    process = stack.start("hub", [executable("sisock-hub")])
    assert process.popen.wait(30) == 1
    assert "rooter" in process.text()
    assert '"part.failed"' in process.text()


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

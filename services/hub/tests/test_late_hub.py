"""Data servers of ours on a router whose hub comes later, is the predecessor's, and slow to be ready."""

import json
import sys
from pathlib import Path

import pytest
from sisock import uris
from sisock_testing import SERVERS, Peer, Stack, wait_until
from sisock_testing.stack import executable


def start(stack: Stack, server: str):
    return stack.start(server, [sys.executable, str(SERVERS / f"{server}.py")])


@pytest.mark.usefixtures("sisock_processes")
def test_a_data_server_is_listed_by_a_hub_that_comes_later_and_answers_when_it_is_ready(
    site: Path, tmp_path: Path, sisock_reactor
) -> None:
    stack = Stack(tmp_path)
    tree = json.loads((site / "config.json").read_text())
    tree["workers"] = [worker for worker in tree["workers"] if worker["type"] == "router"]
    text = json.dumps(tree).replace("8001", str(stack.ocs_port)).replace("8080", str(stack.tls_port))
    (site / "config.json").write_text(text)
    try:
        stack.start("router", [executable("sisock-hub")])
        node = start(stack, "clockwork")
        wait_until(lambda: "the hub is not on the router yet" in node.text(), what="the hub is missed")
        hub = start(stack, "late_hub")
        wait_until(lambda: hub.text().count("asked to add clockwork") > 1, what="it is asked again")
        assert "node.listed" not in node.text()
        (tmp_path / "hub_may_answer").touch()
        peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
        peer.wait_for_node("clockwork")
        wait_until(lambda: "node.listed" in node.text(), what="the node knows that it is listed")
        assert peer.call(uris.GET_DATA_NODE) == [{"name": "clockwork", "description": "A sine of time."}]
        assert len(peer.get_data("clockwork", ["sine"], 1, 100)[0]["sine"].t) == 99
        peer.close()
    finally:
        stack.stop()

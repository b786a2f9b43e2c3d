"""watch with a user of its own, as `sisock-hub node add watch` makes one: the name is its alone."""

import sys
from pathlib import Path
from typing import Any

import pytest
from sisock import uris
from sisock.errors import NodeError
from sisock_testing import Peer, Stack, wait_until

FAUCET = Path(__file__).with_name("faucet.py")

pytestmark = pytest.mark.timeout(120)


def test_watch_with_a_user_of_its_own_knows_all_and_nobody_else_may_be_it(
    sisock_processes: None, sisock_reactor: Any, tmp_path: Path
) -> None:
    stack = Stack(tmp_path)
    peer = None
    try:
        stack.start_hub(SISOCK_NODES="watch")
        peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
        told = tmp_path / "control.json"
        told.write_text("{}")
        stack.start("faucet", [sys.executable, str(FAUCET)], CONTROL=str(told))
        impostor = stack.start_module("sisock_watch", STATE_DB="impostor.sqlite")
        wait_until(lambda: "not_authorized" in impostor.text(), 40, "the common user is refused the name")
        impostor.stop()
        watch = stack.start_module(
            "sisock_watch", STATE_DB="watch.sqlite", WAMP_USER="watch", ASKING_USER="simonsobs"
        )

        def fresh() -> int:
            try:
                return int(peer.call(uris.WATCH_STATE, most=1)["counts"]["fresh"])
            except NodeError:
                return 0

        wait_until(fresh, 40, "watch has heard of fields")
        # Its history has a first sample as soon as that is on the disk.
        wait_until(lambda: peer.breaches("watch") == [], 30, "watch keeps the contract")
        assert "refused" not in watch.text()
    finally:
        if peer is not None:
            peer.close()
        stack.stop()

"""Peers of the predecessor's time beside watch: one that asks it, and one that it asks."""

import sys
import time
from typing import Any

import pytest
from sisock import uris
from sisock_testing import SERVERS, wait_until

pytestmark = pytest.mark.timeout(120)


def test_an_old_peer_reads_states_as_any_series_of_strings(site: Any) -> None:
    site.until("faucet::hot", "fresh")
    fields, timelines = site.peer.call(uris.get_fields("watch"), 1, 0)
    described = fields["faucet::hot"]
    assert described["type"] == "string"
    assert "faucet::hot" in timelines[described["timeline"]]["field"]

    def states() -> Any:
        reply = site.peer.v1_data("watch", ["faucet::hot"], time.time() - 600, time.time())
        return reply["data"].get("faucet::hot") if reply else None

    # The first state is served as soon as it is on the disk.
    assert wait_until(states, 20, "the series of states")[-1] == "fresh"
    assert site.peer.breaches("watch") == []


def test_an_old_server_is_listed_and_asked_only_what_it_knows(site: Any) -> None:
    old = site.stack.start("old_style", [sys.executable, str(SERVERS / "old_style.py")])
    try:
        wait_until(
            lambda: site.field("old_thermometer::t1")["state"] != "not listed", 40, "its fields are listed"
        )
        # Its samples are of 1970: nobody can say that the thermometer is well.
        assert site.field("old_thermometer::t1")["state"] != "fresh"
        before = site.peer.v1_data("old_thermometer", ["t1"], 1000, 1100)
        assert len(before["data"]["t1"]) == 10
        assert "Traceback" not in old.text()
    finally:
        site.stack.processes.pop("old_style").stop()
    site.until("old_thermometer::t1", "unknown", "old_thermometer is away")

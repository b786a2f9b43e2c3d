"""What happens at an observatory, with the real stack: the state is right, soon, with the right cause."""

import json
import time
from typing import Any

import pytest
from sisock_testing import wait_until

pytestmark = pytest.mark.timeout(240)


def test_live_fields_are_fresh_and_have_the_sites_labels(site: Any) -> None:
    one = site.until("faucet::hot", "fresh")
    assert one["label"] == "Tap hot"
    assert one["value"] == 1.0


def test_what_the_site_expects_and_nobody_has_is_said(site: Any) -> None:
    site.until("cellar::wine", "unknown", "expected by the site's file, and nobody has it")
    nodes = {node["name"]: node for node in site.ask("state")["nodes"]}
    assert nodes["cellar"]["why"] == "expected by the site's file, and not there"
    assert nodes["faucet"]["here"]


def test_a_value_over_its_limit_is_an_alarm_until_it_is_well_again(site: Any) -> None:
    site.until("faucet::hot", "fresh")
    site.tell(hot=90.0)
    site.drill("value over its limit", time.time(), "faucet::hot", "alarm", "above the alarm limit 80")
    site.tell(hot=1.0)
    site.drill("value well again", time.time(), "faucet::hot", "fresh", "")


def test_a_sensor_that_is_silent_alone_is_told_from_a_stale_feed(site: Any) -> None:
    site.until("faucet::hot", "fresh")
    site.tell(silent=["hot"])
    stopped = time.time()
    site.drill("sensor silent (after 4 s)", stopped + 4, "faucet::hot", "silent", "sensor silent")
    assert site.field("faucet::cold")["state"] == "fresh"
    site.tell(silent=["hot", "cold"])
    site.drill("feed stopped (after 4 s)", time.time() + 4, "faucet::cold", "silent", "feed stale")
    site.tell()
    site.drill("feed goes on", time.time(), "faucet::cold", "fresh", "")


def test_a_clock_that_is_ahead_is_said(site: Any) -> None:
    site.until("faucet::clock", "fresh")
    site.tell(ahead=600.0)
    one = site.drill("clock ahead", time.time(), "faucet::clock", "fresh", "clock ahead")
    assert one["ahead"] > 500
    site.tell()
    site.drill("clock put right", time.time(), "faucet::clock", "fresh", "")


def test_a_killed_nodes_fields_stay_listed_as_away(site: Any) -> None:
    site.until("faucet::hot", "fresh")
    site.stack.processes["faucet"].kill()
    site.drill("node killed", time.time(), "faucet::hot", "unknown", "faucet is away")
    site.start_faucet()
    site.peer.wait_for_node("faucet")
    site.drill("node back", time.time(), "faucet::hot", "fresh", "")
    told = [(one["what"], one["target"]) for one in site.ask("events")]
    assert ("went", "faucet") in told
    assert told.count(("came", "faucet")) >= 2


def test_a_stopped_router_makes_all_unknown_and_is_named_as_the_cause(site: Any) -> None:
    before = site.until("faucet::hot", "fresh")
    site.stack.processes["hub"].kill()
    stopped = time.time()
    site.stack.start_hub()
    site.peer.wait_for_node("watch")
    back = time.time()
    site.drill("router back", back, "faucet::hot", "fresh", "")
    t, states = site.history("faucet::hot", stopped - 1)
    # The drill before this one may have ended within that second.
    unknown = next(
        at for at, state in zip(t, states, strict=True) if state == "unknown" and at > before["since"]
    )
    site.drills.append(("router stopped", unknown - stopped, "unknown, says the history"))
    assert unknown < back
    assert {"router_away", "router_here"} <= {one["what"] for one in site.ask("events")}
    lines = [json.loads(line) for line in site.stack.processes["sisock_watch"].text().splitlines()]
    # Both of its sessions lost the router.
    assert sum(line["event"] == "router.away" for line in lines) >= 2
    assert {line["service"] for line in lines} == {"watch"}


def test_the_time_that_watch_was_dead_is_unknown_in_the_history(site: Any) -> None:
    site.until("faucet::hot", "fresh")
    killed = time.time()
    site.stack.processes["sisock_watch"].kill()
    watch = site.start_watch()
    site.peer.wait_for_node("watch")
    site.drill("watch back", time.time(), "faucet::hot", "fresh", "")
    assert watch.popen.poll() is None
    _, states = site.history("faucet::hot", killed - 30)
    assert "unknown" in states
    assert states[-1] == "fresh"
    assert {"watch_away", "watch_here"} <= {one["what"] for one in site.ask("events")}


def test_a_node_that_left_while_watch_was_dead_stays_listed(site: Any) -> None:
    site.until("faucet::hot", "fresh")
    site.stack.processes["sisock_watch"].kill()
    site.stack.processes["faucet"].kill()
    site.start_watch()
    site.peer.wait_for_node("watch")
    site.until("faucet::hot", "unknown", "faucet is away")
    site.start_faucet()
    site.until("faucet::hot", "fresh")


def test_a_note_is_an_event_that_can_be_found(site: Any) -> None:
    site.until("faucet::hot", "fresh")  # it is listed a moment before it takes notes
    site.ask("note", text="filled the dewar", target="faucet::hot", author="Ada")
    found: list[Any] = []
    wait_until(lambda: found.extend(site.ask("events", search="DEWAR")) or found, 10, "the note")
    assert (found[0]["what"], found[0]["why"], found[0]["author"]) == ("note", "filled the dewar", "Ada")


def test_who_asks_again_with_the_number_of_the_last_answer_gets_what_changed(site: Any) -> None:
    site.until("faucet::hot", "fresh")
    first = site.ask("state")
    site.tell(hot=60.0)
    site.until("faucet::hot", "warning", "above the warning limit 50")
    then = site.ask("state", since=first["seq"], epoch=first["epoch"])
    assert [one["field"] for one in then["fields"]] == ["faucet::hot"]
    other = site.ask("state", since=first["seq"], epoch="of another run")
    assert {"faucet::cold", "faucet::hot"} <= {one["field"] for one in other["fields"]}
    site.tell()


def test_watch_keeps_the_contract_on_the_router(site: Any) -> None:
    site.until("faucet::hot", "fresh")
    assert site.peer.breaches("watch") == []

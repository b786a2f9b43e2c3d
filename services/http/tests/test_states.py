"""States, events and notes through the bridge, from a real watch; and without one."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sisock_http.web import stream
from sisock_testing import SERVERS, Process, Stack, wait_until

Bridge = Any
HUMIDITY = "apex_archive::apex_humidity"
SINE = "ticker::sine"


@pytest.fixture(scope="module")
def taking_notes(sisock_stack: Stack, make_bridge: Any, bridge: Bridge) -> Iterator[Bridge]:
    made = make_bridge(sisock_stack, "notes", ALLOW_NOTES="yes")
    wait_until(lambda: made.nodes() >= {"clockwork", "apex_archive"}, what="the second bridge")
    yield made
    assert made.process.stop() == 0


@pytest.fixture(scope="module", autouse=True)
def ticker(sisock_stack: Stack, bridge: Bridge) -> Iterator[Process]:
    """A node that says when it has something new: of an archive nobody knows soon how it is."""
    command = [sys.executable, str(SERVERS / "clockwork.py")]
    process = sisock_stack.start("ticker", command, NAME="ticker", LIVE="yes")
    wait_until(lambda: "ticker" in bridge.nodes(), what="the node is online")
    yield process
    process.stop()


@pytest.fixture
def watch(sisock_stack: Stack, bridge: Bridge) -> Iterator[Process]:
    process = sisock_stack.start_module("sisock_watch", STATE_DB="watch.sqlite")
    wait_until(lambda: state(bridge, search=SINE, state="fresh")["fields"], what="a fresh field")
    yield process
    if process.popen.poll() is None:
        assert process.stop() == 0
    wait_until(lambda: not state(bridge)["watch"], what="the bridge knows that watch went")


def state(bridge: Bridge, **asked: Any) -> Any:
    reply = bridge.get("/api/v1/state", params=asked)
    assert reply.status_code == 200, reply.text
    return reply.json()


class Page:
    """A page that listens to the stream of changes."""

    def __init__(self, bridge: Bridge, wish: Any = None, **headers: str) -> None:
        method = "GET" if wish is None else "POST"
        url = f"{bridge.url}/api/v1/stream"
        self.reply = requests.request(method, url, stream=True, timeout=30, headers=headers, json=wish)
        self.heard: list[tuple[str, str, Any]] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        told: dict[str, str] = {}
        try:
            for line in self.reply.iter_lines(chunk_size=1, decode_unicode=True):
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    told[name] = value
                elif told:
                    self.heard.append((told["event"], told.get("id", ""), json.loads(told["data"])))
                    told = {}
        except (requests.RequestException, AttributeError):
            return

    def states(self, name: str) -> list[str]:
        return [one["state"] for data in self.of("changes") for one in data["fields"] if one["field"] == name]

    def of(self, kind: str) -> list[Any]:
        return [data for name, _, data in list(self.heard) if name == kind]


def test_without_watch_all_is_unknown_and_says_so(bridge: Bridge) -> None:
    told = state(bridge)
    assert told["watch"] is False
    assert told["why"] == "nobody watches: the data node watch is not online"
    assert {one["state"] for one in told["fields"]} == {"unknown"}
    assert {HUMIDITY, SINE} <= {one["field"] for one in told["fields"]}
    assert state(bridge, state="fresh")["fields"] == []


def test_without_watch_events_are_those_that_the_bridge_saw(bridge: Bridge) -> None:
    reply = bridge.get("/api/v1/events", params={"search": "clockwork"})
    assert next((one["what"], one["target"]) for one in reply.json()) == ("came", "clockwork")
    assert "only those that this bridge saw" in reply.headers["Sisock-Notices"]


def test_states_are_those_of_watch(bridge: Bridge, watch: Process) -> None:
    told = state(bridge, search=SINE)
    assert (told["watch"], told["why"]) == (True, "")
    [one] = told["fields"]
    assert (one["field"], one["series"], one["state"]) == (SINE, "ticker.sine", "fresh")
    assert one["limits"] == {"alarm": {"high": 1.5}}
    [archive] = wait_until(lambda: state(bridge, search=HUMIDITY)["fields"])
    assert archive["state"] in ("unknown", "fresh")


def test_what_changed_since_is_told_to_who_asks_again(bridge: Bridge, watch: Process) -> None:
    wait_until(lambda: len(state(bridge)["fields"]) > 5)
    first = state(bridge)
    again = state(bridge, since=first["seq"], epoch=first["epoch"])
    assert len(again["fields"]) < len(first["fields"])
    assert len(state(bridge, since=first["seq"], epoch="another")["fields"]) >= len(first["fields"])


def test_a_page_hears_changes_and_that_watch_was_killed_and_is_back(
    bridge: Bridge, watch: Process, sisock_stack: Stack, nodes: dict[str, Process]
) -> None:
    page = Page(bridge)
    wait_until(lambda: page.heard, what="the first event")
    assert page.reply.headers["content-type"] == "text/event-stream"
    killed = time.time()
    watch.kill()
    wait_until(lambda: page.of("unknown"), what="the page hears that watch is away")
    print(f"watch killed: unknown after {time.time() - killed:.2f} s, says {page.of('unknown')[-1]['why']!r}")
    assert state(bridge)["watch"] is False
    again = sisock_stack.start_module("sisock_watch", STATE_DB="watch.sqlite")
    wait_until(lambda: page.states(SINE)[-1:] == ["fresh"], what="the page hears that all is well")
    last = [number for kind, number, _ in page.heard if kind == "changes"][-1]
    later = Page(bridge, **{"Last-Event-ID": last})
    wait_until(lambda: later.heard, what="the first event of one that comes back")
    assert len(later.heard[0][2]["fields"]) < 10
    page.reply.close()
    later.reply.close()
    assert again.stop() == 0


def test_notes_are_taken_only_where_the_site_allows_them(
    bridge: Bridge, taking_notes: Bridge, watch: Process
) -> None:
    note = {"text": "filled the dewar", "target": SINE, "author": "Ada"}
    assert bridge.post("/api/v1/notes", note).status_code == 403
    assert taking_notes.post("/api/v1/notes", note).status_code == 201
    found = wait_until(lambda: taking_notes.get("/api/v1/events", params={"search": "dewar"}).json())
    assert (found[0]["what"], found[0]["author"], found[0]["target"]) == ("note", "Ada", SINE)
    body = {"range": {"from": found[0]["t"] * 1e3 - 1e3, "to": found[0]["t"] * 1e3 + 1e3}}
    drawn = bridge.post("/annotations", {**body, "annotation": {"name": "notes", "query": "DEWAR"}}).json()
    assert [(one["title"], one["text"]) for one in drawn] == [(f"{SINE} note", "filled the dewar (Ada)")]


def test_a_note_of_a_range_reaches_into_it_and_is_a_region_in_grafana(
    taking_notes: Bridge, watch: Process
) -> None:
    note = {"text": "observed Jupiter", "time": "2026-01-01T02:00", "until": "2026-01-01T05:00"}
    assert taking_notes.post("/api/v1/notes", note).status_code == 201
    within = {"search": "jupiter", "start": "2026-01-01T04:00", "end": "2026-01-01T06:00"}
    found = wait_until(lambda: taking_notes.get("/api/v1/events", params=within).json())
    assert found[0]["until"] - found[0]["t"] == 3 * 3600
    body = {"range": {"from": "2026-01-01T04:00:00Z", "to": "2026-01-01T06:00:00Z"}}
    drawn = taking_notes.post("/annotations", {**body, "annotation": {"query": "jupiter"}}).json()
    assert [(one["timeEnd"] - one["time"], one["isRegion"]) for one in drawn] == [(3 * 3600e3, True)]
    after = {**within, "start": "2026-01-01T05:30"}
    assert taking_notes.get("/api/v1/events", params=after).json() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": ""}, 400),
        ({"text": "x", "time": "now", "until": "-1h"}, 400),
        ({"text": "x", "until": 5}, 400),
        ({"text": "x" * 2001}, 400),
        ({"text": 5}, 400),
        ({"txt": "x"}, 400),
        ({"text": "x", "time": "gibberish"}, 400),
        ('{"text": "x"}', 415),
    ],
)
def test_notes_that_make_no_sense_are_refused(taking_notes: Bridge, body: Any, status: int) -> None:
    assert taking_notes.post("/api/v1/notes", body).status_code == status


def test_a_filtered_state_is_answered_soon(bridge: Bridge, watch: Process) -> None:
    taken = []
    for _ in range(20):
        began = time.perf_counter()
        state(bridge, search=SINE)
        taken.append(time.perf_counter() - began)
    print(f"median {sorted(taken)[10] * 1e3:.1f} ms")


def test_a_message_of_what_is_unknown_leaves_the_fields_out() -> None:
    told = {"watch": False, "why": "away", "epoch": "", "seq": 0, "fields": [1, 2]}
    assert stream.message(told).startswith(b"event: unknown\ndata: {")
    assert json.loads(stream.message(told).split(b"data: ")[1])["fields"] == []


def test_a_page_hears_of_its_fields_only_what_is_new_to_it(bridge: Bridge) -> None:
    now = time.time()
    page = Page(bridge, {"fields": ["pre_core::sine", SINE], "since": [None, now + 60], "every": 1})
    wait_until(lambda: len(page.of("samples")) >= 3, what="samples come")
    page.reply.close()
    told = [one for data in page.of("samples") for one in data["series"] if one[0] == 1]
    times = [t for _, t, _ in told for t in t]
    assert times == sorted(set(times))
    assert times[0] > now + 60
    assert all(len(t) == len(values) for _, t, values in told)


def test_a_page_that_wants_the_newest_sample_alone_hears_one_of_each_field(bridge: Bridge) -> None:
    page = Page(bridge, {"fields": [SINE], "every": 1, "newest": True})
    wait_until(lambda: len(page.of("samples")) >= 2, what="samples come")
    page.reply.close()
    assert {len(t) for data in page.of("samples") for _, t, _ in data["series"]} == {1}


def test_a_page_hears_who_is_here_when_that_changes(sisock_stack: Stack, bridge: Bridge) -> None:
    page = Page(bridge, {})
    wait_until(lambda: page.of("status"), what="who is here")
    extra = sisock_stack.start(
        "extra", [sys.executable, str(Path(__file__).parent / "servers" / "night.py")], NAME="extra"
    )
    names = lambda: {node["name"] for data in page.of("status") for node in data["nodes"]}  # noqa: E731
    wait_until(lambda: "extra" in names(), what="the page hears of the node")
    extra.stop()
    page.reply.close()


@pytest.mark.parametrize(
    "wish",
    [[], {"field": []}, {"fields": "a::b"}, {"fields": [5]}, {"fields": ["a::b"], "since": []}, {"every": 0},
     {"every": "soon"}, {"states": {"since": -1}}, {"fields": ["a::b"] * 2001}],
)  # fmt: skip
def test_a_stream_of_what_makes_no_sense_is_refused(bridge: Bridge, wish: Any) -> None:
    reply = bridge.post("/api/v1/stream", wish, stream=True)
    assert reply.status_code == 400
    assert reply.json()["error"]

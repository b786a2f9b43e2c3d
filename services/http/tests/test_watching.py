"""What watch says, as the bridge hands it on, and what is said without it; watch is the test."""

import json
from typing import Any

import pytest
import structlog
from sisock import uris
from sisock.bounds import Bounds
from sisock.errors import NodeError
from sisock.node import Field
from sisock_consumer.consumer import NodeInfo
from sisock_http.dialects.arguments import Arguments
from sisock_http.dialects.states import ONLY_OURS, States
from sisock_http.observatory.catalogue import Catalogue, Event, OnlineNode
from sisock_http.observatory.watching import NO_ROUTER, NOT_HERE, Watching
from sisock_http.problems import AwayError, RequestError
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

NOW = 1_500_000_000.0
TOLD = {"fields": [{"field": "n::a"}], "epoch": "e", "seq": 7, "more": False}
HOT = Field("hot", units="K", source="o.hot", limits=Bounds(alarm_high=9.0))


class Caller:
    """Calls watch, which says what the test says."""

    router_here = hub_here = True

    def __init__(self) -> None:
        self.nodes: dict[str, Any] = {"watch": None}
        self.answer: Any = TOLD
        self.calls: list[tuple[Any, ...]] = []

    async def call(self, who: str, deadline_s: float, procedure: str, *args: Any, **asked: Any) -> Any:
        self.calls.append((who, deadline_s, procedure, asked))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Bridge:
    """What the bridge has for states: a catalogue of two nodes, and watch."""

    def __init__(self) -> None:
        self.caller = Caller()
        self.catalogue = Catalogue(Clock(), lambda: NOW, structlog.get_logger(), None)
        for name, fields in (("z", [HOT]), ("a", [Field("cold"), Field("wind")])):
            self.catalogue.online[name] = OnlineNode(
                NodeInfo(name, "A node."), {one.name: one for one in fields}, 0.0, labels={"wind": "Wind"}
            )
        self.watching = Watching(self.caller, self.catalogue)
        self.states = States(self.watching, self.catalogue, lambda: NOW)

    def ask(self, what: str, given: Any) -> Any:
        came: list[Any] = []
        asked = ensureDeferred(getattr(self.states, what)(given))
        asked.addCallbacks(came.append, lambda failure: came.append(failure.value))
        if isinstance(came[0], Exception):
            raise came[0]
        return came[0]

    def get(self, of: str, /, **given: Any) -> Any:
        lists = {name: value if isinstance(value, list) else [value] for name, value in given.items()}
        return self.ask(of, Arguments(lists))


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


def test_states_are_asked_of_watch_in_the_words_of_the_address(bridge: Bridge) -> None:
    reply = bridge.get("state", search="hot", state=["alarm", "late"], since="5", epoch="e", most="3")
    asked = {"search": "hot", "states": ["alarm", "late"], "since": 5, "epoch": "e", "most": 3}
    assert bridge.caller.calls == [("watch", 3.0, uris.WATCH_STATE, asked)]
    assert json.loads(reply.body) == {"watch": True, "why": "", **TOLD}
    assert reply.headers == {}
    bridge.get("state")
    assert bridge.caller.calls[1][3] == {"search": "", "states": [], "since": 0, "epoch": "", "most": 5000}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"state": "hot"}, "state='hot' is none of unknown, fresh, late, silent, warning, alarm"),
        ({"sate": "alarm"}, "there is no parameter 'sate' here"),
        ({"most": "5001"}, "most='5001' is not a whole number from 1 to 5000"),
        ({"since": "-1"}, "since='-1' is not"),
    ],
)
def test_a_state_that_cannot_be_asked_for_is_said(bridge: Bridge, given: Any, told: str) -> None:
    with pytest.raises(RequestError, match=f"^{told}"):
        bridge.get("state", **given)
    assert bridge.caller.calls == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (NodeError("watch did not answer within 3 s"), "watch did not answer within 3 s"),
        ([], "watch answered something else than states"),
        ({"fields": {}}, "watch answered something else than states"),
    ],
)
def test_what_watch_does_not_say_is_unknown_of_every_field(bridge: Bridge, answer: Any, why: str) -> None:
    bridge.caller.answer = answer
    reply = bridge.get("state")
    told = json.loads(reply.body)
    assert json.loads(reply.headers[b"sisock-notices"]) == [why]
    assert [(one["field"], one["state"], one["why"]) for one in told["fields"]] == [
        ("a::cold", "unknown", why), ("a::wind", "unknown", why), ("z::hot", "unknown", why),
    ]  # fmt: skip
    assert told["fields"][2] == {
        "field": "z::hot", "series": "o.hot", "holders": ["z::hot"], "label": None, "units": "K",
        "groups": [], "state": "unknown", "since": None, "why": why, "t": None, "value": None, "ahead": 0.0,
        "limits": {"alarm": {"high": 9.0}}, "metric": False, "expected": False,
    }  # fmt: skip
    assert (told["fields"][0]["series"], told["fields"][1]["label"]) == ("a::cold", "Wind")
    del told["fields"]
    assert told == {
        "watch": False, "why": why, "now": None, "epoch": "", "seq": 0, "more": False, "router": True,
        "counts": {"unknown": 3, "fresh": 0, "late": 0, "silent": 0, "warning": 0, "alarm": 0}, "nodes": [],
    }  # fmt: skip


def test_who_is_away_is_said_and_nobody_is_asked(bridge: Bridge) -> None:
    bridge.caller.nodes = {}
    assert json.loads(bridge.get("state").body)["why"] == NOT_HERE
    bridge.caller.router_here = False
    assert json.loads(bridge.get("state").body)["why"] == NO_ROUTER
    with pytest.raises(AwayError, match=NO_ROUTER):
        bridge.ask("note", {"text": "x"})
    assert bridge.caller.calls == []


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"search": " COLD "}, ["a::cold"]),
        ({"search": "O.HOT"}, ["z::hot"]),
        ({"search": "nothing"}, []),
        ({"state": "unknown"}, ["a::cold", "a::wind", "z::hot"]),
        ({"state": "fresh"}, []),
        ({"state": ["fresh", "unknown"], "most": "2"}, ["a::cold", "a::wind"]),
    ],
)
def test_of_what_is_unknown_those_are_told_that_were_asked_for(
    bridge: Bridge, given: Any, names: Any
) -> None:
    bridge.caller.nodes = {}
    told = json.loads(bridge.get("state", **given).body)
    assert [one["field"] for one in told["fields"]] == names
    assert told["counts"]["unknown"] == 3


def test_events_are_asked_of_watch_for_the_last_day_if_nobody_says_when(bridge: Bridge) -> None:
    bridge.caller.answer = [{"id": 1}, "nonsense", {"id": 2}]
    reply = bridge.get("events")
    assert json.loads(reply.body) == [{"id": 1}, {"id": 2}]
    assert reply.headers == {}
    asked = {"start": NOW - 86400, "end": NOW, "search": "", "what": [], "after": 0, "most": 1000}
    assert bridge.caller.calls == [("watch", 3.0, uris.WATCH_EVENTS, asked)]
    bridge.get("events", start="10", end="20", search="x", what=["note", "came"], after="3", most="5000")
    asked = {"start": 10, "end": 20, "search": "x", "what": ["note", "came"], "after": 3, "most": 5000}
    assert bridge.caller.calls[1][3] == asked
    bridge.caller.answer = {"no": "list"}
    assert json.loads(bridge.get("events").body) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"start": "20", "end": "10"}, r"start=20.0 is after end=10.0"),
        ({"start": "soon"}, r"start='soon' is not a time"),
        ({"most": "5001"}, r"most='5001' is not"),
        ({"when": "now"}, r"there is no parameter 'when' here"),
    ],
)
def test_events_that_cannot_be_asked_for_are_said(bridge: Bridge, given: Any, told: str) -> None:
    with pytest.raises(RequestError, match=told):
        bridge.get("events", **given)


def seen(bridge: Bridge) -> None:
    bridge.caller.nodes = {}
    bridge.catalogue.events.extend(
        [Event(10.0, "apex", True, "Weather."), Event(20.0, "apex", False, "Weather."),
         Event(30.0, "fridge", True, "Cold.")]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, [(10.0, "came"), (20.0, "went"), (30.0, "came")]),
        ({"start": "10", "end": "30"}, [(10.0, "came"), (20.0, "went")]),
        ({"what": "went"}, [(20.0, "went")]),
        ({"what": "note"}, []),
        ({"search": "FRIDGE"}, [(30.0, "came")]),
        ({"search": "weather"}, [(10.0, "came"), (20.0, "went")]),
        ({"most": "2"}, [(20.0, "went"), (30.0, "came")]),
    ],
)
def test_without_watch_events_are_those_that_the_bridge_saw(bridge: Bridge, given: Any, found: Any) -> None:
    seen(bridge)
    reply = bridge.get("events", **{"start": "1", **given})
    assert [(one["t"], one["what"]) for one in json.loads(reply.body)] == found
    assert json.loads(reply.headers[b"sisock-notices"]) == [f"{NOT_HERE}: {ONLY_OURS}"]


def test_an_event_of_the_bridges_own_looks_like_one_of_watchs(bridge: Bridge) -> None:
    seen(bridge)
    assert json.loads(bridge.get("events", start="1").body)[0] == {
        "id": 0, "t": 10.0, "what": "came", "target": "apex", "why": "Weather.", "before": "", "author": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("note", "kept"),
    [
        ({"text": " x "}, {"text": "x", "target": "", "author": "", "t": NOW}),
        (
            {"text": "y" * 2000, "target": "n::a", "author": "Ada", "time": "10", "until": "10.5"},
            {"text": "y" * 2000, "target": "n::a", "author": "Ada", "t": 10.0, "until": 10.5},
        ),
    ],
)
def test_a_note_is_kept_by_watch(bridge: Bridge, note: Any, kept: Any) -> None:
    reply = bridge.ask("note", note)
    assert (reply.status, json.loads(reply.body)) == (201, TOLD)
    assert bridge.caller.calls == [("watch", 3.0, uris.WATCH_NOTE, kept)]


@pytest.mark.parametrize(
    ("note", "told"),
    [
        ([], "the body is a JSON list, not an object"),
        ({}, "text has 0 characters: a note has 1 to 2000"),
        ({"text": "x" * 2001}, "text has 2001 characters: a note has 1 to 2000"),
        ({"text": 5}, "text is a JSON int, not text"),
        ({"text": "x", "target": []}, "target is a JSON list, not text"),
        ({"text": "x", "author": None}, "author is a JSON NoneType, not text"),
        ({"text": "x", "time": 5}, "time is a JSON int, not text"),
        (
            {"text": "x", "when": "now"},
            "there is no 'when' in a note, only text, target, time, until, author",
        ),
        ({"text": "x", "time": "20", "until": "20"}, "until='20' is not after time='20'"),
        ({"text": "x", "until": "-60"}, "until='-60' is not after time='now'"),
        ({"text": "x", "until": "soon"}, "until='soon' is not a time"),
    ],
)
def test_a_note_that_makes_no_sense_is_refused(bridge: Bridge, note: Any, told: str) -> None:
    with pytest.raises(RequestError) as refused:
        bridge.ask("note", note)
    assert str(refused.value).startswith(told)
    assert bridge.caller.calls == []


def test_a_watch_that_fails_is_away_for_who_needs_it(bridge: Bridge) -> None:
    bridge.caller.answer = NodeError("watch: disk full")
    with pytest.raises(AwayError, match="watch: disk full"):
        bridge.ask("note", {"text": "x"})


PANEL = {"range": {"from": 10_000, "to": 30_000}}


@pytest.mark.parametrize(
    ("event", "drawn"),
    [
        (
            {"t": 10.0004, "what": "came", "target": "apex", "why": "Weather.", "author": ""},
            {"time": 10_000, "title": "apex online", "text": "Weather.", "tags": ["apex", "online"]},
        ),
        (
            {"t": 11, "what": "note", "target": "n::a", "why": "Filled.", "author": "Ada", "until": 12.5},
            {"time": 11_000, "timeEnd": 12_500, "isRegion": True, "title": "n::a note",
             "text": "Filled. (Ada)", "tags": ["n", "note"]},
        ),
        (
            {"what": "all_clear", "target": ""},
            {"time": 0, "title": "all clear", "text": "None", "tags": ["all clear"]},
        ),
        (
            {"t": 1.0, "what": "went", "target": "apex", "why": "x"},
            {"time": 1000, "title": "apex offline", "text": "x", "tags": ["apex", "offline"]},
        ),
    ],
)  # fmt: skip
def test_an_event_is_drawn_as_grafana_has_it(bridge: Bridge, event: Any, drawn: Any) -> None:
    bridge.caller.answer = [event]
    annotation = {"name": "events", "query": " apex "}
    reply = bridge.ask("annotations", {**PANEL, "annotation": annotation})
    assert json.loads(reply.body) == [{"annotation": annotation, **drawn}]
    asked = {"start": 10.0, "end": 30.0, "search": "apex", "most": 5000}
    assert bridge.caller.calls == [("watch", 3.0, uris.WATCH_EVENTS, asked)]


def test_annotations_without_watch_are_those_that_the_bridge_saw(bridge: Bridge) -> None:
    seen(bridge)
    for annotation in (None, {}, {"query": ""}):
        drawn = json.loads(bridge.ask("annotations", {**PANEL, "annotation": annotation}).body)
        assert [one["title"] for one in drawn] == ["apex online", "apex offline"]
    with pytest.raises(RequestError, match="annotation is not an object"):
        bridge.ask("annotations", {**PANEL, "annotation": "x"})


def test_an_event_says_in_two_words_what_happened() -> None:
    came, went = (Event(1.0, "apex", online, "x") for online in (True, False))
    assert (came.title, came.tags) == ("apex online", ["apex", "online"])
    assert (went.title, went.tags) == ("apex offline", ["apex", "offline"])

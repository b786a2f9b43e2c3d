"""What stands under `/api/v1`, of nodes that answer at once; compared to what stands here."""

import io
import json
import math
from typing import Any

import numpy as np
import pytest
import structlog
from sisock.binning import Accumulator
from sisock.bounds import Bounds
from sisock.errors import NodeError
from sisock.node import Field, Grid, Limits, Series
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Listing
from sisock_consumer.target import Target
from sisock_http.asking.found import Found
from sisock_http.asking.gather import Asker
from sisock_http.asking.question import Question
from sisock_http.dialects import api as module
from sisock_http.dialects.api import Api
from sisock_http.dialects.arguments import Arguments
from sisock_http.dialects.kept import KeptReplies
from sisock_http.dialects.reply import notices, unchanging
from sisock_http.observatory.catalogue import Catalogue, OnlineNode
from sisock_http.problems import AwayError, RequestError
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

NOW = 1_500_000_000.0
T = NOW - 30.0 + 10.0 * np.arange(3)
COLD = Field(
    "cold", "Stage.", "K", interval=10.0, source="o.cold", limits=Bounds(alarm_high=9.0),
    silent_after=math.inf, kept_for=60.0, complete_since=5.0,
)  # fmt: skip
DOOR = Field("door", type="string", silent_after=30.0)


class Nodes:
    """Answers of the nodes `a` and `b`: for the asker a keeper, for the API a consumer."""

    router_here = hub_here = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str], Question]] = []
        self.final: float | None = None
        self.problems: dict[str, str] = {}
        self.listing: Any = Listing([Field("old", units="m"), COLD], ["b has a field whose name is no text"])
        self.listed: list[Any] = []

    async def ask(self, node: str, names: Any, question: Question, _until: float) -> Found:
        self.asked.append((node, list(names), question))
        found = Found(problems={name: self.problems[name] for name in names if name in self.problems})
        inside = (question.start <= T) & (question.end > T)
        for name in names:
            values = (
                np.array(["shut", "open", "shut"], object) if name == "door" else np.array([1.0, 2.0, 3.0])
            )
            if name in self.problems or name == "gone":
                continue
            if question.grid is None:
                found.series[name] = Series(name, T[inside], values[inside], finalized_until=self.final)
                continue
            sums = Accumulator(name, question.grid)
            sums.add(T[inside], values[inside])
            found.summed = True
            if (bins := sums.result()) is not None:
                found.bins[name] = bins
        return found

    async def list_fields(self, name: str, start: float, end: float, deadline_s: float) -> Listing:
        self.listed.append((name, start, end, deadline_s))
        if isinstance(self.listing, Exception):
            raise self.listing
        return self.listing


class Bridge:
    def __init__(self) -> None:
        self.clock, self.nodes = Clock(), Nodes()
        keeper: Any = self.nodes
        self.catalogue = Catalogue(self.clock, lambda: NOW, structlog.get_logger(), keeper)
        for name, able, fields, labels in (
            ("b", {"live"}, [DOOR], {"door": "Tür"}),
            ("a", set(), [COLD], {}),
        ):
            known = {one.name: one for one in fields}
            self.catalogue.online[name] = OnlineNode(
                NodeInfo(name, f"Node {name}.", frozenset(able)), known, 0.0, said=known, labels=labels
            )
        asker = Asker(self.clock, self.catalogue, keeper)
        self.api = Api(
            self.clock,
            keeper,
            self.catalogue,
            asker,
            KeptReplies(0),
            lambda: NOW,
            lambda: ["site!"],
            allow_notes=True,
        )

    def get(self, what: str, **given: Any) -> Any:
        lists = {name: value if isinstance(value, list) else [value] for name, value in given.items()}
        came: list[Any] = []
        asked = ensureDeferred(getattr(self.api, what)(Arguments(lists), self.clock.seconds() + 10.0))
        asked.addCallbacks(came.append, lambda failure: came.append(failure.value))
        if isinstance(came[0], Exception):
            raise came[0]
        return came[0]

    def data(self, **given: Any) -> Any:
        return json.loads(self.get("data", **{"field": "a::cold", "start": "-60", **given}).body)


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


def test_the_status_says_who_is_here(bridge: Bridge) -> None:
    told = json.loads(bridge.api.status(Arguments({})))
    nodes = [
        {"name": "a", "description": "Node a.", "fields": 1, "live": False, "problem": ""},
        {"name": "b", "description": "Node b.", "fields": 1, "live": True, "problem": ""},
    ]
    assert told == {
        "now": NOW, "router": True, "hub": True, "site_problems": ["site!"], "zone": None, "notes": True,
        "nodes": nodes,
    }  # fmt: skip
    assert json.loads(bridge.api.nodes(Arguments({}))) == nodes
    first = bridge.api.first()
    assert first["status"] == told
    assert [one["field"] for one in first["fields"]] == ["a::cold", "b::door"]


LISTED = {
    "field": "a::cold", "node": "a", "name": "cold", "description": "Stage.", "units": "K", "type": "number",
    "interval": 10.0, "label": None, "source": "o.cold", "series": "o.cold",
    "limits": {"alarm": {"high": 9.0}}, "silent_after": False, "kept_for": 60.0, "complete_since": 5.0,
}  # fmt: skip


def test_fields_are_listed_with_all_that_is_known(bridge: Bridge) -> None:
    cold, door = json.loads(bridge.get("fields").body)
    assert cold == LISTED
    assert (door["field"], door["label"], door["series"], door["source"]) == (
        "b::door",
        "Tür",
        "b::door",
        None,
    )
    assert (door["limits"], door["silent_after"]) == (None, 30.0)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"search": " COLD "}, ["a::cold"]),
        ({"search": "tür"}, ["b::door"]),
        ({"search": "stage."}, ["a::cold"]),
        ({"node": "b"}, ["b::door"]),
        ({"node": "c"}, []),
        ({"search": "cold", "node": "b"}, []),
    ],
)
def test_fields_may_be_searched(bridge: Bridge, asked: Any, names: list[str]) -> None:
    assert [one["field"] for one in json.loads(bridge.get("fields", **asked).body)] == names
    assert bridge.nodes.listed == []


def test_fields_of_a_range_are_asked_of_the_nodes(bridge: Bridge) -> None:
    reply = bridge.get("fields", start="10", end="20")
    assert bridge.nodes.listed == [("b", 10.0, 20.0, 10.0), ("a", 10.0, 20.0, 10.0)]
    listed = json.loads(reply.body)
    assert [one["field"] for one in listed] == ["a::cold", "a::old", "b::cold", "b::old"]
    assert listed[0] == LISTED
    assert json.loads(reply.headers[b"sisock-notices"]) == ["b has a field whose name is no text"]
    bridge.nodes.listed.clear()
    bridge.nodes.listing = NodeError("a is away")
    reply = bridge.get("fields", end="20", node="a")
    assert (bridge.nodes.listed, json.loads(reply.body)) == ([("a", 1.0, 20.0, 10.0)], [])
    assert json.loads(reply.headers[b"sisock-notices"]) == ["a is away"]


def test_without_conversion_a_field_is_as_its_node_says(bridge: Bridge) -> None:
    bridge.catalogue.online["a"].said = {"cold": Field("cold", units="mK", source="own")}
    [said] = json.loads(bridge.get("fields", convert="no", node="a").body)
    assert (said["units"], said["source"], said["series"], said["limits"]) == ("mK", "own", "o.cold", None)
    [shown] = json.loads(bridge.get("fields", node="a").body)
    assert (shown["units"], shown["source"]) == ("K", "own")


def test_samples_are_those_of_the_range(bridge: Bridge) -> None:
    assert bridge.data() == [
        {"time": round(t * 1e3), "a::cold": v} for t, v in zip(T, (1, 2, 3), strict=True)
    ]
    [(node, names, question)] = bridge.nodes.asked
    assert (node, names) == ("a", ["cold"])
    assert question == Question((), NOW - 60, NOW, Limits(), "no")
    bridge.get("data", field="a::cold")
    assert bridge.nodes.asked[1][2].start == NOW - 3600


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ({}, Limits()),
        ({"max_points": "7"}, Limits(7)),
        ({"min_stride": "5m"}, Limits(min_stride=300.0)),
        ({"max_points": "10000000", "min_stride": "1s"}, Limits(10_000_000, 1.0)),
    ],
)
def test_how_much_is_wanted_may_be_said(bridge: Bridge, given: Any, limits: Limits) -> None:
    bridge.get("data", field="a::cold", **given)
    assert bridge.nodes.asked[0][2].limits == limits


def test_bins_have_a_column_for_each_of_what_is_wanted(bridge: Bridge) -> None:
    rows = bridge.data(bin="1m", of=["mean,max", "mean"], start="-60", end="now")
    assert [set(row) for row in rows] == [{"time", "a::cold/mean", "a::cold/max"}] * len(rows)
    assert bridge.nodes.asked[0][2].grid == Grid(60_000_000)
    assert [row["a::cold/max"] for row in rows] == [3.0]
    assert "a::cold/mean" in bridge.data(bin="1m")[0]
    assert list(bridge.data(bin="1m", **{"as": "T"})[0]) == ["time", "T/mean"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"of": "mean"}, "of is what is wanted of each bin: bin says how long these are, as bin=5m"),
        ({"bin": "1m", "of": "median"}, "of='median' is none of mean, min, max"),
        ({"bin": "1m", "max_points": "5"}, "bin says already how much is wanted"),
        ({"bin": "1m", "min_stride": "5s"}, "bin says already how much is wanted"),
        ({"bin": "5"}, "bin='5' is not a length of time"),
        ({"max_points": "10000001"}, "max_points='10000001' is not a whole number from 1 to 10000000"),
        ({"min_stride": "x"}, "min_stride='x' is not a length of time"),
        ({"join": "x"}, "join='x' is neither yes nor no"),
        ({"convert": "x"}, "convert='x' is neither yes nor no"),
        ({"as": "time"}, "as=['time'] must be 1 different names, none of them 'time'"),
        ({"as": ["x", "y"]}, "as=['x', 'y'] must be 1 different names"),
        ({"field": ""}, "field is missing: name at least one, as field=node::field"),
        ({"field": ["a::cold", ""]}, "field is missing"),
    ],
)
def test_what_makes_no_sense_is_refused(bridge: Bridge, given: Any, told: str) -> None:
    with pytest.raises(RequestError) as refused:
        bridge.data(**given)
    assert str(refused.value).startswith(told)
    assert bridge.nodes.asked == []


def test_a_range_may_be_a_moment_and_not_end_before_it_begins(bridge: Bridge) -> None:
    assert bridge.data(start="20", end="20") == []
    with pytest.raises(RequestError, match="start='20' is after end='19'"):
        bridge.data(start="20", end="19")


def test_more_fields_than_are_sensible_are_refused(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MATCHES", 2)
    names = [f"a::x{number}" for number in range(3)]
    bridge.data(field=[*names[:2], names[0]])
    with pytest.raises(RequestError, match="these are 3 fields, more than 2"):
        bridge.data(field=names)


def test_fields_may_be_asked_of_one_node_and_as_it_has_them(bridge: Bridge) -> None:
    bridge.data(join="no", convert="no")
    assert bridge.nodes.asked[0][2].convert is False
    for name, limit in (("a", 3600.0), ("b", None)):
        held = Field("cold", source="o.cold", kept_for=limit, complete_since=0.0)
        bridge.catalogue.sources.listed(name, [held])
    bridge.nodes.asked.clear()
    bridge.data(join="no")
    assert [node for node, _, _ in bridge.nodes.asked] == ["a"]
    bridge.nodes.asked.clear()
    reply = bridge.get("data", field="a::cold", start="-60")
    assert {node for node, _, _ in bridge.nodes.asked} == {"a", "b"}
    assert json.loads(reply.headers[b"sisock-nodes"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "final", "fixed"),
    [
        ({"start": "100", "end": "200"}, 200.0, True),
        ({"start": "100", "end": "200"}, 199.0, False),
        ({"start": "100", "end": "200"}, None, False),
        ({"start": "100", "end": "now"}, 1e12, False),
        ({"start": "-60", "end": "200"}, 1e12, False),
        ({"start": "100"}, 1e12, False),
    ],
)
def test_what_cannot_change_may_be_kept_by_others(
    bridge: Bridge, given: Any, final: Any, fixed: bool
) -> None:
    bridge.nodes.final = final
    if given.get("start") == "-60":
        given = {"start": "2017-07-13", "end": "-60"}
    reply = bridge.get("data", field="a::cold", **given)
    assert ((b"etag" in reply.headers), reply.headers.get(b"cache-control")) == (
        fixed, b"private, max-age=600" if fixed else None,
    )  # fmt: skip


def test_an_answer_with_a_notice_is_not_to_be_kept(bridge: Bridge) -> None:
    bridge.nodes.final, bridge.nodes.problems = 1e12, {"cold": "late"}
    reply = bridge.get("data", field="a::cold", start="100", end="200")
    assert b"etag" not in reply.headers
    assert json.loads(reply.headers[b"sisock-notices"]) == ["late"]


@pytest.mark.parametrize(
    ("form", "kind", "file"),
    [
        ("json", b"application/json", None),
        ("packed", b"application/octet-stream", None),
        ("csv", b"text/csv; charset=utf-8", b'attachment; filename="sisock.csv"'),
        ("npz", b"application/x-npz", b'attachment; filename="sisock.npz"'),
        ("arrow", b"application/vnd.apache.arrow.stream", b'attachment; filename="sisock.arrows"'),
    ],
)
def test_files_are_called_what_they_are(bridge: Bridge, form: str, kind: bytes, file: Any) -> None:
    reply = bridge.get("data", field="a::cold", format=form)
    assert (reply.content_type, reply.headers.get(b"content-disposition")) == (kind, file)
    if form == "npz":
        assert np.load(io.BytesIO(reply.body))["a::cold/time"].tolist() == T.tolist()


def test_the_last_sample_is_told_or_that_there_is_none(bridge: Bridge) -> None:
    bridge.nodes.problems = {"late": "late!"}
    reply = bridge.get("latest", field=["b::door", "a::cold", "a::late"])
    assert json.loads(reply.body) == [
        {"field": "b::door", "time": T[-1], "value": "shut"},
        {"field": "a::cold", "time": T[-1], "value": 3.0},
        {"field": "a::late", "time": None, "value": None},
    ]
    assert json.loads(reply.headers[b"sisock-notices"]) == ["late!"]


@pytest.mark.parametrize("what", ["fields", "data", "latest"])
def test_nothing_is_asked_while_the_router_is_away(bridge: Bridge, what: str) -> None:
    bridge.nodes.router_here = False
    with pytest.raises(AwayError, match="the router is away"):
        bridge.get(what, **({} if what == "fields" else {"field": "a::cold"}))
    with pytest.raises(AwayError):
        bridge.api.nodes(Arguments({}))
    assert json.loads(bridge.api.status(Arguments({})))["router"] is False


def test_notices_are_few_short_and_each_once() -> None:
    assert notices([]) == {}
    [header] = notices(["a", "b", "a", "ü" * 400]).values()
    assert json.loads(header) == ["a", "b", "ü" * 300]
    assert header.isascii()
    [header] = notices([str(number) for number in range(20)]).values()
    assert len(json.loads(header)) == 20
    [header] = notices([str(number) for number in range(23)]).values()
    assert json.loads(header) == [*(str(number) for number in range(20)), "and 3 more"]


def test_a_body_that_cannot_change_is_known_by_its_content() -> None:
    assert unchanging(b"a") == unchanging(b"a")
    assert unchanging(b"a") != unchanging(b"b")
    assert unchanging(b"a")[b"etag"].startswith(b'W/"')
    assert len(unchanging(b"a")[b"etag"]) == len('W/""') + 32


def test_a_target_may_stand_for_several(bridge: Bridge) -> None:
    assert set(bridge.data(field="(a|b)::(cold|door)")[0]) == {
        "time", "a::cold", "a::door", "b::cold", "b::door",
    }  # fmt: skip
    assert Target("a", "cold") == Target.parse("a::cold")

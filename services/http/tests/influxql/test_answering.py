"""What InfluxQL asks of nodes, which of our fields are meant, and what comes of that; nodes are the test."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import structlog
from sisock.binning import Accumulator
from sisock.node import Field, Limits, Series
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.target import Target
from sisock_http.asking.question import Answer
from sisock_http.dialects.arguments import Arguments
from sisock_http.dialects.influxql import interface, points
from sisock_http.dialects.influxql.interface import Influx
from sisock_http.dialects.influxql.mapping import Mapper, place
from sisock_http.dialects.influxql.schema import SeriesKey
from sisock_http.observatory.catalogue import Catalogue, OnlineNode
from sisock_http.problems import AwayError, RequestError
from sisock_testing.still import StillReactor
from twisted.internet.defer import ensureDeferred

NOW = 1_500_000_030.0
STAGE = Field("stage", units="K", source="obs.cryo.feeds.temps.Stage 1 T")
DOOR = Field("door", type="string")
OPEN = Field("open", type="bool")
S, MS = 10**9, 10**6


class Asker:
    """Answers with the samples that the test says, and remembers what was asked."""

    def __init__(self) -> None:
        self.samples: dict[str, list[tuple[float, Any]]] = {}
        self.notices: dict[str, str] = {}
        self.asked: list[Any] = []

    async def ask(self, question: Any, until: float) -> list[Answer]:
        self.asked.append((question, until))
        found = []
        for target in question.targets:
            name = target.field
            there = [one for one in self.samples.get(name, []) if question.start <= one[0] < question.end]
            t = np.array([one[0] for one in there], dtype=float)
            values = [one[1] for one in there]
            column: Any = np.array(values, dtype=object if any(isinstance(v, str) for v in values) else float)
            bins = None
            if question.grid is not None:
                sums = Accumulator(name, question.grid)
                sums.add(t, column)
                bins, t, column = sums.result(), t[:0], column[:0]
            found.append(Answer(target, Series(name, t, column), None, self.notices.get(name, ""), bins=bins))
        return found


class Bridge:
    def __init__(self) -> None:
        self.reactor, self.asker = StillReactor(), Asker()
        self.peers: Any = SimpleNamespace(router_here=True, hub_here=True)
        catalogue = Catalogue(self.reactor, lambda: NOW, structlog.get_logger(), None)
        for name, fields in (("feed", [STAGE]), ("old", [DOOR, OPEN])):
            known = {one.name: one for one in fields}
            catalogue.online[name] = OnlineNode(NodeInfo(name, ""), known, 0.0, said=known)
        self.catalogue, asker = catalogue, self.asker
        made: Any = asker
        self.influx = Influx(self.reactor, self.peers, catalogue, made, lambda: NOW, ("db", "other"))

    def get(self, **given: Any) -> Any:
        lists = {name: value if isinstance(value, list) else [value] for name, value in given.items()}
        came: list[Any] = []
        ensureDeferred(self.influx.query(Arguments(lists), 7.0)).addBoth(
            lambda one: came.append(getattr(one, "value", one))
        )
        if isinstance(came[0], Exception):
            raise came[0]
        return came[0]

    def rows(self, q: str, **given: Any) -> Any:
        [result] = json.loads(self.get(q=q, db="db", epoch="ms", **given).body)["results"]
        return (
            [one["values"] for one in result.get("series", [])] if "error" not in result else result["error"]
        )

    def ranges(self) -> list[tuple[float, float]]:
        return [(round(question.start, 6), round(question.end, 6)) for question, _ in self.asker.asked]


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


def test_an_agents_feed_is_a_measurement_and_any_other_node_is_one_too() -> None:
    assert place("feed", STAGE) == (SeriesKey("obs.cryo", (("feed", "temps"),)), "Stage 1 T")
    assert place("old", DOOR) == (SeriesKey("old"), "door")
    assert place("x", Field("f", source="a.feeds.b")) == (SeriesKey("x"), "f")
    assert place("x", Field("f", source="a.feeds.b.feeds.c.d")) == (
        SeriesKey("a", (("feed", "b"),)),
        "feeds.c.d",
    )


def test_nodes_that_hold_one_field_are_one_and_kinds_are_influxdbs() -> None:
    fields = {"feed": {"stage": STAGE}, "archive": {"x": Field("x", source=STAGE.source)}}
    known = Mapper().map({**fields, "old": {"door": DOOR, "open": OPEN}}, 0.0)
    key = SeriesKey("obs.cryo", (("feed", "temps"),))
    assert known.targets[key, "Stage 1 T"] == (Target("archive", "x"), Target("feed", "stage"))
    assert known.schema == {
        key: {"Stage 1 T": "float"}, SeriesKey("old"): {"door": "string", "open": "boolean"},
    }  # fmt: skip


def test_a_node_that_went_is_known_for_a_day_and_the_map_is_made_when_something_changed() -> None:
    mapper, fields = Mapper(), {"a": Field("a")}
    known = mapper.map({"n": fields}, 0.0)
    assert mapper.map({"n": fields}, 10.0) is known
    assert mapper.map({"n": {}}, 20.0).targets == known.targets
    assert mapper.map({}, 86_409.0).targets == known.targets
    assert mapper.map({}, 86_410.0).targets == {}
    assert mapper.map({"n": dict(fields)}, 86_411.0).schema == {SeriesKey("n"): {"a": "float"}}


def test_a_ping_and_every_reply_has_a_version(bridge: Bridge) -> None:
    pong = bridge.influx.ping(Arguments({}))
    assert (pong.status, pong.body, pong.headers[b"x-influxdb-version"]) == (204, b"", b"1.6.7")
    assert bridge.get(q="SHOW DATABASES").headers[b"x-influxdb-version"] == b"1.6.7"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, 'missing required parameter "q"'),
        ({"q": " "}, 'missing required parameter "q"'),
        ({"q": "SELEKT"}, "error parsing query: found SELEKT, expected"),
    ],
)
def test_what_is_no_question_is_a_bad_request(bridge: Bridge, given: Any, told: str) -> None:
    reply = bridge.get(**given)
    assert reply.status == 400
    assert json.loads(reply.body)["error"].startswith(told)
    assert reply.body.endswith(b"\n")


def test_a_wrong_parameter_and_a_router_that_is_away_are_said(bridge: Bridge) -> None:
    with pytest.raises(RequestError, match="convert='x' is neither yes nor no"):
        bridge.get(q="SHOW DATABASES", convert="x")
    bridge.peers.router_here = False
    with pytest.raises(AwayError):
        bridge.get(q="SHOW DATABASES")


@pytest.mark.parametrize(
    ("q", "db", "error"),
    [
        ("SELECT door FROM old", "", "database name required"),
        ("SELECT door FROM old", "third", "database not found: third"),
        ("SELECT door FROM third.autogen.old", "", "database not found: third"),
        ("SELECT door FROM db.autogen.old", "", None),
        ("SELECT door FROM db.autogen.old, old", "", "database name required"),
        ("SHOW MEASUREMENTS", "", "database name required"),
        ("SHOW MEASUREMENTS ON db", "", None),
        ("SHOW DATABASES", "", None),
        ("SHOW MEASUREMENTS", "other", None),
        ("DROP DATABASE db", "db", "DROP is not supported: what is here can be read, and nothing else"),
    ],
)
def test_a_database_is_one_of_ours(bridge: Bridge, q: str, db: str, error: Any) -> None:
    [result] = json.loads(bridge.get(q=q, db=db).body)["results"]
    assert result.get("error") == error


def test_after_an_error_nothing_is_executed(bridge: Bridge) -> None:
    results = json.loads(
        bridge.get(q="SHOW MEASUREMENTS; SELECT x FROM no.a.y; SHOW MEASUREMENTS", db="db").body
    )
    assert [one.get("error") for one in results["results"]] == [
        None,
        "database not found: no",
        "not executed",
    ]
    assert [one["statement_id"] for one in results["results"]] == [0, 1, 2]
    many = json.loads(bridge.get(q="SHOW DATABASES;" * 201).body)["results"]
    assert [one.get("error") for one in many[199:]] == [None, "more than 200 statements"]


def test_of_a_parameter_that_is_given_twice_the_last_counts(bridge: Bridge) -> None:
    reply = bridge.get(q=["SELEKT", "SHOW MEASUREMENTS"], db=["no", "db"])
    [series] = json.loads(reply.body)["results"][0]["series"]
    assert series["values"] == [["obs.cryo"], ["old"]]


STAGE_OF = 'SELECT "Stage 1 T" FROM "obs.cryo"'


def test_samples_are_asked_of_their_node_half_a_microsecond_early(bridge: Bridge) -> None:
    bridge.asker.samples["stage"] = [(1_500_000_000.0, 4.0), (1_500_000_010.0, 5.0)]
    rows = bridge.rows(f"{STAGE_OF} WHERE time >= 1500000000s AND time < 1500000010s")
    assert rows == [[[1_500_000_000_000, 4.0]]]
    [(question, until)] = bridge.asker.asked
    assert (question.targets, until) == ((Target("feed", "stage"),), 7.0)
    assert question.start == pytest.approx(1_500_000_000.0 - 5e-7, abs=3e-7)
    assert question.start < 1_500_000_000.0
    assert question.end == pytest.approx(1_500_000_010.0 - 5e-7, abs=3e-7)
    assert (question.limits, question.grid, question.convert, question.join) == (Limits(), None, True, "all")
    bridge.rows(STAGE_OF, convert="no")
    assert bridge.asker.asked[1][0].convert is False


def test_an_open_range_ends_in_a_day_at_a_whole_minute(bridge: Bridge) -> None:
    bridge.rows(STAGE_OF)
    assert bridge.ranges() == [(0.001, 1_500_086_460.0)]


def test_an_empty_range_is_asked_of_nobody(bridge: Bridge) -> None:
    assert bridge.rows(f"{STAGE_OF} WHERE time >= 20s AND time < 10s") == []
    assert bridge.asker.asked == []


def test_a_last_sample_is_looked_for_farther_and_farther_back(bridge: Bridge) -> None:
    bridge.asker.samples["stage"] = [(NOW - 40 * 86_400, 4.0)]
    rows = bridge.rows('SELECT last("Stage 1 T") FROM "obs.cryo"')
    assert rows == [[[round((NOW - 40 * 86_400) * 1e3), 4.0]]]
    assert [begin for begin, _ in bridge.ranges()] == [NOW - 3600, NOW - 86_400, NOW - 30 * 86_400, 0.001]
    assert {question.limits for question, _ in bridge.asker.asked} == {Limits(4)}
    bridge.asker.asked.clear()
    bridge.asker.samples["stage"].append((NOW - 10, 5.0))
    bridge.rows('SELECT last("Stage 1 T") FROM "obs.cryo"')
    assert len(bridge.asker.asked) == 1
    bridge.asker.asked.clear()
    bridge.asker.samples.clear()
    bridge.rows(f'SELECT last("Stage 1 T") FROM "obs.cryo" WHERE time > {round(NOW - 7200)}s')
    assert len(bridge.asker.asked) == 2


def test_of_several_last_samples_only_those_that_are_missing_are_looked_for(bridge: Bridge) -> None:
    bridge.asker.samples = {"door": [(NOW - 10, "shut")], "open": [(NOW - 7200, 1.0)]}
    bridge.rows('SELECT last(door), last("open") FROM old')
    asked = [[target.field for target in question.targets] for question, _ in bridge.asker.asked]
    assert asked == [["door", "open"], ["open"]]


@pytest.mark.parametrize(("call", "t", "value"), [("last", NOW - 30, 5.0), ("first", NOW - 40, 3.0)])
def test_where_an_end_has_no_value_the_nearest_one_that_has_counts(
    bridge: Bridge, call: str, t: float, value: float
) -> None:
    nan = float("nan")
    bridge.asker.samples["stage"] = [(NOW - 50, nan), (NOW - 40, 3.0), (NOW - 30, 5.0), (NOW - 20, nan)]
    rows = bridge.rows(f'SELECT {call}("Stage 1 T") FROM "obs.cryo"')
    assert rows == [[[round(t * 1e3), value]]]
    assert [question.grid is not None for question, _ in bridge.asker.asked] == [False, True]
    bridge.asker.samples["stage"] = [(NOW - 50, nan)]
    assert bridge.rows(f'SELECT {call}("Stage 1 T") FROM "obs.cryo"') == []


def test_means_are_asked_for_in_bins(bridge: Bridge) -> None:
    bridge.asker.samples["stage"] = [(NOW - 20, 4.0), (NOW - 19, 6.0)]
    rows = bridge.rows(
        f'SELECT mean("Stage 1 T") FROM "obs.cryo" WHERE time >= {round(NOW - 20)}s AND time < {round(NOW)}s '
        "GROUP BY time(10s)"
    )
    assert rows == [[[round((NOW - 20) * 1e3), 5.0], [round((NOW - 10) * 1e3), None]]]
    [(question, _)] = bridge.asker.asked
    assert (question.grid.width, question.limits) == (10 * MS, Limits())


def test_what_is_missing_is_a_notice_beside_samples_and_an_error_alone(bridge: Bridge) -> None:
    bridge.asker.samples = {"door": [(NOW - 10, "shut")]}
    bridge.asker.notices = {"open": "old is slow"}
    reply = bridge.get(q='SELECT door, "open" FROM old', db="db")
    assert json.loads(reply.headers[b"sisock-notices"]) == ["old is slow"]
    bridge.asker.samples.clear()
    bridge.asker.notices |= {"door": "old is away", "stage": "x"}
    assert bridge.rows('SELECT door, "open" FROM old') == "old is away; old is slow"
    bridge.asker.notices = {"door": "same", "open": "same"}
    assert bridge.rows('SELECT door, "open" FROM old') == "same"


def test_what_there_is_is_looked_at_when_it_changed_or_a_second_is_over(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[float] = []
    mapped, influx = Mapper().map, bridge.influx
    monkeypatch.setattr(influx._mapper, "map", lambda said, at: looked.append(at) or mapped(said, at))
    for seconds in (0.0, 0.9, 1.0, 1.5, 2.1, -3600.0, -3600.0):
        monkeypatch.setattr(influx, "_clock", lambda now=NOW + seconds: now)
        bridge.get(q="SHOW MEASUREMENTS", db="db")
    assert looked == [NOW, NOW + 1.0, NOW + 2.1, NOW - 3600]
    bridge.catalogue.changes += 1
    bridge.get(q="SHOW MEASUREMENTS", db="db")
    assert len(looked) == 5


def test_of_many_reasons_three_are_said(bridge: Bridge) -> None:
    known = {name: Field(name) for name in "abcd"}
    bridge.catalogue.online["many"] = OnlineNode(NodeInfo("many", ""), known, 0.0, said=known)
    bridge.asker.notices = {name: f"no {name}" for name in known}
    assert bridge.rows("SELECT a, b, c, d FROM many") == "no a; no b; no c"


def test_much_is_written_in_a_thread_and_little_is_not(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interface, "LITTLE", 10)
    for samples, threads in ((5, 0), (50, 1)):
        bridge.reactor.in_threads = 0
        bridge.asker.samples["stage"] = [(1000.0 + n, 4.0) for n in range(samples)]
        [rows] = bridge.rows(f"{STAGE_OF} WHERE time > 999s AND time < {1000 + samples}s LIMIT 5")
        assert len(rows) == 5
        assert bridge.reactor.in_threads == threads


@pytest.mark.parametrize(("most", "refused"), [(7, False), (6, True)])
def test_bins_between_the_first_and_the_last_sample_are_bounded(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, most: int, refused: bool
) -> None:
    monkeypatch.setattr(points, "MOST_BINS", most)
    bridge.asker.samples = {"stage": [(NOW - 60, 1.0), (NOW - 30, 2.0)]}
    found = bridge.rows('SELECT mean("Stage 1 T") FROM "obs.cryo" GROUP BY time(10s) fill(null)')
    if refused:
        assert found == "max-select-buckets limit exceeded: (7/6)"
    else:
        assert [value for _, value in found[0]] == [1.0, None, None, 2.0, None, None, None]

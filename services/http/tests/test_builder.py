"""Lists of simpod's query builder, its frames, and what panels ask for; compared to what stands here."""

import json
from typing import Any

import numpy as np
import pytest
import structlog
from sisock.node import Bins, Field, Grid, Limits, Series
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.target import Target
from sisock_http.asking.question import Answer
from sisock_http.asking.statistics import STATISTICS, column, shown
from sisock_http.dialects import panel, simplejson, simpod
from sisock_http.dialects.panel import Shown
from sisock_http.encoding import as_json
from sisock_http.observatory.catalogue import Catalogue, Event, OnlineNode
from sisock_http.problems import RequestError
from twisted.internet.task import Clock

RANGE = {"from": 0, "to": 1000_000}
T = np.array([1.0004, 2.0])
EVENTS = {"label": "data nodes that came and went (annotations)", "value": "sisock::events", "payloads": []}


@pytest.fixture
def catalogue() -> Catalogue:
    """Two nodes with three fields: one has a label, one units, one a source."""
    made = Catalogue(Clock(), lambda: 0.0, structlog.get_logger(), None)
    for name, able, fields, labels in (
        ("weather", {"live"}, [Field("wind speed", units="m/s"), Field("rain")], {"rain": "Regen"}),
        ("fridge", set(), [Field("t1", source="o.stage")], {}),
    ):
        info = NodeInfo(name, "", frozenset(able))
        made.online[name] = OnlineNode(info, {one.name: one for one in fields}, 0.0, labels=labels)
    return made


def listed(found: Any) -> list[str]:
    return [one["value"] for one in found]


def test_the_builder_offers_every_field_and_what_can_be_chosen_of_it(catalogue: Catalogue) -> None:
    found = json.loads(as_json.dumps(simpod.metrics(catalogue, {})))
    assert listed(found) == ["fridge::t1", "weather::rain", "weather::wind speed", "sisock::events"]
    assert [one["label"] for one in found[:3]] == [
        "fridge::t1", "weather::rain Regen", "weather::wind speed (m/s)",
    ]  # fmt: skip
    assert found[3] == EVENTS
    payloads = found[0]["payloads"]
    assert [(one["name"], one["type"], one["label"], one["placeholder"]) for one in payloads] == [
        ("resolution", "select", "Resolution", "as the panel needs"),
        ("method", "select", "Downsampling", "extremes"),
        ("max_points", "select", "Most points", "as the panel needs"),
        ("join", "select", "Archive and live", "one series"),
        ("convert", "select", "Values", "as the site's file has it"),
    ]
    for one in payloads:
        assert one["options"] == simpod.options(one["name"])


@pytest.mark.parametrize(
    ("metric", "found"),
    [
        (" WIND Speed ", ["weather::wind speed"]),
        ("regen", ["weather::rain"]),
        ("o.STAGE", ["fridge::t1"]),
        ("nothing", []),
        (None, ["fridge::t1", "weather::rain", "weather::wind speed"]),
        ("weather::rain", ["weather::rain", "fridge::t1", "weather::wind speed"]),
        ("sisock::events", ["fridge::t1", "weather::rain", "weather::wind speed"]),
    ],
)
def test_what_is_typed_finds_names_sources_and_labels_and_a_whole_name_comes_first(
    catalogue: Catalogue, metric: Any, found: list[str]
) -> None:
    assert listed(simpod.metrics(catalogue, {"metric": metric})) == [*found, "sisock::events"]


def test_the_builder_offers_so_many_fields(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simpod, "MOST_METRICS", 2)
    assert len(simpod.metrics(catalogue, {})) == 3
    with pytest.raises(RequestError, match="metric=5 is not text"):
        simpod.metrics(catalogue, {"metric": 5})


def test_the_options_of_a_payload_are_said_in_words() -> None:
    assert simpod.payload_options({"name": "join"}) == [
        {"label": "one series of all nodes that have it", "value": "yes"},
        {"label": "this node alone", "value": "no"},
    ]
    assert [one["label"] for one in simpod.payload_options({"name": "convert"})] == [
        "as the site's file has it", "as its node has it",
    ]  # fmt: skip
    assert listed(simpod.options("method")) == ["extremes", "stride", "all", *STATISTICS]
    assert all(one["label"] != one["value"] for one in simpod.options("method"))
    assert simpod.options("resolution")[0] == {"label": "1s", "value": "1s"}
    assert simpod.options("nothing") == []
    with pytest.raises(RequestError, match=r"name=None is not the name of a payload \(resolution, method"):
        simpod.payload_options({})


@pytest.mark.parametrize(
    ("payload", "values"),
    [
        ({"target": "nodes"}, ["fridge", "weather"]),
        ("live", ["weather"]),
        ({"target": " fields "}, ["fridge::t1", "weather::rain", "weather::wind speed"]),
        ({}, ["fridge::t1", "weather::rain", "weather::wind speed"]),
        (None, ["fridge::t1", "weather::rain", "weather::wind speed"]),
        ({"target": "fields(weather)"}, ["rain", "wind speed"]),
        ({"target": "fields( (weather|fridge) )"}, ["rain", "t1", "wind speed"]),
        ({"target": "fields(weather"}, []),
        ({"target": "1234567weather)"}, []),
        ("WIND", ["weather::wind speed"]),
    ],
)
def test_a_variable_lists_nodes_fields_or_what_was_typed(
    catalogue: Catalogue, payload: Any, values: list[str]
) -> None:
    found = simpod.variable(catalogue, {"payload": payload})
    assert found == [{"__text": value, "__value": value} for value in values]


def test_a_variable_that_is_no_text_is_refused(catalogue: Catalogue) -> None:
    for payload in (5, {"target": 5}):
        with pytest.raises(RequestError, match=r"payload.target=5 is not text"):
            simpod.variable(catalogue, {"payload": payload})
    with pytest.raises(RequestError, match="target=5 is not text"):
        simplejson.search(catalogue, {"target": 5})
    assert simplejson.search(catalogue, {"target": "T1"}) == ["fridge::t1"]
    assert len(simplejson.search(catalogue, {})) == 3


def answer(values: Any, **about: Any) -> Answer:
    return Answer(Target("n", "f"), Series("f", T, np.array(values, dtype=object)), **about)


def test_text_is_a_frame_with_all_that_is_known_of_it() -> None:
    field = Field("f", "A door.", "m", "string")
    made = simpod.frame(
        answer(["open", None], field=field, label="Door", notice="late", nodes=("a", "b")),
        Shown(Target("n", "f"), "frame", "A", Limits()),
    )
    assert made == {
        "schema": {
            "name": "n::f",
            "refId": "A",
            "fields": [
                {"name": "Time", "type": "time"},
                {
                    "name": "f", "type": "string", "labels": {"node": "n"},
                    "config": {"displayNameFromDS": "Door", "description": "A door.", "unit": "lengthm"},
                },
            ],
            "meta": {"notices": [{"severity": "warning", "text": "late"}], "custom": {"nodes": ["a", "b"]}},
        },
        "data": {"values": [[1000, 2000], ["open", None]]},
    }  # fmt: skip


def test_a_frame_says_no_more_than_is_known() -> None:
    made = simpod.frame(answer([True, False]), Shown(Target("n", "f"), "frame", None, Limits()))
    assert made["schema"] == {
        "name": "n::f",
        "fields": [
            {"name": "Time", "type": "time"},
            {
                "name": "f",
                "type": "boolean",
                "labels": {"node": "n"},
                "config": {"displayNameFromDS": "n::f"},
            },
        ],
    }
    assert made["data"]["values"][1] == [True, False]


def test_who_came_and_went_is_a_frame_of_annotations() -> None:
    happened = [
        Event(t, "apex", online, "Weather.") for t, online in ((5.0, True), (10.0, False), (20.0, True))
    ]
    made = simpod.events(happened, 5.0, 20.0, Shown(panel.EVENTS, "events", "A", Limits()))
    assert made == {
        "schema": {
            "name": "sisock::events", "refId": "A",
            "fields": [
                {"name": "time", "type": "time"}, {"name": "timeEnd", "type": "time"},
                {"name": "title", "type": "string"}, {"name": "text", "type": "string"},
                {"name": "tags", "type": "other"},
            ],
        },
        "data": {"values": [[5000, 10_000], [5000, 10_000], ["apex online", "apex offline"],
                            ["Weather.", "Weather."], [["apex", "online"], ["apex", "offline"]]]},
    }  # fmt: skip


def test_units_that_mean_something_else_to_grafana_are_told_by_their_other_name() -> None:
    assert (simplejson.grafana_unit("m"), simplejson.grafana_unit("K")) == ("lengthm", "K")


@pytest.mark.parametrize(
    ("series", "field", "kind"),
    [
        ([], None, "number"),
        ([], Field("f", type="bool"), "boolean"),
        ([], Field("f", type="string"), "string"),
        ([], Field("f"), "number"),
        (np.array([1]), Field("f", type="string"), "number"),
        (np.array([True]), None, "boolean"),
        (np.array([True, None], dtype=object), None, "boolean"),
        (np.array([True, "x"], dtype=object), None, "string"),
        (np.array([None, None], dtype=object), None, "boolean"),
        (np.array([True, 1.5], dtype=object), None, "number"),
    ],
)
def test_the_kind_of_values_is_what_they_are_or_are_said_to_be(series: Any, field: Any, kind: str) -> None:
    values = np.asarray(series)
    one = Series("f", np.arange(float(len(values))), values)
    assert as_json.grafana_type(one, field) == kind
    assert as_json.is_number(one, field) is (kind == "number")


BINS = Bins(
    "f", np.array([0.0, 10.0]), np.array([2.0, 1.0]), np.array([1.0, 5.0]), np.array([1.0, 11.0]),
    np.array([3.0, 5.0]), np.array([2.0, 11.0]), np.array([4.0, 5.0]), np.array([1.0, 5.0]),
    np.array([3.0, 5.0]), 20.0,
)  # fmt: skip
STATES = Bins(
    "f", BINS.t, BINS.count, np.array(["a", "b"], object), BINS.t, np.array(["b", "b"], object), BINS.t
)


@pytest.mark.parametrize(
    ("statistic", "values"),
    [
        ("mean", [2.0, 5.0]), ("min", [1.0, 5.0]), ("max", [3.0, 5.0]), ("first", [1.0, 5.0]),
        ("last", [3.0, 5.0]), ("count", [2.0, 1.0]), ("sum", [4.0, 5.0]), ("spread", [2.0, 0.0]),
    ],
)  # fmt: skip
def test_of_bins_one_value_each_is_shown(statistic: str, values: list[float]) -> None:
    asked = Answer(Target("n", "f"), Series("f", T, T), Field("f", units="K", type="number"), bins=BINS)
    made = shown(asked, statistic)
    assert (made.series.t.tolist(), made.series.values.tolist()) == ([0.0, 10.0], values)
    assert made.series.finalized_until == 20.0
    assert made.field.units == (None if statistic == "count" else "K")


def test_bins_of_text_have_a_count_and_no_mean() -> None:
    asked = Answer(
        Target("n", "f"), Series("f", T, T), Field("f", units="K", type="string"), "late", bins=STATES
    )
    assert shown(asked, "count").field == Field("f")
    assert shown(asked, "last").series.values.tolist() == ["b", "b"]
    assert column(STATES, "spread") is None
    made = shown(asked, "mean")
    assert made.notice == "late; 'n::f' has values that are no numbers, and no mean of them"
    assert made.series is asked.series
    for bins in (None, Bins("f", *[np.empty(0)] * 6)):
        none = Answer(Target("n", "f"), Series("f", T, T), bins=bins)
        assert shown(none, "mean") is none


# --- what a panel asks for, at its bounds


def parsed(catalogue: Catalogue, item: Any, **more: Any) -> Any:
    return panel.parse({"range": RANGE, "targets": [{"target": "n::f", **item}], **more}, catalogue)


@pytest.mark.parametrize(
    ("most", "limits"),
    [(1, 1), (1.9, 1), (" 7 ", 7), (10**9, 10_000_000), (None, None), ("", None)],
)
def test_points_are_one_or_more_and_not_too_many(catalogue: Catalogue, most: Any, limits: Any) -> None:
    [one] = parsed(catalogue, {}, maxDataPoints=most).shown
    assert one.limits == Limits(limits)


@pytest.mark.parametrize("most", [0.5, True, float("inf"), [], "-1", "1.5"])
def test_what_is_no_number_of_points_is_refused(catalogue: Catalogue, most: Any) -> None:
    with pytest.raises(RequestError, match="maxDataPoints="):
        parsed(catalogue, {}, maxDataPoints=most)


@pytest.mark.parametrize(
    ("kind", "style"),
    [
        (None, "frame"),
        ("", "frame"),
        ("timeserie", "timeserie"),
        ("timeseries", "timeserie"),
        ("table", "table"),
    ],
)
def test_a_target_says_what_to_make_of_it(catalogue: Catalogue, kind: Any, style: str) -> None:
    assert parsed(catalogue, {"type": kind}).shown[0].style == style


def test_the_bridges_events_are_no_field_unless_a_node_has_that_name(catalogue: Catalogue) -> None:
    asked = parsed(catalogue, {"target": "sisock::events"})
    assert (asked.shown[0].style, asked.questions()) == ("events", [])
    catalogue.online["sisock"] = OnlineNode(NodeInfo("sisock", ""))
    asked = parsed(catalogue, {"target": "sisock::events"})
    assert asked.shown[0].style == "frame"
    assert len(asked.questions()) == 1


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ([{"key": "node", "value": "n"}], True),
        ([{"key": "node", "value": "m"}], False),
        ([{"key": "node", "operator": "=~", "value": "n"}], True),
        ([{"key": "node", "operator": "!=", "value": "n"}], False),
        ([{"key": "node", "operator": "!=", "value": "m"}], True),
        ([{"key": "other", "value": "m"}], True),
        ([5, {"key": "node", "value": "n"}], True),
        ("nonsense", True),
    ],
)
def test_filters_choose_nodes(catalogue: Catalogue, filters: Any, passes: bool) -> None:
    for name in ("filters", "adhocFilters"):
        assert bool(parsed(catalogue, {}, **{name: filters}).shown) is passes


@pytest.mark.parametrize(
    ("span_s", "points", "width_s"),
    [(1000.0, 1000, 1), (1001.0, 1000, 2), (1.0, 1000, 0.001), (1e-4, 10, 0.001), (864e5, 1000, 86_400),
     (864.1e5, 1000, 172_800)],
)  # fmt: skip
def test_bins_are_as_wide_as_people_would_choose_them(
    catalogue: Catalogue, span_s: float, points: int, width_s: float
) -> None:
    body = {"from": 0, "to": span_s * 1e3}
    asked = {
        "range": body,
        "maxDataPoints": points,
        "targets": [{"target": "n::f", "payload": {"method": "mean"}}],
    }
    [one] = panel.parse(asked, catalogue).shown
    assert one.grid == Grid(round(width_s * 1e6))
    assert one.limits == Limits()


def test_so_many_bins_and_so_wide_ones_are_made() -> None:
    assert panel.grid_of(1e-3, 1000.0) == Grid(1000)
    assert panel.grid_of(1e-9, 1e-9) == Grid(1)
    assert panel.grid_of(3.2e9, 1.0) == Grid(3_200_000_000_000_000)
    for width, span in ((1e-3, 1000.1), (3.3e9, 1.0)):
        with pytest.raises(RequestError, match=r"^bins of"):
            panel.grid_of(width, span)


@pytest.mark.parametrize(
    ("payload", "limits"),
    [
        ({"resolution": "1000s"}, Limits(2)),
        ({"resolution": "10s"}, Limits(200)),
        ({"resolution": "10s", "max_points": "50"}, Limits(50)),
        ({"resolution": "1ms"}, Limits(2_000_000)),
        ({"method": "stride", "max_points": "10"}, Limits(min_stride=100.0)),
        ({"method": "extremes"}, Limits()),
    ],
)
def test_a_resolution_is_two_points_each(catalogue: Catalogue, payload: Any, limits: Limits) -> None:
    assert parsed(catalogue, {"payload": payload}).shown[0].limits == limits


def test_without_points_an_interval_is_a_stride(catalogue: Catalogue) -> None:
    assert parsed(catalogue, {}, interval="30s").shown[0].limits == Limits(min_stride=30.0)
    assert parsed(catalogue, {"payload": {"method": "extremes"}}, interval="30s").shown[0].limits == Limits(
        min_stride=30.0
    )


def test_more_fields_than_are_sensible_are_refused(catalogue: Catalogue, monkeypatch) -> None:
    monkeypatch.setattr(panel, "MOST_MATCHES", 2)
    targets = [{"target": f"n::{name}"} for name in "abc"]
    assert len(panel.parse({"range": RANGE, "targets": targets[:2]}, catalogue).shown) == 2
    with pytest.raises(RequestError, match="targets stand for more than 2 fields"):
        panel.parse({"range": RANGE, "targets": targets}, catalogue)


def test_a_target_may_say_that_its_values_are_not_to_be_converted(catalogue: Catalogue) -> None:
    for given, convert in (
        ({}, True),
        ({"payload": {"convert": "no"}}, False),
        ({"data": {"convert": "yes"}}, True),
    ):
        assert parsed(catalogue, given).shown[0].convert is convert
    with pytest.raises(RequestError, match=r"targets\[0\].payload.convert='x' is neither yes nor no"):
        parsed(catalogue, {"payload": {"convert": "x"}})

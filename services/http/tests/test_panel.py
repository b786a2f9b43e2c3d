"""What a Grafana panel's requests mean."""

import json
import time
from collections.abc import Iterator
from importlib.resources import files

import pytest
from sisock.node import Grid, Limits
from sisock_consumer.target import Target
from sisock_http.dialects import panel, times
from sisock_http.observatory.catalogue import Catalogue
from sisock_http.problems import RequestError
from twisted.internet.task import Clock

NOBODY = Catalogue(Clock(), lambda: 0.0, None, None)

RANGE = {"from": "2017-07-14T00:00:00Z", "to": "2017-07-15T00:00:00Z"}
TARGETS = [{"target": "n::f"}]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2017-07-14T00:00:00Z", 1499990400.0),
        ("2017-07-14T00:00:00.250Z", 1499990400.25),
        ("2017-07-14T02:00:00+02:00", 1499990400.0),
        ("2017-07-14T00:00:00", 1499990400.0),
        (1499990400250, 1499990400.25),
        ("1499990400250", 1499990400.25),
    ],
)
def test_times_keep_their_fractions_and_zones(value, seconds) -> None:
    assert times.unix_time(value, "range.from") == seconds


@pytest.mark.parametrize("value", ["yesterday", "2017-13-14", None, True, [], float("nan")])
def test_other_times_are_refused_by_name(value) -> None:
    with pytest.raises(RequestError, match=r"range\.from="):
        times.unix_time(value, "range.from")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("500ms", 0.5), ("20s", 20), ("1m", 60), ("4h", 14400), ("1d", 86400), ("2w", 1209600), ("1y", 31557600),
     ("1.5h", 5400), (None, None), ("", None)],
)  # fmt: skip
def test_intervals_of_all_units_are_known(value, seconds) -> None:
    assert times.interval_seconds(value) == seconds


@pytest.mark.parametrize("value", ["1 parsec", "h", "-1m", "0s", 5, []])
def test_other_intervals_are_refused_by_name(value) -> None:
    with pytest.raises(RequestError, match="interval="):
        times.interval_seconds(value)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "range is missing"),
        ({"range": []}, "range is missing"),
        ({"range": {"from": "x"}}, r"range\.from='x'"),
        ({"range": {"from": 1}}, r"range\.to is missing"),
        ({"range": {"from": 2, "to": 1}}, r"range\.from=2 is after range\.to=1"),
        ({"range": RANGE}, "targets is missing"),
        ({"range": RANGE, "targets": ["n::f"]}, r"targets\[0\] is not an object"),
        ({"range": RANGE, "targets": [{"target": 7}]}, r"targets\[0\]\.target=7 is not text"),
        (
            {"range": RANGE, "targets": [{"target": "nonsense"}]},
            r"targets\[0\]\.target='nonsense' does not name",
        ),
        ({"range": RANGE, "targets": [{"target": "n::f", "type": "pie"}]}, r"targets\[0\]\.type='pie'"),
        ({"range": RANGE, "targets": TARGETS, "maxDataPoints": "many"}, "maxDataPoints='many'"),
        ({"range": RANGE, "targets": TARGETS, "maxDataPoints": 0}, "maxDataPoints=0"),
        ({"range": RANGE, "targets": TARGETS, "interval": "1q"}, "interval='1q'"),
    ],
)
def test_malformed_queries_are_refused_by_the_field_at_fault(body, sentence) -> None:
    with pytest.raises(RequestError, match=sentence):
        panel.parse(body, NOBODY)


@pytest.mark.parametrize("item", [{}, {"target": ""}, {"target": None}])
def test_a_target_that_is_not_chosen_yet_is_shown_but_not_asked_for(item) -> None:
    parsed = panel.parse({"range": RANGE, "targets": [item, *TARGETS]}, NOBODY)
    assert [one.target for one in parsed.shown] == [None, Target("n", "f")]
    [question] = parsed.questions()
    assert question.targets == (Target("n", "f"),)


EXAMPLES = json.loads(files("sisock_testing").joinpath("moments.json").read_bytes())


@pytest.mark.parametrize(("text", "t"), EXAMPLES["moments"].items())
def test_an_address_has_moments_of_the_one_grammar(text, t) -> None:
    assert times.moment(text, "start", EXAMPLES["now"]) == t


@pytest.mark.parametrize("text", EXAMPLES["no_moments"])
def test_an_address_without_a_moment_is_refused_by_the_parameters_name(text) -> None:
    with pytest.raises(RequestError, match=r"^start=.* is n"):
        times.moment(text, "start", EXAMPLES["now"])


def test_a_length_of_time_in_capital_m_is_a_month() -> None:
    assert times.interval_seconds("1M") == 2629800
    assert times.interval_seconds("1m") == 60
    assert times.moment("now-1M", "start", 10_000_000.0) == 10_000_000 - 2629800


@pytest.fixture
def clock_of_chile(monkeypatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/Santiago")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_time_without_a_zone_is_utc_wherever_the_bridge_runs(clock_of_chile) -> None:
    assert time.timezone != 0
    assert times.unix_time("2017-07-14T00:00:00", "range.from") == 1499990400
    assert times.moment("2017-07-14 00:00", "start", 0.0) == 1499990400


def test_hidden_targets_are_not_asked_for() -> None:
    targets = [{"target": "n::f"}, {"target": "n::g", "hide": True}]
    [question] = panel.parse({"range": RANGE, "targets": targets}, NOBODY).questions()
    assert question.targets == (Target("n", "f"),)


@pytest.mark.parametrize("key", ["adhocFilters", "filters"])
def test_ad_hoc_filters_of_both_plugins_choose_nodes(key) -> None:
    targets = [{"target": "n::f"}, {"target": "m::g"}]
    body = {"range": RANGE, "targets": targets, key: [{"key": "node", "operator": "=", "value": "m"}]}
    [question] = panel.parse(body, NOBODY).questions()
    assert question.targets == (Target("m", "g"),)


def test_max_data_points_is_the_limit_that_counts() -> None:
    body = {"range": RANGE, "targets": TARGETS, "interval": "1m", "maxDataPoints": 1000}
    [question] = panel.parse(body, NOBODY).questions()
    assert question.limits == Limits(1000)
    [question] = panel.parse({"range": RANGE, "targets": TARGETS, "interval": "1m"}, NOBODY).questions()
    assert question.limits == Limits(min_stride=60.0)


@pytest.mark.parametrize(
    ("payload", "limits"),
    [
        ({}, (1000, None)),
        ({"method": "", "resolution": "", "max_points": ""}, (1000, None)),
        ({"max_points": "500"}, (500, None)),
        ({"resolution": "1h"}, (48, None)),
        ({"resolution": "1s"}, (1000, None)),
        ({"resolution": r"1\.5h"}, (32, None)),
        ({"method": "stride", "resolution": "10m"}, (None, 600.0)),
        ({"method": "stride"}, (None, 86.4)),
        ({"method": "all"}, (None, None)),
    ],
)
def test_a_payload_sets_the_limits_of_its_target(payload, limits) -> None:
    targets = [{"target": "n::f", "payload": payload}]
    body = {"range": RANGE, "targets": targets, "maxDataPoints": 1000}
    [question] = panel.parse(body, NOBODY).questions()
    assert question.limits == Limits(*limits)


@pytest.mark.parametrize(
    ("payload", "at_fault"),
    [
        ({"method": "median"}, "payload.method='median'"),
        ({"resolution": "soon"}, "payload.resolution='soon'"),
        ({"max_points": "-1"}, "payload.max_points='-1'"),
        ("all", "payload is not an object"),
    ],
)
def test_a_payload_that_cannot_be_read_is_refused_by_name(payload, at_fault) -> None:
    targets = [{"target": "n::f", "payload": payload}]
    with pytest.raises(RequestError, match=at_fault):
        panel.parse({"range": RANGE, "targets": targets}, NOBODY)


@pytest.mark.parametrize(
    ("more", "join"),
    [
        ({}, "all"),
        ({"payload": {"join": "no"}}, "no"),
        ({"payload": {"join": ""}}, "all"),
        ({"data": {"join": "no"}}, "no"),
        ({"data": {"join": "yes"}, "type": "timeserie"}, "all"),
        ({"data": "of some other plugin"}, "all"),
    ],
)
def test_a_target_may_be_of_one_node_alone(more, join) -> None:
    [question] = panel.parse({"range": RANGE, "targets": [{"target": "n::f", **more}]}, NOBODY).questions()
    assert question.join == join


def test_a_join_that_is_neither_is_refused_by_name() -> None:
    targets = [{"target": "n::f", "data": {"join": "perhaps"}}]
    with pytest.raises(RequestError, match=r"targets\[0\].data.join='perhaps' is neither yes nor no"):
        panel.parse({"range": RANGE, "targets": targets}, NOBODY)


@pytest.mark.parametrize(
    ("item", "width_s", "statistic"),
    [
        ({"payload": {"method": "mean", "resolution": "5m"}}, 300, "mean"),
        ({"payload": {"method": "max"}}, 120, "max"),
        ({"payload": {"method": "min", "max_points": "20"}}, 7200, "min"),
        ({"data": {"method": "spread", "resolution": "1d"}}, 86_400, "spread"),
    ],
)
def test_a_target_may_ask_for_bins(item, width_s, statistic) -> None:
    body = {"range": RANGE, "maxDataPoints": 1000, "targets": [{"target": "n::f", **item}]}
    [shown] = panel.parse(body, NOBODY).shown
    assert (shown.grid, shown.statistic) == (Grid(width_s * 10**6), statistic)
    [question] = panel.parse(body, NOBODY).questions()
    assert question.grid == shown.grid


@pytest.mark.parametrize("data", [{}, {"x": 1}, {"method": ""}, [1], "mean"])
def test_additional_data_of_somebody_elses_are_passed_over(data) -> None:
    body = {"range": RANGE, "maxDataPoints": 1000, "targets": [{"target": "n::f", "data": data}]}
    [shown] = panel.parse(body, NOBODY).shown
    assert (shown.grid, shown.limits) == (None, Limits(1000))


def test_more_bins_than_anybody_sees_are_refused() -> None:
    body = {
        "range": RANGE,
        "targets": [{"target": "n::f", "payload": {"method": "mean", "resolution": "1ms"}}],
    }
    with pytest.raises(RequestError, match="more than 1000000"):
        panel.parse(body, NOBODY)


def test_a_time_that_no_clock_shows_is_refused() -> None:
    assert times.unix_time(times.FARTHEST_S * 1e3, "range.to") == times.FARTHEST_S
    for value in (times.FARTHEST_S * 1e3 + 1e3, -times.FARTHEST_S * 1e3 - 1e3):
        with pytest.raises(RequestError, match="is no time that a clock will show"):
            times.unix_time(value, "range.to")


@pytest.mark.parametrize(
    ("least_s", "width_s"),
    [
        (0.0, 0.001),
        (0.001, 0.001),
        (0.0011, 0.002),
        (16, 30),
        (86_400, 86_400),
        (86_401, 172_800),
        (5e5, 518_400),
    ],
)
def test_bins_are_as_wide_as_people_would_choose_them(least_s: float, width_s: float) -> None:
    assert panel._width(least_s) == width_s


def test_bins_are_bounded_in_number_and_width() -> None:
    assert panel.grid_of(1.0, panel.MOST_BINS).width == 10**6
    assert panel.grid_of(panel.WIDEST_S, 1.0).width == int(panel.WIDEST_S * 1e6)
    for width_s, span_s in ((1.0, panel.MOST_BINS + 1), (panel.WIDEST_S + 1, 1.0)):
        with pytest.raises(RequestError, match="bins of"):
            panel.grid_of(width_s, span_s)


@pytest.mark.parametrize(
    ("given", "points"),
    [(None, None), ("", None), (1, 1), ("1", 1), (" 20 ", 20), (2.9, 2), (1e9, 10**7)],
)
def test_a_number_of_points_is_read(given: object, points: int | None) -> None:
    assert panel.positive(given, "most") == points


@pytest.mark.parametrize("given", [0, 0.9, -1, "0", "-1", "many", True, float("inf"), float("nan"), [1]])
def test_what_is_no_number_of_points_is_refused(given: object) -> None:
    with pytest.raises(RequestError, match="is not a positive number"):
        panel.positive(given, "most")

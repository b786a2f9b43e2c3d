"""What SimpleJson's requests mean."""

import pytest
from sisock_http import simplejson
from sisock_http.problems import RequestError

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
    assert simplejson.unix_time(value, "range.from") == seconds


@pytest.mark.parametrize("value", ["yesterday", "2017-13-14", None, True, [], float("nan")])
def test_other_times_are_refused_by_name(value) -> None:
    with pytest.raises(RequestError, match=r"range\.from="):
        simplejson.unix_time(value, "range.from")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("500ms", 0.5), ("20s", 20), ("1m", 60), ("4h", 14400), ("1d", 86400), ("2w", 1209600), ("1y", 31557600),
     ("1.5h", 5400), (None, None), ("", None)],
)  # fmt: skip
def test_intervals_of_all_units_are_known(value, seconds) -> None:
    assert simplejson.interval_seconds(value) == seconds


@pytest.mark.parametrize("value", ["1 parsec", "h", "-1m", "0s", 5, []])
def test_other_intervals_are_refused_by_name(value) -> None:
    with pytest.raises(RequestError, match="interval="):
        simplejson.interval_seconds(value)


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
        ({"range": RANGE, "targets": [{}]}, r"targets\[0\]\.target is missing"),
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
        simplejson.parse_query(body)


def test_hidden_targets_are_not_asked_for() -> None:
    targets = [{"target": "n::f"}, {"target": "n::g", "hide": True}]
    assert simplejson.parse_query({"range": RANGE, "targets": targets})[0].targets == ("n::f",)


def test_ad_hoc_filters_choose_nodes() -> None:
    targets = [{"target": "n::f"}, {"target": "m::g"}]
    body = {
        "range": RANGE,
        "targets": targets,
        "adhocFilters": [{"key": "node", "operator": "=", "value": "m"}],
    }
    assert simplejson.parse_query(body)[0].targets == ("m::g",)


def test_max_data_points_is_the_limit_that_counts() -> None:
    body = {"range": RANGE, "targets": TARGETS, "interval": "1m", "maxDataPoints": 1000}
    request, _ = simplejson.parse_query(body)
    assert (request.max_points, request.min_stride) == (1000, None)
    request, _ = simplejson.parse_query({"range": RANGE, "targets": TARGETS, "interval": "1m"})
    assert (request.max_points, request.min_stride) == (None, 60.0)

"""What InfluxQL there is not here, and up to which bounds there is the rest."""

from typing import Any

import pytest
from sisock_http.dialects.influxql import calls, columns, language, plan, schema
from sisock_http.dialects.influxql.language import parse
from sisock_http.dialects.influxql.plan import Planner
from sisock_http.dialects.influxql.problems import InfluxError
from sisock_http.dialects.influxql.schema import SeriesKey

NOW_NS = 1_500_000_030 * 10**9
SCHEMA: Any = {
    SeriesKey("m"): {"a": "float", "b": "float", "n": "integer", "text": "string", "on": "boolean"},
    SeriesKey("m", (("feed", "x"),)): {"a": "float"},
}
RANGE = "WHERE time > now() - 1h"
BINNED = f"FROM m {RANGE} GROUP BY time(1m)"
NO_CONDITION = "invalid condition expression: only conditions on time and tags are supported"


def planned(text: str) -> Any:
    [statement] = parse(text)
    return Planner(("db",)).plan(statement, SCHEMA, NOW_NS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("SELECT text, mean(a) FROM m", "mixing aggregate and non-aggregate queries is not supported"),
        (f"SELECT mean(a), derivative(b) {BINNED}",
         "mixing aggregate and non-aggregate queries is not supported"),
        (f"SELECT derivative(difference(mean(a))) {BINNED}", "difference in derivative is not supported"),
        ("SELECT mean(time) FROM m", "time::time is not supported in mean()"),
        ("SELECT mean(a::tag) FROM m", "a::tag is not supported in mean()"),
        ("SELECT mean(1) FROM m", "expected field argument in mean()"),
        ("SELECT derivative(a, 0s) FROM m", "duration argument must be positive"),
        ("SELECT derivative(a, -1s) FROM m", "duration argument must be positive"),
        ("SELECT derivative(a, 1) FROM m", "second argument to derivative must be a duration"),
        ("SELECT percentile(a, 'x') FROM m", "expected float argument in percentile()"),
        ("SELECT moving_average(a, 2.0) FROM m", "second argument for moving_average must be an integer"),
        ("SELECT moving_average(a, 1) FROM m",
         "moving_average window must be greater than 1 and no more than 10000"),
        ("SELECT moving_average(a, 10001) FROM m",
         "moving_average window must be greater than 1 and no more than 10000"),
        ("SELECT time FROM m", "at least 1 non-time field must be queried"),
        ("SELECT 1 FROM m", "field must contain at least one variable"),
        ("SELECT a FROM m WHERE 1 = 2", NO_CONDITION),
        ("SELECT a FROM m WHERE a + 1", NO_CONDITION),
        ("SELECT a FROM m WHERE (time) > 1", NO_CONDITION),
        ("SELECT a FROM m WHERE a::field = 1", "conditions on values are not supported: a"),
        ("SELECT a FROM m WHERE feed = true",
         "a condition on feed other than =, !=, =~, !~ and a text is not supported"),
        (f"SELECT mean(a) FROM m {RANGE} GROUP BY time",
         "time() is a function and expects at least one argument"),
        (f"SELECT mean(a) FROM m {RANGE} GROUP BY 1", "only time and tag dimensions allowed"),
        (f"SELECT mean(a) FROM m {RANGE} GROUP BY time(1m, 5)",
         "time dimension offset must be duration or now()"),
        ("SELECT mean(a) FROM m WHERE time > 0 GROUP BY time(1ms)",
         "max-select-buckets limit exceeded: (1500000030000/500000)"),
        ("SELECT a FROM m.db.c.d", "error parsing query: found EOF, expected no more than database, "
         "retention policy and measurement at line 1, char 23"),
        ("SELECT a::nosuch FROM m", "error parsing query: found nosuch, expected field, tag, float, integer, "
         "string, boolean, unsigned at line 1, char 11"),
        ("SELECT a FROM m WHERE feed =~ x",
         "error parsing query: found x, expected regex at line 1, char 31"),
        ("SELECT a FROM m WHERE time > 15250w15250w",
         "error parsing query: overflowed duration: choose a smaller duration or INF"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InfluxError) as told:
        planned(text)
    assert str(told.value) == sentence


def chain(length: int) -> str:
    return f"SELECT {'+'.join(['a'] * (length + 1))} FROM m"


def nested(depth: int) -> str:
    return f"SELECT {'(' * depth}a{')' * depth} FROM m"


def pattern(length: int) -> str:
    return f"SELECT a FROM m WHERE feed =~ /{'x' * length}/"


def bins(count: int) -> str:
    return f"SELECT mean(a) FROM m WHERE time >= {10**9}s AND time < {10**9 + count}s GROUP BY time(1s)"


@pytest.mark.parametrize(
    ("longest", "too_long", "sentence"),
    [
        (chain(language.LONGEST_CHAIN), chain(language.LONGEST_CHAIN + 1), "more than 100 operators"),
        (nested(language.DEEPEST - 1), nested(language.DEEPEST), "nested more than 25 deep"),
        (nested(1).ljust(language.LONGEST), nested(1).ljust(language.LONGEST + 1), "characters are more"),
        (pattern(schema.LONGEST_PATTERN), pattern(schema.LONGEST_PATTERN + 1), "characters is too long"),
        (bins(plan.MOST_BINS), bins(plan.MOST_BINS + 1), "max-select-buckets limit exceeded"),
        (f"SELECT moving_average(a, {calls.WIDEST_AVERAGE}) FROM m", "SELECT moving_average(a, 0) FROM m",
         "greater than 1"),
        (f"SELECT {', '.join(['a'] * columns.MOST_COLUMNS)} FROM m",
         f"SELECT {', '.join(['a'] * (columns.MOST_COLUMNS + 1))} FROM m", "more than 2000 columns"),
        ("SELECT moving_average(a, 2) FROM m", "SELECT moving_average(a, 1) FROM m", "greater than 1"),
    ],
    ids=["operators", "nested", "characters", "expression", "bins", "average", "columns", "least average"],
)  # fmt: skip
def test_the_most_is_read_and_one_more_is_refused(longest: str, too_long: str, sentence: str) -> None:
    assert planned(longest)
    with pytest.raises(InfluxError, match=sentence):
        planned(too_long)


def test_fields_of_all_series_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for most in (2, 1):  # two series have an `a`
        monkeypatch.setattr(plan, "MOST_ASKED", most)
        if most == 2:
            assert planned(f"SELECT a FROM m {RANGE}")
        else:
            with pytest.raises(InfluxError, match="more than 1 fields of series"):
                planned(f"SELECT a FROM m {RANGE}")


def test_about_as_many_rows_come_as_there_are_bins_of_all_calls_and_series() -> None:
    times = f"time >= {10**9}s AND time < {10**9 + 600}s"
    assert (
        planned(f"SELECT mean(a), max(a), min(a) FROM m WHERE {times} GROUP BY time(1m), feed").most_rows
        == 60
    )
    assert planned(f"SELECT mean(a) FROM m WHERE {times}").most_rows == 0
    assert planned("SELECT mean(a) FROM m GROUP BY time(1m)").most_rows == 0

"""What InfluxQL there is not here, and up to which bounds there is the rest."""

from typing import Any

import pytest
from sisock.node import Grid
from sisock_http.asking.question import Question
from sisock_http.dialects.influxql import alike, calls, columns, language, plan, schema
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
        ("SELECT derivative(a, 1s, 1s) FROM m",
         "invalid number of arguments for derivative, expected at least 1 but no more than 2, got 3"),
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
        ("SELECT a FROM m WHERE feed = /x/",
         "a condition on feed other than =, !=, =~, !~ and a text is not supported"),
        ("SELECT a FROM m WHERE feed = true",
         "a condition on feed other than =, !=, =~, !~ and a text is not supported"),
        (f"SELECT mean(a) FROM m {RANGE} GROUP BY time",
         "time() is a function and expects at least one argument"),
        (f"SELECT mean(a) FROM m {RANGE} GROUP BY 1", "only time and tag dimensions allowed"),
        (f"SELECT mean(a) FROM m {RANGE} GROUP BY time()", "time dimension expected 1 or 2 arguments"),
        (f"SELECT mean(a) FROM m {RANGE} GROUP BY time(1m, 1s, 1s)",
         "time dimension expected 1 or 2 arguments"),
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


def test_an_expression_that_is_none_is_refused_and_nothing_is_logged(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InfluxError):
        planned("SELECT a FROM m WHERE feed =~ /(/")
    assert capfd.readouterr().err == ""


def test_of_different_kinds_of_one_name_the_one_that_holds_the_others_counts() -> None:
    kinds = ("boolean", "string", "integer", "float")
    for i, narrow in enumerate(kinds):
        for wide in kinds[i:]:
            for pair in ((narrow, wide), (wide, narrow)):
                keys = {SeriesKey(str(n)): {"a": kind} for n, kind in enumerate(pair)}
                assert schema.fields_of(keys, keys) == {"a": wide}  # type: ignore[arg-type]


def test_an_empty_range_is_asked_of_nobody() -> None:
    for end, groups in (("9s", 0), ("10s", 0), ("10001ms", 1)):
        assert len(planned(f"SELECT a FROM m WHERE time >= 10s AND time < {end}").groups) == groups


def test_the_shortest_length_of_time_is_one() -> None:
    assert planned("SELECT derivative(a, 1ns) FROM m")


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-02", 86_400 * 10**9),
        ("1970-01-01T00:00:01.25Z", 1_250_000_000),
        ("1970-01-01 00:00:01.000000001", 1_000_000_001),
        ("1970-01-01T01:00:00.5+01:00", 500_000_000),
        ("1969-12-31T23:59:59.75Z", -250_000_000),
    ],
)
def test_a_moment_is_read_to_the_nanosecond(text: str, ns: int) -> None:
    assert planned(f"SELECT a FROM m WHERE time >= '{text}'").low_ns == ns


def test_a_range_has_the_bins_that_its_times_lie_in() -> None:
    grid = Grid(10, 3)
    for low, high, numbers in ((3, 13, (0, 0)), (12, 14, (0, 1)), (13, 23, (1, 1)), (2, 24, (-1, 2))):
        assert alike._bins(grid, low, high) == numbers


@pytest.mark.parametrize(("only_last", "start"), [(False, 0.9999995), (True, 6400.0)])
def test_the_last_sample_alone_is_looked_for_in_the_last_hour(only_last: bool, start: float) -> None:
    question = Question((), 0.0, 0.0)
    ranged = alike._ranged(question, 10**6, 20_000 * 10**6, 10_000.0, only_last)
    assert ranged is not None
    # Half a microsecond early, as nodes are asked.
    assert (ranged.start, ranged.end) == (start, 19_999.9999995)
    assert alike._ranged(question, 10**6, 10**6, 10_000.0, only_last=False) is None


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("3ns", 3), ("3u", 3000), ("3\u00b5", 3000), ("3\u03bc", 3000), ("3ms", 3 * 10**6), ("3s", 3 * 10**9),
        ("3m", 180 * 10**9), ("3h", 10_800 * 10**9), ("3d", 259_200 * 10**9), ("3w", 1_814_400 * 10**9),
        ("1m30s", 90 * 10**9), ("9223372036854775807", 2**63 - 1), ("9223372036854775807ns", 2**63 - 1),
        ("0 - 9223372036854775807", 1 - 2**63), ("1s + 2s - 500ms", 2_500_000_000),
        ("now() - 30s", NOW_NS - 30 * 10**9),
    ],
)  # fmt: skip
def test_a_length_of_time_is_read_to_the_nanosecond(text: str, ns: int) -> None:
    assert planned(f"SELECT a FROM m WHERE time >= {text}").low_ns == ns


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0 - 9223372036854775807 - 1", "time is outside of what 64 bits of nanoseconds hold"),
        ("9223372036854775808", "error parsing query: unable to parse integer 9223372036854775808"),
        (
            "9223372036854775808ns",
            "error parsing query: overflowed duration: choose a smaller duration or INF",
        ),
    ],
)
def test_a_time_beyond_64_bits_is_refused(text: str, told: str) -> None:
    with pytest.raises(InfluxError) as refused:
        planned(f"SELECT a FROM m WHERE time >= {text}")
    assert str(refused.value) == told


def test_where_an_error_is_is_told_by_line_and_character() -> None:
    for text, where in (
        ("SELECT\n\n  a,", "line 3, char 5"),
        ("\n)", "line 2, char 1"),
        (")", "line 1, char 1"),
    ):
        with pytest.raises(InfluxError, match=where):
            planned(text)
    with pytest.raises(InfluxError, match="found '#bc', which is no token, at char 8"):
        planned("SELECT #bc")


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ("a, a, a", ("a", "a_1", "a_2")),
        ("a AS b, b, b", ("b", "b_1", "b_2")),
        ("a, a, a_1", ("a", "a_1", "a_1_1")),
        ("a_1, a, a", ("a_1", "a", "a_2")),
        ("a, b AS a_1, a", ("a", "a_1", "a_2")),
        ("time, a", ("a",)),
        ("/nosuch/", ()),
    ],
)
def test_columns_have_names_of_their_own(columns: str, names: tuple[str, ...]) -> None:
    assert planned(f"SELECT {columns} FROM m").names == names

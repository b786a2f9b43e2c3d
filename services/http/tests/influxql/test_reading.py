"""Statements that differ in their times alone are read once, and are what reading each of them gives."""

from typing import Any

import pytest
from sisock_http.dialects.influxql import reading
from sisock_http.dialects.influxql.language import parse
from sisock_http.dialects.influxql.plan import Planner
from sisock_http.dialects.influxql.problems import ParseError
from sisock_http.dialects.influxql.reading import Reader
from sisock_http.dialects.influxql.schema import SeriesKey

TEXTS = [
    'SELECT mean("a") FROM "m" WHERE time >= {0}ms and time <= {1}ms GROUP BY time(10s) fill(null)',
    "SELECT a FROM m WHERE ({1}ms > time AND (time > {0}ms - 1h OR feed = 'x')) LIMIT 3",
    "SELECT a FROM m WHERE feed = '{0}ms' AND time > {1}ms",
    'SELECT "{0}ms", a AS "{1}ms" FROM "m{0}ms" WHERE time > {0}ms',
    "SELECT a FROM m WHERE feed =~ /{0}ms/ AND time > {1}ms",
    "SELECT derivative(mean(a), {0}ms) FROM m WHERE time > {1}ms GROUP BY time({0}ms)",
    "SELECT a FROM m WHERE time > -{0}ms AND time < {1}ms",
    "SHOW MEASUREMENTS WHERE time > {0}ms; SELECT a FROM m WHERE time > {1}ms",
    "SELECT a FROM m WHERE time > {0}ms; SELECT b FROM m WHERE time > {1}ms; SELECT c FROM m",
    "SELECT a FROM m WHERE time > {0}ms AND time > 1111111111000ms AND time < 1111111111001ms",
    "SELECT a FROM m WHERE time > {0}mss",
    "SELECT a FROM m WHERE time > x{0}ms",
    "SELECT a FROM m WHERE time > {0} ms",
    "SELECT a FROM m -- {0}ms\n WHERE time > {1}ms /* '{0}ms */",
    "DROP DATABASE x; SELECT a FROM m WHERE time = {0}ms",
    "",
]


def outcome(read: Any, text: str) -> Any:
    try:
        return read(text)
    except ParseError as error:
        return str(error)


@pytest.mark.parametrize("text", TEXTS)
def test_a_statement_with_other_times_is_read_as_if_it_were_the_first(text: str) -> None:
    reader = Reader()
    for times in (
        (1500000000000, 1500000600000),
        (1111111111000, 1111111111001),
        (1600000000007, 1500000000000),
    ):
        written = text.format(*times)
        assert outcome(reader.read, written) == outcome(parse, written)


def test_it_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(reading, "parse", lambda text: read.append(text) or parse(text))
    reader, planner = Reader(), Planner(("db",))
    schema = {SeriesKey("m", (("feed", "x"),)): {"a": "float"}}
    made = []
    for begin in range(1500000000000, 1500000000050):
        [select] = reader.read(TEXTS[0].format(begin, begin + 600_000))
        made.append(planner.plan(select, schema, 0))
    assert len(read) == 1
    assert [one.low for one in made] == [begin * 1000 for begin in range(1500000000000, 1500000000050)]
    assert all(one.groups is made[0].groups for one in made)
    [fresh] = parse(TEXTS[0].format(1500000000007, 1500000600007))
    assert Planner(("db",)).plan(fresh, schema, 0) == made[7]


def test_other_fields_are_planned_anew() -> None:
    reader, planner = Reader(), Planner(("db",))
    text = "SELECT * FROM m WHERE time > {}ms"
    for names in (("a",), ("a", "b")):
        schema = {SeriesKey("m"): dict.fromkeys(names, "float")}
        for begin in (1500000000000, 1500000000001):
            [select] = reader.read(text.format(begin))
            assert planner.plan(select, schema, 0).names == names


def test_bins_that_begin_now_are_planned_each_time() -> None:
    reader, planner = Reader(), Planner(("db",))
    text = "SELECT mean(a) FROM m WHERE time > 1500000000000ms GROUP BY time(10s, now())"
    schema = {SeriesKey("m"): {"a": "float"}}
    [select] = reader.read(text)
    offsets = [planner.plan(select, schema, now_ns).grid.offset for now_ns in (0, 3_000_000_000)]
    assert offsets == [0, 3_000_000]


@pytest.mark.parametrize("number", ["1x", "1_0", "5sx", "1.5_", "1" * 31, "2" * 30 + "h"])
def test_what_goes_on_behind_a_number_or_is_longer_than_any_is_none(number: str) -> None:
    with pytest.raises(ParseError, match="is no number or duration at char 30"):
        parse(f"SELECT a FROM m WHERE time > {number}")
    assert parse(f"SELECT a FROM m WHERE time > {number[:1]}") != []
    assert parse(f"SELECT a FROM m WHERE time > {'1' * 25}.{'1' * 4}") != []

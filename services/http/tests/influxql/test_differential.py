"""What the bridge answers to InfluxQL is what InfluxDB answers, on the same samples."""

import itertools
import math
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sisock_http.dialects.influxql.schema import SeriesKey

T0 = 1_500_000_000
CRYO, PUMP = '"observatory.cryo"', '"observatory.pump"'
INSIDE = f"time >= {T0}s AND time < {T0 + 600}s"
ODD = f"time > {T0 + 33}s AND time <= {T0 + 401}s"
LATE = f"time >= {T0 + 290}s AND time < {T0 + 330}s"
BINNED = ("count", "first", "last", "max", "mean", "min", "spread", "sum", "median", "stddev")
CALLS = (*(f"{name}(ch2)" for name in BINNED), "percentile(ch2, 90)")
INTEGERS = (*(f"{name}(steps)" for name in BINNED), "percentile(steps, 25.5)")
FILLS = ("", "fill(null)", "fill(none)", "fill(previous)", "fill(linear)", "fill(0)", "fill(-1.5)")
DIRECTIONS = ("", "ORDER BY time DESC")
TRANSFORMS = (
    "derivative({})",
    "derivative({}, 1s)",
    "non_negative_derivative({}, 1m)",
    "difference({})",
    "non_negative_difference({})",
    "moving_average({}, 3)",
    "cumulative_sum({})",
)


EXAMPLES = int(os.environ.get("SISOCK_EXAMPLES", "100"))


def generated() -> list[str]:
    """Combinations of the forms that there are."""
    made = []
    for call, where in itertools.product((*CALLS, *INTEGERS), (INSIDE, ODD)):
        made.append(f"SELECT {call} FROM {CRYO} WHERE {where}")
        made.append(f"SELECT {call} FROM {CRYO} WHERE {where} GROUP BY time(70s)")
    for call in ("mean(ch2)", "count(ch2)", "max(steps)", "last(position)", 'first("on")', "sum(steps)"):
        for fill, direction in itertools.product(FILLS, DIRECTIONS):
            made.append(
                f"SELECT {call} FROM {CRYO} WHERE {ODD} GROUP BY time(20s, 7s), feed {fill} {direction}"
            )
    for transform, direction in itertools.product(TRANSFORMS, DIRECTIONS):
        one = transform.format("mean(ch2)")
        made.append(f"SELECT {one} FROM {CRYO} WHERE {ODD} GROUP BY time(20s) {direction}")
        made.append(f"SELECT {one} FROM {CRYO} WHERE {ODD} GROUP BY time(30s), * fill(0) {direction}")
        made.append(
            f"SELECT {transform.format('max(steps)')} FROM {CRYO} WHERE {INSIDE} GROUP BY time(50s) fill(previous) {direction}"
        )
        made.append(
            f"SELECT {transform.format(chr(34) + 'Channel 01 T' + chr(34))} FROM {CRYO} WHERE {ODD} {direction}"
        )
        made.append(f"SELECT {transform.format('steps')} FROM {CRYO} WHERE {ODD} GROUP BY feed {direction}")
        # Of one sample it is NaN, which is a value: the row of it stays.
        one = transform.format("stddev(ch2)")
        for width, fill in (("1s", ""), ("13s", "fill(previous)"), ("25s", "fill(linear)")):
            made.append(f"SELECT {one} FROM {CRYO} WHERE {ODD} GROUP BY time({width}) {fill} {direction}")
    for limits, direction in itertools.product(
        ("LIMIT 3", "LIMIT 2 OFFSET 1", "OFFSET 4", "SLIMIT 1", "LIMIT 2 SLIMIT 1 SOFFSET 1", "LIMIT 1000"),
        DIRECTIONS,
    ):
        made.append(
            f"SELECT ch2, steps FROM {CRYO}, {PUMP} WHERE {INSIDE} GROUP BY feed {direction} {limits}"
        )
        made.append(
            f"SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE} GROUP BY time(20s), feed fill(null) {direction} {limits}"
        )
        made.append(
            f"SELECT mean(ch2), max(rpm) FROM /obs.*/ WHERE {LATE} GROUP BY time(5s) fill(previous) {direction} {limits}"
        )
    return [" ".join(one.split()) for one in made]


WRITTEN = f"""
SELECT * FROM {CRYO}
SELECT * FROM {CRYO} GROUP BY *
SELECT difference(ch2), difference(steps) FROM {CRYO} WHERE {ODD}
SELECT difference(ch2), difference(steps) FROM {CRYO} WHERE {ODD} ORDER BY time DESC
SELECT mean(ch2), max(rpm), count(steps) FROM /obs.*/ WHERE {LATE} GROUP BY time(5s) fill(none) ORDER BY time DESC
SELECT mean(ch2), max(rpm), count(steps) FROM /obs.*/ WHERE {LATE} GROUP BY time(5s) fill(none)
SELECT * FROM {CRYO} ORDER BY time DESC LIMIT 5
SELECT * FROM /.*/ WHERE {INSIDE} LIMIT 7
SELECT * FROM weather WHERE {INSIDE} GROUP BY *
SELECT *, feed FROM {CRYO} LIMIT 3
SELECT *::field FROM {CRYO} LIMIT 3
SELECT *::tag, ch2 FROM {CRYO} LIMIT 3
SELECT ch2 FROM {CRYO}
SELECT "ch2", "steps" FROM {CRYO} WHERE {ODD}
SELECT ch2 AS value FROM {CRYO} WHERE {ODD}
SELECT ch2 AS a, ch2 AS a, ch2, ch2 FROM {CRYO} WHERE {ODD} LIMIT 2
SELECT time, ch2 FROM {CRYO} LIMIT 2
SELECT ch2, feed FROM {CRYO} WHERE {ODD}
SELECT feed FROM {CRYO} WHERE {ODD}
SELECT ch2, nosuch FROM {CRYO} LIMIT 4
SELECT nosuch FROM {CRYO}
SELECT ch2 FROM nosuch
SELECT ch2 FROM /nosuch/
SELECT "Channel 01 T" FROM {CRYO} WHERE {ODD}
SELECT position, "on" FROM {CRYO} WHERE {ODD}
SELECT /ch.*/ FROM {CRYO} LIMIT 5
SELECT /^[fs]/ FROM {CRYO} LIMIT 5
SELECT steps::integer, steps::float, ch2::integer, ch2::float FROM {CRYO} LIMIT 5
SELECT ch2::field, feed::tag FROM {CRYO} LIMIT 3
SELECT ch2 + 1, ch2 * 2, ch2 / 4, -ch2, ch2 % 3, ch2 - ch2 FROM {CRYO} WHERE {ODD}
SELECT steps + 1, steps * 2, steps / 4, -steps, steps % 3, steps / 0, steps % 0, steps - 0.5 FROM {CRYO} WHERE {ODD}
SELECT ch2 + steps, (ch2 + 2) * (steps - 1) AS x FROM {CRYO} WHERE {ODD}
SELECT ch2 / 0, 0 / ch2, 1 / steps FROM {CRYO} WHERE {ODD}
SELECT ch2 % 0, steps % 0, steps % 0.0, steps / 0.0 FROM {CRYO} WHERE {ODD}
SELECT mean(steps) % 0, sum(steps) % 0, sum(steps) / 0 FROM {CRYO} WHERE {ODD}
SELECT mean(ch2), derivative(mean(ch2)) FROM {CRYO} WHERE {ODD} GROUP BY time(10s) LIMIT 4
SELECT mean(ch2), derivative(mean(ch2)) FROM {CRYO} WHERE {ODD} GROUP BY time(10s) LIMIT 4 OFFSET 2
SELECT "wind speed" * 3.6 FROM weather WHERE {INSIDE}
SELECT rpm FROM {PUMP} WHERE {LATE}
SELECT rpm, ch2 FROM {PUMP}
SELECT ch2, rpm FROM {CRYO}, {PUMP} WHERE {LATE}
SELECT ch2, rpm FROM {PUMP}, {CRYO} WHERE {LATE}
SELECT ch2, rpm FROM {CRYO}, {PUMP} WHERE {LATE} ORDER BY time DESC
SELECT mean(ch2), mean(rpm) FROM {CRYO}, {PUMP} WHERE {LATE}
SELECT mean(ch2), mean(rpm) FROM {CRYO}, {PUMP} WHERE {LATE} GROUP BY time(10s)
SELECT mean(ch2), mean(rpm) FROM {CRYO}, {PUMP} WHERE {LATE} GROUP BY time(10s) fill(0)
SELECT mean(ch2), mean(rpm) FROM {CRYO}, {PUMP} WHERE {LATE} GROUP BY time(10s) fill(previous)
SELECT mean(ch2), count(position) FROM {CRYO} WHERE {INSIDE} GROUP BY time(100s), feed fill(7)
SELECT mean(ch2), count(position) FROM {CRYO} WHERE {INSIDE} GROUP BY feed fill(7)
SELECT mean(ch2), first(position), last("on") FROM {CRYO} WHERE {INSIDE} GROUP BY time(100s), feed fill(7)
SELECT mean(ch2), first(position), last("on"), sum(steps) FROM {CRYO} WHERE {INSIDE} GROUP BY time(100s), feed fill(previous)
SELECT mean(ch2), first(position), last("on"), sum(steps) FROM {CRYO} WHERE {INSIDE} GROUP BY time(20s), feed fill(-2.7)
SELECT ch2 FROM {CRYO} OFFSET 3
SELECT difference(ch2) FROM {CRYO} OFFSET 3
SELECT difference(ch2), derivative(steps) FROM {CRYO}
SELECT moving_average(mean(ch2), 2), mean(ch2) FROM {CRYO} WHERE {ODD} GROUP BY time(20s)
SELECT cumulative_sum(mean(ch2)), mean(ch2) FROM {CRYO} WHERE {ODD} GROUP BY time(20s) fill(9)
SELECT first(ch2) FROM {CRYO} GROUP BY feed OFFSET 1
SELECT mean(ch2) + count(position) AS x, count(position) FROM {CRYO} WHERE {ODD} GROUP BY time(20s) fill(none)
SELECT mean(ch2) + count(position) AS x, count(position) FROM {CRYO} WHERE {ODD} GROUP BY time(20s)
SELECT mean(ch2) * 2 + 1 FROM {CRYO} WHERE {ODD} GROUP BY time(20s) fill(linear)
SELECT mean(ch2) / mean(steps) FROM {CRYO} WHERE {ODD} GROUP BY time(20s)
SELECT max(ch2) - min(ch2), spread(ch2) FROM {CRYO} WHERE {ODD} GROUP BY time(30s)
SELECT sum(steps) / count(steps), mean(steps), sum(steps) / 2, sum(steps) * 2 FROM {CRYO}
SELECT last(ch2) FROM {CRYO}
SELECT last(ch2) FROM {CRYO} GROUP BY feed
SELECT last(ch2) FROM {CRYO} GROUP BY *
SELECT first(ch2) FROM {CRYO} GROUP BY * ORDER BY time DESC
SELECT last(*) FROM {CRYO}
SELECT last(*) FROM {CRYO} GROUP BY *
SELECT first(*) FROM weather
SELECT mean(*) FROM {CRYO}
SELECT mean(*) FROM {CRYO} WHERE {INSIDE} GROUP BY time(100s)
SELECT count(*) FROM {CRYO}
SELECT max(*) FROM {CRYO} WHERE {INSIDE}
SELECT min(*) FROM {CRYO} WHERE {INSIDE} GROUP BY time(5m)
SELECT sum(*) AS x FROM {CRYO} WHERE {INSIDE}
SELECT mean(/ch/) FROM {CRYO} WHERE {INSIDE}
SELECT derivative(mean(*), 1s) FROM {CRYO} WHERE {INSIDE} GROUP BY time(100s)
SELECT max(ch2), min(ch2) FROM {CRYO}
SELECT max(ch2) FROM {CRYO} WHERE {ODD} GROUP BY feed
SELECT min("on"), max("on") FROM {CRYO}
SELECT min("on") FROM {CRYO} WHERE {INSIDE} GROUP BY time(100s)
SELECT count(position), first(position), last(position) FROM {CRYO}
SELECT last(position) FROM {CRYO} WHERE {ODD} GROUP BY time(40s) fill(previous)
SELECT count("on") FROM {CRYO} WHERE {ODD} GROUP BY time(40s)
SELECT percentile(ch2, 0), percentile(ch2, 100), percentile(ch2, 50.5) FROM {CRYO}
SELECT percentile(ch2, 99.9) FROM {CRYO} WHERE {INSIDE} GROUP BY time(2m)
SELECT stddev(rpm) FROM {PUMP} WHERE {LATE} GROUP BY time(3s)
SELECT stddev(ch2) FROM {CRYO} WHERE time = {T0 + 10}s
SELECT median(ch2), spread(ch2) FROM {CRYO} WHERE time = {T0 + 10}s
SELECT mean(nosuch) FROM {CRYO}
SELECT mean(ch2), mean(nosuch) FROM {CRYO}
SELECT mean(ch2), mean(nosuch) FROM {CRYO} WHERE {ODD} GROUP BY time(1m) fill(3)
SELECT mean(ch2) FROM {CRYO} GROUP BY nosuch
SELECT mean(ch2) FROM /.*/ WHERE {INSIDE} GROUP BY nosuch, feed
SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE} GROUP BY /fe/
SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE} GROUP BY time(1m), /no/
SELECT count(ch2), count(rpm), count("wind speed") FROM /.*/ GROUP BY *
SELECT mean(ch2) FROM {CRYO} WHERE feed = 'valves' AND {INSIDE}
SELECT mean(ch2) FROM {CRYO} WHERE feed != 'valves' AND {INSIDE}
SELECT mean(ch2) FROM {CRYO} WHERE feed =~ /^val/ AND {INSIDE}
SELECT mean(ch2) FROM {CRYO} WHERE feed !~ /^val/ AND {INSIDE}
SELECT mean(ch2) FROM {CRYO} WHERE "feed"::tag = 'temperatures' AND {INSIDE}
SELECT mean(ch2) FROM {CRYO} WHERE (feed = 'temperatures' OR feed = 'valves') AND {INSIDE} GROUP BY feed
SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE} AND (feed = 'temperatures' AND (feed =~ /t/ OR feed = ''))
SELECT mean(ch2) FROM {CRYO} WHERE nosuch = 'x'
SELECT mean(ch2) FROM {CRYO} WHERE nosuch != 'x'
SELECT mean(ch2) FROM {CRYO} WHERE nosuch = ''
SELECT mean(ch2) FROM {CRYO} WHERE nosuch =~ /.*/
SELECT mean(ch2) FROM {CRYO} WHERE nosuch !~ /x/
SELECT mean(ch2) FROM {CRYO} WHERE feed = ''
SELECT count("wind speed") FROM weather WHERE feed = ''
SELECT ch2 FROM {CRYO} WHERE time = {T0 + 20}s
SELECT ch2 FROM {CRYO} WHERE time >= {T0}000ms AND time <= {T0 + 50}000000000
SELECT ch2 FROM {CRYO} WHERE {T0 + 20}s <= time AND {T0 + 50}s > time
SELECT ch2 FROM {CRYO} WHERE time > '2017-07-14T02:40:00Z' AND time < '2017-07-14T02:41:00.5Z'
SELECT ch2 FROM {CRYO} WHERE time >= '2017-07-14 02:40:00' AND time < '2017-07-14 02:41:00.123'
SELECT count(ch2) FROM {CRYO} WHERE time >= '2017-07-14' AND time < '2017-07-15'
SELECT count(ch2) FROM {CRYO} WHERE time < now() - 1h AND time > {T0}s + 1m
SELECT count(ch2) FROM {CRYO} WHERE time > now() - 1h
SELECT mean(ch2) FROM {CRYO} WHERE time > now() - 1h GROUP BY time(1m)
SELECT mean(ch2) FROM {CRYO} WHERE time > {T0 + 50}s AND time < {T0}s
SELECT mean(ch2) FROM {CRYO} WHERE time > {T0 + 50}s AND time < {T0}s GROUP BY time(10s)
SELECT mean(ch2) FROM {CRYO} WHERE time > {T0 + 50}s OR time > {T0 + 90}s
SELECT mean(ch2) FROM {CRYO} WHERE time >= {T0}s AND time <= {T0 + 60}s GROUP BY time(20s)
SELECT mean(ch2) FROM {CRYO} WHERE time > {T0 + 1}s AND time <= {T0 + 61}s GROUP BY time(20s)
SELECT mean(ch2) FROM {CRYO} WHERE time <= {T0 + 100}s GROUP BY time(20s)
SELECT mean(ch2) FROM {CRYO} WHERE time <= {T0 + 100}s GROUP BY time(20s) ORDER BY time DESC
SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE} GROUP BY time(1h)
SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE} GROUP BY time(1w)
SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE} GROUP BY time(90s, 30s)
SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE} GROUP BY time(90s, -20s)
SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE} GROUP BY time(1m30s)
SELECT mean(rpm) FROM {PUMP} WHERE {LATE} GROUP BY time(250ms) LIMIT 20
SELECT mean(rpm) FROM {PUMP} WHERE {LATE} GROUP BY time(700ms, 33ms) fill(linear) LIMIT 30
SELECT first(steps), last(steps) FROM {CRYO} WHERE {ODD} GROUP BY time(20s) fill(linear)
SELECT ch2 FROM {CRYO} fill(1) LIMIT 1
SELECT mean(ch2) FROM {CRYO} fill(1)
SELECT ch2 FROM ocs_feeds.autogen.{CRYO} LIMIT 2
SELECT ch2 FROM "autogen".{CRYO} LIMIT 2
SELECT ch2 FROM ocs_feeds..{CRYO} LIMIT 2
SELECT ch2 FROM ocs_feeds.autogen./cryo/ LIMIT 2
SELECT ch2 FROM {CRYO} ORDER BY time ASC LIMIT 2
SELECT ch2 FROM {CRYO} ORDER BY DESC LIMIT 2
select MEAN(ch2), Count(ch2) from {CRYO} where {INSIDE} group by TIME(1m) FILL(none)
SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE}; SELECT max(ch2) FROM {CRYO} WHERE {INSIDE}
SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE};;SHOW DATABASES;
SHOW DATABASES
show measurements
SHOW MEASUREMENTS LIMIT 1
SHOW MEASUREMENTS LIMIT 1 OFFSET 1
SHOW MEASUREMENTS ON ocs_feeds
SHOW MEASUREMENTS WITH MEASUREMENT =~ /obs/
SHOW MEASUREMENTS WITH MEASUREMENT = weather
SHOW MEASUREMENTS WITH MEASUREMENT =~ /(?i)CRYO/ LIMIT 100
SHOW MEASUREMENTS WHERE feed = 'status'
SHOW MEASUREMENTS WHERE feed =~ /t/
SHOW TAG KEYS
SHOW TAG KEYS FROM {CRYO}
SHOW TAG KEYS FROM weather
SHOW TAG KEYS FROM /obs/
SHOW TAG VALUES WITH KEY = feed
SHOW TAG VALUES FROM {CRYO} WITH KEY = "feed"
SHOW TAG VALUES FROM {CRYO} WITH KEY =~ /fe/
SHOW TAG VALUES WITH KEY IN (feed, nosuch)
SHOW TAG VALUES WITH KEY != nosuch
SHOW TAG VALUES WITH KEY = nosuch
SHOW TAG VALUES WITH KEY = feed WHERE feed =~ /^v/
SHOW TAG VALUES FROM {CRYO} WITH KEY = feed LIMIT 1
SHOW TAG VALUES FROM {CRYO} WITH KEY = feed LIMIT 1 OFFSET 1
SHOW FIELD KEYS
SHOW FIELD KEYS FROM {CRYO}
SHOW FIELD KEYS FROM weather, {PUMP}
SHOW FIELD KEYS FROM nosuch
SHOW FIELD KEYS FROM {CRYO} LIMIT 2
SHOW SERIES
SHOW SERIES FROM {CRYO}
SHOW SERIES WHERE feed = 'valves'
SHOW SERIES LIMIT 2
SHOW RETENTION POLICIES ON ocs_feeds
SHOW RETENTION POLICIES
""".strip().splitlines()

EDITOR = f"""
SELECT mean("ch2") FROM {CRYO} WHERE time >= {T0}000ms and time <= {T0 + 600}000ms GROUP BY time(1m) fill(null)
SELECT mean("ch2") FROM {CRYO} WHERE ("feed"::tag = 'temperatures') AND time >= {T0}000ms and time <= {T0 + 600}000ms GROUP BY time(1m) fill(null)
SELECT mean("ch2") AS "alias" FROM "autogen".{CRYO} WHERE ("feed" = 'temperatures' AND "feed" !~ /x/) AND time >= {T0}000ms and time <= {T0 + 600}000ms GROUP BY time(1m), "feed"::tag fill(previous)
SELECT non_negative_derivative(mean("ch2"), 10s) FROM {CRYO} WHERE time >= {T0}000ms and time <= {T0 + 600}000ms GROUP BY time(1m) fill(null) ORDER BY time DESC LIMIT 5
SELECT moving_average(mean("ch2"), 10) FROM {CRYO} WHERE time >= {T0}000ms and time <= {T0 + 600}000ms GROUP BY time(10s) fill(none)
SELECT "ch2" FROM {CRYO} WHERE time >= {T0}000ms and time <= {T0 + 600}000ms
SELECT mean("ch2")  * 10 FROM {CRYO} WHERE time >= {T0}000ms and time <= {T0 + 600}000ms GROUP BY time(1m) fill(linear) SLIMIT 1
SHOW TAG VALUES FROM {CRYO} WITH KEY = "feed"
SHOW FIELD KEYS FROM "autogen".{CRYO}
SHOW TAG KEYS FROM {CRYO}
SHOW MEASUREMENTS LIMIT 100
SHOW RETENTION POLICIES on "ocs_feeds"
""".strip().splitlines()

STATEMENTS = list(dict.fromkeys([*generated(), *WRITTEN, *EDITOR]))

REFUSED_BY_BOTH = f"""
SELECT
SELECT ch2
SELECT ch2 FROM
SELECT ch2 FROM {CRYO} WHERE
SELECT ch2 FROM {CRYO} GROUP BY
SELECT ch2 FROM {CRYO} LIMIT x
SELECT ch2 FROM {CRYO} ORDER BY ch2
SELECT ch2 FROM {CRYO} nonsense
SELECT 'x' FROM {CRYO}
SELECT 1 FROM {CRYO}
SELECT time FROM {CRYO}
SELECT ch2 FROM {CRYO} GROUP BY time(1m)
SELECT mean(ch2), ch2 FROM {CRYO}
SELECT mean(position) FROM {CRYO}
SELECT mean("on") FROM {CRYO}
SELECT sum(position) FROM {CRYO}
SELECT ch2 + position FROM {CRYO}
SELECT nosuch(ch2) FROM {CRYO}
SELECT mean() FROM {CRYO}
SELECT mean(ch2, 3) FROM {CRYO}
SELECT percentile(ch2) FROM {CRYO}
SELECT percentile(ch2, steps) FROM {CRYO}
SELECT moving_average(mean(ch2), 1) FROM {CRYO} WHERE {INSIDE} GROUP BY time(1m)
SELECT derivative(mean(ch2), 1) FROM {CRYO} WHERE {INSIDE} GROUP BY time(1m)
SELECT derivative(mean(ch2)) FROM {CRYO} WHERE {INSIDE}
SELECT derivative(ch2) FROM {CRYO} WHERE {INSIDE} GROUP BY time(1m)
SELECT mean(ch2) FROM {CRYO} GROUP BY time(1m), time(2m)
SELECT mean(ch2) FROM {CRYO} GROUP BY time(1)
SELECT mean(ch2) FROM {CRYO} GROUP BY time()
SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE} fill(x)
SELECT ch2 FROM {CRYO} WHERE time != {T0}s
SELECT ch2 FROM {CRYO} WHERE time > 'yesterday'
SELECT ch2 FROM {CRYO} WHERE feed =~ 'x'
SELECT ch2 FROM {CRYO} WHERE feed =~ /(/
SELECT ch2 FROM /(/
SELECT ch2 FROM nodb.autogen.{CRYO}
SELECT mean(*) + 1 FROM {CRYO}
SELECT mean(ch2) FROM {CRYO} WHERE time > 99999999999999999999
SHOW
SHOW NOTHING
SHOW TAG VALUES
SHOW TAG VALUES FROM {CRYO}
DROP
'unterminated
SELECT "unterminated FROM x
SELECT ch2 FROM {CRYO} WHERE feed = 'unterminated
""".strip().splitlines()

REFUSED_HERE = f"""
SELECT mean(x) FROM (SELECT mean(ch2) AS x FROM {CRYO} WHERE {INSIDE} GROUP BY time(1m))
SELECT ch2 INTO other FROM {CRYO}
SELECT ch2 FROM {CRYO} WHERE {INSIDE} TZ('Europe/Berlin')
SELECT ch2 FROM {CRYO} WHERE ch2 > 3
SELECT ch2 FROM {CRYO} WHERE position = 'open'
SELECT mode(ch2) FROM {CRYO}
SELECT distinct(ch2) FROM {CRYO}
SELECT top(ch2, 3) FROM {CRYO}
SELECT integral(ch2) FROM {CRYO}
SELECT elapsed(ch2) FROM {CRYO}
SELECT sample(ch2, 3) FROM {CRYO}
SELECT holt_winters(mean(ch2), 2, 2) FROM {CRYO} WHERE {INSIDE} GROUP BY time(1m)
SELECT first(ch2), steps FROM {CRYO}
SELECT count(distinct(ch2)) FROM {CRYO}
SELECT abs(ch2) FROM {CRYO}
SELECT steps & 3 FROM {CRYO}
SELECT ch2 > 3 FROM {CRYO}
SELECT mean(ch2) FROM {CRYO} WHERE {INSIDE} GROUP BY time(10s, 3ns)
SELECT mean(ch2) FROM {CRYO} WHERE 1 = 1
SHOW SERIES CARDINALITY
SHOW USERS
SHOW MEASUREMENTS ON nodb
SELECT mean(ch2) FROM {CRYO} GROUP BY time(1ms)
SHOW QUERIES
EXPLAIN SELECT ch2 FROM {CRYO}
CREATE DATABASE other
DROP SERIES FROM {CRYO}
DELETE FROM {CRYO}
""".strip().splitlines()

UNTIL_NOW = f"SELECT mean(ch2) FROM {CRYO} GROUP BY time(1ms)"
LASTING = [
    text for text in dict.fromkeys((*STATEMENTS, *REFUSED_BY_BOTH, *REFUSED_HERE)) if text != UNTIL_NOW
]
"""What is answered alike at any time."""


def same(ours: Any, theirs: Any) -> bool:
    """Equal, numbers to 1e-9, yes and no only to themselves."""
    if (
        isinstance(ours, bool)
        or isinstance(theirs, bool)
        or isinstance(ours, str)
        or ours is None
        or theirs is None
    ):
        return ours is theirs or (type(ours) is type(theirs) and bool(ours == theirs))
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        # Times of nanoseconds, too.
        return ours == theirs or (
            max(abs(ours), abs(theirs)) < 1e15 and math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
        )
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return False


def is_refused(reply: Any) -> bool:
    return "error" in reply or any("error" in result for result in reply["results"])


@pytest.mark.parametrize("text", STATEMENTS)
def test_a_statement_is_answered_as_influxdb_answers_it(both: Any, recorded: Any, text: str) -> None:
    influx, store = both
    theirs, ours = influx.ask(text), store.ask(text)
    assert not is_refused(theirs), theirs
    assert same(ours, theirs), f"\n{text}\nours   {str(ours)[:1500]}\ntheirs {str(theirs)[:1500]}"
    assert recorded.is_known(text, ours), f"SISOCK_RECORD=1 writes down the answer to {text}"


@pytest.mark.parametrize("epoch", ["", "ns", "u", "ms", "s", "m", "h"])
def test_times_are_written_in_the_unit_that_is_asked(both: Any, epoch: str) -> None:
    influx, store = both
    text = f"SELECT rpm FROM {PUMP} LIMIT 5; SELECT mean(ch2) FROM {CRYO} WHERE {ODD} GROUP BY time(70s)"
    assert same(store.ask(text, epoch), influx.ask(text, epoch))


@pytest.mark.parametrize("text", REFUSED_BY_BOTH)
def test_what_influxdb_refuses_is_refused(both: Any, text: str) -> None:
    influx, store = both
    theirs, ours = influx.ask(text), store.ask(text)
    assert is_refused(theirs), theirs
    assert is_refused(ours), ours


@pytest.mark.parametrize("text", REFUSED_HERE)
def test_what_cannot_be_answered_here_is_refused_in_words(store: Any, text: str) -> None:
    told = str(store.ask(text))
    assert "error" in told


def test_there_are_hundreds_of_statements_whose_answers_are_recorded(recorded: Any) -> None:
    assert len(STATEMENTS) >= 300
    assert set(recorded.known) == set(LASTING)


@pytest.mark.parametrize("some", range(20))
def test_a_statement_is_answered_as_when_influxdb_agreed(store: Any, recorded: Any, some: int) -> None:
    for text in LASTING[some::20]:
        ours = store.ask(text)
        assert recorded.is_known(text, ours), f"\n{text}\nours   {str(ours)[:1500]}"


NUMBERS = ("ch2", "steps", '"Channel 01 T"')
FIELDS = (*NUMBERS, "position", '"on"', "nosuch")


def between(start: int, length: int, left: str, right: str) -> str:
    return f"time {left} {start}ms AND time {right} {start + length}ms"


ranges = st.builds(
    between,
    st.integers(T0 * 1000 - 50_000, T0 * 1000 + 650_000), st.integers(2, 700_000),
    st.sampled_from((">", ">=")), st.sampled_from(("<", "<=")),
)  # fmt: skip
wheres = st.builds(
    " WHERE {}{}".format,
    ranges,
    st.sampled_from(
        (
            "",
            " AND feed = 'valves'",
            " AND feed != 'valves'",
            " AND feed =~ /e/",
            " AND (feed !~ /^t/ OR nosuch = 'x')",
        )
    ),
)
of_numbers = st.builds(
    "{}({})".format,
    st.sampled_from(("mean", "sum", "spread", "min", "max", "first", "last", "count", "median", "stddev")),
    st.sampled_from(NUMBERS),
)
of_any = st.builds("{}({})".format, st.sampled_from(("count", "first", "last")), st.sampled_from(FIELDS))
percentiles = st.builds(
    "percentile({}, {})".format, st.sampled_from(NUMBERS), st.sampled_from((0, 10, 33.3, 50, 100))
)
calls = of_numbers | of_any | percentiles
sums = st.builds(
    "{} {} {}".format, of_numbers, st.sampled_from("+-*/%"), of_numbers | st.sampled_from(("2", "0.5", "0"))
)
transforms = st.builds(str.format, st.sampled_from(TRANSFORMS), of_numbers)
fills = st.sampled_from(FILLS)
ends = st.builds(
    "{} {}".format,
    st.sampled_from(DIRECTIONS),
    st.sampled_from(("", "", "LIMIT 4", "LIMIT 3 OFFSET 2", "SLIMIT 1", "LIMIT 2 SLIMIT 1 SOFFSET 1")),
)
widths = st.builds(
    "time({}{})".format,
    st.sampled_from(("1s", "7s", "20s", "1m", "90s", "3m20s", "1h", "2500ms")),
    st.sampled_from(("", "", ", 3s", ", -500ms", ", 1h")),
)
tags = st.sampled_from(("", "", ", feed", ", *", ", nosuch", ", /f/"))
sources = st.sampled_from((CRYO, CRYO, PUMP, f"{PUMP}, {CRYO}", "/obs/", "weather"))


def several(one: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(one, min_size=1, max_size=3).map(", ".join)


binned = st.builds(
    "SELECT {} FROM {}{} GROUP BY {}{} {} {}".format,
    several(calls | sums | transforms), sources, wheres, widths, tags, fills, ends,
)  # fmt: skip
whole = st.builds(
    "SELECT {} FROM {}{} GROUP BY feed {} {}".format, several(calls | sums), sources, wheres, fills, ends
)
raw = st.builds(
    "SELECT {} FROM {}{} GROUP BY feed {}".format,
    several(st.sampled_from((*FIELDS, "feed", "rpm", "ch2 * 2", "steps / ch2", "steps - 3", "rpm % 7"))),
    sources, wheres, ends,
)  # fmt: skip
statements = binned | whole | raw


def is_cut_short(text: str, theirs: Any) -> bool:
    """Whether InfluxDB gives nothing at all since the first series has too few samples for its percentile."""
    return "percentile(" in text and theirs == {"results": [{"statement_id": 0}]}


def assert_same(influx: Any, store: Any, text: str) -> None:
    theirs, ours = influx.ask(text), store.ask(text)
    assert same(ours, theirs) or (is_refused(ours) and is_refused(theirs)) or is_cut_short(text, theirs), (
        f"\n{text}\nours   {str(ours)[:1500]}\ntheirs {str(theirs)[:1500]}"
    )


@settings(derandomize="SISOCK_LONG" not in os.environ, max_examples=EXAMPLES, deadline=None)
@given(text=statements)
def test_any_statement_is_answered_as_influxdb_answers_it(both: Any, text: str) -> None:
    assert_same(*both, text)


values = st.floats(-1e6, 1e6).map(lambda value: round(value, 3) + 0.0)
columns = {
    "ch2": values,
    "steps": st.integers(-1000, 1000),
    "position": st.sampled_from(("open", "shut")),
    "on": st.booleans(),
}
offsets = st.lists(st.integers(0, 600_000), min_size=1, max_size=40, unique=True).map(sorted)


@st.composite
def series(draw: st.DrawFn, odd: int) -> dict[str, list[tuple[float, Any]]]:
    """Fields of a series, at times that no other series has."""
    made = {}
    for name in draw(st.lists(st.sampled_from(sorted(columns)), min_size=1, max_size=4, unique=True)):
        times = [T0 + (2 * at + odd) / 1000 for at in draw(offsets)]
        made[name] = [(t, draw(columns[name])) for t in times]
    return made


@settings(derandomize="SISOCK_LONG" not in os.environ, max_examples=8, deadline=None)
@given(samples=st.tuples(series(0), series(1)), texts=st.lists(statements, min_size=5, max_size=5))
def test_any_samples_are_answered_as_influxdb_answers_them(
    influx: Any, make_store: Any, samples: Any, texts: Any
) -> None:
    cryo = [SeriesKey("observatory.cryo", (("feed", name),)) for name in ("temperatures", "valves")]
    held = dict(zip(cryo, samples, strict=True))
    influx.hold(held, "drawn")
    store = make_store(held, "drawn")
    try:
        for text in texts:
            theirs, ours = influx.ask(text, database="drawn"), store.ask(text)
            agreed = same(ours, theirs) or (is_refused(ours) and is_refused(theirs))
            assert agreed or is_cut_short(text, theirs), (
                f"\n{text}\nours   {str(ours)[:1500]}\ntheirs {str(theirs)[:1500]}"
            )
    finally:
        influx.forget("drawn")

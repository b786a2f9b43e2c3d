"""What was written for others is what would be written anew, whenever the answers are the same."""

import random
from typing import Any

import numpy as np
import orjson
import pytest
from sisock.binning import Accumulator
from sisock.node import Grid, Series
from sisock_http.dialects.influxql.plan import Planner
from sisock_http.dialects.influxql.reading import Reader
from sisock_http.dialects.influxql.rows import tables
from sisock_http.dialects.influxql.schema import SeriesKey
from sisock_http.dialects.influxql.written import MOST_KEPT, Written, key_of

T0 = 1_500_000_000
KEY = SeriesKey("m", (("feed", "f"),))
SCHEMA = {KEY: {"a": "float", "b": "float"}}
MOMENTS = T0 + np.arange(100.0, 400.0, 7.0)
RANGE = "time >= {}ms AND time <= {}ms"
TEXTS = [
    f"SELECT mean(a) FROM m WHERE {RANGE} GROUP BY time(10s) fill(null)",
    f"SELECT mean(a), max(b) FROM m WHERE {RANGE} GROUP BY time(1m, 7s) fill(previous)",
    f"SELECT derivative(mean(a), 1s) FROM m WHERE {RANGE} GROUP BY time(20s) ORDER BY time DESC",
    f"SELECT median(a) FROM m WHERE {RANGE} GROUP BY time(30s)",
    f"SELECT last(a) FROM m WHERE {RANGE}",
    f"SELECT count(a) FROM m WHERE {RANGE}",
    f"SELECT first(a), last(b) FROM m WHERE {RANGE}",
    f"SELECT a, b FROM m WHERE {RANGE}",
    f"SELECT a FROM m WHERE {RANGE} GROUP BY feed LIMIT 3",
    "SELECT nosuch FROM m WHERE time >= {}ms AND time <= {}ms",
]


class Shared:
    """Answers as the keeper shares them: the same objects for ranges that have the same samples."""

    def __init__(self) -> None:
        self._kept: dict[Any, Any] = {}

    def of(self, plan: Any) -> Any:
        found = {}
        for ask in plan.asks():
            low, high = ((edge - 0.5) / 1e6 for edge in (ask.low, ask.high))
            inside = slice(*MOMENTS.searchsorted([low, high]))
            key = ask.field, ask.wanted, inside.start, inside.stop
            if key not in self._kept:
                self._kept[key] = self._made(ask, MOMENTS[inside])
            if self._kept[key] is not None:
                found[ask] = self._kept[key]
        return found

    def _made(self, ask: Any, t: Any) -> Any:
        values = np.sin(t) * (1 if ask.field == "a" else 100)
        if not isinstance(ask.wanted, Grid):
            return Series(ask.field, t, values)
        sums = Accumulator(ask.field, ask.wanted)
        sums.add(t, values)
        return sums.result()


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_found_is_what_would_be_written(text: str) -> None:
    reader, planner, shared, written, chance = (
        Reader(),
        Planner(("db",)),
        Shared(),
        Written(),
        random.Random(4),
    )
    hits = 0
    for _ in range(200):
        begin = T0 * 1000 + chance.choice([50_000, 99_999, 100_000, 130_000]) + chance.randrange(0, 40)
        end = T0 * 1000 + chance.choice([200_000, 399_000, 450_000, 455_000]) + chance.randrange(0, 40)
        [select] = reader.read(text.format(begin, end))
        plan = planner.plan(select, SCHEMA, 0)
        answers = shared.of(plan)
        key = key_of(plan, answers, "ms")
        known, found = written.find(key)
        fresh = orjson.dumps(tables(plan, answers, "ms"))
        if not known:
            found = written.keep(key, plan, answers, fresh)
        hits += known
        assert (orjson.dumps(found) if found else b"[]") == fresh
    assert hits > 90 or "count" in text or "nosuch" in text or "first(" in text


def test_it_is_bounded() -> None:
    reader, planner, shared, written = Reader(), Planner(("db",)), Shared(), Written()
    for second in range(MOST_KEPT + 50):
        [select] = reader.read(TEXTS[0].format(T0 * 1000 + second * 10_000, T0 * 1000 + 10**7))
        plan = planner.plan(select, SCHEMA, 0)
        answers = shared.of(plan)
        written.keep(key_of(plan, answers, "s"), plan, answers, b"[1]")
    assert len(written._kept) == MOST_KEPT
    assert written.find(key_of(plan, answers, "s"))[0]


def test_bins_that_a_node_was_not_asked_for_are_left_out_also_those_next_to_the_range() -> None:
    [select] = Reader().read(TEXTS[0].format(T0 * 1000, T0 * 1000 + 20_000))
    plan = Planner(("db",)).plan(select, SCHEMA, 0)
    sums = Accumulator("a", Grid(10_000_000))
    sums.add(np.array([T0 - 5.0, T0 + 11.0, T0 + 35.0]), np.array([1.0, 2.0, 3.0]))
    [table] = tables(plan, dict.fromkeys(plan.asks(), sums.result()), "s")
    assert table["values"] == [[T0, None], [T0 + 10, 2.0], [T0 + 20, None]]

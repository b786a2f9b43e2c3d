"""Any text as a statement: ``python fuzz.py 100000 [seed]``. A reply or an error as InfluxDB's, and soon."""

import asyncio
import json
import math
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from sisock import binning
from sisock.node import Grid, Series
from sisock_http.dialects.influxql.plan import Planner
from sisock_http.dialects.influxql.problems import ParseError
from sisock_http.dialects.influxql.reading import Reader
from sisock_http.dialects.influxql.rows import tables
from sisock_http.dialects.influxql.schema import SeriesKey
from sisock_http.dialects.influxql.statements import reply

LONGEST_S = 2.0
KEY = SeriesKey("m", (("feed", "f"),))
SCHEMA = {KEY: {"a": "float", "n": "integer", "s": "string", "b": "boolean"}}
T = 1.5e9 + np.arange(50.0)
COLUMNS = {"a": np.sin(T), "n": T // 7, "s": np.array(["x", "y"] * 25, dtype=object), "b": T % 3 > 1}
WORDS = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "BY",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "SLIMIT",
    "SOFFSET",
    "SHOW",
    "TAG",
    "KEYS",
    "VALUES",
    "FIELD",
    "MEASUREMENTS",
    "SERIES",
    "DATABASES",
    "WITH",
    "KEY",
    "=",
    "IN",
    "AND",
    "OR",
    "time",
    "mean(",
    "max(",
    "derivative(",
    "percentile(",
    "moving_average(",
    "count(",
    "last(",
    "fill(",
    "now(",
    ")",
    "(",
    ",",
    ".",
    ";",
    "::",
    "*",
    "/",
    "+",
    "-",
    "%",
    "=~",
    "!~",
    "!=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "a",
    "n",
    "s",
    "b",
    "m",
    "feed",
    '"a"',
    "'x'",
    "'f'",
    "/f/",
    "/.*/",
    "/(/",
    "1",
    "0",
    "-1",
    "1.5",
    "3s",
    "1m",
    "90s",
    "10ms",
    "1w",
    "1u",
    "1500000000s",
    "1500000020s",
    "null",
    "none",
    "previous",
    "linear",
    "AS",
    "DESC",
    "ASC",
    "TRUE",
    "INTO",
    "ON",
    "EXPLAIN",
    "DROP",
    "tag",
    "field",
    "float",
    "integer",
    "--",
    "/*",
    "*/",
    "99999999999999999999",
    "1e5",
    "\x00",
    "é",
    "🔭",
    "'2017-07-14T02:40:00Z'",
    "GROUP_BY",
    "tz(",
    "autogen",
    "ocs_feeds",
]
WHOLE = [
    "SELECT mean(a) FROM m WHERE time >= 1500000000s AND time < 1500000050s GROUP BY time(10s), feed fill(0)",
    "SELECT derivative(max(n), 1s) / 2, last(s) FROM /m/ WHERE feed =~ /f/ AND time > 1500000000s AND "
    "time < 1500000060s GROUP BY time(5s) ORDER BY time DESC LIMIT 3",
    "SELECT *, a + n * 2 FROM ocs_feeds.autogen.m WHERE (feed = 'f' OR x != '') LIMIT 5 OFFSET 1",
    "SHOW TAG VALUES FROM m WITH KEY IN (feed, x) WHERE feed = 'f'; SHOW FIELD KEYS",
    "SELECT percentile(a, 50), stddev(a), spread(n) FROM m WHERE time = '2017-07-14T02:40:00Z'",
]
NASTY = [
    "(" * 100_000,
    "SELECT " + "(" * 5000 + "a" + ")" * 5000 + " FROM m",
    "SELECT " + "a+" * 50_000 + "a FROM m",
    "SELECT " + "-" * 50_000 + "a FROM m",
    "SELECT " + ",".join(["mean(a)"] * 20_000) + " FROM m",
    "SELECT a FROM m WHERE " + " OR ".join(["feed = 'f'"] * 10_000),
    "SELECT a FROM m WHERE feed =~ /" + "(a*)*" * 2000 + "b/",
    "SELECT a FROM m WHERE feed =~ /((a{1000}){1000}){1000}/",
    "SELECT mean(a) FROM m WHERE time > 0 GROUP BY time(1u)",
    "SELECT mean(a) FROM m WHERE time >= -9223372036854775807 AND time <= 9223372036854775807 GROUP BY time(1ns)",
    "SELECT mean(a) FROM m WHERE time > 1s AND time < 9223372036854775807 GROUP BY time(1000w)",
    "SELECT moving_average(mean(a), 10000) FROM m WHERE time > 1500000000s AND time < 1500000060s GROUP BY time(1ms)",
    "SELECT a FROM m; " * 5000,
    ";" * 100_000,
    "/*" * 50_000,
    "'" + "\\'" * 50_000,
    "SELECT " + "9" * 100_000 + " FROM m",
    "SELECT a FROM " + ".".join(["m"] * 20_000),
    "SELECT a FROM m LIMIT 9223372036854775807 OFFSET 9223372036854775807",
    "x" * 300_000,
]


def texts(n: int, chance: random.Random) -> Iterator[str]:
    """First what is known to be hard, then words, statements with mistakes in them, and bytes."""
    yield from NASTY
    for number in range(n):
        kind = number % 3
        if kind == 0:
            yield " ".join(chance.choice(WORDS) for _ in range(chance.randrange(1, 30)))
        elif kind == 1:
            text = list(chance.choice(WHOLE))
            for _ in range(chance.randrange(1, 6)):
                at = chance.randrange(len(text))
                text[at : at + chance.randrange(4)] = chance.choice(
                    [*WORDS, "", " ", chr(chance.randrange(0x3000))]
                )
            yield "".join(text)
        else:
            yield chance.randbytes(chance.randrange(60)).decode("utf-8", "replace")


async def answered(asks: Any) -> dict[Any, Any]:
    """Answers from a handful of samples."""
    found: dict[Any, Any] = {}
    for ask in asks:
        low = -math.inf if ask.low is None else (ask.low - 0.5) / 1e6
        high = math.inf if ask.high is None else (ask.high - 0.5) / 1e6
        inside = (low <= T) & (high > T)
        series = Series(ask.field, T[inside], COLUMNS[ask.field][inside])
        if isinstance(ask.wanted, Grid):
            made = binning.Accumulator(ask.field, ask.wanted)
            made.add(series.t, series.values)
            if (bins := made.result()) is not None:
                found[ask] = bins
        elif len(series.t):
            found[ask] = series
    return found


async def at_once(plan: Any, answers: Any, epoch: str) -> Any:
    """Rows as they are, where a bridge writes them as JSON."""
    return tables(plan, answers, epoch)


def main(n: int, seed: int) -> None:
    """Ask, and fail at the first text whose answer is none."""
    reader, planner, chance = Reader(), Planner(("ocs_feeds",)), random.Random(seed)
    counts = {"error": 0, "refused": 0, "answered": 0}
    slowest = (0.0, "")
    for text in texts(n, chance):
        began = time.process_time()
        try:
            made = asyncio.run(
                reply(
                    reader,
                    planner,
                    text,
                    "ocs_feeds",
                    "ns",
                    SCHEMA,
                    ("ocs_feeds",),
                    1_600_000_000 * 10**9,
                    answered,
                    at_once,
                )
            )
            refused = any("error" in result for result in made["results"])
            counts["refused" if refused else "answered"] += 1
            json.dumps(made, allow_nan=False)
        except ParseError:
            counts["error"] += 1
        except BaseException:
            print(f"seed {seed}: {text[:2000]!r}")
            raise
        took = time.process_time() - began
        slowest = max(slowest, (took, text[:100]))
    assert slowest[0] < LONGEST_S, slowest
    print(f"{counts}, slowest {slowest[0]:.3f} s: {slowest[1]!r}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)

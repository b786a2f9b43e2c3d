"""A reply that stands for that to another request is what would be answered anew."""

import random
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import pytest
import structlog
from sisock import decimate
from sisock.binning import Accumulator
from sisock.node import Field, Limits, Series
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Listing, Reading
from sisock_http.asking.gather import Asker
from sisock_http.asking.keeping import Keeper
from sisock_http.asking.one_node import NodeAsker
from sisock_http.dialects.arguments import Arguments
from sisock_http.dialects.influxql import alike
from sisock_http.dialects.influxql.alike import MOST_KEPT
from sisock_http.dialects.influxql.interface import Influx
from sisock_http.dialects.reply import Reply
from sisock_http.observatory.catalogue import Catalogue
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

T0 = 1_500_000_000
RANGE = "time >= {}ms and time <= {}ms"
TEXTS = [
    f"SELECT last(a) FROM live WHERE {RANGE}",
    f"SELECT max(b) FROM live WHERE {RANGE}",
    f"SELECT a, b FROM live WHERE {RANGE}",
    f"SELECT mean(a), last(b) FROM live WHERE {RANGE} GROUP BY time(10s) fill(null)",
    f"SELECT mean(a) FROM live WHERE {RANGE} GROUP BY time(7s, 2s) fill(previous) ORDER BY time DESC",
    f"SELECT derivative(mean(a), 1s) FROM live WHERE {RANGE} GROUP BY time(20s) fill(none)",
    "SELECT last(a) FROM live WHERE time > {}ms and (time < {}ms)",
    f"SELECT count(a) FROM live WHERE {RANGE}",
]


class Node:
    """A live node with a sample of two fields each second, but for a pause."""

    router_here = hub_here = True

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.until = T0 + 100.0
        self.fields = ["a", "b"]

    def now(self) -> float:
        return T0 + self.clock.seconds()

    async def list_fields(self, *_args: Any) -> Listing:
        return Listing([Field(name, interval=1.0, source=f"o.{name}") for name in self.fields], [])

    def _samples(self, name: str, start: float, end: float) -> tuple[Any, Any]:
        t = np.arange(T0 - 300.0, self.until, 1.0)
        t = t[((t < T0 + 20) | (t > T0 + 33)) & (t >= start) & (t < end)]
        return t, np.sin(t) * (1 if name == "a" else 100)

    async def get_data(
        self, _node: str, fields: Any, start: float, end: float, *, limits: Limits, **_more: Any
    ) -> Reading:
        found = {}
        for name in fields:
            t, values = self._samples(name, start, end)
            if limits.max_points and len(t) > limits.max_points:
                kept = decimate.envelope(t, [values], limits.max_points)
                t, values = t[kept], values[kept]
            found[name] = Series(name, t, values)
        return Reading(found, {})

    async def get_bins(
        self, _node: str, fields: Any, start: float, end: float, *, grid: Any, **_more: Any
    ) -> Any:
        found = {}
        for name in fields:
            sums = Accumulator(name, grid)
            sums.add(*self._samples(name, start, end))
            if (made := sums.result()) is not None:
                found[name] = made
        return found, {}


class Bridge:
    """What answers InfluxQL of that node, and keeps answers or does not."""

    def __init__(self, clock: Clock, kept_bytes: int) -> None:
        self.node: Any = Node(clock)
        log = structlog.wrap_logger(
            structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(30)
        )
        self.catalogue = Catalogue(clock, self.node.now, log, self.node)
        self.info = NodeInfo("live", "", frozenset({"bins", "live", "max_points", "packed"}))
        self.catalogue.node_added(self.info)
        node_asker = NodeAsker(clock, self.node, self.catalogue, log, 4)
        self.keeper = Keeper(clock, self.catalogue, node_asker, self.node.now, kept_bytes)
        asker = Asker(clock, self.catalogue, self.keeper)
        self.influx = Influx(clock, self.node, self.catalogue, asker, self.node.now, ("db",))
        self.clock = clock

    def answer(self, text: str, request: bytes = b"") -> Reply:
        """The reply, made anew if `request` is not known."""
        known = self.influx.known(request) if request else None
        if known is not None:
            return known
        given = Arguments({"q": [text], "db": ["db"], "epoch": ["ms"]})
        found: list[Any] = []
        later: Any = ensureDeferred(self.influx.query(given, self.clock.seconds() + 10, request))
        later.addBoth(found.append)
        [reply] = found
        assert isinstance(reply, Reply), reply
        return reply


@pytest.fixture
def pair() -> Any:
    """A bridge that keeps answers, and one that keeps nothing, on one clock."""
    clock = Clock()
    clock.advance(100.0)
    return SimpleNamespace(clock=clock, ours=Bridge(clock, 10**7), plain=Bridge(clock, 0))


def written(text: str, quoted: Any = None) -> bytes:
    """A request as clients write it."""
    more = {"quote_via": quoted} if quoted else {}
    return urlencode({"db": "db", "epoch": "ms", "q": text}, **more).encode()


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("quoted", [None, quote])
def test_what_stands_for_another_reply_is_what_would_be_answered_anew(
    pair: Any, text: str, quoted: Any
) -> None:
    chance = random.Random(text)
    known = 0
    for _ in range(150):
        pair.clock.advance(chance.choice([0.001, 0.02, 0.3]))
        if chance.random() < 0.1:
            pair.ours.node.until = pair.plain.node.until = pair.ours.node.now()
            pair.ours.keeper.updated(pair.ours.info)
        end = round(pair.ours.node.now() * 1000) - chance.choice([0, 0, 0, 5000, 90_000])
        begin = end - chance.choice([60_000, 60_000, 30_000, 7_000])
        asked = text.format(begin, end)
        request = written(asked, quoted)
        known += pair.ours.influx.known(request) is not None
        assert pair.ours.answer(asked, request).body == pair.plain.answer(asked).body
    assert (known > 15) == ("count" not in text)


def test_times_alone_make_no_difference_and_all_else_does(pair: Any) -> None:
    now = round(pair.ours.node.now() * 1000)
    text = TEXTS[0].format(now - 60_450, now)
    first = pair.ours.answer(text, written(text))
    for other, same in (
        (TEXTS[0].format(now - 60_440, now + 10), True),
        (TEXTS[0].format(now - 60_450, now).replace("(a)", "(b)"), False),
        (TEXTS[0].format(now - 60_000, now - 50_000), False),
        (TEXTS[0].format(now - 60_450, now) + " -- 1111111111111ms", False),
    ):
        known = pair.ours.influx.known(written(other))
        assert (known is first) == same, other


def test_nothing_is_known_once_its_node_has_other_fields_or_is_away(pair: Any) -> None:
    now = round(pair.ours.node.now() * 1000)
    text = TEXTS[0].format(now - 60_450, now)
    pair.ours.answer(text, written(text))
    assert pair.ours.influx.known(written(text)) is not None
    pair.ours.node.router_here = False
    assert pair.ours.influx.known(written(text)) is None
    pair.ours.node.router_here = True
    pair.ours.node.fields = ["a"]
    pair.clock.advance(0.6)
    assert pair.ours.influx.known(written(text)) is not None
    pair.ours.catalogue.fields_changed(pair.ours.info)
    pair.clock.advance(0.0)
    assert pair.ours.influx.known(written(text)) is None
    pair.ours.answer(text, written(text))
    assert pair.ours.influx.known(written(text)) is not None
    pair.ours.catalogue.node_subtracted(pair.ours.info)
    assert pair.ours.influx.known(written(text)) is None


def test_what_is_known_is_bounded(pair: Any) -> None:
    now = round(pair.ours.node.now() * 1000)
    for number in range(MOST_KEPT + 20):
        text = TEXTS[0].format(now - 60_000 - number, now)
        pair.ours.answer(text, written(text))
    assert len(pair.ours.influx._alike._kept) == MOST_KEPT
    assert pair.ours.influx.known(written(text)) is not None


def test_panels_of_different_lengths_are_known_side_by_side(pair: Any) -> None:
    now = round(pair.ours.node.now() * 1000)
    texts = [TEXTS[0].format(now - length, now) for length in (60_450, 30_450)]
    for text in texts:
        pair.ours.answer(text, written(text))
    assert [pair.ours.influx.known(written(text)) is not None for text in texts] == [True, True]


@pytest.mark.parametrize(("more", "known"), [(0, True), (-1, False)])
def test_only_so_long_a_reply_is_known(
    pair: Any, monkeypatch: pytest.MonkeyPatch, more: int, known: bool
) -> None:
    now = round(pair.ours.node.now() * 1000)
    text = TEXTS[0].format(now - 60_450, now)
    monkeypatch.setattr(alike, "MOST_BYTES", len(pair.plain.answer(text).body) + more)
    pair.ours.answer(text, written(text))
    assert (pair.ours.influx.known(written(text)) is not None) is known


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("SELECT last(a) FROM live WHERE time >= {0}ms AND time <= {1}ms AND feed = ''", True),
        ("SELECT a FROM live WHERE time >= {0}ms OR time < {1}ms", True),
        ("SELECT a FROM live WHERE time >= {0}ms AND time < {1}ms AND time > {2}ms", True),
        ("SELECT last(a) FROM live", False),
        ("SELECT a FROM live WHERE time >= {0}ms", False),
        ("SELECT a FROM live WHERE time >= {0}ms AND time > {2}ms", False),
        ("SELECT last(a) FROM live WHERE time <= {1}ms", False),
        ("SELECT a FROM live WHERE time >= {0}ms AND time <= {1}ms -- {2}ms", False),
        ("SELECT a FROM live WHERE time >= {0}ms AND time <= {0}ms", False),
        ("SELECT a FROM live WHERE time = {0}ms AND time <= {1}ms AND time >= {2}ms", False),
        ("SELECT a FROM live WHERE time >= {0}ms - 1m AND time <= {1}ms", False),
        ("SELECT a FROM live WHERE time > 1h AND time >= {0}ms AND time <= {1}ms", False),
        ("SELECT a FROM live WHERE {0}ms <= time AND time <= {1}ms AND time >= {2}ms", False),
        ("SELECT first(a) FROM live WHERE time >= {0}ms AND time <= {1}ms", False),
        ("SELECT last(a), max(b) FROM live WHERE time >= {0}ms AND time <= {1}ms", False),
        ("SELECT mean(a) FROM live WHERE time >= {0}ms AND time <= {1}ms", False),
        ("SELECT mean(a), derivative(mean(b), 1s) FROM live WHERE time >= {0}ms AND time <= {1}ms "
         "GROUP BY time(10s)", False),
        ("SELECT a FROM live WHERE time >= {1}ms AND time <= {0}ms", False),
    ],
)  # fmt: skip
def test_only_what_is_plainly_a_range_and_asks_one_question_is_known(
    pair: Any, text: str, known: bool
) -> None:
    now = round(pair.ours.node.now() * 1000)
    asked = text.format(now - 60_450, now, now - 70_000)
    assert pair.ours.answer(asked, written(asked)).body == pair.plain.answer(asked).body
    assert (pair.ours.influx.known(written(asked)) is not None) is known

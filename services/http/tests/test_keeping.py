"""Answers that are shared and kept, compared with what the node itself would have said, on a moved clock."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from sisock import decimate
from sisock.binning import Accumulator
from sisock.node import Field, Grid, Limits, Series
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.target import Target
from sisock_http.asking.found import Found
from sisock_http.asking.keeping import Keeper
from sisock_http.asking.question import Question
from sisock_http.encoding import as_json
from sisock_http.observatory.catalogue import Catalogue, OnlineNode
from sisock_http.problems import BusyError
from sisock_site import Conversion
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

OFTEN = 4 if "SISOCK_LONG" in os.environ else 1
NOW = 1_500_000_000.0
MOST_RANGES = 8
NAMES = ("a", "b")
WHOLE = Limits()
INFO = NodeInfo("n", "", frozenset({"live"}))


class Node:
    """A node that reads when it is asked, and answers at once or when it is let."""

    def __init__(self) -> None:
        self.samples: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES}
        self.finalized_until: float | None = None
        self.problems: dict[str, str] = {}
        self.asked: list[Question] = []
        self.held: list[tuple[Deferred[None], Found]] | None = None

    def read(self, names: Sequence[str], question: Question) -> Found:
        found = Found(problems=dict(self.problems), summed=question.grid is not None)
        for name in names:
            if question.grid is not None:
                sums = Accumulator(name, question.grid)
                inside = sorted((t, v) for t, v in self.samples[name] if question.start <= t < question.end)
                sums.add(np.array([t for t, _ in inside]), np.array([v for _, v in inside]))
                if (bins := sums.result()) is not None:
                    found.bins[name] = bins
                continue
            inside = sorted((t, v) for t, v in self.samples[name] if question.start <= t < question.end)
            t, values = np.array([t for t, _ in inside]), np.array([v for _, v in inside])
            if question.limits.min_stride is not None:
                kept = decimate.thin(t, [values], question.limits.min_stride)
                t, values = t[kept], values[kept]
            if question.limits.max_points is not None:
                kept = decimate.envelope(t, [values], question.limits.max_points)
                t, values = t[kept], values[kept]
            found.series[name] = Series(name, t, values, "", self.finalized_until)
        return found

    def silent(self, _node: str) -> str:
        return ""

    async def share(self, _node: str, answer: Any) -> Found:
        return await answer

    async def ask(self, _node: str, names: Sequence[str], question: Question, _until: float) -> Found:
        self.asked.append(question)
        found = self.read(names, question)
        if self.held is not None:
            waiting: Deferred[None] = Deferred()
            self.held.append((waiting, found))
            await waiting
        return found


@dataclass
class Bench:
    """A keeper, the node behind it, and the clock of both."""

    clock: Clock
    catalogue: Catalogue
    node: Node
    keeper: Keeper

    @property
    def now(self) -> float:
        return NOW + self.clock.seconds()

    def question(self, start: float, end: float, limits: Limits = WHOLE) -> Question:
        return Question(tuple(Target("n", name) for name in NAMES), start, end, limits)

    def ask(self, question: Question, names: Sequence[str] = NAMES) -> list[Any]:
        """What is found, as soon as it is."""
        came: list[Any] = []
        until = self.clock.seconds() + 100.0
        asked = ensureDeferred(self.keeper.ask("n", names, question, until))
        asked.addCallbacks(came.append, lambda failure: came.append(failure.value))
        return came

    def last(self, span_s: float, limits: Limits = WHOLE) -> list[Any]:
        return self.ask(self.question(self.now - span_s, self.now, limits))

    def grow(self, t: float, value: float = 0.0, *, told: bool = True) -> None:
        for name in NAMES:
            self.node.samples[name].append((t, value))
        if told:
            self.keeper.updated(INFO)

    def release(self) -> None:
        held, self.node.held = self.node.held or [], None
        for waiting, _ in held:
            waiting.callback(None)


def make(most_bytes: int = 10**7) -> Bench:
    clock = Clock()
    catalogue = Catalogue(clock, lambda: NOW + clock.seconds(), structlog.get_logger(), None)
    catalogue.online["n"] = OnlineNode(INFO, {name: Field(name) for name in NAMES}, 0.0)
    node = Node()
    keeper = Keeper(clock, catalogue, node, lambda: NOW + clock.seconds(), most_bytes)
    return Bench(clock, catalogue, node, keeper)


@pytest.fixture
def bench() -> Bench:
    return make()


def shown(found: Found) -> dict[str, Any]:
    return {name: (one.t.tolist(), one.values.tolist()) for name, one in found.series.items()}


def test_panels_whose_now_differs_by_milliseconds_are_one_question(bench: Bench) -> None:
    for second in range(600):
        bench.grow(NOW - 600.5 + second, second)
    answers = []
    for _ in range(20):
        answers += bench.last(590.0, Limits(1000))
        bench.clock.advance(0.02)
    assert len(bench.node.asked) == 1
    assert len({id(found.series["a"]) for found in answers}) == 1


def test_what_several_are_given_is_written_as_json_once(bench: Bench) -> None:
    bench.grow(NOW - 1.5)
    [first], [second] = bench.last(10.0), bench.last(10.0)
    assert as_json.pairs(first.series["a"]) is as_json.pairs(second.series["a"])
    assert as_json.pairs(first.series["a"]) is not as_json.pairs(second.series["b"])


def test_a_sample_is_in_every_answer_asked_for_after_the_node_said_so(bench: Bench) -> None:
    bench.grow(NOW - 5.5)
    for _ in range(5):
        bench.last(10.0)
        bench.clock.advance(0.1)
        bench.grow(bench.now - 0.05, 7.0)
        [found] = bench.last(10.0)
        assert found.series["a"].t[-1] == bench.now - 0.05


def test_who_asks_after_the_news_does_not_wait_for_an_answer_from_before(bench: Bench) -> None:
    bench.node.held = []
    question = bench.question(NOW - 10, NOW)
    before = bench.ask(question)
    bench.grow(NOW - 3.0)
    after = bench.ask(question)
    assert len(bench.node.asked) == 2
    bench.release()
    assert (len(before[0].series["a"].t), len(after[0].series["a"].t)) == (0, 1)
    assert len(bench.ask(question)[0].series["a"].t) == 1


def test_only_the_very_same_question_with_a_stride_shares_what_is_under_way(bench: Bench) -> None:
    bench.node.held = []
    for start, end in ((-10, 0), (-10, 0), (-9, 0), (-10, -1)):
        bench.ask(bench.question(NOW + start, NOW + end, Limits(None, 2.0)))
    assert len(bench.node.asked) == 3
    bench.release()


def test_a_node_that_never_says_what_is_new_is_asked_again_after_a_second(bench: Bench) -> None:
    question = bench.question(NOW - 10, NOW + 3600)
    bench.ask(question)
    bench.grow(NOW - 1.0, told=False)
    bench.clock.advance(0.9)
    bench.ask(question)
    assert len(bench.node.asked) == 1
    bench.clock.advance(0.2)
    assert len(bench.ask(question)[0].series["a"].t) == 1


def test_the_past_of_a_node_that_never_says_what_is_new_is_not_kept(bench: Bench) -> None:
    for _ in range(2):
        bench.ask(bench.question(NOW - 100, NOW - 50))
    assert len(bench.node.asked) == 2


def test_what_cannot_change_is_kept_though_there_is_news(bench: Bench) -> None:
    bench.grow(NOW - 75.0)
    bench.node.finalized_until = NOW - 50
    for _ in range(5):
        bench.ask(bench.question(NOW - 100, NOW - 50))
        bench.clock.advance(60.0)
        bench.keeper.updated(INFO)
    assert len(bench.node.asked) == 1
    for _ in range(2):
        bench.ask(bench.question(NOW - 100, NOW - 49.9))
        bench.keeper.updated(INFO)
    assert len(bench.node.asked) == 3


def test_a_part_of_what_is_kept_whole_is_asked_of_nobody(bench: Bench) -> None:
    for second in range(200):
        bench.grow(NOW - 200 + second, second)
    bench.node.finalized_until = NOW - 20
    bench.ask(bench.question(NOW - 150, NOW - 20))
    for start, end in ((-100, -50), (-150, -20.5), (-99.5, -99), (-30, -30)):
        question = bench.question(NOW + start, NOW + end)
        [found] = bench.ask(question)
        assert shown(found) == shown(bench.node.read(NAMES, question))
    assert len(bench.node.asked) == 1
    for question in (bench.question(NOW - 151, NOW - 50), bench.question(NOW - 100, NOW - 50, Limits(10))):
        [found] = bench.ask(question)
        assert shown(found) == shown(bench.node.read(NAMES, question))
    assert len(bench.node.asked) == 3


def test_a_node_that_left_and_came_back_is_asked_again(bench: Bench) -> None:
    bench.grow(NOW - 75.0)
    bench.node.finalized_until = NOW
    question = bench.question(NOW - 100, NOW - 50)
    bench.ask(question)
    bench.catalogue.node_subtracted(INFO)
    bench.catalogue.online["n"] = OnlineNode(INFO, {}, 0.0)
    bench.ask(question)
    assert len(bench.node.asked) == 2


def test_an_answer_with_a_problem_is_not_kept_and_neither_is_what_came_before(bench: Bench) -> None:
    bench.grow(NOW - 75.0)
    bench.node.finalized_until = NOW
    for problems in ({}, {"b": "n is away"}, {}):
        bench.node.problems = problems
        bench.ask(bench.question(NOW - 100 + bench.clock.seconds(), NOW - 50))
        bench.clock.advance(0.1)
    assert len(bench.node.asked) == 1
    bench.node.problems = {"b": "n is away"}
    bench.ask(bench.question(NOW - 200, NOW - 50))
    bench.node.problems = {}
    bench.ask(bench.question(NOW - 100, NOW - 50))
    assert len(bench.node.asked) == 3


def test_a_refusal_is_told_to_all_who_wait(bench: Bench) -> None:
    bench.node.held = []
    came = [bench.last(10.0), bench.last(10.0)]
    assert len(bench.node.asked) == 1
    bench.node.held[0][0].errback(BusyError("busy"))
    assert [str(error) for [error] in came] == ["busy", "busy"]


def test_what_is_kept_is_bounded_in_bytes_and_the_oldest_goes_first() -> None:
    bench = make(most_bytes=100_000)
    for second in range(200):
        bench.grow(NOW - 1000 + second)
    bench.node.finalized_until = NOW
    questions = [bench.question(NOW - 1000, NOW - 900 + more) for more in range(MOST_RANGES)]
    for limits, question in itertools.product((2, 50, 100, 500, 1000), questions):
        bench.ask(replace(question, limits=Limits(limits)))
        assert bench.keeper.kept_bytes <= 100_000
    asked = len(bench.node.asked)
    bench.ask(replace(questions[-1], limits=Limits(1000)))
    assert len(bench.node.asked) == asked
    bench.ask(replace(questions[0], limits=Limits(2)))
    assert len(bench.node.asked) == asked + 1


def test_an_answer_larger_than_all_that_is_kept_is_given_and_not_kept() -> None:
    bench = make(most_bytes=5_000)
    for second in range(1000):
        bench.grow(NOW - 1000 + second)
    for _ in range(2):
        [found] = bench.last(500.0)
        assert len(found.series["a"].t) == 500
    assert bench.keeper.kept_bytes == 0


def test_only_so_many_ranges_of_the_same_fields_are_kept(bench: Bench) -> None:
    for second in range(200):
        bench.grow(NOW - 200 + second)
    bench.node.finalized_until = NOW
    limits = Limits(1000)
    questions = [bench.question(NOW - 100 - more, NOW - 50, limits) for more in range(MOST_RANGES + 1)]
    for question in questions:
        bench.ask(question)
    bench.ask(questions[1])
    assert len(bench.node.asked) == MOST_RANGES + 1
    bench.ask(questions[0])
    assert len(bench.node.asked) == MOST_RANGES + 2


LIMITS = st.builds(
    Limits,
    st.sampled_from([None, 1, 2, 3, 5, 9, 1000]),
    st.sampled_from([None, None, None, 0.5, 2.0]),
)
STEPS = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from([2, 5, 30]), st.integers(-30, 30), LIMITS,
              st.sampled_from([("a",), ("b",), ("a", "b"), ("b", "a")])),
    st.tuples(st.just("grow"), st.sampled_from(NAMES), st.integers(-300, 30), st.integers(0, 9)),
    st.tuples(st.just("wait"), st.integers(1, 15)),
    st.tuples(st.sampled_from(["hold", "release", "leave"])),
)  # fmt: skip


@settings(max_examples=100 * OFTEN)
@given(st.lists(STEPS, min_size=5, max_size=60))
def test_every_answer_is_what_the_node_would_have_said(steps: list[Any]) -> None:
    bench = make()
    states = [dict(bench.node.samples)]
    waiting: list[tuple[int, Question, Any, list[Any]]] = []

    def check() -> None:
        for since, question, names, came in list(waiting):
            if came:
                allowed = []
                for state in states[since:]:
                    node = Node()
                    node.samples = state
                    allowed.append(shown(node.read(names, question)))
                assert shown(came[0]) in allowed
                waiting.remove((since, question, names, came))

    for step in steps:
        if step[0] == "ask":
            _, span_s, off, limits, names = step
            end = bench.now + off / 10
            question = bench.question(end - span_s, end, limits)
            waiting.append((len(states) - 1, question, names, bench.ask(question, names)))
        elif step[0] == "grow":
            _, name, off, value = step
            bench.node.samples = {**bench.node.samples}
            bench.node.samples[name] = [*bench.node.samples[name], (bench.now + off / 10, float(value))]
            states.append(bench.node.samples)
            bench.keeper.updated(INFO)
        elif step[0] == "wait":
            bench.clock.advance(step[1] / 10)
        elif step[0] == "hold":
            bench.node.held = bench.node.held or []
        elif step[0] == "leave":
            bench.catalogue.online["n"] = OnlineNode(INFO, {}, 0.0)
        else:
            bench.release()
        check()
    bench.release()
    check()
    assert not waiting


def test_sums_are_kept_for_their_own_grid_and_for_ranges_with_the_same_samples() -> None:
    bench = make()
    for t in (NOW - 590, NOW - 400, NOW - 301):
        bench.grow(t)
    past = replace(bench.question(NOW - 600, NOW - 300), grid=Grid(60 * 10**6))
    bench.ask(past)
    assert len(bench.node.asked) == 1
    bench.ask(past)
    bench.ask(replace(past, start=NOW - 591.5, end=NOW - 300.5))
    assert len(bench.node.asked) == 1
    for other in (
        replace(past, grid=None),
        replace(past, grid=Grid(30 * 10**6)),
        replace(past, end=NOW - 299),
        replace(past, end=NOW - 301),
        replace(past, start=NOW - 589),
    ):
        before = len(bench.node.asked)
        bench.ask(other)
        assert len(bench.node.asked) == before + 1


MOMENTS = st.integers(0, 60)


@settings(max_examples=50 * OFTEN)
@given(
    st.lists(MOMENTS, unique=True, max_size=12).map(sorted),
    st.lists(st.tuples(MOMENTS, MOMENTS, st.sampled_from([3, 10, 200])), min_size=2, max_size=12),
)
def test_shared_sums_are_those_of_the_range_that_was_asked_for(samples: Any, asked: Any) -> None:
    bench = make()
    for at in samples:
        bench.grow(NOW - 30 + at / 2, float(at % 7))
    for begin, length, width in asked:
        question = bench.question(NOW - 30 + begin / 2 - 0.1, NOW - 30 + (begin + length) / 2 + 0.1)
        question = replace(question, grid=Grid(width * 10**6))
        [found] = bench.ask(question)
        truth = bench.node.read(NAMES, question)
        assert found.bins.keys() == truth.bins.keys()
        for name, bins in truth.bins.items():
            for key in ("t", "count", "first_t", "last_t", "sum", "max"):
                assert getattr(found.bins[name], key).tolist() == getattr(bins, key).tolist()


ASKED = st.tuples(
    LIMITS, st.sampled_from([("a",), ("b",), ("a", "b"), ("b", "a")]), st.sampled_from([0.0, 0.2])
)


@settings(max_examples=50 * OFTEN)
@given(st.lists(ASKED, min_size=2, max_size=12))
def test_no_answer_is_given_for_other_fields_or_other_limits(asked: list[Any]) -> None:
    bench = make()
    for number in range(20):
        bench.node.samples["a"].append((NOW - 40.5 + number, float(number % 5)))
        bench.node.samples["b"].append((NOW - 40.5 + number, float(-number % 7)))
    for limits, names, later in asked:
        question = bench.question(NOW - 50 + later, NOW + later, limits)
        [found] = bench.ask(question, names)
        assert shown(found) == shown(bench.node.read(names, question))
        assert list(found.series) == list(names)


def test_what_was_converted_otherwise_is_asked_anew_though_it_cannot_change(bench: Bench) -> None:
    bench.grow(NOW - 75.0)
    bench.node.finalized_until = NOW - 50
    question = bench.question(NOW - 100, NOW - 50)
    for convert in (True, True, False, False):
        bench.ask(replace(question, convert=convert))
    assert len(bench.node.asked) == 2
    bench.catalogue.online["n"].conversions = {"a": Conversion(2.0)}
    for _ in range(2):
        bench.ask(question)
    assert len(bench.node.asked) == 3

"""Which answers stand for which questions, and for how long: times in, a decision out."""

from typing import Any

import numpy as np
import pytest
from sisock.node import Bins, Limits, Series
from sisock_http.asking import keeping, sameness
from sisock_http.asking.found import Found
from sisock_http.asking.sameness import Asked, Span

NOW = 1_500_000_000.0
AHEAD_S, FINAL_S, LIFE_S, NEAR_S, TOLD_S = 1.0, 600.0, 1.0, 2.0, 10.0
"""As is told to operators: a second, ten, and ten minutes."""
SPAN = Span(NOW - 600, NOW + 1, NOW - 599.5, NOW - 0.5)


@pytest.mark.parametrize(
    ("start", "end", "same"),
    [
        (SPAN.start, SPAN.end, True),
        (SPAN.start + 0.3, NOW + 0.3, True),
        (SPAN.first, NOW, True),
        (SPAN.first + 0.001, NOW, False),
        (SPAN.start - 0.001, NOW, False),
        (SPAN.start, SPAN.last, False),
        (SPAN.start, SPAN.last + 0.001, True),
        (SPAN.start, SPAN.end + 0.001, False),
    ],
)
def test_an_answer_stands_for_ranges_with_the_very_same_samples(start: float, end: float, same: bool) -> None:
    assert SPAN.covers(start, end) is same


def test_an_answer_without_a_sample_stands_for_every_range_within_its_own() -> None:
    empty = Span(10.0, 20.0)
    assert empty.covers(12.0, 15.0)
    assert not empty.covers(9.0, 15.0)
    assert not empty.covers(12.0, 21.0)


def test_an_answer_that_may_lack_its_ends_stands_for_its_own_range_alone() -> None:
    exact = Span(10.0, 20.0, 12.0, 15.0, exact=True)
    assert exact.covers(10.0, 20.0)
    assert not exact.covers(11.0, 20.0)
    assert not exact.covers(10.0, 19.0)


@pytest.mark.parametrize(
    ("limits", "lost"),
    [
        (Limits(), False),
        (Limits(1000), False),
        (Limits(2), False),
        (Limits(1), True),
        (Limits(None, 1.0), True),
        (Limits(1000, 1.0), True),
    ],
)
def test_a_stride_and_a_single_point_may_lose_the_ends_of_a_range(limits: Limits, lost: bool) -> None:
    assert sameness.loses_ends(limits) is lost


def test_only_a_range_that_ends_about_now_is_asked_for_a_little_longer() -> None:
    assert sameness.end_to_ask(NOW - NEAR_S, NOW) == NOW - NEAR_S + AHEAD_S
    assert sameness.end_to_ask(NOW + NEAR_S, NOW) == NOW + NEAR_S + AHEAD_S
    for end in (NOW - NEAR_S - 0.1, NOW + NEAR_S + 0.1, NOW - 86400, NOW + 86400):
        assert sameness.end_to_ask(end, NOW) == end


@pytest.mark.parametrize(
    ("end", "final", "news", "said", "lasts_s"),
    [
        pytest.param(NOW, False, 0, 0, LIFE_S, id="the present of a node that says nothing"),
        pytest.param(NOW, False, 3, 3, LIFE_S, id="the present of a node that says what is new"),
        pytest.param(NOW + 86400, False, 0, 0, LIFE_S, id="until tonight"),
        pytest.param(NOW - 60, False, 3, 3, TOLD_S, id="the past of a node that says what is new"),
        pytest.param(NOW - 60, False, 1, 1, TOLD_S, id="the past of a node that said so once"),
        pytest.param(NOW - NEAR_S, False, 3, 3, TOLD_S, id="what ended two seconds ago"),
        pytest.param(NOW - NEAR_S + 0.1, False, 3, 3, LIFE_S, id="what ended just now"),
        pytest.param(NOW - 60, False, 0, 0, 0.0, id="the past of a node that says nothing"),
        pytest.param(NOW - 60, True, 0, 0, FINAL_S, id="what cannot change"),
        pytest.param(NOW - 60, True, 3, 4, FINAL_S, id="what cannot change, whatever is new"),
        pytest.param(NOW, False, 3, 4, 0.0, id="the present, and there is something new"),
        pytest.param(NOW - 60, False, 3, 4, 0.0, id="the past, and there is something new"),
    ],
)
def test_an_answer_is_good_until_its_node_has_something_new(
    end: float, final: bool, news: int, said: int, lasts_s: float
) -> None:
    asked = Asked(100.0, NOW, news)
    assert sameness.is_fresh(asked, end, final=final, at=100.0 + lasts_s - 0.01, news=said) is (lasts_s > 0)
    assert not sameness.is_fresh(asked, end, final=final, at=100.0 + lasts_s, news=said)


def test_nobody_waits_for_an_answer_from_before_the_news_nor_for_an_old_or_another_one() -> None:
    asked, under_way = Asked(100.0, NOW, 3), Span(NOW - 600, NOW + 1)
    assert sameness.may_wait(asked, under_way, NOW - 599.8, NOW + 0.2, at=100.5, news=3)
    assert not sameness.may_wait(asked, under_way, NOW - 599.8, NOW + 0.2, at=100.5, news=4)
    assert not sameness.may_wait(asked, under_way, NOW - 599.8, NOW + 0.2, at=101.0, news=3)
    assert not sameness.may_wait(asked, under_way, NOW - 300.0, NOW + 0.2, at=100.5, news=3)
    assert not sameness.may_wait(asked, under_way, NOW - 599.8, NOW + 1.2, at=100.5, news=3)
    assert not sameness.may_wait(asked, under_way, NOW - 599.8, NOW - 0.2, at=100.5, news=3)
    for start, end, may in (
        (NOW - 600, NOW, True), (NOW - 599, NOW + 1, True),
        (NOW - 600.1, NOW, False), (NOW - 598.9, NOW, False),
    ):  # fmt: skip
        assert sameness.may_wait(asked, under_way, start, end, at=100.5, news=3) is may
    exact = Span(NOW - 600, NOW + 1, exact=True)
    assert not sameness.may_wait(asked, exact, NOW - 599.8, NOW + 0.2, at=100.5, news=3)


@pytest.mark.parametrize(
    ("start", "end", "holds"), [(10, 20, True), (12, 15, True), (9.9, 20, False), (10, 20.1, False)]
)
def test_a_part_lies_within_an_answer_that_lacks_nothing(start: float, end: float, holds: bool) -> None:
    assert Span(10.0, 20.0).holds(start, end) is holds
    assert not Span(10.0, 20.0, exact=True).holds(start, end)
    assert Span(10.0, 20.0, 11.0, 19.0).shows_later_than(end) is (end <= 19)
    assert Span(10.0, 20.0, 11.0, 15.0).shows_later_than(15.0)


def test_an_answer_weighs_the_more_the_longer_its_names_columns_and_texts_are() -> None:
    def weight(name: str, values: Any, *, summed: bool = False) -> int:
        t, column = np.arange(float(len(values))), np.array(values)
        column = column.astype(object) if column.dtype.kind == "U" else column
        if not summed:
            return keeping._size_bytes(Found(series={name: Series(name, t, column)}))
        bins = Bins(name, t, np.ones(len(t)), column, t, column, t)
        return keeping._size_bytes(Found(bins={name: bins}))

    for summed in (False, True):
        one = weight("a", [1.0], summed=summed)
        assert weight("a" * 11, [1.0], summed=summed) == one + 10
        assert weight("a", [1.0] * 101, summed=summed) >= one + 100 * 16
        assert summed or weight("a", [1.0] * 101) == one + 100 * (8 + 8 + keeping.JSON_POINT_BYTES)
        text = weight("a", ["x"], summed=summed)
        assert text > one
        assert weight("a", ["x" * 101], summed=summed) == text + 100 * (1 + summed)

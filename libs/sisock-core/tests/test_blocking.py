"""Waiting for a peer, but only so long; the clock is set by hand."""

import pytest
from sisock.blocking import within
from sisock.errors import DeadlineError
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def wait(clock: Clock, deadline_s: float = 2.0) -> tuple[Deferred, list]:
    waiting, came = Deferred(), []
    within(clock, deadline_s, waiting, "the hub").addBoth(
        lambda result: came.append(getattr(result, "value", result))
    )
    return waiting, came


def test_a_result_in_time_is_the_result_and_nothing_ticks_on(clock: Clock) -> None:
    waiting, came = wait(clock)
    clock.advance(1.9)
    waiting.callback(7)
    assert came == [7]
    assert clock.getDelayedCalls() == []


def test_a_failure_in_time_is_the_failure(clock: Clock) -> None:
    waiting, came = wait(clock)
    waiting.errback(ValueError("no"))
    assert [str(one) for one in came] == ["no"]
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize(("deadline_s", "told"), [(2.0, "2"), (0.25, "0.25"), (1 / 3, "0.333")])
def test_at_the_deadline_it_is_an_error_in_words_and_what_comes_late_is_dropped(
    clock: Clock, deadline_s: float, told: str
) -> None:
    waiting, came = wait(clock, deadline_s)
    clock.advance(deadline_s)
    assert [(type(one), str(one)) for one in came] == [
        (DeadlineError, f"the hub did not answer within {told} s")
    ]
    assert not waiting.called  # the router would end the session over a call that nobody knows
    waiting.callback("late")
    assert len(came) == 1


def test_a_late_failure_is_dropped_without_a_word(clock: Clock) -> None:
    waiting, came = wait(clock)
    clock.advance(2.0)
    waiting.errback(ValueError("late"))
    left: list = []
    waiting.addBoth(left.append)
    assert (len(came), left) == (1, [None])

"""Asking to be listed, on a clock that is set by hand."""

import pytest
from autobahn.wamp.exception import ApplicationError
from sisock.announce import HUB_DEADLINE_S, Announcement
from sisock.errors import RefusedError
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

NO_HUB = ApplicationError(ApplicationError.NO_SUCH_PROCEDURE)
HUB_WENT = ApplicationError(ApplicationError.CANCELED)
TOO_NEW = ApplicationError(ApplicationError.INVALID_ARGUMENT)


class Hub:
    """A session whose calls wait for the test's answers."""

    def __init__(self) -> None:
        self.open: list[Deferred] = []
        self.calls: list[tuple[tuple, dict]] = []
        self.attached = True

    def is_attached(self) -> bool:
        return self.attached

    def call(self, _procedure, *arguments, **extra) -> Deferred:
        self.calls.append((arguments, extra))
        self.open.append(Deferred())
        return self.open[-1]

    def answer(self, answer, number=-1) -> None:
        self.open.pop(number).callback(answer) if isinstance(answer, bool) else self.open.pop().errback(
            answer
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub() -> Hub:
    return Hub()


def ask(clock, hub, **extra):
    told: list[str] = []
    announcement = Announcement(clock, hub, ("node", "A node.", 7), told.append, **extra)
    asked: list = []
    ensureDeferred(announcement.ask()).addBoth(asked.append)
    return announcement, told, asked


def wait(clock: Clock, hub: Hub) -> float:
    """Let time pass until the hub is asked; how long that took."""
    start = clock.seconds()
    while not hub.open:
        clock.advance(0.01)
        assert clock.seconds() - start < 30, "nobody asks any more"
    return clock.seconds() - start


def test_a_hub_that_is_not_there_yet_is_asked_until_it_answers_and_missed_once(clock, hub) -> None:
    _, told, asked = ask(clock, hub)
    pauses = []
    for _ in range(12):
        hub.answer(NO_HUB)
        pauses.append(wait(clock, hub))
    assert asked == [None]
    assert told == ["the hub is not on the router yet"]
    assert min(pauses) > 0.2
    assert max(pauses) <= 5.1
    assert pauses[-1] > pauses[0]
    hub.answer(True)
    assert told[1:] == [""]
    clock.advance(1000)
    assert hub.open == []
    assert hub.calls[0] == (("node", "A node.", 7), {})


def test_a_hub_that_goes_before_it_answers_is_asked_again(clock, hub) -> None:
    _, told, _ = ask(clock, hub)
    hub.answer(HUB_WENT)
    wait(clock, hub)
    hub.answer(True)
    assert told == ["the hub failed (wamp.error.canceled)", ""]


def test_an_answer_that_comes_late_counts(clock, hub) -> None:
    _, told, _ = ask(clock, hub)
    clock.advance(HUB_DEADLINE_S)
    assert told == ["the hub did not answer within 5 s"]
    hub.answer(True)
    assert told[1:] == [""]
    clock.advance(1000)
    assert hub.open == []


def test_the_predecessors_hub_may_say_no_to_whom_it_is_about_to_list(clock, hub) -> None:
    """Its first answer is on the way still when it is asked again."""
    refusals: list[str] = []
    _, told, _ = ask(clock, hub, refused=refusals.append)
    clock.advance(HUB_DEADLINE_S)
    while len(hub.open) < 2:
        clock.advance(0.1)
    hub.answer(False)
    assert "" not in told
    hub.answer(True)
    assert told[-1] == ""
    assert refusals == []


def test_the_predecessors_hub_may_say_no_to_whom_it_has_just_listed(clock, hub) -> None:
    """Both answers are on the way when it is ready, in the order in which it was asked."""
    refusals: list[str] = []
    _, told, asked = ask(clock, hub, refused=refusals.append)
    clock.advance(HUB_DEADLINE_S)
    while len(hub.open) < 2:
        clock.advance(0.1)
    hub.answer(True, 0)
    hub.answer(False, 0)
    assert (asked, refusals) == ([None], [])
    assert told[-1] == ""
    clock.advance(1000)
    assert hub.open == []


def test_a_hub_of_the_predecessors_is_asked_without_capabilities(clock, hub) -> None:
    _, told, _ = ask(clock, hub, capabilities=["packed"])
    hub.answer(TOO_NEW)
    hub.answer(True)
    assert told == [""]
    assert [extra for _, extra in hub.calls] == [{"capabilities": ["packed"]}, {}]


def test_a_no_is_an_error_for_who_wants_to_know(clock, hub) -> None:
    _, told, asked = ask(clock, hub, refused=told_nobody)
    hub.answer(False)
    assert asked[0].check(RefusedError)
    assert told == []
    clock.advance(1000)
    assert hub.open == []


def told_nobody(why: str) -> None:
    raise AssertionError(why)


def test_a_no_to_a_later_request_is_told(clock, hub) -> None:
    refusals: list[str] = []
    ask(clock, hub, refused=refusals.append)
    hub.answer(NO_HUB)
    wait(clock, hub)
    hub.answer(False)
    assert refusals == ["another data node is already listed under the name 'node'"]


def test_who_stays_in_spite_of_a_no_is_listed_when_the_name_is_free(clock, hub) -> None:
    _, told, asked = ask(clock, hub)
    for _ in range(3):
        hub.answer(False)
        wait(clock, hub)
    hub.answer(True)
    assert asked == [None]
    assert told == ["another data node is already listed under the name 'node'", ""]


def test_a_hub_that_asks_everybody_is_answered_at_once_and_by_one_request(clock, hub) -> None:
    announcement, told, _ = ask(clock, hub)
    hub.answer(NO_HUB)
    announcement.ask_soon()
    hub.answer(True)
    clock.advance(1000)
    assert hub.open == []
    assert told[-1] == ""


def test_after_the_session_nobody_is_asked(clock, hub) -> None:
    announcement, _, _ = ask(clock, hub)
    hub.answer(NO_HUB)
    announcement.stop()
    clock.advance(1000)
    assert len(hub.calls) == 1
    ask(clock, hub)
    hub.answer(NO_HUB)
    hub.attached = False
    clock.advance(1000)
    assert len(hub.calls) == 2

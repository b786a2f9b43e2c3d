"""Asking to be listed, on a clock that is set by hand."""

import pytest
from autobahn.wamp.exception import ApplicationError
from sisock.announce import HUB_DEADLINE_S, Announcement, not_registered
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


def test_a_user_who_may_not_be_listed_is_refused_with_the_remedy(clock, hub) -> None:
    _, told, asked = ask(clock, hub, refused=told_nobody)
    hub.answer(ApplicationError(ApplicationError.NOT_AUTHORIZED))
    assert asked[0].check(RefusedError)
    assert (
        asked[0]
        .getErrorMessage()
        .startswith(
            "the router does not let us use org.simonsobservatory.data_node.add (wamp.error.not_authorized): "
        )
    )
    assert told == []


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ApplicationError.PROCEDURE_ALREADY_EXISTS, "another data node already serves the name 'n'"),
        (
            ApplicationError.PROCEDURE_EXISTS_INVOCATION_POLICY_CONFLICT,
            "another data node already serves the name 'n'",
        ),
        (
            ApplicationError.NOT_AUTHORIZED,
            "the router does not let us use org.simonsobservatory.consumer.n.*",
        ),
    ],
)
def test_why_a_name_is_not_ours_is_said_for_who_configured_it(error, told) -> None:
    assert not_registered("n", ApplicationError(error)).startswith(told)


def test_a_hub_that_fails_in_earnest_is_asked_without_capabilities_once(clock, hub) -> None:
    _, told, _ = ask(clock, hub, capabilities=["packed"])
    hub.answer(ApplicationError("wamp.error.runtime_error"))
    hub.answer(ApplicationError("wamp.error.runtime_error"))
    assert told == ["the hub failed (wamp.error.runtime_error)"]
    wait(clock, hub)
    assert [extra for _, extra in hub.calls] == [{"capabilities": ["packed"]}, {}, {}]


def test_a_hub_that_is_away_is_no_older_for_that(clock, hub) -> None:
    ask(clock, hub, capabilities=["packed"])
    for error in (NO_HUB, HUB_WENT):
        hub.answer(error)
        wait(clock, hub)
    assert [extra for _, extra in hub.calls] == [{"capabilities": ["packed"]}] * 3


def test_what_is_to_be_done_before_is_done_each_time_and_may_be_refused(clock, hub) -> None:
    prepared: list[float] = []

    async def prepare() -> None:
        prepared.append(clock.seconds())
        if len(prepared) == 1:
            raise RefusedError("not yet")

    _, told, asked = ask(clock, hub, prepare=prepare)
    assert (told, asked, hub.calls) == (["not yet"], [None], [])
    wait(clock, hub)
    assert len(prepared) == 2
    hub.answer(True)
    assert told == ["not yet", ""]


def test_another_reason_is_told_and_the_same_one_once(clock, hub) -> None:
    _, told, _ = ask(clock, hub)
    for error in (NO_HUB, NO_HUB, HUB_WENT, HUB_WENT, NO_HUB):
        hub.answer(error)
        wait(clock, hub)
    assert told == [
        "the hub is not on the router yet",
        "the hub failed (wamp.error.canceled)",
        "the hub is not on the router yet",
    ]


def test_pauses_begin_anew_after_an_answer(clock, hub) -> None:
    announcement, _, _ = ask(clock, hub)
    for _ in range(10):
        hub.answer(NO_HUB)
        wait(clock, hub)
    hub.answer(True)
    announcement.ask_soon()
    hub.answer(NO_HUB)
    assert wait(clock, hub) < 1.4  # one second of it by chance


def test_an_answer_to_a_session_that_is_over_is_nobodys_business(clock, hub) -> None:
    refusals: list[str] = []
    announcement, told, _ = ask(clock, hub, refused=refusals.append)
    hub.attached = False
    hub.answer(True)
    announcement.ask_soon()
    assert (told, refusals, len(hub.calls)) == ([], [], 1)


def test_a_late_yes_to_a_session_that_is_over_is_none(clock, hub) -> None:
    _, told, _ = ask(clock, hub)
    clock.advance(HUB_DEADLINE_S)
    hub.attached = False
    hub.answer(True)
    assert "" not in told


def test_a_late_no_is_no_yes(clock, hub) -> None:
    _, told, _ = ask(clock, hub)
    clock.advance(HUB_DEADLINE_S)
    hub.answer(False)
    assert "" not in told
    wait(clock, hub)
    hub.answer(False)
    assert told[-1] == "another data node is already listed under the name 'node'"

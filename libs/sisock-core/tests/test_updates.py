"""What a live node publishes when its data grew, on a clock that the test moves."""

from itertools import pairwise
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from sisock import uris
from sisock.errors import ContractError
from sisock.live import Live, Repeats
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock


class Session:
    """Remembers what is published, and when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.published: list[tuple[float, Any]] = []
        self.attached = True
        self.registered: list[tuple[str, Any]] = []

    def is_attached(self) -> bool:
        return self.attached

    async def register(self, handler: Any, procedure: str) -> None:
        self.registered.append((procedure, handler))

    def publish(self, topic: str, event: Any, **_options: Any) -> None:
        assert topic == uris.updated("node")
        self.published.append((self._clock.seconds(), event))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def session(clock: Clock) -> Session:
    return Session(clock)


@pytest.fixture
def live(clock: Clock, session: Session) -> Live:
    return Live(clock, session, "node", Repeats(clock, structlog.get_logger()))


def test_a_change_of_fields_waits_for_the_end_of_the_second_and_is_not_lost(
    clock: Clock, session: Session, live: Live
) -> None:
    live.publish_updated(1.0)
    clock.advance(0.0)
    clock.advance(0.1)
    live.publish_updated(2.0, fields_changed=True)
    clock.advance(0.1)
    live.publish_updated(3.0)
    clock.advance(0.7)
    assert session.published == [(0.0, {"until": 1.0})]
    clock.advance(0.2)
    assert [event for _, event in session.published] == [{"until": 1.0}, {"until": 3.0, "fields": True}]


def test_an_event_without_a_change_is_as_it_always_was(clock: Clock, session: Session, live: Live) -> None:
    live.publish_updated(1.0, fields_changed=True)
    clock.advance(5.0)
    live.publish_updated(2.0)
    clock.advance(5.0)
    assert [event for _, event in session.published] == [{"until": 1.0, "fields": True}, {"until": 2.0}]


def test_nothing_is_published_on_a_session_that_has_ended(clock: Clock, session: Session, live: Live) -> None:
    session.attached = False
    live.publish_updated(1.0, fields_changed=True)
    clock.advance(2.0)
    assert session.published == []


def test_a_nodes_own_procedure_is_below_its_name_and_tells_callers_their_mistakes(
    session: Session, live: Live
) -> None:
    async def answer(number: object = None, **_given: object) -> str:
        if number != 1:
            raise ContractError(f"number={number!r} is not 1")
        return "one"

    ensureDeferred(live.serve("count", answer))
    procedure, registered = session.registered[0]
    assert procedure == "org.simonsobservatory.consumer.node.count"
    answered: list[object] = []
    ensureDeferred(registered(number=1, unheard_of=2)).addCallback(answered.append)
    assert answered == ["one"]
    ensureDeferred(registered(number=2)).addErrback(lambda failure: answered.append(failure.value))
    assert str(answered[1]).startswith(
        "ApplicationError(error=<wamp.error.invalid_argument>, args=['number=2"
    )


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=40))
def test_once_a_second_at_most_and_the_last_one_and_every_change_are_told(
    told: list[tuple[int, bool]],
) -> None:
    clock = Clock()
    session = Session(clock)
    live = Live(clock, session, "node", Repeats(clock, structlog.get_logger()))
    changes: list[float] = []
    for until, (quarters, fields_changed) in enumerate(told):
        clock.pump([0.25] * quarters)
        live.publish_updated(float(until), fields_changed=fields_changed)
        changes += [clock.seconds()] if fields_changed else []
    clock.pump([0.25] * 4)
    at = [t for t, _ in session.published]
    assert all(b - a >= 1.0 for a, b in pairwise(at))
    assert session.published[-1][1]["until"] == len(told) - 1
    for change in changes:
        assert any(change <= t <= change + 1.0 and event.get("fields") for t, event in session.published)

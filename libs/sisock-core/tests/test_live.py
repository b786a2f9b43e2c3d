"""What a live node has repeated, on a clock set by hand and with threads that work at once."""

from collections.abc import Callable
from typing import Any

import pytest
from sisock import logs
from sisock.live import Repeats
from sisock.node import Update
from sisock_testing.still import StillReactor
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred


class Session:
    """Remembers what consumers were told."""

    def __init__(self) -> None:
        self.updates: list[float] = []
        self.changed: list[float] = []

    def publish_updated(self, until: float, *, fields_changed: bool = False) -> None:
        self.updates.append(until)
        if fields_changed:
            self.changed.append(until)


class Subject:
    """What a node asks for, each time that it joins."""

    def __init__(self) -> None:
        self.reactor = StillReactor()
        self.repeats = Repeats(self.reactor, logs.get("test"))

    def joined(self, *wanted: tuple[float, Callable[[], Any]]) -> Session:
        session: Any = Session()
        self.repeats.begin(session)
        for period_s, call in wanted:
            self.repeats.every(period_s, call)
        self.repeats.settle()
        return session


@pytest.fixture
def subject():
    subject = Subject()
    yield subject
    subject.repeats.stop()
    assert subject.reactor.getDelayedCalls() == []


def test_a_call_keeps_its_rhythm_however_often_its_node_joins(subject: Subject) -> None:
    made: list[float] = []

    def sample() -> float:
        made.append(subject.reactor.seconds())
        return made[-1]

    first = subject.joined((2.5, sample))
    subject.reactor.pump([2.5, 1.0])
    second = subject.joined((2.5, sample))
    subject.reactor.pump([1.0, 0.5, 2.5])
    assert made == [0.0, 2.5, 5.0, 7.5]
    assert (first.updates, second.updates) == ([0.0, 2.5], [5.0, 7.5])
    assert subject.reactor.in_threads == 4


def test_a_nodes_bound_method_is_the_same_call_each_time(subject: Subject) -> None:
    class Node:
        def __init__(self) -> None:
            self.made = 0

        def sample(self) -> None:
            self.made += 1

    node = Node()
    for _ in range(3):
        subject.joined((1.0, node.sample))
    assert node.made == 1


def test_what_is_not_asked_for_again_ends(subject: Subject) -> None:
    kept, left = [], []
    keep, leave = lambda: kept.append(1), lambda: left.append(1)
    subject.joined((1.0, keep), (1.0, leave))
    subject.joined((1.0, keep))
    subject.reactor.pump([1.0, 1.0])
    assert (len(kept), len(left)) == (3, 1)


def test_what_is_still_at_it_is_not_called_a_second_time(subject: Subject) -> None:
    open_calls: list[Deferred] = []

    async def slow() -> float:
        open_calls.append(Deferred())
        return await open_calls[-1]

    session = subject.joined((1.0, slow))
    subject.reactor.pump([1.0] * 5)
    assert len(open_calls) == 1
    assert subject.reactor.in_threads == 0
    open_calls[0].callback(7.0)
    subject.reactor.pump([1.0])
    assert session.updates == [7.0]
    assert len(open_calls) == 2


def test_a_failure_is_told_once_until_it_is_another_and_ends_nothing(subject: Subject) -> None:
    faults: list[Exception | None] = [ValueError("a"), ValueError("a"), OSError("b"), None, OSError("b")]

    def sample() -> float:
        fault = faults.pop(0)
        if fault is not None:
            raise fault
        return 1.0

    with capture_logs() as told:
        session = subject.joined((1.0, sample))
        subject.reactor.pump([1.0] * 4)
    assert [(event["event"], event["why"]) for event in told] == [
        ("repeat.failed", "sample: ValueError: a"),
        ("repeat.failed", "sample: OSError: b"),
        ("repeat.failed", "sample: OSError: b"),
    ]
    assert session.updates == [1.0]
    assert faults == []


def test_nothing_is_repeated_when_the_process_ends(subject: Subject) -> None:
    made = []
    subject.joined((1.0, lambda: made.append(1)))
    subject.repeats.stop()
    subject.reactor.pump([1.0] * 3)
    assert len(made) == 1


def test_a_call_tells_that_there_are_other_fields_now(subject: Subject) -> None:
    said = iter([Update(1.0, fields_changed=True), Update(2.0), 3.0, None])
    session = subject.joined((1.0, lambda: next(said)))
    subject.reactor.pump([1.0, 1.0, 1.0])
    assert (session.updates, session.changed) == ([1.0, 2.0, 3.0], [1.0])

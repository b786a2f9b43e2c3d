"""Calls of nodes on a clock that the test moves: deadlines, bounds, cancelling, and errors as sentences."""

import gc
import weakref
from typing import Any

import pytest
import structlog
from autobahn.wamp.exception import (
    ApplicationError,
    InvalidUriError,
    SerializationError,
    TransportLost,
)
from autobahn.wamp.message import Cancel
from sisock.config import RouterConfig, Secret
from sisock.errors import DeadlineError, NodeAwayError, NodeError
from sisock_consumer import replies
from sisock_consumer.calls import MOST_UNANSWERED, SUSPECT_DEADLINE_S, Calls, Parts
from sisock_consumer.consumer import Consumer, NodeInfo
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock


class Session:
    """What autobahn's session is to a call: it keeps each until the router has answered it."""

    def __init__(self) -> None:
        self._call_reqs: dict[int, Any] = {}
        self._transport = self
        self.sent: list[Any] = []
        self.options: list[Any] = []
        self.fails: Exception | None = None

    def is_attached(self) -> bool:
        return True

    def call(self, _procedure: str, *_args: Any, options: Any = None, **_kwargs: Any) -> Any:
        if self.fails:
            raise self.fails
        request = type("Request", (), {"on_reply": Deferred()})()
        self._call_reqs[len(self._call_reqs) + 1] = request
        self.options.append(options)
        return request.on_reply

    def send(self, message: Any) -> None:
        self.sent.append(message)

    def reply(self, number: int, result: Any) -> None:
        self._call_reqs[number].on_reply.callback(result)

    def fail(self, number: int, error: Exception) -> None:
        self._call_reqs[number].on_reply.errback(error)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def calls(clock: Clock, session: Session) -> Calls:
    return Calls(clock, type("Connection", (), {"session": session})())


def ask(calls: Calls, parts: Parts | None = None, deadline_s: float = 10.0) -> list[Any]:
    """What came of asking a node, as soon as there is something."""
    came: list[Any] = []
    asked = ensureDeferred(calls.ask("n", deadline_s, "n.get_data", ([], 1, 2), {}, parts))
    asked.addCallbacks(came.append, lambda failure: came.append(failure.value))
    return came


class Part(dict):  # type: ignore[type-arg] # a dictionary that can be watched
    """A part of a reply."""


def test_nothing_holds_a_reply_when_it_was_read_or_given_up(
    calls: Calls, session: Session, clock: Clock
) -> None:
    gc.collect()
    gc.disable()
    try:
        left = []
        for number, answered in ((1, True), (2, False)):
            parts = Parts("n", 10**6)
            came = ask(calls, parts)
            for part in (Part(a=1), Part(b=2)):
                left.append(weakref.ref(part))
                session.options[-1].on_progress(part)
            if answered:
                session.reply(number, {"last": 1})
            else:
                clock.advance(60.0)
            assert len(came) == 1
            session.options.clear()
            session._call_reqs.clear()
            del part, parts, came
        # Counted references alone let go of them: a collector comes by seldom where much is kept.
        assert [reference() for reference in left] == [None] * 4
    finally:
        gc.enable()


def test_an_answer_in_time_is_the_answer(calls: Calls, session: Session) -> None:
    came = ask(calls)
    session.reply(1, {"data": 1})
    assert came == [{"data": 1}]


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (SerializationError("success return value could not be serialized"), NodeError, "n gave no answer"),
        (ApplicationError("zoo.error", 10**5000, b"x", {"a": 1}), NodeError, "n: zoo.error: "),
        (ApplicationError("zoo.error", "x" * 10_000), NodeError, "n: zoo.error: x"),
        (ApplicationError("wamp.error.no_such_procedure"), NodeAwayError, "n is away"),
        (ApplicationError("wamp.error.canceled"), NodeAwayError, "n is away"),
        (ConnectionError("gone"), NodeAwayError, "the router went away"),
        (TransportLost(), NodeAwayError, "the router went away"),
    ],
)
def test_whatever_a_call_fails_with_is_a_sentence_about_the_node(
    calls: Calls, session: Session, error, kind, sentence
) -> None:
    [came] = [ask(calls)]
    session.fail(1, error)
    assert type(came[0]) is kind
    assert str(came[0]).startswith(sentence)
    assert len(str(came[0])) < 400


def test_a_name_that_no_call_can_have_is_a_sentence_about_the_node(calls: Calls, session: Session) -> None:
    session.fails = InvalidUriError("'a b' is no URI")
    [error] = ask(calls)
    assert isinstance(error, NodeError)
    assert str(error) == "n cannot be asked: 'a b' is no URI"


def test_parts_come_in_order_and_what_is_sent_besides_is_passed_over(calls: Calls, session: Session) -> None:
    parts = Parts("n", 1000)
    ask(calls, parts)
    take = session.options[0].on_progress
    take({"a": 1}, "more", and_more=2)
    take()
    assert parts.taken == [{"a": 1}, None]


def test_more_bytes_than_are_taken_end_the_call_at_once_and_at_the_node(
    calls: Calls, session: Session
) -> None:
    parts = Parts("n", 1000)
    came = ask(calls, parts)
    take = session.options[0].on_progress
    for _ in range(3):
        take({"data": bytes(400)})
    [error] = came
    assert isinstance(error, NodeError)
    assert "n sent more than 1000 bytes" in str(error)
    assert parts.taken == []
    take({"data": bytes(400)})
    assert parts.taken == []
    [cancel] = session.sent
    assert (cancel.request, cancel.mode) == (1, Cancel.KILL)
    session.fail(1, ApplicationError("wamp.error.canceled"))
    assert len(came) == 1


def test_at_the_deadline_parts_are_let_go_and_the_node_is_told_to_stop(
    calls: Calls, session: Session, clock: Clock
) -> None:
    parts = Parts("n", 10**9)
    came = ask(calls, parts)
    take = session.options[0].on_progress
    take({"data": bytes(400)})
    clock.advance(10.0)
    assert [type(error) for error in came] == [DeadlineError]
    take({"data": bytes(400)})
    assert parts.taken == []
    [cancel] = session.sent
    assert (cancel.request, cancel.mode) == (1, Cancel.KILL)
    assert not session._call_reqs[1].on_reply.called


def test_a_node_of_the_predecessors_never_sees_a_call_cancelled(
    calls: Calls, session: Session, clock: Clock
) -> None:
    ask(calls)
    clock.advance(10.0)
    assert session.sent == []
    session.reply(1, {"late": True})


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_node_that_owes_an_answer_is_waited_for_a_moment_until_it_gives_it(
    calls: Calls, session: Session, clock: Clock, in_parts
) -> None:
    ask(calls, Parts("n", 1000) if in_parts else None)
    clock.advance(10.0)
    second = ask(calls)
    clock.advance(SUSPECT_DEADLINE_S)
    assert [type(error) for error in second] == [DeadlineError]
    session.reply(1, None)
    session.reply(2, None)
    third = ask(calls)
    clock.advance(9.9)
    assert third == []
    clock.advance(0.2)
    assert [type(error) for error in third] == [DeadlineError]


class Watcher:
    def __init__(self) -> None:
        self.here: list[bool] = []
        self.gone: list[str] = []

    def node_added(self, node: NodeInfo) -> None:
        pass

    def node_subtracted(self, node: NodeInfo) -> None:
        self.gone.append(node.name)

    def router_changed(self, here: bool) -> None:
        self.here.append(here)


def test_nodes_of_a_lost_router_are_listed_no_more(tmp_path) -> None:
    watcher = Watcher()
    config = RouterConfig(wamp_secret=Secret("s"), crossbar_dir=tmp_path)
    consumer = Consumer(MemoryReactorClock(), config, structlog.get_logger())
    consumer.watch(watcher)
    for name in ("a", "b"):
        consumer._on_added({"name": name, "description": "", "capabilities": ["packed"]})
    assert set(consumer.nodes) == {"a", "b"}
    consumer.lost()
    assert consumer.nodes == {}
    assert (watcher.here, watcher.gone) == ([False], ["a", "b"])


@pytest.mark.parametrize(
    "entry", [None, 7, [], {}, {"name": 7}, {"name": ["a"]}, {"description": "a"}, {"name": None}]
)
def test_events_that_are_no_node_are_passed_over(tmp_path, entry) -> None:
    config = RouterConfig(wamp_secret=Secret("s"), crossbar_dir=tmp_path)
    consumer = Consumer(MemoryReactorClock(), config, structlog.get_logger())
    consumer._on_added(entry)
    assert consumer.nodes == {}


@pytest.mark.parametrize("capabilities", [7, {"a": 1}, "packed", [["packed"]], [None], None])
def test_capabilities_that_are_no_list_of_names_are_none(tmp_path, capabilities) -> None:
    config = RouterConfig(wamp_secret=Secret("s"), crossbar_dir=tmp_path)
    consumer = Consumer(MemoryReactorClock(), config, structlog.get_logger())
    consumer.hub_here = True
    consumer._on_added({"name": "n", "description": b"x", "capabilities": capabilities})
    assert consumer.nodes == {"n": NodeInfo("n", "", frozenset())}


def test_an_answer_in_time_does_not_pay_for_one_that_is_still_owed(
    calls: Calls, session: Session, clock: Clock
) -> None:
    ask(calls)
    second = ask(calls)
    clock.advance(5.0)
    session.reply(2, {"data": 2})
    assert second == [{"data": 2}]
    clock.advance(5.1)
    third = ask(calls)
    session.reply(3, {"data": 3})
    assert third == [{"data": 3}]
    fourth = ask(calls)
    clock.advance(2.5)
    assert [type(one) for one in fourth] == [DeadlineError]


def test_a_reply_may_have_exactly_as_many_bytes_as_are_taken() -> None:
    part = {"data": {"a": b"x" * 100}}
    size = replies.size_bytes(part)
    for most, full in ((size, False), (size - 1, True)):
        parts = Parts("n", most)
        parts.take(part)
        assert (parts.full, parts.taken) == (full, [] if full else [part])


def test_a_node_that_answers_nothing_is_asked_no_more_until_it_does(calls: Calls, session: Session) -> None:
    waiting = [ask(calls) for _ in range(MOST_UNANSWERED)]
    [refused] = ask(calls)
    assert isinstance(refused, NodeAwayError)
    assert str(refused) == f"n has not answered {MOST_UNANSWERED} earlier calls"
    assert len(session._call_reqs) == MOST_UNANSWERED
    session.reply(1, 1)
    ask(calls)
    assert len(session._call_reqs) == MOST_UNANSWERED + 1
    assert waiting[0] == [1]
    calls.forget()
    assert ask(calls) == []


@pytest.mark.parametrize("how", ["forget", "trust"])
def test_who_comes_anew_owes_nothing(calls: Calls, session: Session, clock: Clock, how: str) -> None:
    ask(calls)
    clock.advance(10.0)
    calls.forget() if how == "forget" else calls.trust("n")
    second = ask(calls)
    clock.advance(SUSPECT_DEADLINE_S + 0.5)
    assert second == []
    session.reply(1, None)  # the one before, late: nobody's debt any more
    session.reply(2, 2)
    assert second == [2]
    third = ask(calls)
    clock.advance(SUSPECT_DEADLINE_S + 0.5)
    assert third == []


def test_a_short_deadline_is_no_longer_for_who_owes_an_answer(
    calls: Calls, session: Session, clock: Clock
) -> None:
    ask(calls)
    clock.advance(10.0)
    second = ask(calls, deadline_s=0.25)
    clock.advance(0.3)
    assert [str(one) for one in second] == ["n did not answer within 0.25 s"]


def test_a_router_that_goes_while_somebody_asks_is_away(calls: Calls, session: Session) -> None:
    session.fails = TransportLost()
    [error] = ask(calls)
    assert (type(error), str(error)) == (NodeAwayError, "the router is away")


def test_a_call_that_the_router_knows_no_more_is_not_cancelled(
    calls: Calls, session: Session, clock: Clock
) -> None:
    other = type("Request", (), {"on_reply": Deferred()})()
    session._call_reqs[7] = other
    ask(calls, Parts("n", 100))
    assert session._call_reqs.pop(2) is not other
    clock.advance(10.0)
    assert session.sent == []


def test_of_many_calls_the_one_that_is_late_is_cancelled(
    calls: Calls, session: Session, clock: Clock
) -> None:
    ask(calls)
    ask(calls, Parts("n", 100), deadline_s=1.0)
    ask(calls)
    clock.advance(1.5)
    assert [message.request for message in session.sent] == [2]

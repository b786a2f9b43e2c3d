"""What a node's session answers at the edges: bounds of what is asked, parts, refusals, farewells."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sisock
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import CBORSerializer
from sisock import binning, logs, message, session, uris, wire
from sisock.errors import RefusedError
from sisock.session import NodeSession
from sisock_testing.still import StillReactor
from structlog.testing import capture_logs
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, succeed

NOW = 1e9
INVALID = ApplicationError.INVALID_ARGUMENT


class Router:
    """A session of which the test says what it allows."""

    def __init__(self) -> None:
        self.registered: list[tuple[str, Any, Any]] = []
        self.refused: dict[str, str] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.answer: Any = True
        self.left = 0
        self._session_id = 7
        self._transport: Any = SimpleNamespace(_serializer=CBORSerializer())

    def is_attached(self) -> bool:
        return True

    def leave(self) -> None:
        self.left += 1

    def register(self, procedure: Any, uri: str, options: Any = None) -> Any:
        self.registered.append((uri, procedure, options))
        return self._may(uri)

    def subscribe(self, handler: Any, topic: str, options: Any = None) -> Any:
        return self._may(topic)

    def _may(self, uri: str) -> Any:
        if uri in self.refused:
            raise ApplicationError(self.refused[uri])
        return succeed(None)

    def call(self, procedure: str, *args: Any, **kwargs: Any) -> Any:
        self.calls.append((procedure, args, kwargs))
        return self.answer if isinstance(self.answer, Deferred) else succeed(self.answer)

    def publish(self, *_: Any, **__: Any) -> None:
        pass


class Node(sisock.DataNode):
    """Serves the field `a`, as many samples as it is told to have, a second apart from 1 on."""

    name, description = "node", "A node."

    def __init__(self, samples: int = 100) -> None:
        self.t, self.asked, self.spans, self.closed = np.arange(1.0, samples + 1), [], [], 0

    def fields(self, start: float, end: float) -> Any:
        self.spans.append((start, end))
        return [sisock.Field("a", interval=1.0)]

    def read(self, names: Any, start: float, end: float, limits: Any) -> Any:
        self.asked.append((start, end, limits))
        first, last = self.t.searchsorted([start, end])
        return [sisock.Series("a", self.t[first:last], np.sin(self.t[first:last]))]

    def close(self) -> None:
        self.closed += 1


class Subject:
    def __init__(self, node: Any = None, **settings: Any) -> None:
        self.reactor, self.router, self.node = StillReactor(), Router(), node or Node()
        self.reactor.advance(NOW)
        self.listed: list[bool] = []
        self.session = NodeSession(
            self.reactor,
            self.node,
            logs.get("test"),
            self.reactor.seconds,
            on_listed=self.listed.append,
            **settings,
        )

    def join(self) -> list[Any]:
        came: list[Any] = []
        joined = ensureDeferred(self.session.joined(self.router, SimpleNamespace(session=7)))
        joined.addBoth(lambda result: came.append(getattr(result, "value", result)))
        return came

    def ask(self, procedure: str, *args: Any, **kwargs: Any) -> list[Any]:
        if not self.router.registered:
            self.join()
        [answer] = [call for uri, call, _ in self.router.registered if uri.endswith(procedure)][-1:]
        came: list[Any] = []
        self.asked = ensureDeferred(answer(*args, **kwargs))
        self.asked.addBoth(lambda result: came.append(getattr(result, "value", result)))
        return came

    def data(self, *args: Any, **kwargs: Any) -> Any:
        [answer] = self.ask("get_data", *args, **kwargs)
        return answer


def times(reply: Any) -> list[float]:
    return reply["timeline"]["a"]["t"]


def test_a_node_registers_alone_and_says_what_it_can() -> None:
    subject = Subject()
    assert subject.join() == [None]
    assert [uri for uri, _, _ in subject.router.registered] == [
        uris.get_fields("node"),
        uris.get_data("node"),
    ]
    assert [options.details_arg for _, _, options in subject.router.registered] == [None, "details"]
    assert {options.invoke for _, _, options in subject.router.registered} == {None}
    able = ["bins", "max_points", "packed", "request", "stepped"]
    assert subject.router.calls == [(uris.DATA_NODE_ADD, ("node", "A node.", 7), {"capabilities": able})]


def test_replicas_share_their_name_and_a_live_node_says_so() -> None:
    node = Node()
    node.live = True
    subject = Subject(node, replica=True)
    subject.join()
    assert {options.invoke for _, _, options in subject.router.registered} == {"roundrobin"}
    assert subject.router.calls[0][2]["capabilities"][-2:] == ["live", "replicas"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ApplicationError.PROCEDURE_ALREADY_EXISTS, "another data node already serves the name 'node'"),
        (
            ApplicationError.PROCEDURE_EXISTS_INVOCATION_POLICY_CONFLICT,
            "another data node already serves the name 'node'",
        ),
        (
            ApplicationError.NOT_AUTHORIZED,
            "the router does not let us use org.simonsobservatory.consumer.node.*",
        ),
    ],
)
def test_a_name_that_we_may_not_have_is_a_refusal(error: str, told: str) -> None:
    subject = Subject()
    subject.router.refused[uris.get_data("node")] = error
    [refused] = subject.join()
    assert isinstance(refused, RefusedError)
    assert str(refused).startswith(told)
    assert subject.router.calls == []


def test_a_router_that_lets_nobody_hear_the_hub_is_joined_all_the_same() -> None:
    subject = Subject()
    subject.router.refused[uris.DATA_NODE_ANNOUNCE] = ApplicationError.NOT_AUTHORIZED
    assert subject.join() == [None]
    assert subject.listed == [True]


def test_a_hub_that_says_no_later_ends_the_session() -> None:
    subject = Subject()
    subject.router.answer = Deferred()
    came = subject.join()
    subject.router.answer.errback(ApplicationError(ApplicationError.NO_SUCH_PROCEDURE))
    assert (came, subject.listed, subject.router.left) == ([None], [], 0)
    subject.router.answer = False
    subject.reactor.pump([0.1] * 15)
    assert (subject.listed, subject.router.left) == ([], 1)


@pytest.mark.parametrize("times", [1, 2])
def test_the_hub_is_said_to_be_away_once_and_the_node_to_be_listed_once(times: int) -> None:
    subject = Subject()
    with capture_logs() as logged:
        for why in ("", "no hub", ""):
            for _ in range(times):
                subject.session._hub_told(why)
        subject.session._hub_told("no hub")
        subject.session._hub_told("another reason")
    assert [(one["event"], one.get("why")) for one in logged] == [
        ("node.listed", None), ("hub.away", "no hub"), ("node.listed", None), ("hub.away", "no hub"),
    ]  # fmt: skip
    assert subject.listed == [True, False, True, False]


def test_who_goes_tells_the_hub_if_it_lists_him() -> None:
    subject = Subject()
    for listed, calls in ((False, 0), (True, 1)):
        subject.session._set_listed(listed)
        ensureDeferred(subject.session.farewell(subject.router))
        assert len(subject.router.calls) == calls
    assert subject.router.calls == [(uris.DATA_NODE_SUBTRACT, ("node", 7), {})]
    subject.session.close()
    assert subject.node.closed == 1


@pytest.mark.parametrize("error", [None, ApplicationError("no"), ConnectionError("gone")])
def test_a_hub_that_does_not_answer_the_farewell_is_waited_for_a_second(error: Any) -> None:
    subject, came = Subject(), []
    subject.session._set_listed(True)
    subject.router.answer = Deferred()
    ensureDeferred(subject.session.farewell(subject.router)).addBoth(came.append)
    subject.router.answer.errback(error) if error else subject.reactor.advance(0.9)
    assert came == ([None] if error else [])
    subject.reactor.advance(0.2)
    assert came == [None]


def test_a_lost_session_that_never_joined_is_no_trouble() -> None:
    subject = Subject()
    subject.session.lost()
    assert subject.listed == []


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"min_stride": -1}, "min_stride=-1 is not a number of zero or more"),
        ({"min_stride": "1"}, "min_stride='1' is not a number of zero or more"),
        ({"min_stride": True}, "min_stride=True is not a number of zero or more"),
        ({"min_stride": float("inf")}, "min_stride=inf is not a number of zero or more"),
        ({"max_points": 0}, "max_points=0 is not a positive number"),
        ({"max_points": 0.5}, "max_points=0.5 is not a positive number"),
        ({"bins": [1]}, "bins=[1] is not a dictionary with a width"),
    ],
)
def test_limits_that_are_none_are_the_callers_fault(wanted: Any, told: str) -> None:
    with capture_logs() as logged:
        error = Subject().data(["a"], 1, 50, **wanted)
    assert (error.error, error.args) == (INVALID, (f"node.get_data: {told}",))
    assert [(one["event"], one["why"]) for one in logged if "why" in one] == [
        ("request.refused", f"node.get_data: {told}")
    ]


def test_limits_are_handed_to_the_author_as_numbers() -> None:
    subject = Subject()
    subject.data("a", 1, 50, 0, 1.9)
    subject.data("a", 1, 50, 2, 7)
    subject.data("a", 1, 50)
    given = [limits for _, _, limits in subject.node.asked]
    assert given == [sisock.Limits(1, 0.0), sisock.Limits(7, 2.0), sisock.Limits()]


def test_without_a_range_or_names_the_author_is_not_asked() -> None:
    subject = Subject()
    for args in ((["a"], 50, 50), (["a"], 50, 40), (None, 1, 50), ([], 1, 50)):
        reply = subject.data(*args)
        assert reply == {"data": {"a": []} if args[0] else {}, "timeline": {}}
    assert (subject.node.asked, subject.node.spans) == ([], [])


def test_ranges_may_count_back_from_now_and_are_all_until_now_if_none_is_said() -> None:
    subject = Subject()
    subject.data(["a"], -10, 0)
    subject.data(["a"])
    assert [span[:2] for span in subject.node.asked] == [(NOW - 10, NOW), (1.0, NOW)]


def test_fields_are_listed_of_the_range_that_was_asked_for_and_by_default_of_all_until_now() -> None:
    subject = Subject()
    subject.ask("get_fields", -10, 0)
    subject.ask("get_fields", 5, 6)
    subject.ask("get_fields")
    assert subject.node.spans == [(NOW - 10, NOW), (5.0, 6.0), (1.0, NOW)]


def test_an_unknown_field_is_looked_for_as_far_as_was_asked_and_until_now() -> None:
    subject = Subject()
    subject.data(["a"], 5, 50)
    assert subject.node.spans == [(1.0, NOW)]
    subject.data(["b"], 0.5, 2e9)
    subject.reactor.advance(1.75)
    subject.data(["b"], 0.5, 2e9)
    assert len(subject.node.spans) == 1
    subject.reactor.advance(0.25)
    subject.data(["b"], 0.5, 2e9)
    assert subject.node.spans[1:] == [(0.5, 2e9)]


def test_a_clock_that_was_set_back_does_not_keep_an_unknown_field_from_being_looked_for() -> None:
    now = [NOW]
    subject = Subject()
    subject.session._clock = lambda: now[0]
    subject.data(["a"], 5, 50)
    now[0] -= 3600.0
    subject.data(["b"], 5, 50)
    assert len(subject.node.spans) == 2


def test_bins_are_computed_as_far_as_a_day_ahead_and_no_farther() -> None:
    node = Node()
    node.bins = lambda _names, start, end, _grid: node.spans.append((start, end)) or []
    subject = Subject(node)
    subject.data(["a"], 1, 3e9, bins={"width": 10})
    subject.data(["a"], 1, 5e8, bins={"width": 10})
    assert node.spans[1:] == [(1.0, NOW + 86400.0), (1.0, 5e8)]


def test_bins_know_how_often_fields_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[Any] = []
    compute = binning.compute

    def seen(*args: Any, intervals: Any, **kwargs: Any) -> Any:
        known.append(dict(intervals))
        return compute(*args, intervals=intervals, **kwargs)

    monkeypatch.setattr(binning, "compute", seen)
    reply = Subject().data(["a", "b"], 1, 50, bins={"width": 10, "offset": 1})
    assert known == [{"a": 1.0}]
    assert reply["data"]["a/count"] == [10.0] * 4 + [9.0]
    assert Subject().data(["b"], 1, 50, bins={"width": 10}) == {"data": {}, "timeline": {}}


def test_times_of_a_rhythm_travel_as_that_only_packed() -> None:
    assert isinstance(times(Subject().data(["a"], 1, 50, packed=True, stepped=True)), dict)
    assert isinstance(times(Subject().data(["a"], 1, 50, packed=True)), bytes)
    assert isinstance(times(Subject().data(["a"], 1, 50, stepped=True)), list)


class Parts:
    """A caller that takes parts."""

    def __init__(self) -> None:
        self.came: list[Any] = []
        self.progress = self.came.append


def asked_in_parts(samples: int) -> tuple[Subject, Parts, list[Any]]:
    subject, parts = Subject(Node(samples)), Parts()
    came = subject.ask("get_data", ["a"], 1, 1e9, packed=True, details=parts)
    return subject, parts, came


@pytest.mark.parametrize("samples", [20_000, 40_000, 100_000])
def test_a_long_reply_comes_in_parts_one_turn_of_the_reactor_each(samples: int) -> None:
    subject, parts, came = asked_in_parts(samples)
    turns = 0
    while not came:
        assert len(parts.came) == turns + 1
        turns += 1
        subject.reactor.advance(0)
    every = [*parts.came, came[0]]
    assert len(every) == -(-16 * samples // wire.PART_BYTES)
    t = np.concatenate([np.frombuffer(times(part)) for part in every])
    np.testing.assert_array_equal(t, subject.node.t)


@pytest.mark.parametrize(("samples", "made"), [(60_000, 4), (70_000, 2)])
def test_parts_of_a_long_reply_are_made_as_they_are_sent(
    monkeypatch: pytest.MonkeyPatch, samples: int, made: int
) -> None:
    count, parts = [0], wire.parts

    def counted(*args: Any, **kwargs: Any) -> Any:
        for part in parts(*args, **kwargs):
            count[0] += 1
            yield part

    monkeypatch.setattr(wire, "parts", counted)
    asked_in_parts(samples)
    assert count == [made]


def test_a_caller_that_waits_no_more_gets_no_more_parts() -> None:
    subject, parts, came = asked_in_parts(100_000)
    subject.asked.cancel()
    subject.reactor.pump([0] * 9)
    assert len(parts.came) == 1
    assert came[0].error == ApplicationError.CANCELED


def test_without_parts_a_reply_is_one_message_or_false() -> None:
    subject = Subject(Node(100_000))
    assert len(times(subject.data(["a"], 1, 65_000, packed=True))) == 64_999 * 8
    assert subject.data(["a"], 1, 66_000, packed=True) is False
    assert subject.data(["a"], 1, 1e9) is False
    assert subject.data(["a"], 1, 50_000, details=SimpleNamespace(progress=None)) == subject.data(
        ["a"], 1, 50_000
    )


def test_what_surely_is_too_much_is_not_written_to_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr(message, "size", lambda _session, _reply: written.append(1) or 2**30)
    subject = Subject(Node(600_000))
    assert subject.data(["a"], 1, 524_290, packed=True) is False
    assert written == []
    assert subject.data(["a"], 1, 524_289, packed=True) is False
    assert written == [1]


def test_what_is_more_than_anybody_should_send_is_false(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MOST_REPLY_BYTES", 1600)
    for samples, is_sent in ((100, True), (101, False)):
        subject, parts = Subject(Node(samples)), Parts()
        assert (subject.data(["a"], 1, 1e9, packed=True, details=parts) is not False) is is_sent


def test_a_mistake_of_the_authors_is_told_with_its_kind_and_logged() -> None:
    subject = Subject()
    subject.node.read = lambda *_: 1 / 0
    with capture_logs() as logged:
        error = subject.data(["a"], 1, 50)
    assert (error.error, error.args) == (
        "wamp.error.runtime_error",
        ("node.get_data failed: ZeroDivisionError: division by zero",),
    )
    [event] = [one for one in logged if one["event"] == "read.failed"]
    assert (event["what"], event["why"]) == ("get_data", "ZeroDivisionError: division by zero")


@pytest.mark.parametrize("how", ["get_fields", "get_data"])
def test_fields_that_break_the_contract_are_the_authors_fault(how: str) -> None:
    subject = Subject()
    subject.node.fields = lambda *_: ["a"]
    with capture_logs() as logged:
        for _ in range(2):
            [error] = subject.ask(how, *([["a"], 1, 50] if how == "get_data" else []))
            assert error.error == "wamp.error.runtime_error"
            assert error.args[0].startswith(f"node.{how}: fields() gave 'a'")
    assert [one["event"] for one in logged if "why" in one].count("read.failed") == 1


def test_an_error_that_is_the_routers_own_is_passed_on_and_a_cancelled_one_is_that() -> None:
    subject = Subject()
    own = ApplicationError("org.own")
    assert subject.session._failed("get_data", own) is own
    assert subject.session._failed("get_data", CancelledError()).error == ApplicationError.CANCELED


def test_the_size_of_a_message_is_what_is_sent_and_a_little_more() -> None:
    router = Router()
    small, large = (message.size(router, {"data": "x" * n}) for n in (0, 1000))
    assert large - small in (1000, 1002)
    assert 64 < small < 150
    router._transport = None
    assert message.size(router, {"data": "x"}) == 0

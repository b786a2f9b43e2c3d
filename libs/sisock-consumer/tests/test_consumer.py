"""The consumer on a session that is none: who is online, what is asked of whom, and for how long."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from autobahn.wamp.exception import ApplicationError
from sisock import request_id, session, uris
from sisock.config import RouterConfig, Secret
from sisock.errors import DeadlineError, NodeAwayError, NodeError, TooMuchDataError
from sisock.node import Grid, Limits
from sisock_consumer.consumer import MOST_REPLY_BYTES, Consumer, NodeInfo
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.testing import MemoryReactorClock


class Session:
    """A session whose calls are answered by the test, and that remembers who subscribed to what."""

    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}
        self.matches: dict[str, Any] = {}
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.answers: list[Deferred[Any]] = []
        self.refused: set[str] = set()
        self._call_reqs: dict[int, Any] = {}

    def subscribe(self, handler: Any, topic: str, options: Any = None) -> Any:
        if topic in self.refused:
            raise ApplicationError(ApplicationError.NOT_AUTHORIZED, "no")
        self.handlers[topic], self.matches[topic] = handler, options and options.match
        return succeed(None)

    def call(self, procedure: str, *args: Any, **kwargs: Any) -> Deferred[Any]:
        self.calls.append((procedure, args, kwargs))
        self.answers.append(Deferred())
        return self.answers[-1]

    def is_attached(self) -> bool:
        return True


class Watcher:
    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def node_added(self, node: NodeInfo) -> None:
        self.told.append(("added", node.name))

    def node_subtracted(self, node: NodeInfo) -> None:
        self.told.append(("subtracted", node.name))

    def router_changed(self, here: bool) -> None:
        self.told.append(("router", here))


class Subject:
    """A consumer that has joined."""

    def __init__(self, directory: Path) -> None:
        structlog.reset_defaults()
        self.clock = MemoryReactorClock()
        config = RouterConfig(wamp_secret=Secret("s"), crossbar_dir=directory)
        self.consumer = Consumer(self.clock, config, structlog.get_logger(), most_reply_bytes=10_000)
        self.watcher, self.news = Watcher(), []
        self.consumer.watch(
            self.watcher,
            lambda node: self.news.append(("fields", node.name)),
            lambda node: self.news.append(("updated", node.name)),
        )
        self.session = Session()

    def join(self) -> "Subject":
        self.consumer._connection._session = self.session
        ensureDeferred(self.consumer.joined(self.session, None)).addErrback(lambda f: f.raiseException())
        return self

    def say(self, topic: str, *event: Any, of: str = "") -> None:
        details = {"details": SimpleNamespace(topic=of)} if of else {}
        self.session.handlers[topic](*event, **details)

    def listing(self, *names: str, **able: list[str]) -> None:
        """Answer the last question to the hub."""
        assert self.session.calls[-1][0] == uris.GET_DATA_NODE
        listed = [{"name": name, "description": name.upper()} for name in names]
        listed += [{"name": name, "description": "", "capabilities": c} for name, c in able.items()]
        self.session.answers[-1].callback(listed)

    def ask(self, what: str, *args: Any, **kwargs: Any) -> list[Any]:
        came: list[Any] = []
        asked = ensureDeferred(getattr(self.consumer, what)(*args, **kwargs))
        asked.addCallbacks(came.append, lambda failure: came.append(failure.value))
        return came


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return Subject(tmp_path)


def test_who_is_online_is_what_the_hub_lists_and_its_events_add(subject: Subject) -> None:
    subject.join()
    assert subject.watcher.told == [("router", True)]
    assert not subject.consumer.hub_here
    subject.listing("b", "a")
    assert subject.consumer.hub_here
    assert subject.consumer.nodes == {"a": NodeInfo("a", "A"), "b": NodeInfo("b", "B")}
    subject.say(uris.DATA_NODE_ADDED, {"name": "c", "description": "C", "capabilities": ["packed"]})
    subject.say(uris.DATA_NODE_SUBTRACTED, {"name": "a", "description": ""})
    subject.say(uris.DATA_NODE_SUBTRACTED, {"name": "nobody", "description": ""})
    assert sorted(subject.consumer.nodes) == ["b", "c"]
    assert subject.watcher.told[1:] == [("added", "b"), ("added", "a"), ("added", "c"), ("subtracted", "a")]


def test_every_five_seconds_the_list_is_the_hubs_again(subject: Subject) -> None:
    subject.join().listing("a", "b")
    subject.clock.advance(4.9)
    assert len(subject.session.calls) == 1
    subject.clock.advance(0.2)
    assert len(subject.session.calls) == 2
    subject.listing("b", "c")
    assert sorted(subject.consumer.nodes) == ["b", "c"]
    assert subject.watcher.told[-2:] == [("added", "c"), ("subtracted", "a")]


def test_a_hub_that_does_not_answer_within_five_seconds_is_away_and_said_once(subject: Subject) -> None:
    with capture_logs() as logged:
        subject.join().listing("a")
        for _ in range(6):
            subject.clock.advance(5.0)
        assert not subject.consumer.hub_here
        assert sorted(subject.consumer.nodes) == ["a"]  # its node still answers, perhaps
        asked = len(subject.session.calls)
        for _ in range(20):
            if len(subject.session.calls) == asked:
                subject.clock.advance(0.5)
        subject.listing("a")
        assert subject.consumer.hub_here
    assert [(one["event"], one.get("why")) for one in logged] == [
        ("hub.away", "the hub did not answer within 5 s"),
        ("hub.back", None),
    ]


def test_what_the_hub_lists_that_is_no_node_is_passed_over(subject: Subject) -> None:
    subject.join()
    subject.session.answers[-1].callback([{"name": 7}, None, {"name": "a", "description": "A"}])
    assert sorted(subject.consumer.nodes) == ["a"]
    subject.clock.advance(5.0)
    subject.session.answers[-1].callback("nonsense")
    assert subject.consumer.nodes == {}


def test_an_event_without_capabilities_has_the_list_read_and_does_not_take_them_away(
    subject: Subject,
) -> None:
    subject.join().listing(a=["packed"])
    able = NodeInfo("a", "", frozenset({"packed"}))
    subject.say(uris.DATA_NODE_ADDED, {"name": "a", "description": ""})
    assert subject.consumer.nodes == {"a": able}
    assert len(subject.session.calls) == 2
    subject.say(uris.DATA_NODE_ADDED, {"name": "b", "description": ""})
    assert len(subject.session.calls) == 2  # it is under way, and is read once more afterwards
    subject.listing(a=["packed"])
    assert len(subject.session.calls) == 3
    subject.listing(a=["packed"], b=["live"])
    assert subject.consumer.nodes == {"a": able, "b": NodeInfo("b", "", frozenset({"live"}))}
    subject.say(uris.DATA_NODE_ADDED, {"name": "c", "description": "", "capabilities": ["packed"]})
    assert len(subject.session.calls) == 3
    told = [name for what, name in subject.watcher.told if what == "added"]
    assert told == ["a", "b", "b", "c"]


def test_a_lost_session_forgets_all_and_what_it_still_owes_counts_no_more(subject: Subject) -> None:
    subject.join().listing("a")
    subject.clock.advance(5.0)
    late = subject.session.answers[-1]
    subject.consumer.lost()
    assert (subject.consumer.nodes, subject.consumer.hub_here) == ({}, False)
    late.callback([{"name": "ghost", "description": ""}])
    assert (subject.consumer.nodes, subject.consumer.hub_here) == ({}, False)
    asked = len(subject.session.calls)
    subject.clock.advance(60.0)
    assert len(subject.session.calls) == asked
    subject.session = Session()
    subject.join().listing("a")
    assert sorted(subject.consumer.nodes) == ["a"]


def test_live_nodes_say_that_their_data_grew_and_perhaps_their_fields(subject: Subject) -> None:
    subject.join().listing("a")
    assert subject.session.matches[uris.UPDATED_OF_ANY] == "wildcard"
    for event in ({"until": 1.0}, {"until": 1.0, "fields": True}, {"fields": 1}, "nonsense", None):
        subject.say(uris.UPDATED_OF_ANY, event, of=uris.updated("a"))
    subject.say(uris.UPDATED_OF_ANY, {"until": 1.0}, of=uris.updated("stranger"))
    subject.say(uris.UPDATED_OF_ANY, {"until": 1.0}, of="org.other")
    assert subject.news == [("updated", "a"), ("fields", "a"), ("updated", "a"), ("updated", "a")]


def test_a_site_that_lets_nobody_hear_updates_is_served_all_the_same(subject: Subject) -> None:
    subject.session.refused.add(uris.UPDATED_OF_ANY)
    subject.join().listing("a")
    assert sorted(subject.consumer.nodes) == ["a"]


GRID = Grid(2_000_000, 500_000)
PLAIN = {"data": {"t": [1.5]}, "timeline": {"t": {"t": [10.0], "finalized_until": None}}}


@pytest.mark.parametrize(
    ("able", "limits", "sent"),
    [
        ([], Limits(50, 2.0), {"min_stride": 2.0}),
        (["packed"], Limits(50, 2.0), {"packed": True, "min_stride": 2.0}),
        (["packed", "max_points"], Limits(50), {"packed": True, "max_points": 50}),
        (["max_points"], Limits(), {}),
        (["packed", "stepped"], Limits(), {"packed": True, "stepped": True}),
        (["stepped", "parts"], Limits(), {}),
    ],
)
def test_a_node_is_sent_what_it_said_that_it_knows(
    subject: Subject, able: list[str], limits: Limits, sent: dict[str, Any]
) -> None:
    subject.join().listing(n=able)
    came = subject.ask("get_data", "n", ["t"], 10.0, 20.0, deadline_s=3.0, limits=limits)
    procedure, args, kwargs = subject.session.calls[-1]
    options = kwargs.pop("options", None)
    assert (procedure, args, kwargs) == (uris.get_data("n"), (["t"], 10.0, 20.0), sent)
    # an old node must not notice who waits no more
    assert (options is not None) is bool({"packed", "parts"} & set(able))
    subject.session.answers[-1].callback(PLAIN)
    assert came[0].series["t"].values.tolist() == [1.5]


def test_bins_are_asked_for_in_seconds(subject: Subject) -> None:
    subject.join().listing(n=["packed", "stepped", "bins"])
    subject.ask("get_bins", "n", ["t"], 10.0, 20.0, deadline_s=3.0, grid=GRID)
    sent = subject.session.calls[-1][2]
    del sent["options"]
    assert sent == {"packed": True, "bins": {"width": 2.0, "offset": 0.5}}


def test_an_answer_is_waited_for_as_long_as_was_said_and_too_much_is_told(subject: Subject) -> None:
    subject.join().listing(n=["packed"])
    came = subject.ask("get_data", "n", ["t"], 10.0, 20.0, deadline_s=3.0)
    subject.clock.advance(2.9)
    assert came == []
    subject.clock.advance(0.2)
    assert [type(one) for one in came] == [DeadlineError]
    subject.session.answers[-1].callback(PLAIN)
    came = subject.ask("get_data", "n", ["t"], 10.0, 20.0, deadline_s=3.0)
    subject.session.answers[-1].callback(False)
    assert [type(one) for one in came] == [TooMuchDataError]
    came = subject.ask("get_data", "n", ["t"], 10.0, 20.0, deadline_s=3.0)
    subject.session.answers[-1].callback({"data": {"t": b"x" * 10_000}, "timeline": {}})
    assert [type(one) for one in came] == [NodeError]
    assert "more than 10000 bytes" in str(came[0])


def test_without_a_session_nobody_is_asked(subject: Subject) -> None:
    assert not subject.consumer.router_here
    came = subject.ask("get_fields", "n", 1, 0, 3.0)
    assert [type(one) for one in came] == [NodeAwayError]
    subject.join()
    assert subject.consumer.router_here


@pytest.mark.parametrize(("able", "again"), [(["packed", "replicas"], True), (["packed"], False)])
def test_of_replicas_another_is_asked_when_one_went_away_within_the_same_deadline(
    subject: Subject, able: list[str], again: bool
) -> None:
    subject.join().listing(n=able)
    came = subject.ask("get_data", "n", ["t"], 10.0, 20.0, deadline_s=3.0)
    subject.clock.advance(2.0)
    subject.session.answers[-1].errback(ApplicationError(ApplicationError.NO_SUCH_PROCEDURE))
    assert len(subject.session.calls) == 2 + again
    subject.clock.advance(1.1)
    assert [type(one) for one in came] == [DeadlineError if again else NodeAwayError]


def test_updates_are_not_heard_where_nobody_wants_to_know(subject: Subject) -> None:
    subject.consumer.watch(subject.watcher)
    subject.join()
    assert uris.UPDATED_OF_ANY not in subject.session.handlers
    subject.session = Session()
    subject.consumer.watch(subject.watcher, updated=lambda _node: None)
    subject.join()
    assert uris.UPDATED_OF_ANY in subject.session.handlers


def test_one_replica_after_the_other_is_asked_but_not_for_ever(subject: Subject) -> None:
    subject.join().listing(n=["replicas"])
    came = subject.ask("get_fields", "n", 1, 0, 3.0)
    for tried in range(1, 5):
        assert (len(subject.session.calls), came) == (1 + tried, [])
        subject.session.answers[-1].errback(ApplicationError(ApplicationError.CANCELED))
    assert [type(one) for one in came] == [NodeAwayError]


@pytest.mark.parametrize("gone", ["node", "router", "time"])
def test_a_replica_is_not_asked_when_that_is_of_no_use(subject: Subject, gone: str) -> None:
    subject.join().listing(n=["replicas"])
    asked = len(subject.session.calls)
    came = subject.ask("get_fields", "n", 1, 0, 0.0 if gone == "time" else 3.0)
    if gone == "node":
        subject.say(uris.DATA_NODE_SUBTRACTED, {"name": "n"})
    if gone == "router":
        subject.consumer._connection._session = None
    subject.session.answers[-1].errback(ApplicationError(ApplicationError.NO_SUCH_PROCEDURE))
    assert [type(one) for one in came] == [NodeAwayError]
    assert len(subject.session.calls) == asked + 1


def test_a_question_has_its_requests_id_where_the_node_knows_what_that_is(subject: Subject) -> None:
    subject.join().listing(n=["request"], old=[])
    with request_id.bound("panel-7"):
        for name in ("n", "old"):
            subject.ask("get_fields", name, 1, 0, 3.0)
    subject.ask("get_fields", "n", 1, 0, 3.0)
    sent = [kwargs for procedure, _, kwargs in subject.session.calls if procedure != uris.GET_DATA_NODE]
    assert sent == [{"request": "panel-7"}, {}, {}]


def test_a_session_that_comes_without_the_old_ones_end_compares_once_in_five_seconds(
    subject: Subject,
) -> None:
    subject.join().listing("a")
    subject.session = Session()
    subject.join().listing("a")
    for _ in range(3):
        subject.clock.advance(5.0)
        subject.listing("a")
    assert len(subject.session.calls) == 4


def test_the_fields_are_those_that_the_node_lists(subject: Subject) -> None:
    subject.join().listing("n")
    came = subject.ask("get_fields", "n", 10.0, 20.0, 3.0)
    assert subject.session.calls[-1] == (uris.get_fields("n"), (10.0, 20.0), {})
    subject.session.answers[-1].callback([{"t": {"units": "K"}}, {}])
    assert [(field.name, field.units) for field in came[0]] == [("t", "K")]


def test_a_description_is_text_and_capabilities_are_names(subject: Subject) -> None:
    subject.join()
    listed = [{"name": "a", "description": 7, "capabilities": ("live", 7)}, {"name": "b"}]
    subject.session.answers[-1].callback(listed)
    assert subject.consumer.nodes == {"a": NodeInfo("a", "", frozenset({"live"})), "b": NodeInfo("b", "")}


def test_a_hub_that_is_back_says_so_before_five_seconds_are_over(subject: Subject) -> None:
    subject.join()
    subject.session.answers[-1].errback(ApplicationError(ApplicationError.NO_SUCH_PROCEDURE))
    assert not subject.consumer.hub_here
    asked = len(subject.session.calls)
    subject.say(uris.DATA_NODE_ADDED, {"name": "c", "description": "", "capabilities": ["packed"]})
    assert len(subject.session.calls) == asked + 1
    subject.listing(c=["packed"])
    assert subject.consumer.hub_here


def test_what_the_watcher_is_told_of_a_lost_router_comes_before_its_nodes_go(subject: Subject) -> None:
    subject.join().listing("a")
    subject.consumer.lost()
    assert subject.watcher.told[-2:] == [("router", False), ("subtracted", "a")]


def test_no_reply_is_refused_that_a_node_of_ours_sends() -> None:
    assert MOST_REPLY_BYTES == session.MOST_REPLY_BYTES == 2**28


def test_why_there_is_no_session_is_told_as_the_connection_knows_it(subject: Subject) -> None:
    assert subject.consumer.why_away == ""
    subject.consumer.connection._away.tell("no route to host", url="wss://router")
    assert subject.consumer.why_away == "no route to host"

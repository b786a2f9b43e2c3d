"""What a node's session asks of the author and answers to the router, without a router."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import sisock
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import CBORSerializer
from prometheus_client import CollectorRegistry
from sisock import logs, uris
from sisock.metrics import Queries
from sisock.session import NodeSession
from sisock_testing.still import StillReactor
from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.python.failure import Failure

T = np.arange(100.0, 200.0)


class Router:
    """A session that remembers what was registered, subscribed to and called."""

    def __init__(self) -> None:
        self.procedures, self.topics, self.published, self.added = {}, {}, [], 0
        self._transport = SimpleNamespace(_serializer=CBORSerializer())

    def is_attached(self):
        return True

    def register(self, procedure, uri, options=None):
        self.procedures[uri] = procedure
        return succeed(None)

    def subscribe(self, handler, topic, options=None):
        self.topics[topic] = handler
        return succeed(None)

    def call(self, procedure, *args, **kwargs):
        self.added += procedure == uris.DATA_NODE_ADD
        return succeed(True)

    def publish(self, topic, event, options=None):
        self.published.append((topic, event))


class Node(sisock.DataNode):
    name, description, live = "node", "A node.", True

    def __init__(self) -> None:
        self.names, self.listed, self.asked, self.extra = ["a", "b"], 0, [], []

    def fields(self, start, end):
        self.listed += 1
        return [sisock.Field(name) for name in self.names]

    def read(self, names, start, end, limits):
        self.asked.append((list(names), limits))
        return [sisock.Series(name, T, T) for name in [*names, *self.extra]]

    async def joined(self, session):
        self.session = session


class Subject:
    def __init__(self, **settings) -> None:
        self.reactor, self.router, self.node, self.listed = StillReactor(), Router(), Node(), []
        self.reactor.advance(1e9)
        self.session = NodeSession(
            self.reactor,
            self.node,
            logs.get("test"),
            self.reactor.seconds,
            on_listed=self.listed.append,
            **settings,
        )
        ensureDeferred(self.session.joined(self.router, SimpleNamespace(session=7)))

    def data(self, names, start=1, end=1000, **extra):
        return self._answer(self.router.procedures[uris.get_data("node")](names, start, end, **extra))

    def fields(self):
        return self._answer(self.router.procedures[uris.get_fields("node")](1, 0))

    @staticmethod
    def _answer(coroutine):
        answers: list = []
        answered: Deferred = ensureDeferred(coroutine)
        answered.addBoth(answers.append)
        if isinstance(answers[0], Failure):
            answers[0].raiseException()
        return answers[0]


def test_names_that_the_node_never_declared_are_empty_and_no_business_of_the_author() -> None:
    subject = Subject()
    reply = subject.data(["a", "nosuch"])
    assert reply["data"]["nosuch"] == []
    assert len(reply["data"]["a"]) == 100
    assert subject.data(["nosuch"]) == {"data": {"nosuch": []}, "timeline": {}}
    assert [names for names, _ in subject.node.asked] == [["a"]]


def test_the_author_lists_fields_once_for_any_number_of_calls() -> None:
    subject = Subject()
    subject.fields()
    for _ in range(10):
        subject.data(["a", "b"])
    assert subject.node.listed == 1
    for _ in range(10):
        subject.data(["nosuch"])
    assert subject.node.listed == 2


def test_a_field_that_appears_is_served_within_two_seconds() -> None:
    subject = Subject()
    subject.data(["late"])
    subject.node.names.append("late")
    subject.reactor.advance(2.0)
    assert len(subject.data(["late"])["data"]["late"]) == 100


def test_series_that_nobody_asked_for_are_the_nodes_own_fault() -> None:
    subject = Subject()
    subject.node.extra = ["b"]
    with pytest.raises(
        ApplicationError, match=r"node.get_data: read\(\) gave the field 'b', which was not asked"
    ) as told:
        subject.data(["a"])
    assert told.value.error == "wamp.error.runtime_error"


def test_a_field_asked_for_twice_is_read_once() -> None:
    subject = Subject()
    assert list(subject.data(["a", "a"])["data"]) == ["a"]
    assert subject.node.asked[0][0] == ["a"]


@pytest.mark.parametrize(
    ("site", "caller", "most"), [(10, 50, 10), (50, 10, 10), (10, None, 10), (None, 10, 10)]
)
def test_the_smaller_of_the_sites_and_the_callers_limits_counts(site, caller, most) -> None:
    subject = Subject(max_points=site)
    extra = {} if caller is None else {"max_points": caller}
    assert 4 <= len(subject.data(["a"], **extra)["data"]["a"]) <= most
    assert subject.node.asked[0][1].max_points == most


def test_a_hub_that_is_back_is_answered() -> None:
    subject = Subject()
    assert subject.router.added == 1
    subject.router.topics[uris.DATA_NODE_ANNOUNCE]()
    assert subject.router.added == 2


def test_health_is_gone_with_the_router() -> None:
    subject = Subject()
    assert subject.listed == [True]
    subject.session.lost()
    assert subject.listed == [True, False]


def test_updates_are_sent_once_a_second_and_the_last_is_not_lost() -> None:
    subject = Subject()
    for step in range(100):
        subject.node.session.publish_updated(float(step))
        subject.reactor.advance(0.025)
    sent = len(subject.router.published)
    assert 2 <= sent <= 4
    subject.reactor.advance(1.0)
    assert subject.router.published[-1] == (uris.updated("node"), {"until": 99.0})
    assert len(subject.router.published) <= sent + 1


class Summaries(Node):
    """A node that answers bins itself."""

    def __init__(self, made) -> None:
        super().__init__()
        self.made = made

    def bins(self, names, start, end, grid):
        return self.made


def made(name="a", t=(100.0,), count=(3.0,), first_t=(100.0,), last_t=(102.0,)):
    columns = [np.array(c) for c in (t, count, [1.0] * len(t), first_t, [3.0] * len(t), last_t)]
    two = np.array([2.0] * len(t))
    return sisock.Bins(name, *columns, sum=two, min=two, max=two)


def asked(node=None, **extra):
    subject = Subject()
    if node is not None:
        subject.session._node = subject.node = node
    return subject, subject.data(["a", "b"], 1, 1000, bins={"width": 10.0}, **extra)


def test_a_node_that_says_nothing_of_bins_has_them_computed_from_what_it_reads() -> None:
    _, reply = asked()
    assert reply["data"]["a/count"] == [10.0] * 10
    assert reply["data"]["b/sum"][0] == sum(range(100, 110))
    assert reply["timeline"]["a/bins"] == {
        "t": [100.0 + 10 * k for k in range(10)],
        "finalized_until": None,
    }


def test_a_node_with_summaries_is_not_asked_for_its_samples() -> None:
    subject, reply = asked(Summaries([made()]))
    assert subject.node.asked == []
    assert reply["data"] == {
        "a/count": [3.0], "a/sum": [2.0], "a/min": [2.0], "a/max": [2.0],
        "a/first": [1.0], "a/first_t": [100.0], "a/last": [3.0], "a/last_t": [102.0],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (made(t=(101.0,)), "not on the grid"),
        (made(t=(110.0, 100.0), count=(1.0, 1.0), first_t=(110.0, 100.0), last_t=(110.0, 100.0)), "in order"),
        (made(count=(0.0,)), "without a sample"),
        (made(last_t=(1000.0,)), "outside of the range"),
        (made(count=(1.0, 1.0)), "different lengths"),
        (made("c"), "which was not asked for"),
        (SimpleNamespace(name="a"), "not sisock.Bins"),
    ],
)
def test_bins_that_are_none_are_the_nodes_own_fault(wrong, told) -> None:
    with pytest.raises(ApplicationError, match=told) as refused:
        asked(Summaries([wrong]))
    assert refused.value.error == "wamp.error.runtime_error"


@pytest.mark.parametrize(
    "wrong",
    [7, [10.0], {}, {"width": 0}, {"width": 1e-9}, {"width": math.nan}, {"width": True}, {"width": "1"},
     {"width": 1.0, "offset": math.inf}, {"width": 10**400}],
)  # fmt: skip
def test_a_grid_that_makes_no_sense_is_the_callers_fault(wrong) -> None:
    with pytest.raises(ApplicationError, match="bins") as refused:
        Subject().data(["a"], bins=wrong)
    assert refused.value.error == ApplicationError.INVALID_ARGUMENT


def test_what_the_node_is_asked_is_counted_with_its_time_and_its_failures() -> None:
    registry = CollectorRegistry()
    subject = Subject(queries=Queries(registry))
    subject.data(["a"])
    subject.fields()
    with pytest.raises(ApplicationError):
        subject.data(["a"], start="yesterday")
    subject.node.read = lambda *_: 1 / 0
    with pytest.raises(ApplicationError):
        subject.data(["a"])

    def counted(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert counted("sisock_query_seconds_count", procedure="get_data") == 3
    assert counted("sisock_query_seconds_count", procedure="get_fields") == 1
    assert counted("sisock_query_errors_total", cause="bad_request") == 1
    assert counted("sisock_query_errors_total", cause="fault") == 1
    assert counted("sisock_node_listed") == 1
    subject.node.session.publish_updated(123.0)
    assert counted("sisock_data_until_timestamp_seconds") == 123
    subject.session.lost()
    assert counted("sisock_node_listed") == 0


def test_half_a_character_in_a_name_is_the_callers_fault_and_no_error_of_ours() -> None:
    with pytest.raises(ApplicationError) as told:
        Subject().data(["a", "\ud800"])
    assert told.value.error == ApplicationError.INVALID_ARGUMENT


def test_what_is_logged_for_a_call_has_its_request() -> None:
    import structlog
    from sisock import request_id

    subject, seen = Subject(), []

    def read(names, start, end, limits):
        seen.append(request_id.current())
        return []

    subject.node.read = read
    subject.data(["a"], request="panel-7")
    subject.data(["a"], request="no id, this")
    subject.data(["a"])
    assert seen == ["panel-7", "", ""]
    assert structlog.contextvars.get_contextvars() == {}


@pytest.mark.parametrize("names", [3, [3], {"a": 1}, ["a", None]])
def test_names_that_are_none_are_the_callers_fault(names) -> None:
    with pytest.raises(ApplicationError, match="is not a list of field names"):
        Subject().data(names, 1, 50)

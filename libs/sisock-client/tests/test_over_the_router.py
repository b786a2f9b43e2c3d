"""What the client asks of data nodes over the router, and what it makes of it: without a router."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sisock.errors import NodeError, SisockError, TooMuchDataError
from sisock.node import Bins, Field, Limits, Series
from sisock_client import Client, ClientError, Samples, UnknownFieldError
from sisock_client.bins import binned
from sisock_client.check import _OverBridge, _OverRouter
from sisock_client.wamp import WampSource
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Reading
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

FIELDS = {
    "cryo": [Field("t1", "First stage", "K", timeline="fast"), Field("t2", None, None, interval=2.0)],
    "attic": [Field("t9", "the spare", source="observatory.Attic.feeds.x.T9")],
}


class Nodes:
    """A consumer on whose router there are two nodes, and one that does not answer."""

    hub_here = router_here = True
    why_away = ""

    def __init__(self) -> None:
        self.nodes = {
            "cryo": NodeInfo("cryo", "a cryostat"),
            "attic": NodeInfo("attic", "an attic", frozenset({"live"})),
        }
        self.asked: list[tuple[Any, ...]] = []
        self.read: Reading | SisockError = Reading({}, {})

    async def get_fields(self, name: str, start: float, end: float, deadline_s: float) -> list[Field]:
        self.asked.append((name, start, end, deadline_s))
        if name not in FIELDS:
            raise NodeError(f"{name} did not answer")
        return FIELDS[name]

    async def get_data(self, name: str, fields: Any, start: float, end: float, **how: Any) -> Reading:
        self.asked.append((name, list(fields), start, end, how))
        if isinstance(self.read, SisockError):
            raise self.read
        return self.read


class Direct(WampSource):
    """Its work is done at once, in this thread."""

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        self._deadline_s = 7.0
        self._failure: list[str] = []
        self._reactor, self._patience_s = Clock(), 5.0

    def ask(self, work: Callable[[], Any], deadline_s: float | None = None) -> Any:
        try:
            work().send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("it waits")


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


@pytest.fixture
def client(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr("sisock_client.client.time.time", lambda: 1000.0)
    client = Client("http://nowhere")
    client.close()
    client._source = Direct(nodes)
    return client


def test_nodes_are_listed_by_name_with_how_many_fields_they_have(client: Client, nodes: Nodes) -> None:
    nodes.nodes["silent"] = NodeInfo("silent", "")
    assert [(one.name, one.description, one.fields) for one in client.nodes()] == [
        ("attic", "an attic", 1),
        ("cryo", "a cryostat", 2),
        ("silent", "", 0),
    ]
    # 1 to 0: from the beginning until now.
    assert nodes.asked == [("attic", 1, 0, 7.0), ("cryo", 1, 0, 7.0), ("silent", 1, 0, 7.0)]


def test_nodes_that_do_not_answer_are_waited_for_together(nodes: Nodes) -> None:
    answers: list[Deferred[list[Field]]] = []

    async def later(*_: Any) -> list[Field]:
        answers.append(Deferred())
        return await answers[-1]

    nodes.get_fields = later  # type: ignore[method-assign]
    source, listed = Direct(nodes), []
    source.ask = lambda work, _=None: ensureDeferred(work()).addBoth(listed.append)  # type: ignore[method-assign]
    source.nodes()
    assert len(answers) == 2
    answers[1].callback(FIELDS["cryo"])
    answers[0].errback(NodeError("attic did not answer"))
    assert [[(one.name, one.fields) for one in found] for found in listed] == [[("attic", 0), ("cryo", 2)]]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["attic::t9", "cryo::t1", "cryo::t2"]),
        ("CRYO::", ["cryo::t1", "cryo::t2"]),
        ("first stage", ["cryo::t1"]),
        ("feeds.x", ["attic::t9"]),
        ("none", []),
    ],
)
def test_a_field_is_found_by_name_description_or_source_in_any_case(
    client: Client, search: str, found: list[str]
) -> None:
    assert [one.field for one in client.fields(search)] == found


def test_a_field_is_told_with_all_that_its_node_says_of_it(client: Client) -> None:
    (t9, t1, t2) = client.fields()
    assert (t1.description, t1.units, t1.type, t1.interval, t1.source) == (
        "First stage", "K", "number", None, None,
    )  # fmt: skip
    assert (t2.description, t2.units, t2.interval) == (None, None, 2.0)
    assert t9.source == "observatory.Attic.feeds.x.T9"


def test_samples_of_two_nodes_are_asked_once_of_each(client: Client, nodes: Nodes) -> None:
    nodes.read = Reading({"t1": Series("t1", np.array([1.0, 2.0]), np.array([3.0, 4.0]))}, {"t2": "torn"})
    samples = client.get(["cryo::t1", "attic::t9", "cryo::t2"], 10.0, 20.0, max_points=50)
    assert [one for one in nodes.asked if len(one) == 5] == [
        ("cryo", ["t1", "t2"], 10.0, 20.0,
         {"deadline_s": 7.0, "timelines": {"t1": "fast", "t2": "t2"}, "limits": Limits(50)}),
        ("attic", ["t9"], 10.0, 20.0,
         {"deadline_s": 7.0, "timelines": {"t9": "t9"}, "limits": Limits(50)}),
    ]  # fmt: skip
    assert {name: [column.tolist() for column in columns] for name, columns in samples.items()} == {
        "cryo::t1": [[1.0, 2.0], [3.0, 4.0]],
        "attic::t9": [[], []],
        "cryo::t2": [[], []],
        "attic::t1": [[1.0, 2.0], [3.0, 4.0]],
    }
    assert samples.units["cryo::t1"] == "K"
    assert samples.notices == ["torn", "torn"]


def test_a_node_that_does_not_answer_costs_its_own_fields(client: Client, nodes: Nodes) -> None:
    nodes.nodes["silent"] = NodeInfo("silent", "")
    samples = client.get(["silent::x"], 10.0, 20.0)
    assert samples.notices == ["silent did not answer"]
    assert samples.units == {"silent::x": None}


def test_a_newest_sample_is_looked_for_ever_farther_back(
    client: Client, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1e8
    monkeypatch.setattr("sisock_client.wamp.time.time", lambda: now)
    held = {
        "t1": Series("t1", now - np.array([9.0, 7.0, 5.0]), np.array([1.0, 2.0, 3.0])),
        "t2": Series("t2", np.array([now - 5000]), np.array([7.0])),
    }

    async def get_data(_: str, fields: list[str], start: float, end: float, **how: Any) -> Reading:
        nodes.asked.append((fields, start - now, end - now, how["limits"]))
        return Reading({name: one for name, one in held.items() if name in fields and one.t[0] >= start}, {})

    nodes.get_data = get_data  # type: ignore[assignment]
    found = client.latest(["cryo::t1", "cryo::t2", "cryo::nosuch"])
    assert [(one.field, one.t, one.value, one.units) for one in found.values()] == [
        ("cryo::t1", now - 5, 3.0, "K"),
        ("cryo::t2", now - 5000, 7.0, None),
        ("cryo::nosuch", None, None, None),
    ]  # fmt: skip
    assert found.notices == ["there is no field 'cryo::nosuch'"]
    assert nodes.asked[1::2] == [
        (["t1", "t2", "nosuch"], -3600, 60, Limits(2)),
        (["t2", "nosuch"], -86_400, 60, Limits(2)),
        (["nosuch"], -30 * 86_400, 60, Limits(2)),
    ]
    nodes.asked.clear()
    assert client.latest(["cryo::t1"])["cryo::t1"].value == 3.0
    assert len(nodes.asked) == 2
    with pytest.raises(UnknownFieldError, match="no field 'cryo::nosuch'"):
        client.latest(["cryo::nosuch"])


def test_a_field_of_nobodys_is_an_error_and_a_name_without_node_is_another(client: Client) -> None:
    with pytest.raises(UnknownFieldError, match=r"no field 'gone::x'.*gone did not answer"):
        client.get(["gone::x"], 10.0, 20.0)
    with pytest.raises(ClientError, match="'t1' does not name a field"):
        client.get("t1", 10.0, 20.0)


def test_a_look_at_a_node_asks_for_few_samples_of_a_long_time(nodes: Nodes) -> None:
    looker = _OverRouter(Direct(nodes), 3.0)
    assert [one.name for one in looker.fields("cryo")] == ["t1", "t2"]
    assert nodes.asked == [("cryo", 1, 0, 3.0)]
    nodes.read = Reading({"t2": Series("t2", np.array([5.0]), np.array([1.0]))}, {})
    for few, stride in ((False, None), (True, 0.1)):
        times = looker.times("cryo", FIELDS["cryo"], 100.0, 200.0, few=few)
        assert [t.tolist() for t in times] == [[], [5.0]]
        how = {
            "deadline_s": 3.0,
            "timelines": {"t1": "fast", "t2": "t2"},
            "limits": Limits(min_stride=stride),
        }
        assert nodes.asked[-1] == ("cryo", ["t1", "t2"], 100.0, 200.0, how)


def test_a_look_at_what_is_too_much_or_cannot_be_read_is_told_apart(nodes: Nodes) -> None:
    looker = _OverRouter(Direct(nodes), 3.0)
    nodes.read = TooMuchDataError("more")
    assert [len(t) for t in looker.times("cryo", FIELDS["cryo"], 1.0, 2.0, few=False)] == [0, 0]
    nodes.read = Reading({}, {"t1": "torn", "t2": "torn"})
    with pytest.raises(ClientError, match=r"^torn$"):
        looker.times("cryo", FIELDS["cryo"], 1.0, 2.0, few=False)
    nodes.read = Reading({"t2": Series("t2", np.array([5.0]), np.array([1.0]))}, {"t1": "torn"})
    assert [len(t) for t in looker.times("cryo", FIELDS["cryo"], 1.0, 2.0, few=False)] == [0, 1]


@pytest.mark.parametrize(
    ("router", "why", "told"),
    [
        (True, "", "the hub did not answer within 5 s"),
        (False, "", "the router did not answer within 5 s"),
        (False, "refused", "the router did not answer within 5 s: refused"),
    ],
)
def test_whoever_does_not_answer_in_time_is_named(nodes: Nodes, router: bool, why: str, told: str) -> None:
    source = Direct(nodes)
    nodes.hub_here, nodes.router_here, nodes.why_away = False, router, why
    ended: list[Any] = []
    ensureDeferred(source._joined()).addBoth(ended.append)
    for _ in range(101):
        assert ended == []
        source._reactor.advance(0.05)
    source._reactor.advance(0.1)
    assert ended[0].check(ClientError)
    assert ended[0].getErrorMessage() == told


def test_a_refusal_is_told_at_once_and_a_hub_that_comes_is_enough(nodes: Nodes) -> None:
    source = Direct(nodes)
    nodes.hub_here = False
    ended: list[Any] = []
    ensureDeferred(source._joined()).addBoth(ended.append)
    assert ended == []
    nodes.hub_here = True
    source._reactor.advance(0.05)
    assert ended == [None]
    nodes.hub_here = False
    source._failure.append("refused")
    ensureDeferred(source._joined()).addBoth(ended.append)
    assert ended[1].getErrorMessage() == "refused"


@pytest.mark.timeout(30)
@pytest.mark.parametrize("limit_s", [None, 0.1])
def test_work_that_never_ends_is_waited_for_four_deadlines_or_as_long_as_is_said(
    sisock_reactor: Any, nodes: Nodes, limit_s: float | None
) -> None:
    source = Direct(nodes)
    source._reactor, source._deadline_s = sisock_reactor.reactor, 0.02 if limit_s is None else 1e6

    async def never() -> None:
        await Deferred()

    with pytest.raises(ClientError, match=r"no answer within 0\.(08|1) s"):
        WampSource.ask(source, never, limit_s)


def bins(first: float) -> Bins:
    """One bin of four samples whose sum is 20."""
    one = {
        name: np.array([value]) for name, value in {"first": 1.0, "last": 8.0, "min": 1.0, "max": 9.0}.items()
    }
    return Bins(
        "t1",
        np.array([first]),
        np.array([4]),
        first_t=np.array([first]),
        last_t=np.array([first + 9]),
        **one,
        sum=np.array([20.0]),
    )


def test_bins_are_asked_of_a_node_that_makes_them_and_made_of_anothers_samples(
    client: Client, nodes: Nodes
) -> None:
    nodes.nodes["cryo"] = NodeInfo("cryo", "", frozenset({"bins"}))
    asked: list[Any] = []

    async def get_bins(name: str, fields: Any, start: float, end: float, **how: Any) -> Any:
        asked.append((name, fields, start, end, how["grid"].width, how["deadline_s"]))
        return {"t1": bins(60.0)}, {"t2": "torn"}

    nodes.get_bins = get_bins  # type: ignore[attr-defined]
    nodes.read = Reading({"t9": Series("t9", np.array([61.0, 62.0]), np.array([1.0, 3.0]))}, {})
    wanted = binned("1m", "mean,count,spread")
    samples = client._source.get(["cryo::t1", "cryo::t2", "attic::t9"], 0.0, 120.0, binned=wanted)  # type: ignore[call-arg]
    assert asked == [("cryo", ["t1", "t2"], 0.0, 120.0, 60_000_000, 7.0)]
    assert {name: [column.tolist() for column in columns] for name, columns in samples.items()} == {
        "cryo::t1/mean": [[60.0], [5.0]],
        "cryo::t1/count": [[60.0], [4]],
        "cryo::t1/spread": [[60.0], [8.0]],
        **{f"cryo::t2/{name}": [[], []] for name in ("mean", "count", "spread")},
        "attic::t9/mean": [[60.0], [2.0]],
        "attic::t9/count": [[60.0], [2]],
        "attic::t9/spread": [[60.0], [2.0]],
    }
    assert (samples.units["cryo::t1/mean"], samples.units["cryo::t1/count"]) == ("K", None)
    assert samples.notices == ["torn"]
    nodes.asked.clear()
    client.get("cryo::t1", 10.0, 120.0)
    assert len(asked) == 1  # without bins the samples are asked for


@pytest.mark.parametrize(
    ("width", "seconds"),
    [
        ("30s", 30.0),
        ("5m", 300.0),
        ("1.5h", 5400.0),
        ("500ms", 0.5),
        (10, 10.0),
        (timedelta(hours=1), 3600.0),
    ],
)
def test_a_width_is_read_as_people_write_it(width: object, seconds: float) -> None:
    wanted = binned(width, "min, max")
    assert wanted is not None
    assert (wanted.grid.width, wanted.of) == (round(seconds * 1e6), ("min", "max"))
    assert binned(None, "min") is None


@pytest.mark.parametrize(
    ("width", "of"), [("soon", "min"), (0, "min"), (-5, "min"), (True, "min"), ("5m", "median"), ("5m", [])]
)
def test_what_is_no_width_or_no_statistic_is_told(width: object, of: Any) -> None:
    with pytest.raises(ClientError, match=r"bin=|of="):
        binned(width, of)


class Reactor:
    """Runs, or does not, until it is asked to."""

    def __init__(self, *, running: bool) -> None:
        self.running, self.ran = running, threading.Event()

    def run(self, **how: Any) -> None:
        assert how == {"installSignalHandlers": False}
        self.ran.set()

    def callFromThread(self, work: Any) -> None:
        work()


@pytest.mark.parametrize("running", [True, False])
def test_the_reactor_is_run_in_a_thread_unless_it_runs(
    running: bool, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    reactor = Reactor(running=running)
    refused: Deferred[None] = Deferred()
    nodes.run = lambda: refused  # type: ignore[attr-defined]
    monkeypatch.setattr("sisock_client.wamp.the_reactor", lambda: reactor)
    monkeypatch.setattr("sisock_client.wamp.Consumer", lambda *_: nodes)
    monkeypatch.setattr("sisock_client.wamp.logs.configure", lambda *_: None)
    asked: list[Any] = []
    monkeypatch.setattr(WampSource, "ask", lambda _self, _work, limit_s: asked.append(limit_s))
    source = WampSource({}, 3.0)
    assert reactor.ran.wait(0 if running else 20) is not running
    assert asked[0] >= source._patience_s == 3.0
    refused.errback(NodeError("refused"))
    assert source._failure == ["refused"]
    assert WampSource({}, 60.0)._patience_s == 10.0


@pytest.mark.parametrize(
    ("notices", "t", "told"),
    [(["silent"], [], True), (["late"], [5.0], False), ([], [], False)],
)
def test_a_look_over_the_bridge_is_wrong_where_nothing_came_and_somebody_said_why(
    notices: list[str], t: list[float], told: bool
) -> None:
    class Bridge:
        def fields(self, _search: str) -> list[Any]:
            return []

        def get(self, *_: Any) -> Samples:
            return Samples({"n::a": (np.array(t), np.array(t))}, notices=notices)

    looker = _OverBridge(Bridge())  # type: ignore[arg-type]
    if told:
        with pytest.raises(ClientError, match="silent"):
            looker.times("n", [Field("a")], 0.0, 9.0, few=False)
    else:
        assert [column.tolist() for column in looker.times("n", [Field("a")], 0.0, 9.0, few=False)] == [t]

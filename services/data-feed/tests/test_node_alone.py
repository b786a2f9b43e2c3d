"""The node without a router: what it subscribes to, tells, restores, and hears elsewhere."""

import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sisock
import structlog
from autobahn.wamp.exception import ApplicationError
from sisock.errors import RefusedError
from sisock.metrics import make_registry
from sisock_data_feed import __main__ as command
from sisock_data_feed import elsewhere, node
from sisock_data_feed.config import DataFeedConfig
from sisock_data_feed.elsewhere import Elsewhere
from sisock_data_feed.node import DataFeedNode
from sisock_data_feed.topics import subscriptions
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred, succeed

NOW = 1.7e9
REQUIRED = {"TARGET": "LSA22YE", "NAME": "LSA22YE", "DESCRIPTION": "test"}


@pytest.fixture
def make_node(tmp_path: Path, clock: Any) -> Any:
    made: list[DataFeedNode] = []

    def make(**environ: str) -> DataFeedNode:
        config = sisock.load(DataFeedConfig, {**REQUIRED, "STATE_DIRECTORY": str(tmp_path), **environ})
        made.append(DataFeedNode(config, structlog.get_logger(), clock))
        return made[-1]

    yield make
    for one in made:
        one.close()


class Session:
    """Notes what a node does with its session."""

    def __init__(self, refuses: str = "") -> None:
        self.handlers: dict[tuple[str, str], Callable[..., None]] = {}
        self.updated: list[tuple[float, bool]] = []
        self.repeated: list[tuple[float, Any]] = []
        self.refuses = refuses

    async def subscribe(self, handler: Any, topic: str, match: str = "exact", options: Any = None) -> None:
        if topic == self.refuses:
            raise ApplicationError("wamp.error.not_authorized")
        self.handlers[topic, options.match if options else match] = handler

    def publish_updated(self, until: float, *, fields_changed: bool = False) -> None:
        self.updated.append((until, fields_changed))

    def every(self, period_s: float, call: Any) -> None:
        self.repeated.append((period_s, call))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    pytest.fail("it waits")


@pytest.fixture
def join(monkeypatch: pytest.MonkeyPatch) -> Callable[[DataFeedNode], Session]:
    """Have a node join; its thread is this one."""

    async def at_once(_reactor: Any, work: Callable[[], Any]) -> Any:
        return work()

    monkeypatch.setattr(node, "in_thread", at_once)

    def begin(one: DataFeedNode) -> Session:
        session = Session()
        run(one.joined(session))
        return session

    return begin


def message(t: float, **values: Any) -> list[Any]:
    return [{"temps": {"timestamps": [t], "data": {name: [value] for name, value in values.items()}}}, {}]


TOPIC = "observatory.LSA22YE.feeds.temperatures"


def test_what_is_heard_is_served_and_told(make_node: Any, join: Any) -> None:
    one = make_node()
    with capture_logs() as logs:
        session = join(one)
        hear = session.handlers[TOPIC, "exact"]
        hear(message(NOW - 1, T=1.5), {"retained": False}, details=None)
        hear(message(NOW - 0.5, T=2.5))
        hear()
    assert session.updated == [(NOW - 1, True), (NOW - 0.5, False)]
    (series,) = one.read(["t"], 0, 2e9, sisock.Limits())
    assert (series.t.tolist(), series.values.tolist()) == ([NOW - 1, NOW - 0.5], [1.5, 2.5])
    assert [entry["event"] for entry in logs] == ["feed.default", "feed.subscribed", "message.malformed"]
    assert logs[1]["topics"] == [TOPIC]


def test_only_a_default_that_was_not_chosen_is_said(make_node: Any, join: Any) -> None:
    with capture_logs() as logs:
        join(make_node(FEED="temperatures"))
    assert [entry["event"] for entry in logs] == ["feed.subscribed"]


def test_each_wanted_feed_is_subscribed_to_and_waited_for_and_stars_are_not(
    make_node: Any, join: Any, clock: Any
) -> None:
    one = make_node(TARGET="a,b", FEED="x")
    session = join(one)
    assert sorted(session.handlers) == [
        ("observatory.a.feeds.x", "exact"),
        ("observatory.b.feeds.x", "exact"),
    ]
    ((period_s, check),) = session.repeated
    assert period_s == 1.0
    clock.now += 61
    with capture_logs() as logs:
        run(check())
        run(check())
    assert [(entry["event"], entry["feed"]) for entry in logs] == [
        ("feed.stale", "observatory.a.feeds.x"),
        ("feed.stale", "observatory.b.feeds.x"),
    ]
    everything = make_node(NAME="all", TARGET="*", FEED="*")
    session = join(everything)
    clock.now += 1000
    with capture_logs() as logs:
        run(session.repeated[0][1]())
    assert logs == []


def test_what_is_prefixed_is_what_several_feeds_may_share(make_node: Any, join: Any, clock: Any) -> None:
    one = make_node(TARGET="*")
    feed = {"agent_address": "observatory.far", "feed_name": "temperatures"}
    join(one).handlers["observatory..feeds.temperatures", "wildcard"]([message(NOW, T=1.0)[0], feed])
    assert [field.name for field in one.fields(0, 2e9)] == ["far.temperatures.t"]


def test_a_new_session_is_patient_anew_and_what_came_before_it_is_not_known_to_be_all(
    make_node: Any, join: Any, clock: Any
) -> None:
    one = make_node()
    join(one).handlers[TOPIC, "exact"](message(NOW, T=1.0))
    (field,) = one.fields(0, 2e9)
    assert field.complete_since == NOW
    clock.now += 1000
    session = join(one)
    (field,) = one.fields(0, 2e9)
    assert field.complete_since is None
    with capture_logs() as logs:
        run(session.repeated[0][1]())
    assert logs == []


def test_what_an_earlier_run_stored_is_there_once_and_said(make_node: Any, join: Any) -> None:
    first = make_node()
    hear = join(first).handlers[TOPIC, "exact"]
    hear(message(NOW - 2, T=1.0))
    hear(message(NOW - 1, T=2.0))
    first.close()
    second = make_node()
    with capture_logs() as logs:
        assert [field.name for field in second.fields(0, 2e9)] == ["t"]
        (series,) = second.read(["t"], 0, 2e9, sisock.Limits())
        join(second)
    assert series.values.tolist() == [1.0, 2.0]
    said = [entry for entry in logs if entry["event"] == "store.restored"]
    assert [entry["blocks"] for entry in said] == [2]


def test_of_an_empty_store_nothing_is_said(make_node: Any) -> None:
    with capture_logs() as logs:
        list(make_node(FEED="x").read(["t"], 0, 2e9, sisock.Limits()))
    assert logs == []


def test_how_many_messages_there_were_is_said_at_the_end_and_shown(make_node: Any, join: Any) -> None:
    one = make_node()
    registry = make_registry("test")
    one.measure(registry)
    join(one).handlers[TOPIC, "exact"](message(NOW - 2, T=1.0, on=True))
    assert registry.get_sample_value("sisock_feed_samples_total") == 2.0
    assert registry.get_sample_value("sisock_feed_lag_seconds", {"feed": TOPIC}) == 2.0
    with capture_logs() as logs:
        one.close()
    assert (logs[-1]["event"], logs[-1]["messages"], logs[-1]["samples"]) == ("feed.counts", 1, 2)


class Connected:
    """Stands for a connection with another router."""

    def __init__(self, reactor: Any, config: Any, owner: Any, log: Any, *, open_port: bool) -> None:
        self.config, self.owner, self.open_port = config, owner, open_port
        self.url = f"ws://{config.crossbar_host}:{config.crossbar_ocs_port}/ws"
        self.runs = self.stops = 0
        self.ends: Deferred[None] = Deferred()

    def run(self) -> Deferred[None]:
        self.runs += 1
        return self.ends

    async def stop(self) -> None:
        self.stops += 1
        await succeed(None)


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Connected]:
    made: list[Connected] = []

    def make(*args: Any, **options: Any) -> Connected:
        made.append(Connected(*args, **options))
        return made[-1]

    monkeypatch.setattr(elsewhere, "Connection", make)
    return made


def test_feeds_of_another_router_are_heard_there_alone_through_all_sessions_at_ours(
    make_node: Any, join: Any, connected: list[Connected], clock: Any
) -> None:
    one = make_node(FEED_HOST="ocs", FEED_PORT="8123", WAMP_SECRET="ours")
    ours = join(one)
    join(one)
    assert ours.handlers == {}
    (there,) = connected
    assert (there.runs, there.open_port) == (1, True)
    # No secret of ours is for a router of OCS's.
    assert (there.config.crossbar_host, there.config.crossbar_ocs_port) == ("ocs", 8123)
    assert (there.config.wamp_secret, there.config.crossbar_dir) == (None, elsewhere.NOWHERE)
    theirs = Session()
    with capture_logs() as logs:
        run(there.owner.joined(theirs, None))
    assert [(entry["event"], entry["at"]) for entry in logs] == [("feed.subscribed", "ws://ocs:8123/ws")]
    theirs.handlers[TOPIC, "exact"](message(NOW + 1, T=1.0))
    (field,) = one.fields(0, 2e9)
    assert field.complete_since == NOW + 1
    there.owner.lost()
    one.close()
    assert there.stops == 1


def test_a_router_elsewhere_that_lets_us_hear_nothing_is_said_with_the_topic_and_the_remedy(
    connected: list[Connected],
) -> None:
    config = sisock.load(DataFeedConfig, {**REQUIRED, "FEED_HOST": "ocs"})
    began: list[bool] = []

    async def begins() -> None:
        began.append(True)

    one = Elsewhere(
        SimpleNamespace(),
        config,
        [*subscriptions(["a"], ["x"])],
        lambda _: lambda *_: None,
        begins,
        structlog.get_logger(),
    )
    one.start()
    with pytest.raises(RefusedError, match=r"does not let us hear observatory\.a\.feeds\.x"):
        run(one.joined(Session(refuses="observatory.a.feeds.x"), None))
    assert began == [True]
    with capture_logs() as logs:
        connected[0].ends.errback(RefusedError("no"))
    assert [entry["event"] for entry in logs] == ["feed.refused"]
    assert logs[0]["why"].startswith("no; FEED_HOST must let anonymous peers in")


def test_who_stops_before_the_first_session_has_nothing_to_stop_elsewhere(make_node: Any) -> None:
    make_node(FEED_HOST="ocs").close()


def test_it_is_on_the_port_shared_with_ocs_unless_it_shall_not_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(
        sisock, "run", lambda make, config, *, open_port: ran.append((make, config, open_port))
    )
    command.main()
    [(make, kind, open_port)] = ran
    assert kind is DataFeedConfig
    for environ, is_open in (({}, True), ({"ROUTER_PORT": "open"}, True), ({"ROUTER_PORT": "tls"}, False)):
        config = sisock.load(DataFeedConfig, {**REQUIRED, "STATE_DIRECTORY": str(tmp_path), **environ})
        assert open_port(config) is is_open
    one = make(config)
    assert (one.name, one.live) == ("LSA22YE", True)
    assert abs(one._clock() - time.time()) < 60
    one.close()

"""`sisock.base.DataNodeServer` without a router: what its author is asked, and what of it travels."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.message import Unregistered
from autobahn.wamp.serializer import CBORSerializer
from autobahn.wamp.types import Challenge, ComponentConfig
from sisock import base, message, uris
from sisock.base import DataNodeServer
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred, succeed
from twisted.internet.task import Clock

REPLY = {"data": {"a": [1.0, 2.0]}, "timeline": {"a": {"t": [10.0, 20.0], "finalized_until": None}}}


class Server(DataNodeServer):
    name, description = "old", "An old server."

    def __init__(self) -> None:
        super().__init__(ComponentConfig("test_realm"))
        self.asked: list[Any] = []
        self.reply: Any = REPLY
        self.joined_with: list[Any] = []
        # What autobahn and a router do.
        self.registered: list[str] = []
        self.topics: dict[str, Any] = {}
        self.refused: set[str] = set()
        self.answers: dict[str, Any] = {}
        self.added: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self._transport = SimpleNamespace(_serializer=CBORSerializer())

    def is_attached(self) -> bool:
        return True

    def register(self, endpoint: Any, procedure: str | None = None, options: Any = None) -> Any:
        if procedure in self.refused:
            raise ApplicationError(ApplicationError.PROCEDURE_ALREADY_EXISTS)
        self.registered.append(procedure)
        self.answers[procedure] = endpoint
        return succeed(None)

    def subscribe(self, handler: Any, topic: str | None = None, options: Any = None) -> Any:
        if topic in self.refused:
            raise ApplicationError(ApplicationError.NOT_AUTHORIZED, "no")
        self.topics[topic] = handler
        return succeed(None)

    def call(self, procedure: str, *args: Any, **kwargs: Any) -> Any:
        assert procedure == uris.DATA_NODE_ADD
        self.added.append((args, kwargs))
        return succeed(True)

    def after_onJoin(self, details: Any) -> None:
        self.joined_with.append(details)

    def _get_fields_blocking(self, start: float, end: float) -> Any:
        self.asked.append((start, end))
        return {"a": {"timeline": "a"}}, {"a": {"interval": np.float64(10.0)}}

    def _get_data_blocking(self, field: Any, start: float, end: float, min_stride: Any = None) -> Any:
        self.asked.append((field, start, end, min_stride))
        return self.reply


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(base, "the_reactor", lambda: clock)
    monkeypatch.setattr(base, "deferToThread", maybeDeferred)
    return clock


@pytest.fixture
def server(clock: Clock) -> Server:
    return Server()


def came(coroutine: Any) -> list[Any]:
    results: list[Any] = []
    ensureDeferred(coroutine).addBoth(lambda result: results.append(getattr(result, "value", result)))
    return results


DETAILS = SimpleNamespace(session=7)


def test_a_server_registers_and_announces_itself_and_then_lets_its_author_go_on(server: Server) -> None:
    server.onJoin(DETAILS)
    assert server.registered == [uris.get_fields("old"), uris.get_data("old")]
    assert server.added == [(("old", "An old server.", 7), {"capabilities": ["parts"]})]
    assert server.joined_with == [DETAILS]
    server.topics[uris.DATA_NODE_ANNOUNCE]()
    assert len(server.added) == 2
    assert len(server.registered) == 2


def test_a_name_that_is_taken_is_asked_for_until_it_is_free_while_the_author_goes_on(
    server: Server, clock: Clock
) -> None:
    server.refused = {uris.get_data("old"), uris.DATA_NODE_ANNOUNCE}
    server.onJoin(DETAILS)
    assert server.registered == [uris.get_fields("old")]
    assert (server.added, server.joined_with) == ([], [DETAILS])
    server.refused = set()
    clock.pump([0.1] * 15)
    assert server.registered == [uris.get_fields("old"), uris.get_data("old")]
    assert len(server.added) == 1
    clock.pump([1.0] * 20)
    assert len(server.added) == 1


def test_a_name_that_somebody_took_is_registered_anew_and_nothing_else_is(
    server: Server, monkeypatch
) -> None:
    monkeypatch.setattr(base.ApplicationSession, "onMessage", lambda _self, _message: None)
    server.onMessage(Unregistered(0, registration=5))  # before there is anything to lose
    server.onJoin(DETAILS)
    server._registrations = {
        5: SimpleNamespace(procedure=uris.get_data("old")),
        6: SimpleNamespace(procedure="the.authors.own"),
    }
    server.onMessage(Unregistered(0, registration=6))
    assert len(server.registered) == 2
    server.onMessage(Unregistered(0, registration=5))
    assert server.registered[2:] == [uris.get_data("old")]


def test_times_are_made_absolute_and_numpys_numbers_plain(server: Server, monkeypatch) -> None:
    monkeypatch.setattr(base, "sisock_to_unix_time", lambda t: t + 0.5)
    assert came(server._answer_get_fields()) == [[{"a": {"timeline": "a"}}, {"a": {"interval": 10.0}}]]
    assert came(server._answer_get_data(["a"], -10, 0, min_stride=2.0)) == [REPLY]
    assert server.asked == [(1.5, 0.5), (["a"], -9.5, 0.5, 2.0)]


def test_what_an_author_returns_of_numpy_is_written_as_lists() -> None:
    sent = {"a": np.array([1, 2]), "b": (np.float64(1.5), [np.int64(3)]), "c": [1.0], "d": [], "e": "x"}
    plain = base._plain(sent)
    assert plain == {"a": [1, 2], "b": [1.5, [3]], "c": [1.0], "d": [], "e": "x"}
    assert type(plain["b"][1][0]) is int
    assert plain["c"] is sent["c"]  # a long list of plain numbers is not gone through


@pytest.mark.parametrize("what", ["get_fields", "get_data"])
def test_who_overrides_nothing_is_told_what_to_override(what: str, clock: Clock) -> None:
    class Bare(DataNodeServer):
        pass

    bare = Bare(ComponentConfig("test_realm"))
    arguments = (1, 2) if what == "get_fields" else (["a"], 1, 2)
    [error] = came(_awaited(getattr(bare, what)(*arguments)))
    assert (type(error), str(error)) == (
        NotImplementedError,
        f"Bare overrides neither {what} nor _{what}_blocking",
    )


async def _awaited(deferred: Any) -> Any:
    return await deferred


def long_reply(samples: int) -> dict[str, Any]:
    t = np.arange(float(samples)) + 0.1
    return {"data": {"a": t}, "timeline": {"a": {"t": t, "finalized_until": None}}}


def test_a_long_reply_goes_in_parts_that_each_fit_into_a_message(server: Server, clock: Clock) -> None:
    server.reply, parts = long_reply(200_000), []
    answered = came(server._answer_get_data(["a"], 1, 2, _details=SimpleNamespace(progress=parts.append)))
    while not answered:
        assert len(parts) < 50
        clock.advance(0)
    parts.append(answered[0])
    assert len(parts) == message.size(server, base._plain(server.reply)) // (256 * 1024) + 1
    assert all(message.size(server, part) < message.MOST_BYTES for part in parts)
    assert [v for part in parts for v in part["data"]["a"]] == server.reply["data"]["a"].tolist()


def test_a_long_reply_is_false_for_who_takes_no_parts_and_where_it_is_none(server: Server) -> None:
    server.reply = long_reply(200_000)
    assert came(server._answer_get_data(["a"], 1, 2)) == [False]
    assert came(server._answer_get_data(["a"], 1, 2, _details=SimpleNamespace(progress=None))) == [False]
    server.reply = ["x" * 2_000_000]
    parts: list[Any] = []
    assert came(server._answer_get_data(["a"], 1, 2, _details=SimpleNamespace(progress=parts.append))) == [
        False
    ]
    assert parts == []


def test_settings_are_read_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "WAMP_USER": "feed",
        "WAMP_SECRET": "s",
        "CROSSBAR_HOST": "h",
        "CROSSBAR_TLS_PORT": "1",
        "CROSSBAR_OCS_PORT": "2",
    }.items():
        monkeypatch.setenv(name, value)
    names = ("WAMP_USER", "WAMP_SECRET", "WAMP_URI", "SISOCK_HOST", "SISOCK_PORT", "OCS_PORT")
    assert [getattr(base, name) for name in names] == ["feed", "s", "wss://h:1/ws", "h", 1, 2]
    assert sorted(base.__all__) == sorted(
        [*names, "BASE_URI", "REALM", "sisock_to_unix_time", "uri", "DataNodeServer"]
    )
    monkeypatch.delenv("WAMP_SECRET")
    assert "WAMP_SECRET" not in base.__all__
    with pytest.raises(AttributeError, match=r"module 'sisock.base' has no attribute 'nothing'"):
        base.nothing  # noqa: B018


def test_a_server_joins_with_its_secret_and_with_nothing_else(server: Server, monkeypatch) -> None:
    monkeypatch.setenv("WAMP_SECRET", "s")
    monkeypatch.setenv("WAMP_USER", "feed")
    joined: list[Any] = []
    monkeypatch.setattr(server, "join", lambda *given: joined.append(given))
    server.onConnect()
    assert joined == [("test_realm", ["wampcra"], "feed")]
    assert isinstance(server.onChallenge(Challenge("wampcra", {"challenge": "c"})), str)
    with pytest.raises(RuntimeError, match="Invalid authmethod ticket"):
        server.onChallenge(Challenge("ticket", {}))


@pytest.mark.parametrize(
    ("hosting", "running", "how"),
    [
        ({"whole_process": True}, True, "restart"),
        ({"whole_process": True}, False, ""),
        ({"whole_process": True, "unjoined": True, "runner": SimpleNamespace()}, True, "connect"),
        ({"runner": SimpleNamespace()}, True, "connect"),
        ({"runner": SimpleNamespace(_client_service=None)}, True, "connect"),
        ({"runner": SimpleNamespace(_client_service=5)}, True, ""),
        ({}, True, ""),
        (None, True, ""),
    ],
)
def test_a_lost_server_comes_back_as_it_was_started(
    server: Server, clock: Clock, monkeypatch, hosting: Any, running: bool, how: str
) -> None:
    ways: list[Any] = []

    async def connect(_reactor: Any, _hosting: Any, factory: Any) -> None:
        ways.append(("connect", factory))

    async def restart(_reactor: Any, _hosting: Any, lasted_s: float, _log: Any) -> None:
        ways.append(("restart", lasted_s))

    monkeypatch.setattr(base, "connect", connect)
    monkeypatch.setattr(base, "restart", restart)
    monkeypatch.setattr(base.ApplicationSession, "onDisconnect", lambda _self: None)
    clock.running = running
    server._factory = "factory"
    if hosting is not None:
        clock.advance(5.0)
        if not hosting.get("unjoined"):
            server._take_note()
        clock.advance(2.5)
        given = {"whole_process": False, "runner": None, **hosting}
        server._hosting = SimpleNamespace(**given)
    server.onDisconnect()
    assert ways == {"": [], "restart": [("restart", 2.5)], "connect": [("connect", "factory")]}[how]


def test_nobody_comes_back_to_a_reactor_that_has_stopped_and_nobody_asks_the_hub_any_more(
    server: Server, clock: Clock, monkeypatch
) -> None:
    monkeypatch.setattr(base.ApplicationSession, "onDisconnect", lambda _self: None)
    monkeypatch.setattr(base, "connect", lambda *_: pytest.fail("comes back"))
    monkeypatch.setattr(server, "call", lambda *_, **__: Deferred())
    server.onJoin(DETAILS)
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(5.0)  # the deadline: it would be asked again
    clock.running, clock._stopped = True, True
    server._hosting = SimpleNamespace(whole_process=False, runner=SimpleNamespace())
    server.onDisconnect()
    assert clock.getDelayedCalls() == []


def test_what_made_a_session_is_remembered_when_it_opens(server: Server, monkeypatch) -> None:
    opened: list[Any] = []
    monkeypatch.setattr(base.ApplicationSession, "onOpen", lambda _self, transport: opened.append(transport))
    transport = SimpleNamespace(factory="factory")
    server.onOpen(transport)
    assert (server._factory, server._joined_at, opened) == ("factory", None, [transport])
    assert server._hosting.whole_process is False

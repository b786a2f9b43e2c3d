"""How an old server's process starts anew and its session connects again, on a clock that is set by hand."""

import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from sisock import restart
from sisock.restart import Hosting, command, connect
from sisock_testing.still import StillReactor
from twisted.internet import ssl
from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.error import ConnectError


class Reactor(StillReactor):
    """One that is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.triggers: list[tuple[str, str]] = []
        self.stopped = 0

    def addSystemEventTrigger(self, phase: str, event: str, call: Any) -> None:
        self.triggers.append((phase, event))
        self.last = call

    def stop(self) -> None:
        self.stopped += 1


class Endpoint:
    """Connects, or not, as the test says."""

    def __init__(self) -> None:
        self.tries, self.error = 0, None
        self.aborted = 0

    def connect(self, factory: Any) -> Any:
        self.tries += 1
        self.factory = factory
        self.protocol = SimpleNamespace(is_open=Deferred(), is_closed=Deferred(), transport=self)
        return fail(self.error) if self.error else succeed(self.protocol)

    def abortConnection(self) -> None:
        self.aborted += 1


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def done(coroutine: Any) -> list[Any]:
    results: list[Any] = []
    ensureDeferred(coroutine).addBoth(results.append)
    return results


def test_a_router_that_is_away_is_tried_until_a_session_opens(reactor: Reactor, endpoint: Endpoint) -> None:
    endpoint.error = ConnectError()
    came = done(connect(reactor, SimpleNamespace(endpoint=endpoint), "factory"))
    assert endpoint.tries == 0
    reactor.pump([0.05] * 600)
    assert 9 <= endpoint.tries <= 60
    endpoint.error = None
    before = endpoint.tries
    reactor.pump([0.05] * 62)
    assert (endpoint.tries, endpoint.factory, came) == (before + 1, "factory", [])
    endpoint.protocol.is_open.callback(None)
    assert came == [None]
    assert reactor.getDelayedCalls() == []
    reactor.advance(60.0)
    assert endpoint.aborted == 0


@pytest.mark.parametrize("how", ["closed", "silent"])
def test_a_connection_that_does_not_open_is_tried_again(
    reactor: Reactor, endpoint: Endpoint, how: str
) -> None:
    came = done(connect(reactor, SimpleNamespace(endpoint=endpoint), "factory"))
    reactor.pump([0.05] * 28)
    first = endpoint.protocol
    if how == "closed":
        first.is_closed.callback(None)
    else:
        reactor.advance(8.5)
        assert endpoint.aborted == 0
        reactor.pump([0.1] * 16)
    assert endpoint.aborted == (how == "silent")
    reactor.pump([0.05] * 60)
    assert (endpoint.tries, came) == (2, [])
    endpoint.protocol.is_open.callback(None)
    assert came == [None]


class Context:
    """What autobahn took for TLS before there were connection creators."""

    context = ssl.CertificateOptions(verify=False).getContext()

    def getContext(self) -> Any:
        return self.context


class Runner:
    url, realm, serializers, ssl = "wss://router:8080/ws", "test_realm", None, None

    def __init__(self) -> None:
        self.stopped = 0

    def stop(self) -> None:
        self.stopped += 1


@pytest.mark.parametrize(
    ("lasted_s", "before", "restarts"), [(61.0, "7", 1), (60.0, "3", 4), (1.0, None, 1), (1.0, "50", 51)]
)
def test_a_server_starts_anew_when_the_router_is_back(
    reactor: Reactor, endpoint: Endpoint, monkeypatch, lasted_s, before, restarts
) -> None:
    monkeypatch.setattr(restart, "command", lambda: ["python", "server.py"])
    executed: list[Any] = []
    monkeypatch.setattr(os, "execve", lambda *given: executed.append(given))
    paused: list[int] = []
    monkeypatch.setattr(restart, "_RESTART_DELAY_S", lambda number: paused.append(number) or 4.0)
    monkeypatch.delenv("SISOCK_RESTARTS", raising=False)
    if before is not None:
        monkeypatch.setenv("SISOCK_RESTARTS", before)
    runner, log = Runner(), SimpleNamespace(info=lambda _text: None)
    came = done(restart.restart(reactor, SimpleNamespace(runner=runner, endpoint=endpoint), lasted_s, log))
    assert runner.stopped == 1
    reactor.advance(3.9)
    assert (paused, endpoint.tries) == ([restarts], 0)
    reactor.pump([0.1] * 16)
    assert endpoint.tries == 1
    assert reactor.stopped == 0
    endpoint.protocol.is_open.callback(None)
    assert (came, reactor.stopped, reactor.triggers) == ([None], 1, [("before", "shutdown")])
    assert executed == []
    reactor.last()
    [(program, argv, environ)] = executed
    assert (program, argv, environ["SISOCK_RESTARTS"]) == ("python", ["python", "server.py"], str(restarts))
    assert environ["PATH"] == os.environ["PATH"]


def test_a_script_that_is_in_no_file_is_told_to_start_again(reactor: Reactor, monkeypatch) -> None:
    monkeypatch.setattr(restart, "command", lambda: None)
    told, runner = [], Runner()
    log = SimpleNamespace(error=told.append)
    assert done(restart.restart(reactor, SimpleNamespace(runner=runner), 1.0, log)) == [None]
    assert reactor.stopped == 1
    assert "start it again" in told[0]


@pytest.mark.parametrize(
    ("main", "argv", "orig_argv", "told"),
    [
        ({"__spec__": "x"}, ["-m"], ["python", "-m", "ticking", "a"], ["-m", "ticking", "a"]),
        ({"__spec__": None}, ["-c"], ["python", "-c", "code"], ["-c", "code"]),
        ({"__spec__": None}, ["-"], ["python", "-"], None),
        (
            {"__spec__": None, "__file__": "dir/s.py"},
            ["dir/s.py", "a"],
            ["python", "-u", "dir/s.py", "a"],
            ["-u", "{here}/dir/s.py", "a"],
        ),
        ({"__spec__": None, "__file__": "s.py"}, ["changed"], ["python", "s.py"], ["s.py"]),
        ({"__spec__": None, "__file__": "s.py"}, ["python"], ["python", "s.py"], ["s.py"]),
    ],
)
def test_the_command_line_is_the_one_that_the_process_was_started_with(
    monkeypatch, tmp_path, main, argv, orig_argv, told
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(**main))
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", orig_argv)
    expected = told and [sys.executable, *(word.format(here=tmp_path) for word in told)]
    assert command() == expected


def test_a_session_that_nobody_runs_is_hosted_by_nobody() -> None:
    hosting = Hosting(SimpleNamespace(config=SimpleNamespace()))
    assert (hosting.runner, hosting.endpoint, hosting.whole_process) == (None, None, False)
    assert Hosting(SimpleNamespace(config=SimpleNamespace(runner="r"))).runner == "r"


@pytest.mark.parametrize("make_is_session", [True, False])
@pytest.mark.parametrize(("start_reactor", "guest", "whole"), [
    (True, False, True), (True, True, False), (False, False, False),
])  # fmt: skip
def test_a_runner_tells_whether_the_process_is_there_for_the_session(
    monkeypatch, make_is_session: bool, start_reactor: bool, guest: bool, whole: bool
) -> None:
    monkeypatch.setattr(restart, "_is_guest", lambda: guest)
    kept: list[Hosting] = []

    class Fake:
        def run(self, make: Any, start_reactor: bool = True) -> None:
            endpoint = "endpoint"
            kept.append(Hosting(session))
            assert endpoint

    runner = Fake()
    session = SimpleNamespace(config=SimpleNamespace(runner=None if make_is_session else runner))
    monkeypatch.setattr(restart, "ApplicationRunner", Fake)
    runner.run(session if make_is_session else "class", start_reactor)
    [hosting] = kept
    assert (hosting.runner, hosting.endpoint, hosting.whole_process) == (runner, "endpoint", whole)


def test_another_runners_session_is_not_ours(monkeypatch) -> None:
    kept: list[Hosting] = []

    class Fake:
        def run(self, make: Any, start_reactor: bool = True) -> None:
            kept.append(Hosting(SimpleNamespace(config=SimpleNamespace(runner="another"))))

    monkeypatch.setattr(restart, "ApplicationRunner", Fake)
    Fake().run("class")
    assert (kept[0].runner, kept[0].endpoint, kept[0].whole_process) == ("another", None, False)


def test_a_shell_a_notebook_and_a_test_run_are_not_started_anew(monkeypatch) -> None:
    assert restart._is_guest()
    monkeypatch.setattr(restart, "_HOSTS", ("IPython_is_not_here",))
    assert not restart._is_guest()
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert restart._is_guest()


@pytest.mark.parametrize(
    ("url", "given"),
    [("ws://router:8001/ws", None), ("wss://router:8080/ws", None), ("wss://router:8080/ws", "options")],
)
def test_the_way_to_the_router_is_the_runners(reactor: Reactor, monkeypatch, url: str, given: Any) -> None:
    made: list[Any] = []
    monkeypatch.setattr(restart, "HostnameEndpoint", lambda _reactor, *where: where)
    monkeypatch.setattr(restart, "wrapClientTLS", lambda trust, plain: made.append(trust) or ("tls", plain))
    runner = Runner()
    runner.url, runner.ssl = url, Context() if given else None
    where = ("router", 8080 if url.startswith("wss") else 8001)
    assert restart._endpoint(reactor, runner) == (("tls", where) if url.startswith("wss") else where)
    if given:
        assert made[0].clientConnectionForTLS(None).get_context() is Context.context


def test_servers_start_anew_in_ever_longer_pauses_and_half_a_minute_is_the_longest() -> None:
    first, later = (restart._RESTART_DELAY_S(number) for number in (1, 20))
    assert 0.4 < first < 1.6
    assert 30.0 <= later <= 31.0
    assert 0.3 < restart._DELAY_S(1) < 1.5
    assert 2.0 <= restart._DELAY_S(20) <= 3.0


def test_what_asks_whether_the_router_is_back_does_not_join() -> None:
    factory = restart._probe_factory(Runner())
    assert not factory.noisy
    assert factory.openHandshakeTimeout == 10.0
    probe, closed = factory._factory(), []
    probe.disconnect = lambda: closed.append(1)
    probe.onConnect()
    assert (probe.config.realm, closed) == ("test_realm", [1])

"""The whole ``main`` of a data server on a reactor that never runs: settings, signals, exit codes, health."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sisock
from sisock import logs, metrics, runner
from sisock.errors import RefusedError
from sisock.runner import EXIT_CONFIG, EXIT_REFUSED, Health, exit_with, run, run_until_stopped
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred, fail, succeed


@pytest.fixture(autouse=True)
def of_the_process(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What a service sets for its whole process stays as it is in ours."""
    intervals: list[float] = []
    monkeypatch.setattr(runner.sys, "setswitchinterval", intervals.append)
    monkeypatch.setattr(runner.gc, "freeze", lambda: None)
    return intervals


class Reactor:
    """Begins what was asked for, lets the test do something, and shuts down."""

    def __init__(self, meanwhile: Any = lambda: None) -> None:
        self.running, self.stopped, self.threads = True, 0, 0
        self.meanwhile = meanwhile
        self.before: list[Any] = []
        self.begun: list[Any] = []

    def callWhenRunning(self, call: Any) -> None:
        self.begun.append(call)

    def addSystemEventTrigger(self, phase: str, event: str, call: Any) -> None:
        assert (phase, event) == ("before", "shutdown")
        self.before.append(call)

    def run(self) -> None:
        for call in self.begun:
            call()
        self.meanwhile()
        for call in self.before:
            call()

    def stop(self) -> None:
        self.stopped += 1

    def suggestThreadPoolSize(self, threads: int) -> None:
        self.threads = threads


def test_health_is_a_file_that_is_there_while_all_is_well(tmp_path: Path) -> None:
    file = tmp_path / "health"
    file.write_text("of an earlier life")
    health = Health(file)
    assert not file.exists()
    health.set(True)
    assert file.read_text() == "healthy\n"
    health.set(False)
    health.set(False)
    assert not file.exists()
    Health(None).set(True)


@pytest.mark.parametrize(
    ("started", "code", "stopped", "event"),
    [
        (Deferred, 0, 0, None),
        (lambda: succeed(None), 0, 0, None),
        (lambda: fail(RefusedError("no")), EXIT_REFUSED, 1, "service.refused"),
        (lambda: fail(ValueError("what")), EXIT_REFUSED, 1, "service.failed"),
    ],
)
def test_how_a_service_ends_is_its_exit_code(
    started: Any, code: int, stopped: int, event: Any, of_the_process: list[float]
) -> None:
    reactor, said = Reactor(), []

    async def goodbye() -> None:
        said.append("goodbye")

    with capture_logs() as logged:
        assert run_until_stopped(reactor, started, goodbye, logs.get("test")) == code
    assert (reactor.stopped, said) == (stopped, ["goodbye"])
    assert of_the_process == [runner.SWITCH_INTERVAL_S]
    assert 0 < runner.SWITCH_INTERVAL_S < 0.005
    events = [(one["event"], one.get("code")) for one in logged]
    assert events == ([(event, None)] if event else []) + [("service.stopped", code)]


def test_exit_codes_are_those_that_sites_know() -> None:
    assert (EXIT_REFUSED, EXIT_CONFIG) == (1, 2)


def test_a_failure_after_the_end_stops_nothing_a_second_time() -> None:
    reactor, waiting = Reactor(), Deferred()

    def end() -> None:
        reactor.running = False
        waiting.errback(RefusedError("late"))

    reactor.meanwhile = end

    async def goodbye() -> None:
        pass

    assert run_until_stopped(reactor, lambda: waiting, goodbye, logs.get("test")) == EXIT_REFUSED
    assert reactor.stopped == 0


def test_a_sentence_is_on_standard_error_with_the_programs_name(capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/weather", "x"])
    with pytest.raises(SystemExit) as ended:
        exit_with("PORT is wrong", 2)
    assert (ended.value.code, capsys.readouterr().err) == (2, "weather: PORT is wrong\n")
    with pytest.raises(SystemExit) as ended:
        exit_with("", 0)
    assert (ended.value.code, capsys.readouterr().err) == (0, "")


class Node(sisock.DataNode):
    name, description = "node", "A node."

    def __init__(self, config: Any) -> None:
        self.config, self.registry, self.closed = config, None, 0

    def fields(self, start: float, end: float) -> Any:
        return []

    def read(self, names: Any, start: float, end: float, limits: Any) -> Any:
        return []

    def measure(self, registry: Any) -> None:
        self.registry = registry

    def close(self) -> None:
        self.closed += 1


class Connection:
    """Takes note of what a service makes of it."""

    made: list["Connection"]

    def __init__(self, reactor: Any, config: Any, owner: Any, log: Any, *, open_port: bool) -> None:
        self.owner, self.open_port = owner, open_port
        self.session, self.sessions = None, 0
        self.said: list[Any] = []
        self.made.append(self)

    def run(self) -> Any:
        self.owner._set_listed(True)
        return Deferred()

    async def stop(self, farewell: Any) -> None:
        self.said.append(farewell)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    world = SimpleNamespace(reactor=Reactor(), ports=[], nodes=[], signals=[])
    verbosity = SimpleNamespace(service="", follow_signal=lambda: world.signals.append(verbosity.service))
    monkeypatch.setattr(Connection, "made", [], raising=False)
    monkeypatch.setattr(runner, "Connection", Connection)
    monkeypatch.setattr(runner, "the_reactor", lambda: world.reactor)
    monkeypatch.setattr(runner.logs, "configure", lambda *_: verbosity)
    monkeypatch.setattr(metrics, "listen", lambda _reactor, _registry, port: world.ports.append(port))
    return world


class Plain(Node):
    """Has nothing to count beside what every node has."""

    measure = sisock.DataNode.measure


def started(world: SimpleNamespace, environ: dict[str, str], kind: type[Node] = Node, **extra: Any) -> int:
    def make(config: Any) -> Node:
        world.nodes.append(kind(config))
        return world.nodes[-1]

    with pytest.raises(SystemExit) as ended:
        run(make, sisock.NodeConfig, environ={"WAMP_SECRET": "x", **environ}, **extra)
    return ended.value.code


def test_a_service_is_healthy_while_it_is_listed_and_closes_its_node(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    file, seen = tmp_path / "health", []
    world.reactor.meanwhile = lambda: seen.append(file.exists())
    given = {"HEALTH_FILE": str(file), "METRICS_PORT": "9100", "MAX_POINTS": "7", "REPLICA": "yes"}
    assert started(world, given) == 0
    [node], [connection] = world.nodes, Connection.made
    assert (seen, file.exists(), node.closed) == ([True], False, 1)
    assert connection.said == [connection.owner.farewell]
    assert (connection.open_port, world.ports, world.signals) == (False, [9100], ["node"])
    assert (connection.owner._max_points, connection.owner._replica) == (7, True)
    page = metrics.text(node.registry).decode()
    for line in ("sisock_router_up 0.0", "sisock_node_listed 1.0", "sisock_build_info{"):
        assert line in page


@pytest.mark.parametrize(
    ("environ", "kind", "ports"),
    [({}, Plain, []), ({"METRICS_PORT": "9100"}, Plain, [9100]), ({}, Node, [None])],
)
def test_nothing_is_counted_that_nobody_reads_and_no_node_adds_to(
    world: SimpleNamespace, environ: dict[str, str], kind: type[Node], ports: list[int | None]
) -> None:
    assert started(world, environ, kind) == 0
    assert world.ports == ports
    assert isinstance(Connection.made[0].owner._queries, metrics.Queries) is bool(ports)


@pytest.mark.parametrize(
    ("open_port", "is_open"),
    [(True, True), (lambda config: config.replica, True), (lambda _config: False, False)],
)
def test_a_service_joins_where_it_is_told_to(world: SimpleNamespace, open_port: Any, is_open: bool) -> None:
    assert started(world, {"REPLICA": "yes"}, open_port=open_port) == 0
    assert Connection.made[0].open_port is is_open


@pytest.mark.parametrize(("wanted", "threads"), [(3, 3), (None, 5)])
def test_a_node_reads_with_as_many_threads_as_it_says_or_one_more_than_there_are_cores(
    world: SimpleNamespace, monkeypatch, wanted: Any, threads: int
) -> None:
    monkeypatch.setattr(runner.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(Node, "threads", wanted)
    started(world, {})
    assert world.reactor.threads == threads


def test_a_wrong_setting_or_a_node_that_cannot_be_made_is_a_sentence(world: SimpleNamespace, capsys) -> None:
    assert started(world, {"MAX_POINTS": "many"}) == EXIT_CONFIG
    assert "MAX_POINTS='many' is not a whole number" in capsys.readouterr().err
    assert world.nodes == []

    def broken(_config: Any) -> Node:
        raise sisock.ConfigError("TARGET is nowhere")

    with pytest.raises(SystemExit) as ended:
        run(broken, sisock.NodeConfig, environ={})
    assert (ended.value.code, Connection.made) == (EXIT_CONFIG, [])
    assert "TARGET is nowhere" in capsys.readouterr().err


def test_a_port_or_a_secret_that_is_wrong_is_a_sentence(world: SimpleNamespace, capsys, monkeypatch) -> None:
    def refuse(*_given: Any, **_more: Any) -> None:
        raise sisock.ConfigError("METRICS_PORT=1 cannot be listened on")

    monkeypatch.setattr(metrics, "listen", refuse)
    assert started(world, {}) == EXIT_CONFIG
    assert "METRICS_PORT=1 cannot" in capsys.readouterr().err
    assert world.reactor.threads == 0

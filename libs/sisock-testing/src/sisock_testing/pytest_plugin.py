"""pytest fixtures: ``sisock_stack``, ``sisock_peer`` and ``sisock_reactor``, one each a session.

Tests whose fixtures start processes are marked ``peer``: ``pytest -m "not peer"`` runs the quick ones.
What they start ends with pytest, however that ends. pytest loads this wherever sisock-testing is
installed: what is heavy is imported by the fixtures.
"""
# ruff: noqa: ARG001, PLC0415

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from sisock_testing.guard import Guard
    from sisock_testing.stack import Peer, Reactor, Stack

_GUARD: pytest.StashKey["Guard"] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and let hypothesis pass over how busy the machine is."""
    config.addinivalue_line("markers", "peer: starts processes; set by itself with the fixtures that do")
    _be_patient(config)


def _be_patient(config: pytest.Config) -> None:
    """Properties are about values: a slow machine is no fault of theirs. A profile asked for by name wins."""
    if find_spec("hypothesis") is None or config.getoption("--hypothesis-profile", default=None):
        return
    from hypothesis import HealthCheck, settings

    settings.register_profile("sisock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("sisock")


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests whose fixtures ask, at whatever depth, for `sisock_processes`."""
    for item in items:
        if "sisock_processes" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.peer)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Have the guard before the first process, and no process where there is none."""
    from sisock_testing.guard import ALONE, Guard

    if not item.get_closest_marker("peer"):
        os.environ[ALONE] = item.nodeid
        return
    os.environ.pop(ALONE, None)
    if _GUARD not in item.config.stash:
        item.config.stash[_GUARD] = Guard()


def pytest_terminal_summary(terminalreporter: "TerminalReporter") -> None:
    """Show what tests measured: ``record_property("measured", "killed: back after 1.1 s")``."""
    told = [
        text
        for report in terminalreporter.getreports("passed")
        for name, text in report.user_properties
        if name == "measured" and report.when == "call"
    ]
    if told:
        terminalreporter.section("measured")
        for text in told:
            terminalreporter.line(str(text))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    from sisock_testing.guard import ALONE

    os.environ.pop(ALONE, None)
    guard = config.stash.get(_GUARD, None)
    if guard is not None:
        guard.close()


@pytest.fixture(scope="session")
def sisock_processes() -> None:
    """For fixtures to ask for that start processes: it marks their tests ``peer``."""


@pytest.fixture(scope="session")
def sisock_reactor() -> Iterator["Reactor"]:
    """Twisted's reactor, running in a thread."""
    from sisock_testing.stack import Reactor

    reactor = Reactor()
    yield reactor
    reactor.stop()


@pytest.fixture(scope="session")
def sisock_stack(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Stack"]:
    """A real router and hub."""
    from sisock_testing.stack import Stack

    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.start_hub()
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="session")
def sisock_peer(sisock_stack: "Stack", sisock_reactor: "Reactor") -> Iterator["Peer"]:
    """A consumer of that stack."""
    from sisock_testing.stack import Peer

    peer = Peer(sisock_reactor, sisock_stack.config(WAMP_USER="simonsobs"))
    yield peer
    peer.close()

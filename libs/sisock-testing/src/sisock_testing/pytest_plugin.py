"""pytest fixtures: ``sisock_stack``, ``sisock_peer`` and ``sisock_reactor``, one each a session.

pytest loads this wherever sisock-testing is installed: what is heavy is imported by the fixtures.
"""
# ruff: noqa: PLC0415

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sisock_testing.stack import Peer, Reactor, Stack


@pytest.fixture(scope="session")
def sisock_reactor() -> Iterator["Reactor"]:
    """Twisted's reactor, running in a thread."""
    from sisock_testing.stack import Reactor

    reactor = Reactor()
    yield reactor
    reactor.stop()


@pytest.fixture(scope="session")
def sisock_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Stack"]:
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

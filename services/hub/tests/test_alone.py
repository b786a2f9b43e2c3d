"""The hub as a process: where it joins, how soon it tries again; and small messages of the router's."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from autobahn.twisted.websocket import WebSocketAdapterProtocol
from sisock_hub import alone
from sisock_hub.hub import Hub
from sisock_hub.prompt import PromptSockets
from twisted.internet.testing import MemoryReactorClock


def test_the_hub_joins_by_the_socket_in_the_routers_directory_and_tells_how_many_it_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reactor, told, configured = MemoryReactorClock(), [], []
    follow = SimpleNamespace(follow_signal=lambda: configured.append("follows"))
    monkeypatch.setattr(alone, "renewed_reactor", lambda: reactor)
    monkeypatch.setattr(alone, "setproctitle", configured.append)
    monkeypatch.setattr(alone.logs, "configure", lambda *given: configured.append(given) or follow)
    with pytest.raises(SystemExit) as ended:
        alone.run_hub(tmp_path, 10, told.append)
    assert (ended.value.code, reactor.hasRun) == (0, True)
    assert configured == ["sisock-hub [hub]", ("hub", 10), "follows"]
    [(path, wrapping, *_)] = reactor.unixClients
    assert path == str(tmp_path / "hub.sock")
    factory: Any = wrapping._wrappedFactory
    while not isinstance(factory, alone.WampWebSocketClientFactory):
        factory = factory._wrappedFactory if hasattr(factory, "_wrappedFactory") else factory._protocolFactory
    assert factory.noisy is False
    session = factory._factory()
    assert isinstance(session, Hub)
    assert (session.config.realm, session.config.extra["user"]) == ("test_realm", "hub")
    session._tell(3)
    assert told == [3]


def test_a_router_that_was_away_is_joined_again_within_half_a_second_of_its_return() -> None:
    pauses = [alone.PAUSE_S(attempt) for attempt in (0, 1, 2, 9, 500)]
    assert pauses == pytest.approx([0.05, 0.065, 0.0845, 0.5, 0.5])


def test_small_messages_leave_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WebSocketAdapterProtocol, "tcpNoDelay", False, raising=False)
    PromptSockets().onJoin(None)
    assert WebSocketAdapterProtocol.tcpNoDelay is True

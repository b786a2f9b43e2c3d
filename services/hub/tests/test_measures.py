"""Counts that router, hub and their keeper share, and what Prometheus reads of them."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sisock_hub import measures
from sisock_hub.measures import Parts, Tally
from sisock_hub.prepare import self_signed


def shown(tally: Tally) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(Parts(tally))
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (line.split() for line in lines if line[0] != "#")}


def test_starts_and_ends_are_counted_for_each_part_apart() -> None:
    tally = Tally(["router", "hub"])
    assert tally.parts == {"router": (0, False), "hub": (0, False)}
    tally.started("router")
    tally.started("hub")
    tally.ended("hub")
    tally.started("hub")
    tally.started("hub")
    tally.ended("router")
    tally.listed(7)
    assert (tally.parts, tally.nodes) == ({"router": (1, False), "hub": (3, True)}, 7)
    assert shown(tally) == {
        'sisock_part_up{part="router"}': 0,
        'sisock_part_up{part="hub"}': 1,
        'sisock_part_starts_total{part="router"}': 1,
        'sisock_part_starts_total{part="hub"}': 3,
        "sisock_nodes_listed": 7,
    }


def test_of_a_hub_in_the_routers_own_worker_no_number_of_nodes_is_told() -> None:
    assert "sisock_nodes_listed" not in shown(Tally(["router"]))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_what_a_fork_counts_its_parent_sees() -> None:
    tally = Tally(["hub"])
    pid = os.fork()
    if not pid:
        tally.listed(3)
        tally.started("hub")
        os._exit(0)
    os.waitpid(pid, 0)
    assert (tally.nodes, tally.parts) == (3, {"hub": (1, True)})


class EndOfTest(Exception):
    """The process is told to end."""


def test_prometheus_is_answered_until_the_process_is_told_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "server_cert.pem").write_bytes(self_signed(["localhost"])[0])
    waits = iter([None, None])
    listening: list[Any] = []

    def pause() -> None:
        try:
            next(waits)
        except StopIteration:
            raise EndOfTest from None

    monkeypatch.setattr(measures.signal, "pause", pause)
    monkeypatch.setattr(measures.signal, "signal", lambda *how: listening.append(how))
    monkeypatch.setattr(measures, "setproctitle", listening.append)
    monkeypatch.setattr(measures.metrics, "listen_in_thread", lambda *how: listening.append(how))
    tally = Tally(["router", "hub"])
    tally.listed(4)
    with pytest.raises(EndOfTest):
        measures.run_metrics(tally, tmp_path, 9100)
    title, handled, (registry, port) = listening
    assert (title, handled, port) == ("sisock-hub [metrics]", (signal.SIGINT, signal.SIG_DFL), 9100)
    text = generate_latest(registry).decode()
    assert "sisock_nodes_listed 4.0" in text
    assert "certificate" in text

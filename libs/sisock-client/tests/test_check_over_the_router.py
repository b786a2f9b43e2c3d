"""``sisock check`` as a component looks, with a router and nodes that are written here."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sisock.errors import SisockError
from sisock.node import Field, Series
from sisock_client import check as module
from sisock_client.check import check
from sisock_client.health import Finding, State
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Reading
from sisock_testing.literal_bridge import LiteralBridge

NOW = 1500000000.0


class Source:
    """The hub with its nodes: each has a field whose last sample is a second, or an hour, old."""

    ages = {"cryo": 1.0, "attic": 3600.0}  # noqa: RUF012

    def __init__(self, names: Sequence[str], capabilities: frozenset[str]) -> None:
        nodes = {name: NodeInfo(name, "", capabilities) for name in names}
        self.consumer = SimpleNamespace(nodes=nodes, get_fields=self.get_fields, get_data=self.get_data)
        self.deadlines: list[float] = []
        self.closed = 0

    async def get_fields(self, _node: str, _start: float, _end: float, deadline_s: float) -> list[Field]:
        self.deadlines.append(deadline_s)
        return [Field("t")]

    async def get_data(self, node: str, _fields: Any, start: float, end: float, **_: Any) -> Reading:
        t = NOW - self.ages[node] - np.arange(600.0)[::-1]
        t = t[(start <= t) & (t < end)]
        return Reading({"t": Series("t", t, t)}, {})

    def ask(self, work: Any) -> Any:
        try:
            work().send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("it waits")

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bridge: LiteralBridge) -> Any:
    """Looks, with a router whose certificate is as told; gives what was found."""
    monkeypatch.setattr("sisock_client.check.time.time", lambda: NOW)
    (tmp_path / "dir").mkdir()

    def look(source: Any, *, trusted: State = State.GOOD, secret: str = "x") -> list[tuple[str, str]]:
        made: list[Any] = []

        def open_(environ: Any, deadline_s: float) -> Any:
            made.append((environ["CROSSBAR_HOST"], deadline_s))
            if isinstance(source, SisockError):
                raise source
            return source

        told = [Finding(State.WRONG, "it expires"), Finding(trusted, "as it is")]
        monkeypatch.setattr(module, "WampSource", open_)
        monkeypatch.setattr(module.certificate, "shown", lambda _: b"der")
        monkeypatch.setattr(
            module.certificate, "look", lambda _config, der, now: told * (der == b"der" and now == NOW)
        )
        environ = {
            "CROSSBAR_HOST": "router",
            "CROSSBAR_TLS_PORT": "8080",
            "CROSSBAR_DIR": str(tmp_path / "dir"),
            "WAMP_SECRET": secret,
        }
        found = list(check(environ, bridge.url, 7.0, tmp_path))
        assert made in ([], [("router", 7.0)])
        return [(one.state.value, one.sentence.replace(bridge.url, "URL")) for one in found[1:]]

    return look


ROUTER = [
    ("ok", "the router at router:8080 is reachable"), ("WRONG", "it expires"),
    ("ok", "as it is"), ("ok", "there is a secret for the user 'simonsobs'"),
]  # fmt: skip
OLD = ("-", "the bridge at URL answers; it is an old one that tells no more")
NOBODY = ("WRONG", "no data node could be looked at from here")


def test_each_node_of_the_hub_is_looked_at_by_name(looked: Any) -> None:
    source = Source(["cryo", "attic"], frozenset({"live"}))
    assert looked(source) == [
        *ROUTER,
        ("ok", "the hub answers and lists 2 data nodes"),
        ("WRONG", "attic: its last sample is 60 min old, though it serves live data: "
                  "is what it listens to running?"),
        ("ok", "cryo: its last sample is 1 s old"),
        OLD,
    ]  # fmt: skip
    assert (source.closed, source.deadlines) == (1, [7.0, 7.0])
    assert looked(Source(["attic"], frozenset()))[4:] == [
        ("ok", "the hub answers and lists 1 data node"),
        ("ok", "attic: it answers; its last sample is 60 min old (an archive, perhaps)"),
        OLD,
    ]


def test_a_hub_without_nodes_is_wrong_and_said_once(looked: Any, bridge: LiteralBridge) -> None:
    bridge.say("status", {"router": True, "hub": True, "nodes": []})
    source = Source([], frozenset())
    *_, hub, last = looked(source)
    assert hub[0] == "WRONG"
    assert hub[1].startswith("the hub answers and lists no data node: none is running, or ")
    assert last == ("ok", "the bridge at URL answers and knows no data node")
    assert source.closed == 1


@pytest.mark.parametrize(("why", "remedy"), [("it refused us", True), ("the hub is silent", False)])
def test_a_router_that_lets_nobody_in_is_said_with_what_may_help(looked: Any, why: str, remedy: bool) -> None:
    *before, (state, sentence), old, nobody = looked(SisockError(why))
    assert before == ROUTER
    assert state == "WRONG"
    assert sentence.startswith(f"the router does not let us in, or the hub is away: {why}.")
    assert ("Was the secret changed?" in sentence) is remedy
    assert [old, nobody] == [OLD, NOBODY]


@pytest.mark.parametrize(("trusted", "secret"), [(State.WRONG, "x"), (State.GOOD, "")])
def test_without_trust_or_a_secret_the_router_is_not_asked(looked: Any, trusted: State, secret: str) -> None:
    found = looked(AssertionError("asked"), trusted=trusted, secret=secret)
    not_asked = ("-", "hub and data nodes were not asked over the router, because of the above")
    assert found[4:] == [not_asked, OLD, NOBODY]


def test_what_a_bridge_and_the_hub_know_is_compared(looked: Any, bridge: LiteralBridge) -> None:
    known = {"name": "cryo", "problem": "odd fields", "live": False}
    bridge.say(
        "status", {"router": True, "hub": True, "nodes": [known, {**known, "name": "more", "problem": None}]}
    )
    bridge.say("state", {"watch": False, "why": "nobody watches"})
    assert looked(Source(["cryo", "attic"], frozenset()))[7:] == [
        ("ok", "the bridge at URL answers and knows 2 data nodes"),
        ("WRONG", "attic: the hub lists it, and the bridge does not know it"),
        ("WRONG", "cryo: the bridge says: odd fields"),
        ("-", "how the fields are is unknown: nobody watches"),
    ]
    assert [name for name, _ in bridge.asked] == ["status", "state"]

"""A router of our own, since these tests stop it; a node that does as it is told; and watch."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sisock import uris
from sisock.errors import NodeError
from sisock_testing import Peer, Process, Stack, wait_until

FAUCET = Path(__file__).with_name("faucet.py")
SITE = """
[expected]
nodes = ["faucet", "cellar"]
fields = ["faucet::hot", "cellar::wine"]

[[fields]]
match = "faucet::*"
label = "Tap {1}"
silent_after = "4s"

[[fields]]
match = "faucet::hot"

[fields.limits]
warning = { high = 50.0 }
alarm = { high = 80.0 }
hysteresis = 5.0
"""


@dataclass
class Site:
    """The processes of a small observatory, and how to see what watch says of it."""

    stack: Stack
    peer: Peer
    drills: list[tuple[str, float, str]] = field(default_factory=list)

    @property
    def control(self) -> Path:
        return self.stack.directory / "control.json"

    def tell(self, **told: Any) -> None:
        fresh = self.control.with_suffix(".new")
        fresh.write_text(json.dumps(told))
        fresh.replace(self.control)

    def start_faucet(self) -> Process:
        return self.stack.start("faucet", [sys.executable, str(FAUCET)], CONTROL=str(self.control))

    def start_watch(self) -> Process:
        return self.stack.start_module(
            "sisock_watch", SITE_FILE=str(self.stack.directory / "site.toml"), STATE_DB="watch.sqlite"
        )

    def ask(self, procedure: str, **given: Any) -> Any:
        return self.peer.call(uris.procedure("watch", procedure), **given)

    def field(self, name: str) -> dict[str, Any]:
        try:
            fields = self.ask("state", search=name)["fields"]
        except NodeError as error:
            return {"state": "nobody says", "why": str(error)}
        return next((one for one in fields if one["field"] == name), {"state": "not listed", "why": ""})

    def until(self, name: str, state: str, words: str = "", deadline_s: float = 40.0) -> dict[str, Any]:
        """Wait for a state whose cause has some words in it; of none: for one without a cause."""

        def is_so() -> dict[str, Any] | None:
            one = self.field(name)
            fits = words in one["why"] if words else not one["why"]
            return one if one["state"] == state and fits else None

        return wait_until(is_so, deadline_s, f"{name} is {state} ({words}), and not {self.field(name)}")

    def history(self, name: str, start: float) -> tuple[list[float], list[str]]:
        """States of a field since a moment; the last one is what it is now."""

        def read() -> Any:
            series, problems = self.peer.get_data("watch", [name], start, 0)
            assert problems == {}
            one = series[name]
            return one if len(one.t) and one.values[-1] == self.field(name)["state"] else None

        found = wait_until(read, 10, f"the history of {name}")
        return found.t.tolist(), found.values.tolist()

    def drill(self, what: str, known_at: float, name: str, state: str, words: str) -> dict[str, Any]:
        """Wait for a state; note how long after it could be known it was so."""
        one = self.until(name, state, words)
        self.drills.append((what, time.time() - known_at, f"{one['state']}: {one['why']}"))
        return one


@pytest.fixture(scope="module")
def site(
    sisock_processes: None, sisock_reactor: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    stack = Stack(tmp_path_factory.mktemp("site"))
    (stack.directory / "site.toml").write_text(SITE)
    peer = None
    try:
        stack.start_hub()
        peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
        made = Site(stack, peer)
        made.tell()
        made.start_faucet()
        made.start_watch()
        peer.wait_for_node("watch")
        yield made
        for what, seconds, words in made.drills:
            print(f"{what:<28} {seconds:6.2f} s  {words}")
    finally:
        if peer is not None:
            peer.close()
        stack.stop()

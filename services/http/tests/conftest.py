"""A bridge on a real stack: router, hub, the weather server, an old-style node, and http."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sisock_testing import SERVERS, Process, Stack, wait_until
from sisock_testing.stack import free_port

NODES = {"apex_archive", "clockwork", "old_thermometer", "pre_core"}
TIMEOUT_S = 20


class Bridge:
    """An HTTP client of one bridge, with the process that serves it."""

    def __init__(self, stack: Stack, name: str = "http", *, restart: bool = False, **environ: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: Process = stack.start(
            name, [sys.executable, "-m", "sisock_http"], restart=restart, PORT=str(self.port), **environ
        )

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=TIMEOUT_S, **kwargs)

    def post(self, path: str, body: Any, **kwargs: Any) -> requests.Response:
        if isinstance(body, str):
            return requests.post(f"{self.url}{path}", data=body, timeout=TIMEOUT_S, **kwargs)
        return requests.post(f"{self.url}{path}", json=body, timeout=TIMEOUT_S, **kwargs)

    def status(self, path: str) -> int:
        try:
            return self.get(path).status_code
        except requests.ConnectionError:
            return 0

    def nodes(self) -> set[str]:
        """Nodes whose fields the bridge knows; none while it is not ready."""
        try:
            ready, status = self.get("/readyz"), self.get("/api/v1/status")
        except requests.ConnectionError:
            return set()
        return {node["name"] for node in status.json()["nodes"] if node["fields"]} if ready.ok else set()

    def query(self, *targets: str, start: Any, end: Any, **more: Any) -> Any:
        body = {
            "range": {"from": start, "to": end},
            "targets": [{"target": target, "type": "timeserie"} for target in targets],
            **more,
        }
        reply = self.post("/query", body)
        assert reply.status_code == 200, reply.text
        return reply.json()


@pytest.fixture(scope="module")
def make_bridge() -> type[Bridge]:
    """Start further bridges: ``make_bridge(stack, name, **environ)``."""
    return Bridge


@pytest.fixture(scope="module")
def nodes(sisock_stack: Stack) -> dict[str, Process]:
    """The data nodes beside the bridge, by the name of their process."""
    started = {name: sisock_stack.start(name, [sys.executable, str(SERVERS / f"{name}.py")])
               for name in ("clockwork", "old_style", "pre_core")}  # fmt: skip
    return {**started, "weather": sisock_stack.start_module("sisock_weather")}


@pytest.fixture(scope="module")
def bridge(sisock_stack: Stack, nodes: dict[str, Process]) -> Iterator[Bridge]:
    """The bridge, ready, with all nodes online."""
    bridge = Bridge(sisock_stack, QUERY_DEADLINE="3")
    wait_until(lambda: bridge.nodes() >= NODES, what="the bridge is ready")
    yield bridge
    assert bridge.process.stop() == 0
    for process in nodes.values():
        process.stop()

"""A bridge and the weather server on a real router; and a bridge whose replies are literal."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import requests
from sisock_testing import Stack, wait_until
from sisock_testing.literal_bridge import LiteralBridge
from sisock_testing.stack import free_port


@pytest.fixture(scope="module")  # others of the same run have an `apex_archive`, too
def url(sisock_stack: Stack) -> Iterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    weather = sisock_stack.start_module("sisock_weather")
    bridge = sisock_stack.start_module("sisock_http", PORT=str(port))

    def ready() -> bool:
        try:
            listed = requests.get(f"{address}/api/v1/fields", timeout=2).json()
            return any(one["node"] == "apex_archive" for one in listed)
        except (requests.RequestException, TypeError):  # or {"error": ...}, which has no nodes
            return False

    wait_until(ready, what="the bridge is ready")
    yield address
    assert bridge.stop() == 0
    assert weather.stop() == 0


@pytest.fixture(scope="session")
def environ(sisock_stack: Stack) -> Mapping[str, str]:
    """Environment of whoever reaches the router as a component does."""
    return {**sisock_stack.environ(), "CROSSBAR_DIR": str(sisock_stack.directory / ".crossbar")}


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(url: str, environ: Mapping[str, str], tmp_path: Path) -> Run:
    """Runs the command ``sisock``."""

    def call(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "sisock_client", *arguments],
            env={**os.environ, **environ, "SISOCK_URL": url, **more},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return call


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LiteralBridge]:
    """The one that the client asks by default, from a folder where nothing is."""
    made = LiteralBridge()
    monkeypatch.setenv("SISOCK_URL", made.url)
    monkeypatch.chdir(tmp_path)
    names = ("WAMP_SECRET", "WAMP_SECRET_FILE", "CROSSBAR_HOST", "CROSSBAR_DIR", "SISOCK_HTTP_PORT")
    for name in (*names, "SISOCK_TOKEN", "SISOCK_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    yield made
    made.close()

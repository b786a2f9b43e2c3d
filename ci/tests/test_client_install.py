"""The client installed from an index into an empty environment: three lines to a table."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sisock_ci import index, processes
from sisock_ci.services import find_package, needed
from sisock_testing import Stack, wait_until
from sisock_testing.stack import free_port

ROOT = Path(__file__).parents[2]
THREE_LINES = """
from sisock.client import Client
client = Client({url!r})
print(client.get("apex_archive::apex_windspeed", "2017-07-14", "2017-07-15").pandas().shape)
"""


@pytest.fixture
def bridge(sisock_stack: Stack) -> Iterator[str]:
    """A bridge that knows the weather."""
    port = free_port()
    started = [sisock_stack.start_module("sisock_weather")]
    started.append(sisock_stack.start_module("sisock_http", PORT=str(port)))
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            return "apex_archive" in requests.get(f"{url}/api/v1/fields", timeout=2).text
        except requests.RequestException:
            return False

    wait_until(ready, 60, "the bridge knows the weather")
    yield url
    for process in started:
        process.stop()


@pytest.mark.timeout(600)
def test_three_lines_after_pip_install_give_a_table(bridge: str, tmp_path: Path) -> None:
    client = find_package(ROOT, "sisock-client")
    held = tmp_path / "index"
    held.mkdir()
    for package in (client, *needed(ROOT, client, tests=False)):
        index.build(ROOT, package, held, "--wheel")
    processes.uv(tmp_path, "venv", "--quiet", "--python", "3.11", tmp_path / "empty")
    with index.served(held, tmp_path) as url:
        index.install(tmp_path / "empty", url, ["sisock-client[pandas]"], tmp_path)
    python = tmp_path / "empty" / "bin" / "python"
    script = THREE_LINES.format(url=bridge)
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "(1440, 1)", done.stderr

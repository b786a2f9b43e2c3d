"""The client installed into an empty environment as the docs say: three lines to a table."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sisock_ci import processes
from sisock_testing import Stack, wait_until
from sisock_testing.stack import free_port

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "consumers.md"
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
    told = re.search(r"^pip install (.+)$", PAGE.read_text(), re.MULTILINE)
    assert told, "the page says how the client is installed"
    processes.uv(tmp_path, "venv", "--quiet", "--python", "3.11", tmp_path / "empty")
    python = tmp_path / "empty" / "bin" / "python"
    # uv's pip, which takes the same words, has what it downloaded before.
    processes.uv(ROOT, "pip", "install", "--no-config", "--quiet", "--python", python, *shlex.split(told[1]))
    script = THREE_LINES.format(url=bridge)
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "(1440, 1)", done.stderr

"""A service's release on a real engine: index and registry, killed in the middle, a hotfix afterwards."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import requests

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

IMAGE = "sisock-weather-server"
SDIST = "sisock_weather-0.7.0.tar.gz"
MANIFEST = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}


def digests(registry: str) -> dict[str, str]:
    """What each tag of the image is, as the registry tells."""
    host, _, path = registry.partition("/")
    where = f"http://{host}/v2/{path}/{IMAGE}"
    tags = requests.get(f"{where}/tags/list", timeout=10).json().get("tags") or []
    return {
        tag: requests.head(f"{where}/manifests/{tag}", headers=MANIFEST, timeout=10).headers[
            "Docker-Content-Digest"
        ]
        for tag in tags
    }


def test_a_killed_release_is_finished_and_a_hotfix_moves_no_tag_back(
    clone: Any, held: Path, simple: str, docker_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = f"127.0.0.1:5555/released-{os.getpid()}"
    monkeypatch.setenv("SISOCK_REGISTRY", registry)
    monkeypatch.setenv("SISOCK_INDEX", simple)
    for library in ("sisock-core", "sisock-archive"):
        clone.version(f"libs/{library}", "1.7.0")
        assert clone.release(library, simple).returncode == 0
    clone.version("services/weather", "0.7.0")
    process = subprocess.Popen(clone.command("weather"), cwd=clone.directory, start_new_session=True)
    deadline = time.monotonic() + 120
    while not (held / SDIST).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    assert (held / SDIST).exists()
    assert digests(registry) == {}
    again = clone.release("weather", simple)
    assert again.returncode == 0, again.stderr
    assert f"was there: {SDIST}" in again.stdout
    released = digests(registry)
    assert sorted(released) == ["0.7", "0.7.0", "latest"]
    assert len(set(released.values())) == 1
    clone.version("services/weather", "0.6.1")
    hotfix = clone.release("weather", simple)
    assert hotfix.returncode == 0, hotfix.stderr
    after = digests(registry)
    assert {tag: after[tag] for tag in released} == released
    assert sorted(set(after) - set(released)) == ["0.6", "0.6.1"]
    assert after["0.6"] == after["0.6.1"] != released["latest"]

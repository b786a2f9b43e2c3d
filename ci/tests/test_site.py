"""A site: pulls what was pushed, serves data of every kind, and upgrades one component at a time."""

import contextlib
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from sisock_ci import engine
from sisock_ci.services import find, services
from sisock_testing import wait_until
from sisock_testing.stack import free_port

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
MOST_MB = 250
SLIM = [s.name for s in services(ROOT) if s.name != "hub" and "libs/sisock-g3" not in s.libraries]


def test_a_site_serves_weather_sensors_feed_and_g3(site: Any) -> None:
    url = f"http://127.0.0.1:{site.http_port}"
    feed = {"data-feed": "demo"}  # as FEED_TARGET in .env names it
    nodes = {feed.get(service.name, service.node) for service in services(ROOT) if service.node}

    def ready() -> bool:
        reply = requests.get(f"{url}/readyz", timeout=5)
        return reply.ok and nodes <= set(reply.json()["nodes"])

    wait_until(ready, 60, "every node is online", step_s=0.5)
    # Of archives watch keeps no states.
    one_of = {node: site.first_field("watch::sensors" if node == "watch" else node) for node in nodes}
    archived = one_of.pop("apex_archive")

    def without() -> list[str]:
        points = site.query(*one_of.values())
        return [field for field, there in zip(one_of.values(), points, strict=True) if not there]

    with contextlib.suppress(TimeoutError):
        wait_until(lambda: not without(), 60, "data of all", step_s=0.5)
    assert without() == []
    body = {
        "range": {"from": "2017-07-14T00:00:00Z", "to": "2017-07-15T00:00:00Z"},
        "targets": [{"target": archived}],
    }
    [weather] = requests.post(f"{url}/query", json=body, timeout=10).json()
    assert len(weather["datapoints"]) >= 24


def test_ports_are_this_machines_own_and_secrets_are_in_one_file(site: Any) -> None:
    for container in site.ids().values():
        told = subprocess.run(
            ["docker", "port", container], capture_output=True, text=True, check=False
        ).stdout
        assert all("127.0.0.1:" in line for line in told.splitlines())
    assert (site.directory / ".env").stat().st_mode & 0o777 == 0o600
    key = site.directory / ".crossbar" / "server_key.pem"
    assert key.stat().st_mode & 0o077 == 0


def test_no_container_runs_as_root(site: Any) -> None:
    def users(container: str) -> set[str]:
        told = subprocess.run(
            ["docker", "top", container, "-eo", "pid,uid"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        return {line.split()[1] for line in told[1:]}

    for name, container in site.ids().items():
        if name != "database":
            # The hub's check of its health is Docker's, which begins as the image does, and ends at once.
            wait_until(lambda one=container: users(one) == {"9000"}, 20, f"{name} as no root", step_s=0.2)  # type: ignore[misc]


def test_one_service_is_upgraded_while_the_rest_goes_on(
    site: Any, registry: str, step: Any, tmp_path: Path, docker_client: Any
) -> None:
    newer = bumped_copy(tmp_path / "newer", "weather", "0.1.1")
    step("build", "weather", cwd=newer)
    step("push", "weather", cwd=newer)
    step("pins", "--file", str(site.directory / ".env"), cwd=newer)
    docker_client.images.remove(f"{registry}/sisock-weather-server:0.1.1", force=True)
    before = site.ids()
    watched = [site.first_field(node) for node in ("demo", "g3_reader", "sensors")]
    wait_until(lambda: all(site.query(*watched)), 60, "data of what is watched", step_s=0.5)
    answers: list[bool] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                answers.append(all(site.query(*watched)))
            except (requests.RequestException, KeyError):
                answers.append(False)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        site.compose("up", "-d")
        wait_until(lambda: not site.unhealthy(), 90, "all containers are healthy", step_s=0.5)
    finally:
        done.set()
        asking.join(30)
    after = site.ids()
    assert {name for name in after if after[name] != before[name]} == {"weather"}
    assert len(answers) > 50
    assert answers.count(False) == 0
    image = docker_client.containers.get(after["weather"]).image
    assert image.labels["org.opencontainers.image.version"] == "0.1.1"


NGINX = """\
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends nginx && rm /etc/nginx/sites-enabled/default
CMD ["nginx", "-g", "daemon off;"]
"""


def test_one_of_several_bridges_may_die_unnoticed(site: Any, docker_client: Any, tmp_path: Path) -> None:
    # nginx's own image cannot be had without the internet: Debian's package stands in for it.
    (tmp_path / "Dockerfile").write_text(NGINX)
    docker_client.images.build(path=str(tmp_path), tag="sisock-test-nginx", rm=True)
    port = free_port()
    with (site.directory / ".env").open("a") as env:
        env.write(f"BALANCER_PORT={port}\nNGINX_IMAGE=sisock-test-nginx\n")
    files = [
        part
        for name in ("docker-compose.yaml", "agent.yaml", "multi-node/several-bridges.yaml")
        for part in ("-f", name)
    ]
    site.compose(*files, "up", "-d", "--scale", "bridge=3", "balancer")
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _ready(url), 60, "the bridges are ready", step_s=0.5)
        body = {
            "range": {"from": "2017-07-14T00:00:00Z", "to": "2017-07-15T00:00:00Z"},
            "targets": [{"target": "apex_archive::apex_windspeed"}],
        }
        bridges = site.compose(*files, "ps", "-q", "bridge").split()
        assert len(bridges) == 3
        for i in range(90):
            if i == 30:
                docker_client.containers.get(bridges[0]).kill()
            reply = requests.post(f"{url}/query", json=body, timeout=10)
            assert reply.status_code == 200
            assert len(reply.json()[0]["datapoints"]) == 1440
    finally:
        site.compose(*files, "rm", "-sf", "bridge", "balancer", check=False)


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=3).ok
    except requests.RequestException:
        return False


def test_a_version_is_never_overwritten_with_other_content(
    images: Any, registry: str, step: Any, tmp_path: Path, docker_client: Any, capsys: Any
) -> None:
    [radiometer] = find(ROOT, ["radiometer"])
    other = bumped_copy(tmp_path / "other", "radiometer", radiometer.version)
    with (other / "services/radiometer/src/sisock_radiometer/__init__.py").open("a") as source:
        source.write("# changed\n")
    step("build", "radiometer", cwd=other)
    with pytest.raises(AssertionError):
        step("push", "radiometer", cwd=other)
    assert "give services/radiometer a new version" in capsys.readouterr().err


def bumped_copy(to: Path, name: str, version: str) -> Path:
    """A copy of the repository in which one service has another version."""
    files = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for file in filter(None, files):
        if (ROOT / file).exists():
            (to / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, to / file)
    [service] = find(ROOT, [name])
    for file, pattern in (
        (f"{service.folder}/pyproject.toml", rf'^version = "{re.escape(service.version)}"'),
        (f"{service.folder}/CHANGELOG.md", rf"^## {re.escape(service.version)}"),
    ):
        text = (to / file).read_text()
        changed = re.sub(
            pattern, lambda m: m[0].replace(service.version, version), text, count=1, flags=re.MULTILINE
        )
        (to / file).write_text(changed)
    return to


def test_images_are_slim_and_carry_what_they_are(images: Any, docker_client: Any) -> None:
    base = docker_client.images.get("python:3.11-slim-bookworm").attrs["Size"] / 1e6
    for service in services(ROOT):
        image = docker_client.images.pull(engine.reference(service, service.version))
        assert image.labels["org.opencontainers.image.version"] == service.version
        assert image.labels["org.opencontainers.image.licenses"] == "BSD-2-Clause"
        assert image.attrs["Config"]["Healthcheck"]
        if service.name in SLIM:
            assert image.attrs["Size"] / 1e6 - base < MOST_MB, service.name
        told = docker_client.containers.run(
            image,
            entrypoint=["sh", "-c", "ls /app/venv/lib/python3.11/site-packages; which gcc cc || true"],
            remove=True,
        ).decode()
        assert "/gcc" not in told
        assert ("crossbar\n" in told) == (service.name == "hub")
        assert ("so3g\n" in told) == service.name.startswith("g3")


def test_each_image_passes_its_smoke_test(images: Any, step: Any) -> None:
    step("test", "--all")

"""alerts.yaml's own containers on a real engine: read-only, without capabilities, with the site's files.

The images are stand-ins, made of Debian's packages; those that the file names need the internet.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sisock_testing import wait_until
from sisock_testing.stack import free_port

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

COMPOSE = Path(__file__).parents[1]
VERSION = f"sisock-{os.getpid()}"
DOCKERFILE = """
FROM debian:bookworm-slim
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends {package} && \\
    mkdir {storage} && chown nobody {storage}
USER nobody
ENTRYPOINT ["{program}"]
"""
IMAGES = {
    "prom/prometheus": ("prometheus", "/prometheus", "prometheus"),
    "prom/alertmanager": ("prometheus-alertmanager", "/alertmanager", "prometheus-alertmanager"),
}


@pytest.fixture
def images(tmp_path: Path) -> Iterator[None]:
    """Stand-ins, under versions of our own."""
    names = [f"{name}:{VERSION}" for name in IMAGES]
    try:
        for name, (package, storage, program) in zip(names, IMAGES.values(), strict=True):
            subprocess.run(
                ["docker", "build", "-q", "-t", name, "-"],
                input=DOCKERFILE.format(package=package, storage=storage, program=program),
                text=True,
                check=True,
                capture_output=True,
                timeout=400,
            )
        yield
    finally:
        subprocess.run(["docker", "rmi", "-f", *names], check=False, capture_output=True)


def test_what_is_wrong_reaches_alertmanagers_page_from_containers_as_alerts_yaml_has_them(
    images: None, tmp_path: Path
) -> None:
    site = tmp_path / f"alerts-{os.getpid()}"
    site.mkdir()
    for name in ("docker-compose.yaml", "alerts.yaml"):
        shutil.copy(COMPOSE / name, site)
    shutil.copytree(COMPOSE / "alerts", site / "alerts")
    network = site.name
    ports = {"PROMETHEUS_PORT": free_port(), "ALERTMANAGER_PORT": free_port()}
    own = {
        "SISOCK_REGISTRY": "nowhere",
        "SQL_PASSWD": "unused",
        "SISOCK_NETWORK": network,
        "PROMETHEUS_VERSION": VERSION,
        "ALERTMANAGER_VERSION": VERSION,
        **ports,
    }
    versions = (COMPOSE / "versions.env").read_text()
    (site / ".env").write_text(versions + "".join(f"{name}={value}\n" for name, value in own.items()))

    def compose(*words: str, check: bool = True) -> str:
        command = ["docker-compose", "-f", "docker-compose.yaml", "-f", "alerts.yaml", *words]
        done = subprocess.run(command, cwd=site, capture_output=True, text=True, timeout=240, check=False)
        assert not check or done.returncode == 0, done.stderr[-2000:]
        return done.stdout + done.stderr

    def told() -> set[str]:
        try:
            alerts = requests.get(
                f"http://127.0.0.1:{ports['ALERTMANAGER_PORT']}/api/v2/alerts", timeout=10
            ).json()
        except requests.ConnectionError:
            return set()
        return {
            one["labels"]["instance"] for one in alerts if one["labels"]["alertname"] == "SisockServiceDown"
        }

    subprocess.run(["docker", "network", "create", network], check=True, capture_output=True)
    try:
        compose("up", "-d", "--no-deps", "prometheus", "alertmanager")
        try:
            # None of sisock's own services runs here: each that alerts.yaml gives a port to is down.
            found = wait_until(lambda: len(told()) > 5 and told(), 240, "alarms are told", step_s=2.0)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{compose('logs', '--tail=30', check=False)[-6000:]}") from None
        assert {"watch:9100", "sisock-http:5000", "sisock-crossbar:9100"} <= found
        rules = requests.get(f"http://127.0.0.1:{ports['PROMETHEUS_PORT']}/api/v1/rules", timeout=10).json()
        names = {rule["name"] for group in rules["data"]["groups"] for rule in group["rules"]}
        assert {"SisockFieldState", "SisockNodeAway"} <= names
    finally:
        compose("down", "-v", "--timeout", "3", check=False)
        subprocess.run(["docker", "network", "rm", network], check=False, capture_output=True)

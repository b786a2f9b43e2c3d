"""The router on one host, data servers on two others, each host a Docker network of its own; TLS only."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sisock_testing import wait_until
from sisock_testing.stack import free_port

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
NODES = {"weather": "apex_archive", "sensors": "sensors"}


@pytest.fixture
def hosts() -> Iterator[dict[str, str]]:
    """Three networks that have nothing in common, and the address by which each reaches this machine."""
    made = {}
    for name in ("router", *NODES):
        network = f"sisock-{os.getpid()}-{name}"
        subprocess.run(["docker", "network", "create", network], check=True, capture_output=True)
        told = subprocess.run(
            ["docker", "network", "inspect", network], check=True, capture_output=True, text=True
        ).stdout
        made[name] = json.loads(told)[0]["IPAM"]["Config"][0]["Gateway"]
    yield made
    for name in made:
        subprocess.run(["docker", "network", "rm", f"sisock-{os.getpid()}-{name}"], check=False)


def environment(directory: Path, name: str, **settings: Any) -> None:
    """A host's .env: the site's versions, and what is its own."""
    lines = (ROOT / "compose" / "versions.env").read_text().splitlines()
    lines += [f"{key}={value}" for key, value in settings.items()]
    (directory / ".env").write_text("\n".join(lines) + "\n")
    network = f"networks: {{default: {{name: sisock-{os.getpid()}-{name}, external: true}}}}\n"
    (directory / "network.yaml").write_text(network)


def test_data_servers_on_other_hosts_are_served(
    images: Any, registry: str, hosts: dict[str, str], tmp_path: Path, run_compose: Any
) -> None:
    tls_port, http_port = free_port(), free_port()
    router = tmp_path / "router"
    shutil.copytree(ROOT / "compose", router, ignore=shutil.ignore_patterns("tests", "demo"))
    subprocess.run(
        ["./setup-tls.sh", "router.example", hosts["weather"], hosts["sensors"]],
        cwd=router,
        check=True,
        capture_output=True,
    )
    own = {"SISOCK_REGISTRY": registry, "ROUTER_TLS_PORT": tls_port, "SQL_PASSWD": "unused"}
    ports = {
        "SISOCK_HTTP_PORT": http_port,
        "CROSSBAR_OCS_PORT": free_port(),
        "CROSSBAR_TLS_PORT": free_port(),
    }
    network = f"sisock-{os.getpid()}-router"
    environment(router, "router", **own, **ports, ROUTER_ADDRESS="0.0.0.0", SISOCK_NETWORK=network)
    files = ["-f", "docker-compose.yaml", "-f", "multi-node/router.yaml"]
    projects: list[tuple[Path, list[str]]] = [(router, files)]
    try:
        run_compose(router, *files, "up", "-d", "sisock-crossbar", "sisock-http")
        secret = router / ".crossbar" / "secrets" / "server"
        wait_until(secret.exists, 60, "the router has made its secrets", step_s=0.2)
        for service in NODES:
            host = tmp_path / service
            (host / ".crossbar" / "secrets").mkdir(parents=True)
            shutil.copy(ROOT / "compose" / "multi-node" / "data-servers.yaml", host)
            shutil.copy(router / ".crossbar" / "server_cert.pem", host / ".crossbar")
            shutil.copy(secret, host / ".crossbar" / "secrets")
            (host / ".crossbar" / "secrets" / "server").chmod(0o644)
            environment(host, service, **own, ROUTER_ADDRESS=hosts[service])
            files = ["-f", "data-servers.yaml", "-f", "network.yaml"]
            projects.append((host, files))
            run_compose(host, *files, "up", "-d", service)
        wait_until(lambda: set(NODES.values()) <= online(http_port), 90, "both nodes", step_s=0.5)
        run_compose(tmp_path / "weather", *projects[1][1], "stop", "weather")
        wait_until(lambda: "apex_archive" not in online(http_port), 30, "the node is gone", step_s=0.5)
        assert "sensors" in online(http_port)
    finally:
        for directory, files in projects:
            run_compose(directory, *files, "down", "-v", "--timeout", "3", check=False)


def online(port: int) -> set[str]:
    """Nodes that the bridge lists."""
    try:
        reply = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=3)
    except requests.ConnectionError:
        return set()
    return set(reply.json().get("nodes", ()))

"""The previous release of each service goes on working beside the present rest."""

import dataclasses
import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import docker
import pytest
from sisock_ci import engine, release
from sisock_ci.services import Service, find, services
from sisock_testing import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
RELEASES = "SISOCK_RELEASES"
UPGRADED = [service.name for service in services(ROOT) if release.previous(ROOT, service)]
SERVED_BY = {"hub": "sisock-crossbar", "http": "sisock-http"}
WATCHED = ("sensors", "demo", "g3_reader")


@pytest.mark.parametrize("name", UPGRADED)
def test_the_previous_release_works_beside_the_rest(
    name: str, site: Any, docker_client: Any, tmp_path: Path
) -> None:
    [service] = find(ROOT, [name])
    older = dataclasses.replace(service, version=release.previous(ROOT, service))
    provide(docker_client, older, tmp_path)
    env = site.directory / ".env"
    present = f"{service.variable}={service.version}"
    assert present in env.read_text()
    env.write_text(env.read_text().replace(present, f"{service.variable}={older.version}"))
    before = site.ids()
    try:
        site.compose("up", "-d")
        wait_until(lambda: not site.unhealthy(), 120, "all containers are healthy", step_s=0.5)
        container = docker_client.containers.get(site.ids()[SERVED_BY.get(name, name)])
        assert container.id != before[SERVED_BY.get(name, name)]
        assert container.image.labels["org.opencontainers.image.version"] == older.version
        wait_until(lambda: served(site), 60, f"data of {', '.join(WATCHED)}", step_s=0.5)
    finally:
        env.write_text(env.read_text().replace(f"{service.variable}={older.version}", present))
        site.compose("up", "-d")


def served(site: Any) -> bool:
    """Whether every watched node's data arrive."""
    try:
        return all(site.query(*(site.first_field(node) for node in WATCHED)))
    except (OSError, StopIteration):
        return False


def provide(client: Any, older: Service, directory: Path) -> None:
    """Have an older image here: the registry of releases' own, or built from the commit that was released."""
    name = engine.reference(older, older.version)
    if releases := os.environ.get(RELEASES):
        try:
            client.images.pull(f"{releases}/{older.image}:{older.version}").tag(name)
        except docker.errors.NotFound:
            pass
        else:
            return
    commit = release.commit(ROOT, older)
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(directory, filter="data")
    engine.build(client, directory, older)

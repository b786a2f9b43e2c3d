"""A site on a real engine: images from a real registry, the templates of compose/, data of every kind."""

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from sisock_apex_weather import synthetic as apex
from sisock_ci import engine, index
from sisock_ci.__main__ import main
from sisock_ci.copies import copy_tracked
from sisock_ci.errors import CiError
from sisock_ci.services import services
from sisock_g3.testing import Writer
from sisock_radiometer import synthetic as radiometer
from sisock_testing import wait_until
from sisock_testing.stack import free_port

ROOT = Path(__file__).parents[2]
G3_FEED = "observatory.cryo.feeds.temperatures"


def compose(directory: Path, *arguments: str, check: bool = True) -> str:
    """Run docker-compose in a directory."""
    done = subprocess.run(
        ["docker-compose", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    if check and done.returncode:
        raise RuntimeError(f"docker-compose {' '.join(arguments)}: {done.stderr[-2000:]}")
    return done.stdout


class Site:
    """A copy of the templates, filled with data, and what runs from it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.http_port = free_port()
        self.began = time.time()

    def prepare(self) -> None:
        """Do what a site's administrator does, and lay down data of the last hours."""
        shutil.copytree(ROOT / "compose", self.directory, ignore=shutil.ignore_patterns("tests", "demo"))
        settings = {
            "SISOCK_REGISTRY": engine.registry(),
            "SISOCK_NETWORK": f"{self.directory.name}-net",
            "PATH": os.environ["PATH"],
        }
        for command in (["./init-docker-env.sh"], ["./setup-tls.sh", "mountain.example"]):
            subprocess.run(command, cwd=self.directory, env=settings, check=True, capture_output=True)
        env = self.directory / ".env"
        lines = [line for line in env.read_text().splitlines() if not line.startswith("COMPOSE_FILE")]
        lines += [
            # Grafana's image cannot be had without the internet.
            "COMPOSE_FILE=docker-compose.yaml:agent.yaml",
            f"SISOCK_NETWORK={settings['SISOCK_NETWORK']}",
            f"SISOCK_HTTP_PORT={self.http_port}",
            f"CROSSBAR_OCS_PORT={free_port()}",
            f"CROSSBAR_TLS_PORT={free_port()}",
            "FEED_TARGET=demo",
        ]
        env.write_text("\n".join(lines) + "\n")
        (self.directory / "agent.yaml").write_text(
            "services:\n"
            "  agent:\n"
            "    image: ${SISOCK_REGISTRY}/sisock-data-feed-server:${SISOCK_DATA_FEED_VERSION}\n"
            "    entrypoint: [python, -m, sisock_data_feed.synthetic]\n"
            "    environment: {TARGET: demo}\n"
            "    volumes: ['./.crossbar:/app/.crossbar:ro']\n"
            "    healthcheck: {disable: true}\n"
            "    restart: always\n"
        )
        data = self.directory / "data"
        for folder in ("apex", "radiometer", "g3"):
            (data / folder).mkdir(parents=True)
        today = self.began // 86400 * 86400
        apex.write(data / "apex", today - 86400, 2)
        yesterday = dt.datetime.fromtimestamp(today - 86400, dt.UTC).date()
        radiometer.write(data / "radiometer", yesterday, 2)
        first = int(self.began) - 7200
        writer = Writer(data / "g3" / str(first)[:5] / f"{first}.g3")
        feed = writer.feed(G3_FEED)
        for begin in range(first, first + 7200, 300):
            t = begin + np.arange(300.0)
            writer.data(feed, t, temps={"channel_1": np.sin(t / 600)})
        writer.close()
        subprocess.run(["chmod", "-R", "a+rX", str(data)], check=True)

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Run docker-compose here."""
        return compose(self.directory, *arguments, check=check)

    def ids(self) -> dict[str, str]:
        """Container of each service."""
        names = self.compose("config", "--services").split()
        return {name: self.compose("ps", "-q", name).strip() for name in names}

    def unhealthy(self) -> dict[str, str]:
        """State of the containers that are not what they should be."""
        states = {}
        for name, container in self.ids().items():
            told = subprocess.run(
                ["docker", "inspect", "-f", "{{json .State}}", container],
                capture_output=True,
                text=True,
                check=False,
            ).stdout
            state = json.loads(told) if told.strip() else {}
            health = state.get("Health", {}).get("Status", "healthy")
            if not state.get("Running") or health != "healthy":
                states[name] = f"{state.get('Status')} {health}"
        return states

    def first_field(self, node: str) -> str:
        """A field of a node, as a target."""
        url = f"http://127.0.0.1:{self.http_port}/search"
        found = requests.post(url, json={"target": f"{node}::"}, timeout=10).json()
        return next(target for target in found if target.startswith(f"{node}::"))

    def query(self, *targets: str) -> list[int]:
        """Points that /query has for targets, over the last hours."""
        body = {
            "range": {"from": int((self.began - 3600) * 1e3), "to": int((time.time() + 1) * 1e3)},
            "maxDataPoints": 500,
            "targets": [{"target": target} for target in targets],
        }
        reply = requests.post(f"http://127.0.0.1:{self.http_port}/query", json=body, timeout=10)
        reply.raise_for_status()
        return [_points(one) for one in reply.json()]


def _points(series: dict[str, Any]) -> int:
    """How many there are in one of a reply, which is a frame where states or words are."""
    if "data" in series:
        return len(series["data"]["values"][0])
    return len(series["datapoints"])


class Clone:
    """A copy of the repository, under git, to release from."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        copy_tracked(ROOT, directory)
        self.git("init", "-q")

    def git(self, *arguments: str) -> None:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
        subprocess.run(command, cwd=self.directory, check=True, capture_output=True)

    def version(self, folder: str, version: str, *, tagged: bool = True) -> None:
        """Give a package a version, commit that, and tag it."""
        for name, pattern, text in (
            ("pyproject.toml", r'(?m)^version = ".*"', f'version = "{version}"'),
            ("CHANGELOG.md", r"(?m)^## ", f"## {version}\n\n## "),
        ):
            file = self.directory / folder / name
            file.write_text(re.sub(pattern, text, file.read_text(), count=1))
        self.git("add", "--all")
        self.git("commit", "-qm", f"{folder} {version}")
        if tagged:
            self.git("tag", f"{folder}/v{version}")

    def command(self, package: str) -> list[str]:
        return [sys.executable, "-m", "sisock_ci", "release", package]

    def release(self, package: str, simple: str) -> "subprocess.CompletedProcess[str]":
        environ = {**os.environ, "SISOCK_INDEX": simple}
        command, where = self.command(package), self.directory
        return subprocess.run(command, cwd=where, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("index")
    with index.served(folder, tmp_path_factory.mktemp("server")) as url:
        yield folder, f"{url}simple/"


@pytest.fixture
def held(server: tuple[Path, str]) -> Path:
    """The folder of a package index that has nothing."""
    folder, _ = server
    for file in folder.iterdir():
        file.unlink()
    return folder


@pytest.fixture
def simple(server: tuple[Path, str], held: Path) -> str:
    return server[1]


def sisock_ci(*arguments: str, cwd: Path = ROOT) -> None:
    """Run a step of sisock-ci in a repository."""
    before = Path.cwd()
    os.chdir(cwd)
    try:
        assert main(arguments) == 0
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def docker_client() -> Any:
    try:
        return engine.connect()
    except CiError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def registry() -> Iterator[str]:
    """The registry that the environment names, or the one of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get(engine.REGISTRY):
            patch.setenv(engine.REGISTRY, f"127.0.0.1:5555/sisock-{os.getpid()}")
        yield engine.registry()


@pytest.fixture(scope="session")
def images(registry: str, docker_client: Any) -> Sequence[str]:
    """Every image built, pushed, and removed from the engine: sites pull them."""
    sisock_ci("build", "--all")
    sisock_ci("push", "--all")
    names = [engine.reference(service, service.version) for service in services(ROOT)]
    for name in names:
        docker_client.images.remove(name, force=True)
    return names


@pytest.fixture(scope="module")
def site(images: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site") / f"sisock-{os.getpid()}")
    made.prepare()
    try:
        made.compose("up", "-d")
        wait_until(lambda: not made.unhealthy(), 150, "all containers are healthy", step_s=1.0)
        yield made
    except TimeoutError:
        raise RuntimeError(f"{made.unhealthy()}: {made.compose('logs', '--tail=20')[-6000:]}") from None
    finally:
        made.compose("down", "-v", "--timeout", "3", check=False)
        network = f"{made.directory.name}-net"
        subprocess.run(["docker", "network", "rm", network], check=False, capture_output=True)


@pytest.fixture(scope="session")
def run_compose() -> Any:
    """Runs docker-compose in a directory."""
    return compose


@pytest.fixture(scope="session")
def step() -> Any:
    """Runs a step of sisock-ci in a repository."""
    return sisock_ci

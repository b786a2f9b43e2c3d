"""A new data server touches one folder: it is made, tried with all there is, removed without a trace."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sisock_ci.copies import copy_tracked
from sisock_testing import wait_until
from sisock_testing.stack import free_port
from uv import find_uv_bin

ROOT = Path(__file__).parents[2]
NAME, NODE = "roof-wind", "roof_wind"

pytestmark = pytest.mark.timeout(600)


class Clone:
    """A copy of the tree, under git, with an environment of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        copy_tracked(ROOT, directory)
        self.run("git", "init", "-q")
        self.run("git", "add", "--all")
        self.run("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "all")

    def run(self, *command: str | Path) -> str:
        environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        done = subprocess.run(
            command, cwd=self.directory, env=environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def sisock_ci(self, *arguments: str) -> str:
        return self.run(sys.executable, "-m", "sisock_ci", *arguments)

    def bin(self, program: str) -> Path:
        return self.directory / ".venv" / "bin" / program


@pytest.fixture(scope="module")
def clone(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """The tree with a new data server in it, made by one command and by no hand."""
    made = Clone(tmp_path_factory.mktemp("clone"))
    made.sisock_ci("new", NAME, "--title", "the wind on the roof")
    made.run(find_uv_bin(), "sync", "--frozen", "--quiet", "--all-packages", "--all-extras")
    yield made
    # Last, because it takes away what the other tests need.
    shutil.rmtree(made.directory / "services" / NAME)
    made.sisock_ci("make")
    # The lock as it was is the lock of this tree again.
    made.run("git", "checkout", "-q", "HEAD", "uv.lock")
    made.run(find_uv_bin(), "lock", "--check", "--quiet")
    assert made.run("git", "status", "--porcelain") == ""


def test_its_folder_is_small(clone: Clone) -> None:
    files = [path for path in (clone.directory / "services" / NAME).rglob("*") if path.is_file()]
    made = {"Dockerfile"}
    lines = {path: len(path.read_text().splitlines()) for path in files if path.name not in made}
    assert sum(lines.values()) < 150, lines


def test_its_own_tests_pass(clone: Clone, tmp_path: Path) -> None:
    told = clone.run(clone.bin("pytest"), "-q", f"--basetemp={tmp_path}/base", f"services/{NAME}")
    assert "2 passed" in told


def test_linters_know_it(clone: Clone) -> None:
    if (ROOT / ".mypy_cache").is_dir():  # what mypy knows of the rest by now
        shutil.copytree(ROOT / ".mypy_cache", clone.directory / ".mypy_cache")
    clone.sisock_ci("make", "--check")
    clone.run(clone.bin("ruff"), "check", ".")
    clone.run(clone.bin("ruff"), "format", "--check", f"services/{NAME}")
    clone.run(clone.bin("mypy"), f"services/{NAME}/src")
    node = clone.directory / "services" / NAME / "src" / "sisock_roof_wind" / "node.py"
    before = node.read_text()
    node.write_text(f"import sisock_weather.node\n{before}")
    try:
        with pytest.raises(AssertionError, match="sisock_roof_wind is not allowed to import sisock_weather"):
            clone.run(clone.bin("lint-imports"))
    finally:
        node.write_text(before)
    clone.run(clone.bin("lint-imports"))


def test_the_demo_serves_it(clone: Clone, tmp_path: Path) -> None:
    ports = {name: str(free_port()) for name in ("PORT", "CROSSBAR_TLS_PORT", "CROSSBAR_OCS_PORT")}
    environ = {**os.environ, **ports, "SISOCK_DEMO_STATE": str(tmp_path)}
    environ.pop("VIRTUAL_ENV", None)
    log = tmp_path / "demo.log"
    with log.open("w") as out:
        command = [clone.bin("python"), clone.directory / "compose" / "demo"]
        demo = subprocess.Popen(command, stdout=out, stderr=out, env=environ, start_new_session=True)
    url = f"http://127.0.0.1:{ports['PORT']}"
    try:
        ready = f"ready: {url}/"
        wait_until(lambda: ready in log.read_text() or demo.poll() is not None, 120, "the demo is ready")
        asked = {"field": f"{NODE}::sine", "start": "now-1h"}
        rows = requests.get(f"{url}/api/v1/data", asked, timeout=20).json()
        assert len(rows) > 100
    finally:
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="docker-compose is not installed")
def test_a_sites_compose_file_has_it(clone: Clone, tmp_path: Path) -> None:
    shutil.copytree(clone.directory / "compose", tmp_path / "site")
    settings = "SISOCK_REGISTRY=registry.example\nSQL_PASSWD=x\n"
    (tmp_path / "site" / ".env").write_text(settings + (tmp_path / "site" / "versions.env").read_text())
    for files in ((), ("-f", "docker-compose.yaml", "-f", "docker-compose.dev.yaml")):
        command = ["docker-compose", *files, "config"]
        done = subprocess.run(command, cwd=tmp_path / "site", capture_output=True, text=True, check=True)
        assert f"sisock-{NAME}-server:{'dev' if files else '0.1.0'}" in done.stdout


def test_grafana_the_readme_and_the_pipeline_have_it(clone: Clone) -> None:
    def text(path: str) -> str:
        return (clone.directory / path).read_text()

    assert f'"target": "{NODE}::.*"' in text(f"compose/grafana/dashboards/{NAME}.json")
    assert f"`sisock-{NAME}-server`" in text("README.md")
    assert f"services/{NAME}/**" in text(f".github/workflows/{NAME}.yml")

"""Packages where they are alone: one service's tests, and the hub as someone outside installs it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sisock_ci import alone, index, processes
from sisock_ci.services import find_package

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An index with the present state of what these tests need."""
    folder = tmp_path_factory.mktemp("index")
    alone.fill(ROOT, folder, [find_package(ROOT, "weather"), find_package(ROOT, "hub")])
    with index.served(folder, tmp_path_factory.mktemp("server")) as address:
        yield address


def test_a_services_tests_pass_in_a_copy_of_its_folder(url: str, tmp_path: Path) -> None:
    weather = find_package(ROOT, "weather")
    copy = alone.environment(weather, url, tmp_path, "3.11", root=ROOT)
    alone.try_tests(copy, tmp_path, [])
    # Nothing of the repository was in reach: all that is installed came from the index.
    script = "import sisock, sisock_hub, sisock_weather as w; print(sisock.__file__, w.__file__)"
    told = processes.run([tmp_path / "venv" / "bin" / "python", "-c", script], copy).split()
    assert all(path.startswith(f"{tmp_path}/") for path in told)


@pytest.mark.skipif("SISOCK_LONG" not in os.environ, reason="takes a minute or more: make test-long")
def test_the_hub_installed_from_an_index_has_a_present_idna_and_prints_no_traceback(
    url: str, tmp_path: Path
) -> None:
    processes.uv(tmp_path, "venv", "--quiet", tmp_path / "venv")
    index.install(tmp_path / "venv", url, ["sisock-hub"], tmp_path)
    script = "import importlib.metadata as m, autobahn.wamp.serializer; print(m.version('idna'))"
    python = tmp_path / "venv" / "bin" / "python"
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert tuple(map(int, done.stdout.split("."))) >= (3, 7)
    directory = tmp_path / ".crossbar"
    command = [tmp_path / "venv" / "bin" / "sisock-hub", "--prepare-only"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={"CROSSBAR_DIR": str(directory)},
    )
    assert "_ARRAY_API" not in done.stdout + done.stderr
    assert (directory / "config.json").exists()

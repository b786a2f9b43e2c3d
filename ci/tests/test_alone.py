"""Packages where they are alone: one service's tests, and the hub as someone outside installs it."""

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


@pytest.fixture(scope="module")
def weather(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the weather server's folder, beside an environment with what it and its tests need."""
    return alone.environment(
        find_package(ROOT, "weather"), url, tmp_path_factory.mktemp("alone"), "3.11", root=ROOT
    )


def test_an_index_whose_port_was_taken_meanwhile_is_served_on_another(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = int(url.rstrip("/").rpartition(":")[2])
    ports = iter([taken, index._free_port()])
    monkeypatch.setattr(index, "_free_port", lambda: next(ports))
    (tmp_path / "index").mkdir()
    with index.served(tmp_path / "index", tmp_path) as another:
        assert another != url
        assert next(ports, None) is None


def test_a_services_tests_pass_in_a_copy_of_its_folder(weather: Path) -> None:
    work = weather.parent
    alone.try_tests(weather, work, [])
    # Nothing of the repository was in reach: all that is installed came from the index.
    script = "import sisock, sisock_hub, sisock_weather as w; print(sisock.__file__, w.__file__)"
    told = processes.run([work / "venv" / "bin" / "python", "-c", script], weather).split()
    assert all(path.startswith(f"{work}/") for path in told)


def test_the_hub_installed_from_an_index_has_a_present_idna_and_prints_no_traceback(
    weather: Path, tmp_path: Path
) -> None:
    programs = weather.parent / "venv" / "bin"  # which has the hub for the tests of the weather server
    script = "import importlib.metadata as m, autobahn.wamp.serializer; print(m.version('idna'))"
    done = subprocess.run([programs / "python", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert tuple(map(int, done.stdout.split("."))) >= (3, 7)
    directory = tmp_path / ".crossbar"
    command = [programs / "sisock-hub", "--prepare-only"]
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

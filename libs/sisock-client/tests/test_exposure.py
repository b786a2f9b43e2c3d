"""`sisock check` says where a component can read more of the router's directory than it should."""

from pathlib import Path

import pytest
from sisock.config import RouterConfig
from sisock_client import exposure
from sisock_hub.prepare import prepare

COMPOSE = """services:
  sisock-crossbar:
    volumes:
      - ./.crossbar:/app/.crossbar
  weather:
    volumes:
      - ./.crossbar:/app/.crossbar:ro
  sensors:
    volumes:
      - "./.crossbar/mounts/sensors:/app/.crossbar:ro"
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    prepare(tmp_path / ".crossbar", ["localhost"])
    return tmp_path / ".crossbar"


def told(directory: Path, user: str = "server", *, component: bool = False) -> list[str]:
    config = RouterConfig(wamp_user=user, crossbar_dir=directory)
    return [one.sentence for one in exposure.look(config, directory.parent, component=component)]


def test_a_component_that_sees_all_is_told_which_files_are_not_its_own(directory: Path) -> None:
    [warning] = told(directory, component=True)
    assert "server_key.pem, secrets/hub, secrets/simonsobs" in warning
    assert "secrets/server" not in warning


def test_a_component_that_sees_its_own_alone_is_well(directory: Path) -> None:
    assert told(directory / "mounts" / "server", component=True) == []


def test_a_site_is_told_which_blocks_mount_everything(directory: Path) -> None:
    (directory.parent / "docker-compose.yaml").write_text(COMPOSE)
    [warning] = told(directory)
    assert " to weather:" in warning


def test_a_secret_that_everybody_may_read_is_told(directory: Path) -> None:
    assert told(directory) == []
    (directory / "server_key.pem").chmod(0o644)
    directory.chmod(0o755)
    [warning] = told(directory)
    assert "everybody on this machine can read server_key.pem" in warning


@pytest.mark.parametrize(
    ("file_mode", "directory_mode", "open_"),
    [(0o604, 0o701, True), (0o604, 0o710, False), (0o640, 0o701, False), (0o602, 0o701, False)],
)
def test_what_others_may_read_is_open_if_they_may_pass_its_directory(
    directory: Path, file_mode: int, directory_mode: int, open_: bool
) -> None:
    (directory / "server_key.pem").chmod(file_mode)
    directory.chmod(directory_mode)
    assert bool(told(directory)) is open_


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("- .crossbar:/app/.crossbar", True),
        ("- '.crossbar/:/app/.crossbar'", True),
        ("- ./crossbar:/app/.crossbar:ro", True),
        ("- ./.crossbar/mounts/weather:/app/.crossbar", False),
        ("# - ./.crossbar:/app/.crossbar", False),
        ("- ./my.crossbar:/app/.crossbar", False),
    ],
)
def test_a_mount_of_the_whole_directory_is_told_however_it_is_written(
    directory: Path, line: str, whole: bool
) -> None:
    text = f"services:\n  weather:\n    volumes:\n      {line}\n      {line}\n"
    (directory.parent / "docker-compose.yaml").write_text(text)
    assert [one.partition(" to weather:")[1] for one in told(directory)] == [" to weather:"] * whole
    text = text.replace("weather:", "sisock_crossbar:")
    (directory.parent / "docker-compose.yaml").write_text(text)
    assert told(directory) == []


def test_a_compose_file_that_is_no_text_is_passed_over(directory: Path) -> None:
    (directory.parent / "docker-compose.yaml").write_bytes(b"\xff\xfe")
    assert told(directory) == []

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

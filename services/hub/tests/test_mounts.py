"""What a container of each user sees of the router's directory, and that it is enough."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sisock.auth import is_private
from sisock_testing import SERVERS, Peer, Stack
from sisock_testing.stack import Reactor

CLOCKWORK = SERVERS / "clockwork.py"


@pytest.fixture
def stack(sisock_processes: None, tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path)
    stack.start_hub(SISOCK_NODES="clockwork")
    yield stack
    stack.stop()


def seen(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_container_finds_its_own_secret_and_no_other_to_eavesdrop_with(stack: Stack) -> None:
    mounts = stack.directory / ".crossbar" / "mounts"
    for user in ("server", "simonsobs", "clockwork"):
        assert seen(mounts / user) == {"server_cert.pem", f"secrets/{user}"}
        assert is_private(mounts / user / "secrets" / user)


def test_what_is_mounted_is_enough_to_serve_and_to_ask(stack: Stack, sisock_reactor: Reactor) -> None:
    mounts = stack.directory / ".crossbar" / "mounts"
    stack.start(
        "clockwork",
        [sys.executable, str(CLOCKWORK)],
        WAMP_USER="clockwork",
        CROSSBAR_DIR=str(mounts / "clockwork"),
    )
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs", CROSSBAR_DIR=str(mounts / "simonsobs")))
    peer.wait_for_node("clockwork")
    peer.close()


def test_a_new_secret_and_certificate_are_in_the_mounts_after_a_restart(stack: Stack) -> None:
    directory = stack.directory / ".crossbar"
    mounted = directory / "mounts" / "server"
    before = (mounted / "server_cert.pem").read_bytes()
    for name in ("secrets/server", "server_cert.pem", "server_key.pem"):
        (directory / name).unlink()
    stack.start_hub()
    assert (mounted / "server_cert.pem").read_bytes() != before
    assert (mounted / "secrets/server").read_text() == (directory / "secrets/server").read_text()

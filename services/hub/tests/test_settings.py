"""What the environment may say, and what of it makes crossbar.io and the hub run as they shall."""

import fcntl
import json
import logging
import os
import socket
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from sisock.config import load
from sisock.errors import ConfigError
from sisock_hub.__main__ import HubConfig, _check_free, _names
from sisock_hub.alone import is_needed
from sisock_hub.router import _place, count_workers, log_level

TEMPLATE: Any = json.loads((resources.files("sisock_hub") / "config-template.json").read_text())


def test_origins_of_pages_have_a_port_and_blanks_between_them() -> None:
    given = "http://ocs.example:80 https://[::1]:*"
    config = load(HubConfig, {"CROSSBAR_ALLOWED_ORIGINS": given, "SISOCK_NODES": "a b"})
    assert (config.origins, config.nodes) == (("http://ocs.example:80", "https://[::1]:*"), ("a", "b"))
    assert load(HubConfig, {}).origins == load(HubConfig, {}).nodes == ()


@pytest.mark.parametrize("value", ["http://ocs.example", "ocs.example:80", "http://a:80/", "*", "http://a:b"])
def test_an_origin_that_is_none_is_told(value: str) -> None:
    with pytest.raises(ConfigError, match=r"CROSSBAR_ALLOWED_ORIGINS=.* no origin with its port"):
        load(HubConfig, {"CROSSBAR_ALLOWED_ORIGINS": value})


def test_a_name_on_the_command_line_that_cannot_be_a_user_is_told() -> None:
    assert _names("a b") == ("a", "b")
    with pytest.raises(ConfigError, match="node add has 'server'"):
        _names("server")


def test_a_port_that_is_taken_is_told_with_its_variable() -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"CROSSBAR_TLS_PORT={port} cannot be listened on"):
            _check_free("CROSSBAR_TLS_PORT", port)
    _check_free("CROSSBAR_TLS_PORT", port)


@pytest.mark.parametrize(
    ("level", "name"),
    [(5, "debug"), (9, "debug"), (logging.DEBUG, "info"), (logging.INFO, "warn"), (logging.ERROR, "warn")],
)
def test_what_crossbar_calls_info_is_our_debug(level: int, name: str) -> None:
    assert log_level(level) == name


def test_only_workers_that_this_interpreter_can_be_are_kept_ready() -> None:
    workers = [{"type": kind} for kind in ("router", "container", "proxy", "guest")]
    other = {"type": "router", "options": {"python": "/usr/bin/pypy"}}
    assert count_workers({"workers": [*workers, other]}) == 3
    assert count_workers(TEMPLATE) == 1
    assert count_workers({}) == 0


def test_the_hub_is_beside_a_router_that_has_our_socket_and_no_hub_of_its_own() -> None:
    assert is_needed(TEMPLATE)
    without_socket: Any = json.loads(json.dumps(TEMPLATE))
    without_socket["workers"][0]["transports"].pop(0)
    assert not is_needed(without_socket)
    for own in ("hub.hub", "sisock_hub.hub.Hub"):
        with_hub: Any = json.loads(json.dumps(TEMPLATE))
        with_hub["workers"].append({"type": "container", "components": [{"classname": own}]})
        assert not is_needed(with_hub)
    assert not is_needed({})


def test_descriptors_get_their_numbers_even_where_these_are_taken_crosswise(tmp_path: Path) -> None:
    files = [(tmp_path / name).open("w+") for name in "abcd"]
    a, b, c, d = sorted(os.dup(file.fileno()) for file in files)
    for fd, file in zip((a, b, c, d), files, strict=True):
        os.dup2(file.fileno(), fd)
    # a is to be b, b is to be a: one of them must not be overwritten before it has moved. What is
    # open above them is another's.
    others = [fcntl.fcntl(files[3].fileno(), fcntl.F_DUPFD, d + 1) for _ in range(20)]
    _place([a, b, c], [b, a, d])
    for fd, text in ((b, b"a"), (a, b"b"), (d, b"c")):
        os.write(fd, text)
        os.close(fd)
    for fd in others:
        assert os.path.sameopenfile(fd, files[3].fileno())
        os.close(fd)
    with suppress(OSError):  # free again, or another's meanwhile
        assert not os.path.sameopenfile(c, files[2].fileno())
    for file in files:
        file.close()
    assert [(tmp_path / name).read_text() for name in "abcd"] == ["a", "b", "c", ""]


def test_descriptors_that_trade_places_in_a_ring_lose_none(tmp_path: Path) -> None:
    files = [(tmp_path / name).open("w+") for name in "abc"]
    a, b, c = sorted(os.dup(file.fileno()) for file in files)
    for fd, file in zip((a, b, c), files, strict=True):
        os.dup2(file.fileno(), fd)
    _place([a, b, c], [c, a, b])
    for fd, text in ((c, b"a"), (a, b"b"), (b, b"c")):
        os.write(fd, text)
        os.close(fd)
    for file in files:
        file.close()
    assert [(tmp_path / name).read_text() for name in "abc"] == ["a", "b", "c"]


def test_a_port_whose_router_ended_a_moment_ago_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), 10) as caller:
            accepted, _ = listening.accept()
            accepted.close()  # who closes first remembers the connection for a minute
            assert caller.recv(1) == b""
    _check_free("CROSSBAR_TLS_PORT", port)

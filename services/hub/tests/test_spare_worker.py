"""What a spare process does once it is told to be a router's worker."""

import json
import os
import socket
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from sisock_hub import router


def told(monkeypatch: pytest.MonkeyPatch, order: bytes) -> tuple[list[Any], int]:
    """What it does for an order, and the code that it ends with."""
    done: list[Any] = []
    ours, theirs = socket.socketpair()
    with ours, open(os.devnull, "rb") as file:
        socket.send_fds(ours, [b"x"], [file.fileno()])
        ours.sendall(order)
    same = SimpleNamespace(reconfigure=lambda **how: done.append(("stream", how)))
    for name, stand_in in (
        ("environ", {"LEFT": "over"}),
        ("_exit", lambda code: sys.exit(code + 100)),
    ):
        monkeypatch.setattr(router.os, name, stand_in)
    for name, stand_in in (("stdout", same), ("stderr", same), ("argv", []), ("path", ["there"])):
        monkeypatch.setattr(router.sys, name, stand_in)
    monkeypatch.setattr(
        router, "_place", lambda fds, numbers: done.append(("fds", [os.close(fd) for fd in fds], numbers))
    )
    monkeypatch.setattr(router, "renewed_reactor", lambda place: place())
    monkeypatch.setattr(
        router.router_log, "follow_signal", lambda level, names: done.append(("log", level, names))
    )
    monkeypatch.setattr(router.renewal, "install", lambda directory: done.append(("renew", str(directory))))
    monkeypatch.setattr(
        router.runpy,
        "run_module",
        lambda name, *, run_name, alter_sys: done.append(
            ("run", name, run_name, alter_sys, list(sys.argv), dict(os.environ), sys.path[:1], sys.path[-2:])
        ),
    )
    with pytest.raises(SystemExit) as ended:
        router._become_worker(theirs)
    monkeypatch.undo()
    return done, int(str(ended.value.code))


def test_a_spare_becomes_the_worker_that_it_is_told_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["--cbdir", "/site/.crossbar", "--realm", "r", "--loglevel", "warn", "--node", "n"]
    environment = {"PYTHONPATH": f"/more{os.pathsep}there", "A": "b"}
    order = json.dumps({"fds": [7], "environment": environment, "arguments": arguments})
    done, code = told(monkeypatch, order.encode())
    name = "crossbar.worker.main"
    assert code == 0
    assert done == [
        ("fds", [None], [7]),
        ("stream", {"write_through": True}),
        ("stream", {"write_through": True}),
        ("log", "warn", ()),
        ("renew", "/site/.crossbar"),
        ("run", name, "__main__", True, [name, *arguments], environment, [os.getcwd()], ["/more", "there"]),
    ]


def test_a_spare_that_is_told_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, b"") == ([], 100)

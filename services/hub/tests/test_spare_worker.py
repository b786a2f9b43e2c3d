"""What a spare process does once it is told to be a router's worker."""

import json
import os
import socket
import sys
import warnings
from pathlib import Path
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
    # Of its own: the peers that other tests keep in this process go on with the real ones.
    system = SimpleNamespace(
        stdout=same, stderr=same, argv=[], path=["there", "last"], exit=sys.exit,
        modules={"crossbar.worker.main": SimpleNamespace()},
    )  # fmt: skip
    operating = SimpleNamespace(
        environ={"LEFT": "over"},
        _exit=lambda code: sys.exit(code + 100),
        getcwd=os.getcwd,
        pathsep=os.pathsep,
    )

    def run(name: str, *, run_name: str, alter_sys: bool) -> None:
        assert name not in system.modules, "runpy warns of what is imported already"
        ran = (list(system.argv), dict(operating.environ), list(system.path))
        done.append(("run", name, run_name, alter_sys, *ran))

    for name, stand_in in (("sys", system), ("os", operating), ("runpy", SimpleNamespace(run_module=run))):
        monkeypatch.setattr(router, name, stand_in)
    monkeypatch.setattr(
        router, "_place", lambda fds, numbers: done.append(("fds", [os.close(fd) for fd in fds], numbers))
    )
    monkeypatch.setattr(router, "renewed_reactor", lambda place: place())
    monkeypatch.setattr(
        router.router_log, "follow_signal", lambda level, names: done.append(("log", level, names))
    )
    monkeypatch.setattr(router.renewal, "install", lambda directory: done.append(("renew", str(directory))))
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
        ("run", name, "__main__", True, [name, *arguments], environment,
         [os.getcwd(), "/more", "there", "last"]),
    ]  # fmt: skip


def test_a_spare_that_is_told_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, b"") == ([], 100)


def spare(pid: int = 77) -> tuple[router.Spare, socket.socket]:
    """A spare, and its own end."""
    ours, its = socket.socketpair()
    return router.Spare(pid, ours), its


def test_a_spare_is_told_arguments_environment_and_descriptors_as_an_interpreter_would_be() -> None:
    waiting, its = spare()
    woken = router.WokenProcess.__new__(router.WokenProcess)
    woken._spare = waiting
    with open(os.devnull, "rb") as file:
        woken._fork(
            None, None, None, None,
            ["python", "-u", "-m", "crossbar.worker.main", b"--cbdir", "x"], {b"A": "b"},
            fdmap={0: file.fileno(), 3: file.fileno()},
        )  # fmt: skip
    assert (woken.pid, waiting.told_by.fileno()) == (77, -1)
    with its:
        _, fds, _, _ = socket.recv_fds(its, 1, 8)
        assert json.loads(its.recv(1000)) == {
            "arguments": ["--cbdir", "x"], "environment": {"A": "b"}, "fds": [0, 3],
        }  # fmt: skip
    assert len(fds) == 2
    for fd in fds:
        os.close(fd)


def test_spares_are_used_for_workers_of_this_interpreter_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began: list[Any] = []
    monkeypatch.setattr(router, "WokenProcess", lambda *given: began.append(("woken", *given)))
    reactor = SimpleNamespace(spawnProcess=lambda *given: began.append(("spawned", *given)))
    waiting, its = spare()
    waiting.told_by.close()
    its.close()
    spares = [waiting]
    spawn = router.spawner(reactor, spares)
    worker = ["python", "-u", "-m", "crossbar.worker.main", "--cbdir", "x"]
    spawn("protocol", "/usr/bin/pypy", worker, {"A": "b"})
    spawn("protocol", sys.executable, [*worker[:3], "other", *worker[4:]], None, "path", 1, 2, True, {0: "r"})
    assert began == [
        ("spawned", "protocol", "/usr/bin/pypy", worker, {"A": "b"}, None, None, None, False, None),
        ("spawned", "protocol", sys.executable, [*worker[:3], "other", *worker[4:]], {}, "path", 1, 2, True,
         {0: "r"}),
    ]  # fmt: skip
    began.clear()
    spawn("protocol", sys.executable, worker, {"A": "b"}, childFDs={0: "r"})
    spawn("protocol", sys.executable, worker)
    given = (reactor, sys.executable, worker, {"A": "b"}, None, "protocol", None, None, {0: "r"})
    assert began == [
        ("woken", waiting, *given),
        ("spawned", "protocol", sys.executable, worker, {}, None, None, None, False, None),
    ]
    assert spares == []
    spares.append(waiting)
    spawn("protocol", sys.executable, worker)
    assert began[-1][:5] == ("woken", waiting, reactor, sys.executable, worker)
    assert began[-1][5] == {}


def test_a_spare_keeps_no_hold_on_those_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    forked: list[Any] = []
    became: list[socket.socket] = []
    monkeypatch.setattr(router, "fork", lambda run: forked.append(run) or 5)
    monkeypatch.setattr(router, "_become_worker", became.append)
    earlier, its = spare()
    made = router.make_spare([earlier])
    assert made.pid == 5
    assert made.told_by.fileno() > 0
    assert earlier.told_by.fileno() > 0
    forked[0]()
    assert (made.told_by.fileno(), earlier.told_by.fileno()) == (-1, -1)
    assert len(became) == 1
    its.close()


@pytest.mark.parametrize(("given", "said"), [(["--loglevel", "warn", "--x"], "warn"), ([], "info")])
def test_crossbar_is_started_with_a_spare_for_each_worker(
    monkeypatch: pytest.MonkeyPatch, given: list[str], said: str
) -> None:
    did: list[Any] = []
    crossbar = SimpleNamespace(run=lambda: did.append(("run", list(sys.argv))) or 3)
    reactor = SimpleNamespace(spawnProcess="the reactor's own")
    monkeypatch.setitem(sys.modules, "crossbar", crossbar)  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "argv", [])
    configure = lambda *name, libraries: did.append((*name, libraries)) or "verbosity"  # noqa: E731
    monkeypatch.setattr(router.logs, "configure", configure)
    monkeypatch.setattr(router.router_log, "install", lambda: did.append("install"))
    monkeypatch.setattr(
        router, "make_spare", lambda others: SimpleNamespace(pid=50 + len(others), others=len(others))
    )
    monkeypatch.setattr(router, "renewed_reactor", lambda: reactor)
    monkeypatch.setattr(router, "spawner", lambda known, spares: (known, [one.pid for one in spares]))
    monkeypatch.setattr(router.router_log, "follow_signal", lambda *how: did.append(how))
    with pytest.raises(SystemExit) as ended:
        router.run_router(Path("/site"), "config.json", 2, given, 30)
    assert ended.value.code == 3
    assert did == [
        ("router", 30, False),
        "install",
        (said, [50, 51], "verbosity"),
        ("run", ["crossbar", "start", "--cbdir", "/site", "--config", "config.json", *given]),
    ]
    assert reactor.spawnProcess == (reactor, [50, 51])


def test_what_is_seldom_used_is_left_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    deferred = router.defer()
    assert len(deferred) == 1 + len(router.SELDOM_USED)
    assert {id(one) for one in sys.meta_path[: len(deferred)]} == {id(one) for one in deferred}


def test_crossbars_words_are_not_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what crossbar.io imports is deprecated here and there
        import autobahn.util
        import crossbar._util
    monkeypatch.setattr(autobahn.util, "_HAS_CLICK", True)
    monkeypatch.setattr(crossbar._util, "hl", None)
    router.unpainted()
    assert [autobahn.util.hlval(1), crossbar._util.hl(2), autobahn.util.hlid(3)] == ["1", "2", "3"]

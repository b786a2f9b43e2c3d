"""Runs crossbar.io in a fork that has it imported already, and its workers likewise (decision 10).

Importing crossbar.io is most of its start, and it does so once more in each worker. `preload` imports
it once; a fork of that process becomes the controller, and before that makes a spare fork for each
worker, which becomes it when crossbar.io wants to start one. What a worker is told is what crossbar.io
would have told a new interpreter: arguments, environment, pipes.
"""

import fcntl
import importlib
import json
import logging
import os
import runpy
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from setproctitle import setproctitle
from sisock import logs
from twisted.internet.process import Process

from sisock_hub import renewal, router_log
from sisock_hub.keeper import fork
from sisock_hub.lazily import Deferred

WORKER = ["-u", "-m", "crossbar.worker.main"]
NATIVE = {"router", "container", "proxy"}
_MOST_FDS = 8

BLOCK_CHAIN = ("eth_abi", "mnemonic", "py_eth_sig_utils", "web3", "xbr._abi", "xbr._frealm")
SELDOM_USED = (
    ("crossbar.edge.worker.xbr", "docker", "requests"),
    ("eth_keyfile", "py_ecc"),
    ("treq",),
    ("txtorcon",),
    ("werkzeug",),
    ("yapf",),
)
"""What crossbar.io imports for few configurations; each line is imported when something of it is used."""


def preload() -> None:
    """Import what controller and workers need, but run nothing of it."""
    # Finds the room for titles now: a worker's environment is another one later.
    setproctitle("sisock-hub")
    defer()
    import crossbar  # noqa: PLC0415 (slow; only where a router is to run)
    from autobahn.twisted.choosereactor import install_reactor  # noqa: PLC0415

    install_reactor()
    import crossbar.edge  # noqa: PLC0415 (controller and workers do)
    import crossbar.node.main  # noqa: PLC0415
    import crossbar.personality  # noqa: F401, PLC0415 (imports all kinds of workers)

    unpainted()


def unpainted() -> None:
    """Have crossbar.io's words without colours: it paints several for each message, for lines of its log
    that are hardly ever written, and never in colours here.
    """
    import autobahn.util  # noqa: PLC0415 (slow; only where a router is to run)
    import crossbar._util  # noqa: PLC0415

    autobahn.util._HAS_CLICK = False
    crossbar._util.hl = autobahn.util.hl


def defer() -> list[Deferred]:
    """Leave what most routers never use until it is used; to be called before crossbar.io is imported."""
    # crossbar.io's package adapts the first group, as it does again when it is imported again.
    again = lambda: importlib.reload(sys.modules["crossbar"])  # noqa: E731
    deferred = [Deferred(BLOCK_CHAIN, again), *(Deferred(packages) for packages in SELDOM_USED)]
    for one in deferred:
        one.install()
    return deferred


def renewed_reactor(meanwhile: Callable[[], None] = lambda: None) -> Any:
    """The imported reactor with descriptors of its own: a fork must not share its parent's epoll.

    Parameters
    ----------
    meanwhile : callable
        Called when the old descriptors are closed and before there are new ones.
    """
    from twisted.internet import reactor  # noqa: PLC0415

    kind: Any = type(reactor)
    waker = reactor.waker
    reactor.__dict__.clear()
    waker.connectionLost(None)
    meanwhile()
    kind.__init__(reactor)
    return reactor


def run_router(
    directory: Path, config: str, workers: int, arguments: list[str], level: int = logging.INFO
) -> NoReturn:
    """Become crossbar.io; in a fork of a process that has it preloaded.

    Parameters
    ----------
    directory : Path
        ``.crossbar/``.
    config : str
        Name of the configuration in that directory.
    workers : int
        How many workers to have ready, see `count_workers`.
    arguments : list of str
        Further ones of ``crossbar start``.
    level : int
        Least level that is written, as in `logging`.
    """
    import crossbar  # noqa: PLC0415

    verbosity = logs.configure("router", level, libraries=False)
    router_log.install()
    spares: list[Spare] = []
    for _ in range(workers):
        spares.append(make_spare(spares))
    reactor = renewed_reactor()
    reactor.spawnProcess = spawner(reactor, spares)
    said = arguments[arguments.index("--loglevel") + 1] if "--loglevel" in arguments else "info"
    router_log.follow_signal(said, [spare.pid for spare in spares], verbosity)
    sys.argv = ["crossbar", "start", "--cbdir", str(directory), "--config", config, *arguments]
    sys.exit(crossbar.run())


def log_level(level: int) -> str:
    """crossbar.io's name of a level: like other libraries' its "info" is our "debug"."""
    return "debug" if level < logging.DEBUG else "info" if level < logging.INFO else "warn"


def count_workers(config: Any) -> int:
    """How many workers crossbar.io will run with this very interpreter."""
    return sum(
        worker.get("type") in NATIVE and "python" not in worker.get("options", {})
        for worker in config.get("workers", [])
    )


@dataclass(frozen=True, slots=True)
class Spare:
    """A fork that waits to be told which worker it is."""

    pid: int
    told_by: socket.socket


def make_spare(others: list[Spare]) -> Spare:
    """Fork a worker to be; it ends when this process does.

    Parameters
    ----------
    others : list of Spare
        Those made before, which it must not keep a hold on.
    """
    ours, its = socket.socketpair()

    def wait_and_work() -> NoReturn:
        ours.close()
        for other in others:
            other.told_by.close()
        _become_worker(its)

    pid = fork(wait_and_work)
    its.close()
    return Spare(pid, ours)


def _become_worker(told: socket.socket) -> NoReturn:
    _, fds, _, _ = socket.recv_fds(told, 1, _MOST_FDS)
    with told.makefile("rb") as rest:
        text = rest.read()
    told.close()
    if not text:
        os._exit(0)
    order = json.loads(text)
    renewed_reactor(lambda: _place(fds, order["fds"]))
    os.environ.clear()
    os.environ.update(order["environment"])
    added = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p not in sys.path]
    sys.path[:0] = [os.getcwd(), *added]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(write_through=True)  # type: ignore[union-attr]
    sys.argv = [WORKER[-1], *order["arguments"]]
    router_log.follow_signal(sys.argv[sys.argv.index("--loglevel") + 1], ())
    renewal.install(Path(sys.argv[sys.argv.index("--cbdir") + 1]))
    sys.modules.pop(WORKER[-1], None)
    runpy.run_module(WORKER[-1], run_name="__main__", alter_sys=True)
    sys.exit(0)


def _place(fds: list[int], numbers: list[int]) -> None:
    """Give descriptors the numbers that they shall have, none overwritten before it has its own."""
    first_free = max(*fds, *numbers) + 1
    # Above all of these others may be open: F_DUPFD takes the next that is free, never one that is not.
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, first_free) for fd in fds]
    for fd, number in zip(high, numbers, strict=True):
        os.dup2(fd, number)
    for fd in {*fds, *high} - set(numbers):
        os.close(fd)


class WokenProcess(Process):
    """A spare as Twisted sees it: a process that was started with these arguments and pipes."""

    def __init__(self, spare: Spare, *args: Any) -> None:
        self._spare = spare
        super().__init__(*args)  # type: ignore[no-untyped-call]

    def _fork(
        self, path: Any, uid: Any, gid: Any, executable: Any, args: Any, environment: Any, **kwargs: Any
    ) -> None:
        del path, uid, gid, executable  # crossbar.io gives none of them, but for our own interpreter
        fds = kwargs["fdmap"]
        order = {
            "arguments": [os.fsdecode(a) for a in args[1 + len(WORKER) :]],
            "environment": {os.fsdecode(k): os.fsdecode(v) for k, v in environment.items()},
            "fds": list(fds),
        }
        with self._spare.told_by as told:
            socket.send_fds(told, [b"\0"], list(fds.values()))
            told.sendall(json.dumps(order).encode())
        self.pid = self._spare.pid


def spawner(reactor: Any, spares: list[Spare]) -> Callable[..., Any]:
    """A ``reactor.spawnProcess`` that has a spare do what crossbar.io would start an interpreter for."""
    spawn = reactor.spawnProcess

    def spawn_process(
        protocol: Any,
        executable: Any,
        args: Any = (),
        env: Any = None,
        path: Any = None,
        uid: Any = None,
        gid: Any = None,
        usePTY: Any = False,  # noqa: N803 (Twisted's name)
        childFDs: Any = None,  # noqa: N803
    ) -> Any:
        if spares and executable == sys.executable and list(args[1:4]) == WORKER:
            return WokenProcess(
                spares.pop(), reactor, executable, args, env or {}, path, protocol, uid, gid, childFDs
            )
        return spawn(protocol, executable, args, env or {}, path, uid, gid, usePTY, childFDs)

    return spawn_process

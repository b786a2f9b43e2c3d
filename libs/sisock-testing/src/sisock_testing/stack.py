"""A real router and hub, and real processes beside them, for tests.

Processes are started as a site starts them: by their command, configured by the environment, in a
directory that holds ``.crossbar/``. One that dies is started again when it was asked for with
``restart=True``, as Docker's ``restart: always`` does.
"""

import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sisock import logs, uris
from sisock.config import RouterConfig, load
from sisock.node import Field, Limits, Series
from sisock.runner import the_reactor
from sisock_consumer.consumer import Consumer
from sisock_consumer.replies import Reading

from sisock_testing.guard import ALONE

T = TypeVar("T")

START_DEADLINE_S = 40.0
CALL_DEADLINE_S = 10.0
ASIDE, MOST_STEPS = 4, 10
"""A pause is so many times as long as the look before it: what is waited for has the machine."""

_FIRST_PORT, _PORTS = 10_000, 20_000  # below those of outgoing connections, on Linux and elsewhere
_EACH = 200


def wait_until(
    condition: Callable[[], T],
    deadline_s: float = START_DEADLINE_S,
    what: str = "the condition",
    step_s: float = 0.02,
) -> T:
    """Wait for a condition with a deadline.

    Parameters
    ----------
    condition : callable
        What costs much to look at is looked at less often.
    deadline_s : float
    what : str
        For the message when it does not come true.
    step_s : float
        Between two looks at the least, and ten times that at the most.

    Returns
    -------
    object
        The first true value of ``condition()``.

    Raises
    ------
    TimeoutError
        When the deadline passes.
    """
    end = time.monotonic() + deadline_s
    pause = threading.Event()
    began = time.monotonic()
    while not (value := condition()):
        looked = time.monotonic()
        if looked > end:
            raise TimeoutError(f"{what}: not within {deadline_s:g} s")
        pause.wait(max(step_s, min(ASIDE * (looked - began), MOST_STEPS * step_s)))
        began = time.monotonic()
    return value


def free_port() -> int:
    """A TCP port that nobody listens on, nor will: none of those that the system deals out by itself.

    Each process has ports of its own, which it gives by turns: test runs side by side never meet, also where
    what is to listen takes seconds to begin.

    Raises
    ------
    RuntimeError
        If somebody listens on each of these, or so many processes have ports that none are left.
    """
    for port in itertools.islice(_own_ports(os.getpid()), _EACH):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port
    raise RuntimeError(f"{_EACH} ports for tests are all taken")


@cache
def _own_ports(_process: int) -> Iterator[int]:
    """Endless, and of this process alone until it ends: a name in the same namespace as the ports says so."""
    blocks = list(range(_FIRST_PORT, _FIRST_PORT + _PORTS, _EACH))
    random.SystemRandom().shuffle(blocks)
    for first in blocks:
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0sisock-testing-ports-{first}")
        except OSError:  # another process has it
            name.close()
            continue
        name.detach()  # stays open until the process ends
        return itertools.cycle(range(first, first + _EACH))
    raise RuntimeError(f"{len(blocks)} processes have taken all ports for tests")


class Process:
    """One command, its log in a file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        cwd: Path,
        environ: Mapping[str, str],
        *,
        restart: bool = False,
    ) -> None:
        self.name = name
        self.log = cwd / f"{name}.log"
        self._command = list(command)
        self._cwd = cwd
        self._environ = dict(environ)
        self._restart = restart
        self._stopping = False
        if ALONE in os.environ:
            warnings.warn(
                f"{os.environ[ALONE]} starts {name!r} and is not marked `peer`: what starts processes asks "
                "for the fixture sisock_processes",
                stacklevel=3,
            )
        self.popen = self._spawn()
        if restart:
            threading.Thread(target=self._keep, daemon=True).start()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as out:
            return subprocess.Popen(
                self._command,
                cwd=self._cwd,
                env=self._environ,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while True:
            self.popen.wait()
            if self._stopping:
                return
            self.popen = self._spawn()

    @property
    def pid(self) -> int:
        """Process id of the present run."""
        return self.popen.pid

    def kill(self) -> None:
        """Kill the process, and what it started, with -9."""
        os.killpg(self.popen.pid, signal.SIGKILL)
        if not self._restart:
            self.popen.wait(10)

    def signal(self, number: int) -> None:
        """Send a signal to the process itself."""
        self.popen.send_signal(number)

    def stop(self, deadline_s: float = 10.0) -> int:
        """Ask the process to end; its exit code."""
        self._stopping = True
        self._restart = False
        if self.popen.poll() is None:
            self.popen.terminate()
        try:
            return self.popen.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            self.popen.wait()
            raise
        finally:
            self._reap_group()

    def _reap_group(self) -> None:
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def text(self) -> str:
        """All that the process has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")


class Stack:
    """A router with its hub in a directory of its own, and whatever is started beside it.

    Parameters
    ----------
    directory : Path
        Becomes the working directory of all processes.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.tls_port = free_port()
        self.ocs_port = free_port()
        self.processes: dict[str, Process] = {}

    def environ(self, **extra: str) -> dict[str, str]:
        """Environment of a process of this stack."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("WAMP_", "CROSSBAR_", "SISOCK_"))}
        return {
            **kept,
            "CROSSBAR_HOST": "127.0.0.1",
            "CROSSBAR_TLS_PORT": str(self.tls_port),
            "CROSSBAR_OCS_PORT": str(self.ocs_port),
            **extra,
        }

    def start(self, name: str, command: Sequence[str], *, restart: bool = False, **environ: str) -> Process:
        """Start a process of the stack, in place of the last one of that name."""
        if name in self.processes:
            self.processes[name].stop()
        process = Process(name, command, self.directory, self.environ(**environ), restart=restart)
        self.processes[name] = process
        return process

    def start_hub(self, *, restart: bool = False, **environ: str) -> Process:
        """Start the router, with further settings if need be, and wait until the hub answers."""
        log = self.directory / "hub.log"
        earlier = len(log.read_bytes()) if log.exists() else 0
        hub = self.start("hub", [executable("sisock-hub")], restart=restart, **environ)
        wait_until(
            lambda: b"hub.ready" in hub.log.read_bytes()[earlier:] or self._ended(hub),
            what=f"the hub ({hub.log})",
        )
        return hub

    @staticmethod
    def _ended(process: Process) -> bool:
        if process.popen.poll() is not None and not process._restart:
            raise RuntimeError(f"{process.name} ended: {process.text()[-2000:]}")
        return False

    def start_module(self, module: str, *, restart: bool = False, **environ: str) -> Process:
        """Start ``python -m module``."""
        return self.start(module, [sys.executable, "-m", module], restart=restart, **environ)

    def config(self, **environ: str) -> RouterConfig:
        """How a peer in this process reaches the router."""
        crossbar_dir = str(self.directory / ".crossbar")
        return load(RouterConfig, {**self.environ(), "CROSSBAR_DIR": crossbar_dir, **environ})

    def stranger(self) -> RouterConfig:
        """How somebody without a secret reaches it: by the open port alone, as OCS's agents do."""
        return replace(self.config(), wamp_secret=None, crossbar_dir=self.directory / "none")

    def stop(self) -> None:
        """Stop everything, the last started first."""
        for process in reversed(list(self.processes.values())):
            process.stop()


def executable(name: str) -> str:
    """A console script of this environment."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: install its package (sisock-testing[stack] brings the hub's)"
        )
    return str(path)


class Reactor:
    """Twisted's reactor in a thread, so that plain test functions can call and wait."""

    def __init__(self) -> None:
        self.reactor = the_reactor()
        logs.configure("test", 30)
        self._thread = threading.Thread(
            target=self.reactor.run, kwargs={"installSignalHandlers": False}, daemon=True, name="reactor"
        )
        self._thread.start()

    def wait(self, make: Callable[[], Any], deadline_s: float = CALL_DEADLINE_S) -> Any:
        """Run a coroutine function in the reactor thread and wait for its result."""
        from twisted.internet.defer import ensureDeferred  # noqa: PLC0415
        from twisted.internet.threads import blockingCallFromThread  # noqa: PLC0415

        def bounded() -> Any:
            return ensureDeferred(make()).addTimeout(deadline_s, self.reactor)

        return blockingCallFromThread(self.reactor, bounded)

    def stop(self) -> None:
        """Stop the reactor for good."""
        self.reactor.callFromThread(self.reactor.stop)
        self._thread.join(10)


class Peer:
    """A consumer for tests, with plain blocking methods.

    Parameters
    ----------
    reactor : Reactor
    config : RouterConfig
    """

    def __init__(self, reactor: Reactor, config: RouterConfig) -> None:
        self._reactor = reactor
        self.consumer = Consumer(reactor.reactor, config, logs.get("peer"))
        reactor.reactor.callFromThread(lambda: self.consumer.run().addErrback(lambda _: None))
        wait_until(lambda: self.consumer.hub_here, what="the hub answers")

    @property
    def session(self) -> Any:
        """The session with the router itself, for what a consumer of ours never does."""
        session = self.consumer._connection.session
        if session is None:
            raise RuntimeError("there is no session with the router")
        return session

    @property
    def session_id(self) -> int:
        """The router's number of the session."""
        return int(self.session._session_id)

    def wait_for_node(self, name: str, deadline_s: float = START_DEADLINE_S) -> None:
        """Wait until the hub lists `name`."""
        wait_until(lambda: name in self.consumer.nodes, deadline_s, f"node {name!r} is listed")

    def call(self, procedure: str, *args: Any, **kwargs: Any) -> Any:
        """Call a procedure as a peer of the predecessor would."""
        return self._reactor.wait(
            lambda: self.consumer.call(procedure, CALL_DEADLINE_S, procedure, *args, **kwargs)
        )

    def get_fields(self, name: str, start: float = 1, end: float = 0) -> list[Field]:
        """List a node's fields."""
        return self._reactor.wait(  # type: ignore[no-any-return]
            lambda: self.consumer.get_fields(name, start, end, CALL_DEADLINE_S)
        )

    def get_data(
        self,
        name: str,
        fields: Sequence[str],
        start: float = 1,
        end: float = 0,
        timelines: Mapping[str, str] | None = None,
        **limits: Any,
    ) -> tuple[dict[str, Series], dict[str, str]]:
        """Read data as a consumer of ours does: packed and in parts."""

        async def ask() -> Reading:
            return await self.consumer.get_data(
                name,
                fields,
                start,
                end,
                deadline_s=CALL_DEADLINE_S,
                timelines=timelines,
                limits=Limits(**limits),
            )

        read: Reading = self._reactor.wait(ask)
        return read.series, read.problems

    def v1_data(self, name: str, fields: Sequence[str], start: float, end: float, **limits: Any) -> Any:
        """Read data as a consumer of the predecessor's does."""
        return self.call(uris.get_data(name), list(fields), start, end, **limits)

    def breaches(self, name: str) -> list[str]:
        """Run the conformance suite on a node; a sentence for each check that fails."""
        from sisock_testing.conformance import check_node  # noqa: PLC0415

        async def run() -> list[str]:
            return [
                f"{outcome.check}: {outcome.problem}"
                async for outcome in check_node(self.consumer, name)
                if outcome.problem
            ]

        return self._reactor.wait(run, 60.0)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Leave the router."""
        self._reactor.wait(self.consumer.stop)

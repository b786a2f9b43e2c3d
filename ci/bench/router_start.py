"""How long a router is away after SIGKILL, ours beside plain crossbar.io with the same configuration.

Also: how soon a hub that was killed lists everybody again, and how many sessions end with it. With
``stress-ng`` installed, once more while it keeps two cores busy. Names of victims: `whole` is all
processes, as when a container is killed, `controller` and `worker` crossbar.io's own two.
"""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from sisock_testing import Process, Stack, wait_until
from sisock_testing.stack import Peer, Reactor, executable

RUNS = 3
PAUSE_S = {"whole": 2.0, "controller": 2.0, "worker": 11.0}
"""Before each kill. A router that ends by itself twice within ten seconds ends ours, as it should."""

VICTIMS = {"whole": "", "controller": "crossbar-controller", "worker": "RouterController"}


def listens(port: int) -> bool:
    """Whether somebody accepts connections."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


def listeners(port: int) -> set[psutil.Process]:
    """Who listens at a port."""
    held = [c.pid for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port]
    return {psutil.Process(pid) for pid in held if pid is not None and psutil.pid_exists(pid)}


def victim(process: Process, title: str) -> psutil.Process:
    """A process of the router's family."""
    family = psutil.Process(process.pid).children(recursive=True)
    return next(p for p in family if title in " ".join(p.cmdline()))


def plain(stack: Stack) -> Process:
    """Start ``crossbar start`` with what sisock-hub would read, kept as Docker keeps a container."""
    directory = stack.directory / ".crossbar"
    secrets = {
        f"SISOCK_SECRET_{f.name.upper()}": f.read_text().strip() for f in (directory / "secrets").iterdir()
    }
    # Of a router that was killed: what crossbar.io itself would refuse to start over.
    command = 'rm -f .crossbar/node.pid .crossbar/hub.sock; exec "$0" start --cbdir .crossbar --color false'
    return stack.start(
        "plain",
        ["sh", "-c", command, executable("crossbar")],
        restart=True,
        CROSSBAR_DIR=str(directory),
        **secrets,
    )


def away(stack: Stack, process: Process, name: str) -> float:
    """Kill a part of a router; seconds until it listens again."""
    time.sleep(PAUSE_S[name])
    title = VICTIMS[name]
    # Plain crossbar.io's controller is the process that was started.
    target = victim(process, title) if title in family_titles(process) else psutil.Process(process.pid)
    old = listeners(stack.tls_port)
    killed = time.monotonic()
    if name == "whole":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        target.kill()
    # Another process: threads of one that was killed may hold its socket for a moment yet.
    wait_until(lambda: listeners(stack.tls_port) - old, 60, "another listens", step_s=0.005)
    wait_until(lambda: listens(stack.tls_port), 60, "it listens again", step_s=0.005)
    return time.monotonic() - killed


def family_titles(process: Process) -> str:
    """Titles of a router's processes below the first."""
    return "\n".join(" ".join(p.cmdline()) for p in psutil.Process(process.pid).children(recursive=True))


def starts(make: Callable[[Stack], Process]) -> dict[str, float]:
    """Median of the times away, by victim."""
    stack = Stack(Path(tempfile.mkdtemp(prefix="sisock-bench-")))
    try:
        prepare = [executable("sisock-hub"), "--prepare-only"]
        subprocess.run(prepare, cwd=stack.directory, env=stack.environ(), check=True, capture_output=True)
        process = make(stack)
        wait_until(lambda: listens(stack.tls_port), 60, "it listens")
        return {name: statistics.median(away(stack, process, name) for _ in range(RUNS)) for name in VICTIMS}
    finally:
        stack.stop()


def hub_alone(reactor: Reactor) -> tuple[float, int]:
    """Kill the hub alone: median seconds until a node is listed again, and sessions that ended."""
    stack = Stack(Path(tempfile.mkdtemp(prefix="sisock-bench-")))
    took, ended = [], 0
    try:
        hub = stack.start_hub()
        stack.start_module("sisock_weather")
        peer = Peer(reactor, stack.config(WAMP_USER="simonsobs"))
        wait_until(lambda: peer.consumer.nodes, what="a node")
        names = set(peer.consumer.nodes)
        added = node_sessions(hub)
        for _ in range(RUNS):
            time.sleep(PAUSE_S["whole"])
            ours, ready = peer.session, hub.text().count("hub.ready")
            killed = time.monotonic()
            victim(hub, "sisock-hub [hub]").kill()
            wait_until(lambda n=ready: hub.text().count("hub.ready") > n, 30, step_s=0.005)  # type: ignore[misc]
            wait_until(lambda: names <= node_sessions(hub).keys(), 30, "all are listed", step_s=0.005)
            took.append(time.monotonic() - killed)
            ended += (peer.session is not ours) + (node_sessions(hub) != added)
        peer.close()
        return statistics.median(took), ended
    finally:
        stack.stop()


def node_sessions(hub: Process) -> dict[str, int]:
    """Sessions of the nodes that the present hub has listed, by its log."""
    found: dict[str, int] = {}
    for line in hub.text().splitlines():
        if '"event": "node.added"' in line:
            event = json.loads(line)
            found[event["name"]] = event["session"]
        elif '"part": "hub"' in line:
            found.clear()
    return found


@contextmanager
def busy(cores: int) -> Iterator[None]:
    """Keep cores busy meanwhile."""
    if not cores:
        yield
        return
    stress = subprocess.Popen(["stress-ng", "--cpu", str(cores), "--quiet"])
    try:
        yield
    finally:
        stress.terminate()
        stress.wait(10)


def main() -> None:
    reactor = Reactor()
    try:
        print("| two cores | killed | plain crossbar.io | ours | ratio |\n|---|---|---|---|---|")
        hubs = []
        for cores in (0, 2) if shutil.which("stress-ng") else (0,):
            what = "busy" if cores else "as they are"
            with busy(cores):
                load = os.getloadavg()[0]
                theirs, ours = (
                    starts(plain),
                    starts(lambda s: s.start("hub", [executable("sisock-hub")], restart=True)),
                )
                for name in VICTIMS:
                    ratio = theirs[name] / ours[name]
                    row = [f"{what} (load {load:.1f})", name, f"{theirs[name]:.2f} s", f"{ours[name]:.2f} s"]
                    print("|", " | ".join([*row, f"{ratio:.1f}"]), "|", flush=True)
                hubs.append((what, *hub_alone(reactor)))
        for what, took, ended in hubs:
            print(f"hub alone, cores {what}: listed again after {took:.2f} s, {ended} sessions ended")
    finally:
        reactor.stop()


if __name__ == "__main__":
    main()

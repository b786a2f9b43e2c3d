"""The faults, each a context: it begins when it is entered, and is over when it is left."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import requests
from sisock import SisockError
from sisock_testing import SERVERS, wait_until

from drills.site import Fault, Site, lasting


def killed(kind: str) -> Fault:
    """SIGKILL of one process, which is started again at once, as a container is."""

    @contextlib.contextmanager
    def fault(site: Site) -> Iterator[None]:
        process = site.process(kind)
        process.kill()
        process.wait(10)
        yield

    return fault


def stopped(kind: str, seconds: float) -> Fault:
    """SIGSTOP of one process, and SIGCONT."""

    @contextlib.contextmanager
    def fault(site: Site) -> Iterator[None]:
        process = site.process(kind)
        process.send_signal(signal.SIGSTOP)
        lasting(seconds)
        with contextlib.suppress(psutil.NoSuchProcess):  # the router's own parent may have ended it
            process.send_signal(signal.SIGCONT)
        yield

    return fault


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=20)


@contextlib.contextmanager
def _namespace(name: str) -> Iterator[str]:
    """A network namespace with a cable to here; our address at its other end."""
    ours, theirs = "10.211.77.1", "10.211.77.2"
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", f"{name}0", "type", "veth", "peer", "name", f"{name}1", "netns", name)
        _run("ip", "addr", "add", f"{ours}/24", "dev", f"{name}0")
        _run("ip", "link", "set", f"{name}0", "up")
        for words in (
            ("addr", "add", f"{theirs}/24", "dev", f"{name}1"),
            ("link", "set", f"{name}1", "up"),
            ("link", "set", "lo", "up"),
        ):
            _run("ip", "-n", name, *words)
        yield ours
    finally:
        _run("ip", "netns", "del", name)
        subprocess.run(["ip", "link", "del", f"{name}0"], check=False, capture_output=True, timeout=20)


@contextlib.contextmanager
def _far_node(site: Site, *, restart: bool) -> Iterator[str]:
    """A data node in a network of its own."""
    name = "sisockdrill"
    with _namespace(name) as host:
        command = ["ip", "netns", "exec", name, sys.executable, str(SERVERS / "clockwork.py")]
        site.stack.start("far", command, restart=restart, CROSSBAR_HOST=host)
        try:
            wait_until(lambda: "clockwork" in site.peer.consumer.nodes, 40, "the far node is listed")
            yield name
        finally:
            site.stack.processes.pop("far").stop()


def partitioned(seconds: float) -> Fault:
    """The cable of a data node is out for a while; over when it is in again, and the node answers."""

    @contextlib.contextmanager
    def fault(site: Site) -> Iterator[None]:
        with _far_node(site, restart=True) as name:
            _run("ip", "link", "set", f"{name}0", "down")
            lasting(seconds)
            _run("ip", "link", "set", f"{name}0", "up")
            back = time.monotonic()
            wait_until(lambda: _clockwork_answers(site), 60, "the far node answers again")
            site.remarks.append(
                f"the far node answers {time.monotonic() - back:.1f} s after its cable is in again"
            )
            yield

    return fault


def half_open(site: Site) -> contextlib.AbstractContextManager[None]:
    """A data node dies behind a cable that is out: the router's connection is open, and nobody at its end."""

    @contextlib.contextmanager
    def fault() -> Iterator[None]:
        with _far_node(site, restart=False) as name:
            # What leaves the node is thrown away, its last words too.
            _run("ip", "netns", "exec", name, "iptables", "-A", "OUTPUT", "-o", f"{name}1", "-j", "DROP")
            site.stack.processes["far"].kill()
            gone = time.monotonic()
            wait_until(lambda: "clockwork" not in site.peer.consumer.nodes, 60, "the router gives it up")
            site.remarks.append(f"a half-open connection is given up after {time.monotonic() - gone:.1f} s")
            yield

    return fault()


def _clockwork_answers(site: Site) -> bool:
    try:
        return len(site.peer.get_data("clockwork", ["sine"], 1, 100)[0]["sine"].t) == 99
    except (SisockError, KeyError, TimeoutError):  # it is away, or has not got it
        return False


def full_disk(seconds: float) -> Fault:
    """The disk below the feed's store and watch's ledger is full."""

    @contextlib.contextmanager
    def fault(site: Site) -> Iterator[None]:
        with _filled(site):
            lasting(seconds)
        yield

    return fault


@contextlib.contextmanager
def _filled(site: Site) -> Iterator[None]:
    """The small disk, filled to its last page."""
    filler = site.small / "filler"
    try:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as out:
            while True:
                out.write(bytes(4096))
        yield
    finally:
        filler.unlink()


def full_index(seconds: float) -> Fault:
    """The disk below an index of SQLite's is full while files come."""

    @contextlib.contextmanager
    def fault(site: Site) -> Iterator[None]:
        archive, index = site.folder / "growing", site.small / "index.sqlite"
        archive.mkdir()
        site.write_g3(archive, 1_500_000_000)
        scanner = site.start(
            "growing", "sisock_g3_file_scanner", DATA_DIRECTORY=str(archive), SQL_FILE=str(index), SCAN_INTERVAL="1"
        )  # fmt: skip
        try:
            wait_until(lambda: _indexed(index) == 1, 40, "the first file is in the index")
            with _filled(site):
                for first in range(1_500_001_000, 1_500_020_000, 1000):
                    site.write_g3(archive, first, [f"channel_{n}" for n in range(40)])
                lasting(seconds)
                begun = _indexed(index)
            room = time.monotonic()
            wait_until(lambda: _indexed(index) == 20, 60, "all files are in the index")
            lines = [json.loads(line) for line in scanner.text().splitlines() if line.startswith("{")]
            words = ", ".join(sorted({line["event"] for line in lines if line["level"] != "info"}))
            site.remarks.append(
                f"with a full disk {begun} of 20 files are in the index ({words}), all {time.monotonic() - room:.1f} s after there is room"
            )
        finally:
            site.stack.processes.pop("growing").stop()
        yield

    return fault


def _indexed(index: Path) -> int:
    """Files that an index has."""
    if not index.exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{index}?mode=ro", uri=True)) as db:
        try:
            return int(db.execute("SELECT count(DISTINCT id) FROM sisock_files").fetchone()[0])
        except sqlite3.OperationalError:  # it has no tables yet
            return 0


def host_clock(ahead_s: float, seconds: float) -> Fault:
    """The clock of the host jumps, and is put right."""

    @contextlib.contextmanager
    def fault(site: Site) -> Iterator[None]:
        site.put_clock(ahead_s)
        lasting(seconds)
        site.put_clock(0)
        yield

    return fault


def read_only(seconds: float) -> Fault:
    """The same disk is read-only."""

    @contextlib.contextmanager
    def fault(site: Site) -> Iterator[None]:
        # A file that is open for writing keeps a disk from it: force it for a mount of its own.
        folder = str(site.small)
        _run("mount", "--bind", folder, folder)
        try:
            _run("mount", "-o", "remount,ro,bind", folder, folder)
            lasting(seconds)
        finally:
            _run("umount", "-l", folder)
        yield

    return fault


def source_clock(ahead_s: float, seconds: float) -> Fault:
    """The clock of the agent jumps, and is put right."""

    @contextlib.contextmanager
    def fault(site: Site) -> Iterator[None]:
        site.agent.ahead_s = ahead_s
        lasting(seconds)
        site.agent.ahead_s = 0.0
        yield

    return fault


@contextlib.contextmanager
def database_killed(site: Site) -> Iterator[None]:
    """MariaDB dies, is away for ten seconds, and comes back."""
    if site.mariadb is None:
        raise RuntimeError("there is no MariaDB here")
    site.mariadb.kill()
    lasting(10)
    site.mariadb.start()
    back = time.monotonic()
    wait_until(site.g3_answers, 60, "the archive of .g3 files answers")
    site.remarks.append(f"the .g3 archive answers {time.monotonic() - back:.1f} s after MariaDB is back")
    yield


@contextlib.contextmanager
def replaced_file(site: Site) -> Iterator[None]:
    """The files under the reader are replaced, twenty times in five seconds: whole, and by half a file."""
    for number in range(20):
        for file in site.weather.glob("*.dat"):
            whole = file.read_bytes()
            fresh = file.with_suffix(".new")
            fresh.write_bytes(whole[: len(whole) // 2] if number % 2 == 0 else whole)
            kept = file.with_suffix(".kept")
            os.link(file, kept)
            fresh.replace(file)
            if number % 2 == 0:
                kept.replace(file)
            kept.unlink(missing_ok=True)
        lasting(0.25)
    yield


@contextlib.contextmanager
def zoo(site: Site) -> Iterator[None]:
    """Forty nodes that answer endlessly, never, wrong or late are asked for five seconds beside the others."""
    site.stack.start("zoo", [sys.executable, str(SERVERS / "zoo.py")])
    wait_until(lambda: "zoo_endless" in site.peer.consumer.nodes, 40, "the zoo is listed")
    kinds = [name for name in site.peer.consumer.nodes if name.startswith("zoo_")]
    until = time.monotonic() + 5

    def ask(names: list[str]) -> None:
        while time.monotonic() < until:
            for name in names:
                with contextlib.suppress(requests.RequestException):
                    requests.get(
                        f"{site.url}/api/v1/data?field={name}::x&start=1&end=1000&format=json", timeout=15
                    )

    askers = [threading.Thread(target=ask, args=(kinds[i::4],)) for i in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(60)
    site.stack.processes.pop("zoo").stop()
    yield


PROCESSES = {
    "router, hub and their parent": "hub",
    "the router's controller": "crossbar-controller",
    "router": "RouterController",
    "hub": "sisock-hub [hub]",
    "bridge": "http",
    "archive node": "weather",
    "feed node": "feed",
    "watch": "watch",
}

ROOT = os.geteuid() == 0


def all_faults(
    seconds: float,
) -> dict[str, Fault | Callable[[Site], contextlib.AbstractContextManager[None]]]:
    """Every drill by its name; those that hold on hold on for so many seconds."""
    found: dict[str, Fault] = {f"SIGKILL of {name}": killed(kind) for name, kind in PROCESSES.items()}
    found |= {f"SIGSTOP {seconds:g} s of {name}": stopped(kind, seconds) for name, kind in PROCESSES.items()}
    found |= {
        "source's clock an hour ahead": source_clock(3600.0, 5.0),
        "source's clock an hour behind": source_clock(-3600.0, 5.0),
        "files replaced under the reader": replaced_file,
        "nodes that are endless, silent, wrong, late": zoo,
        "MariaDB killed, away 10 s": database_killed,
    }
    if ROOT:
        found |= {
            f"a node's cable out for {seconds:g} s": partitioned(seconds),
            "half-open connection of a node": half_open,
            "disk full for 10 s (feed, watch)": full_disk(10.0),
            "disk full for 10 s (index)": full_index(10.0),
            "disk read-only for 10 s (feed, watch)": read_only(10.0),
        }
    return found


def clock_faults() -> dict[str, Fault]:
    """Drills that want a site whose processes have a clock that can be put."""
    return {
        "host's clock an hour ahead": host_clock(3600.0, 5.0),
        "host's clock an hour behind": host_clock(-3600.0, 5.0),
    }

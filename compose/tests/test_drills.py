"""Kill -9 drills: each part of the stack alone, and each while a query is under way.

Dead processes are started again as Docker's ``restart: always`` does; nothing else is touched.
How long each recovery took is printed.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable

import psutil
import pytest
import requests
from sisock_testing import Stack, wait_until
from sisock_testing.stack import free_port

QUERY = {
    "range": {"from": "2017-07-14T00:00:00Z", "to": "2017-07-15T00:00:00Z"},
    "targets": [{"target": "apex_archive::apex_radiometer", "type": "timeserie"}],
}
BACK_DEADLINE_S = 30.0
"""Then waiting ends. What is asserted is measured against the start of the whole on the same machine."""

BACK_STARTS = 3.0
BACK_S = 5.0
"""A part is back within so many starts of the whole, and a pause between tries."""


class Site:
    """The whole stack, every process kept alive."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.began, self.started_s = time.monotonic(), 0.0
        self.port = free_port()
        stack.start_hub(restart=True)
        stack.start("weather", [sys.executable, "-m", "sisock_weather"], restart=True)
        stack.start("http", [sys.executable, "-m", "sisock_http"], restart=True, PORT=str(self.port))

    def hubs_started(self) -> int:
        """How often the hub has become ready."""
        return self.stack.processes["hub"].text().count("hub.ready")

    def answers(self) -> bool:
        """Whether a query returns the whole day."""
        try:
            reply = requests.post(f"http://127.0.0.1:{self.port}/query", json=QUERY, timeout=15)
        except requests.RequestException:
            return False
        return reply.ok and len(reply.json()[0]["datapoints"]) == 1440


@pytest.fixture(scope="module")
def site(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory):
    stack = Stack(tmp_path_factory.mktemp("site"))
    try:
        site = Site(stack)
        wait_until(site.answers, what="the stack answers")
        site.started_s = time.monotonic() - site.began
        yield site
    finally:
        stack.stop()


def worker(site: Site, kind: str) -> psutil.Process:
    parent = psutil.Process(site.stack.processes["hub"].pid)
    return next(p for p in parent.children(recursive=True) if kind in " ".join(p.cmdline()))


def whole(name: str) -> Callable[[Site], None]:
    return lambda site: site.stack.processes[name].kill()


VICTIMS: dict[str, Callable[[Site], None]] = {
    "router and hub": whole("hub"),
    "the router and hub's parent": lambda site: site.stack.processes["hub"].signal(signal.SIGKILL),
    "the router's controller": lambda site: worker(site, "crossbar-controller").kill(),
    "router": lambda site: worker(site, "RouterController").kill(),
    "hub": lambda site: worker(site, "sisock-hub [hub]").kill(),
    "http": whole("http"),
    "weather": whole("weather"),
}


def recovered(site: Site, victim: str, killed: float, hubs: int) -> float:
    if "hub" in victim or "router" in victim:
        # Each of them ends the hub's session.
        hub = site.stack.processes["hub"]
        wait_until(lambda: hub.text().count("hub.ready") > hubs, BACK_DEADLINE_S, "the hub is back")
    wait_until(site.answers, BACK_DEADLINE_S, "the stack answers again", step_s=0.05)
    return time.monotonic() - killed


@pytest.mark.parametrize("victim", VICTIMS)
def test_everything_is_back_by_itself_after(
    site: Site, victim: str, record_property: Callable[[str, object], None]
) -> None:
    hubs = site.hubs_started()
    killed = time.monotonic()
    VICTIMS[victim](site)
    time.sleep(0.2)
    took = recovered(site, victim, killed, hubs)
    record_property("measured", f"{victim} killed with -9: a query is answered again after {took:.1f} s")
    assert took < BACK_STARTS * site.started_s + BACK_S


@pytest.mark.parametrize("victim", VICTIMS)
def test_everything_is_back_by_itself_during_queries_after(
    site: Site, victim: str, record_property: Callable[[str, object], None]
) -> None:
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.wait(0.01):
            site.answers()

    askers = [threading.Thread(target=keep_asking) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        hubs = site.hubs_started()
        killed = time.monotonic()
        VICTIMS[victim](site)
        time.sleep(0.2)
        took = recovered(site, victim, killed, hubs)
    finally:
        stop.set()
        for asker in askers:
            asker.join(30)
    record_property("measured", f"{victim} killed with -9 during queries: answered again after {took:.1f} s")
    assert took < BACK_STARTS * site.started_s + BACK_S

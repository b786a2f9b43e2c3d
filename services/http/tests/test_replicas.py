"""Several processes serve one name: the hub lists one node, and no query fails while any of them is there."""

import sys
import threading
from collections.abc import Iterator

import pytest
import requests
from sisock_testing import Stack, wait_until
from sisock_testing.stack import free_port

REPLICAS = 3
FIRST_MS, DAY_S = 1500000000000, 86400
FIELD = "apex_archive::apex_radiometer"


@pytest.fixture
def stack(sisock_processes: None, tmp_path) -> Iterator[Stack]:
    stack = Stack(tmp_path)
    stack.start_hub()
    yield stack
    stack.stop()


def query(port: int, number: int) -> tuple[int, str]:
    """How many samples came for a range of its own, and the notice."""
    start = FIRST_MS + number
    body = {
        "range": {"from": start, "to": start + DAY_S * 1000},
        "targets": [{"target": FIELD, "type": "timeserie"}],
    }
    reply = requests.post(f"http://127.0.0.1:{port}/query", json=body, timeout=20)
    reply.raise_for_status()
    [series] = reply.json()
    return len(series["datapoints"]), str(series.get("meta", ""))


def test_killing_replicas_during_queries_fails_none_as_long_as_one_is_left(stack: Stack) -> None:
    command = [sys.executable, "-m", "sisock_weather"]
    replicas = [stack.start(f"weather{n}", command, REPLICA="yes") for n in range(REPLICAS)]
    for replica in replicas:
        wait_until(lambda r=replica: "node.listed" in r.text(), what="each replica is listed")
    port = free_port()
    bridge = stack.start("http", [sys.executable, "-m", "sisock_http"], PORT=str(port), KEPT_BYTES="0")
    wait_until(lambda: "node.online" in bridge.text(), what="the node is online")
    nodes = requests.get(f"http://127.0.0.1:{port}/api/v1/nodes", timeout=10).json()
    assert [node["name"] for node in nodes] == ["apex_archive"]

    stopping = threading.Event()
    answers: list[tuple[int, str]] = []
    failures: list[str] = []

    def ask(first: int) -> None:
        number = first
        while not stopping.is_set():
            number += 4
            try:
                answers.append(query(port, number))
            except (requests.RequestException, ValueError) as error:
                failures.append(str(error))

    threads = [threading.Thread(target=ask, args=(first,), daemon=True) for first in range(4)]
    for thread in threads:
        thread.start()
    try:
        for replica in replicas[:-1]:
            before = len(answers)
            wait_until(lambda n=before: len(answers) >= n + 20, what="queries are under way")
            replica.kill()
        before = len(answers)
        wait_until(lambda: len(answers) >= before + 40, what="the last one answers")
    finally:
        stopping.set()
        for thread in threads:
            thread.join(30)
    assert failures == []
    assert set(answers) == {(1440, "")}
    hub = stack.processes["hub"]
    wait_until(lambda: hub.text().count("node.subtracted") == REPLICAS - 1, what="the hub strikes two off")
    assert "node.offline" not in bridge.text()


def test_a_server_that_shares_with_nobody_finds_the_name_taken(stack: Stack) -> None:
    command = [sys.executable, "-m", "sisock_weather"]
    replica = stack.start("replica", command, REPLICA="yes")
    wait_until(lambda: "node.listed" in replica.text(), what="the replica is listed")
    alone = stack.start("alone", command)
    wait_until(lambda: "already serves the name" in alone.text(), what="the other is refused")
    assert "node.listed" not in alone.text()

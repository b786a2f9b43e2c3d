"""Answers of a real live node through a real router: kept while nothing is new, and not a moment longer."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sisock_testing import Stack, wait_until

Bridge = Any
SERVER = Path(__file__).parent / "servers" / "diary.py"
WRITES = 3


def command() -> list[str]:
    return [sys.executable, str(SERVER)]


@pytest.fixture
def live(sisock_stack: Stack, make_bridge) -> Iterator[tuple[Bridge, Stack]]:
    """A bridge, and a stack to which the test adds the node."""
    bridge = make_bridge(sisock_stack, "live_http")
    yield bridge, sisock_stack
    assert bridge.process.stop() == 0


def values(bridge: Bridge, field: str, start: float, end: float) -> list[float]:
    """Of a field of the node's, which it has in the middle of any range."""
    [series] = bridge.query(f"diary::{field}", start=start * 1000, end=end * 1000)
    return [value for value, _ in series["datapoints"]]


def test_what_was_written_before_a_query_is_in_its_answer_and_then_nobody_is_asked_again(
    live: tuple[Bridge, Stack],
) -> None:
    bridge, stack = live
    node = stack.start("diary", command())
    wait_until(lambda: "diary" in bridge.nodes(), what="the node is listed")
    now = time.time()
    past = now - 200, now - 100
    assert values(bridge, "write", 900, 901) == [1]
    for number in range(1, WRITES):
        wait_until(
            lambda: values(bridge, "reads", *past) == values(bridge, "reads", *past),
            what="an answer of the past is kept",
        )
        assert values(bridge, "note", *past) == list(np.arange(number))
        assert values(bridge, "write", 1000 + number, 1001 + number) == [1]
        assert values(bridge, "note", *past) == list(np.arange(number + 1))
    assert node.stop() == 0


def test_a_node_that_comes_back_is_asked_even_for_what_cannot_change(live: tuple[Bridge, Stack]) -> None:
    bridge, stack = live
    told = []
    for attempt in ("one", "two"):
        node = stack.start(f"diary_{attempt}", command())
        wait_until(lambda: "diary" in bridge.nodes(), what="the node is listed")
        told.append([values(bridge, "process", 1000, 2000) for _ in range(2)])
        assert told[-1] == [[node.pid]] * 2
        assert node.stop() == 0
        wait_until(lambda: "diary" not in bridge.nodes(), what="the node is gone")
    assert told[0] != told[1]


def test_a_browser_keeps_what_cannot_change_and_nothing_else(live: tuple[Bridge, Stack]) -> None:
    bridge, stack = live
    node = stack.start("diary", command())
    wait_until(lambda: "diary" in bridge.nodes(), what="the node is listed")
    path = "/api/v1/data?field=diary::{}&start={}&end={}&format={}"
    past = "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"
    first = bridge.get(path.format("process", *past, "csv"))
    assert first.headers["cache-control"] == "private, max-age=600"
    same = {"if-none-match": first.headers["etag"]}
    again = bridge.get(path.format("process", *past, "csv"), headers=same)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = bridge.get(path.format("process", *past, "json"), headers=same)
    assert (other.status_code, other.json()[0]["diary::process"]) == (200, node.pid)
    for field, *changing in (
        ("process", "now-2d", "now-1d", "csv"),
        ("process", past[0], "now-1d", "csv"),
        ("reads", *past, "csv"),
        ("none", *past, "csv"),
    ):
        headers = bridge.get(path.format(field, *changing)).headers
        assert not {"etag", "cache-control"} & {name.lower() for name in headers}
    assert node.stop() == 0

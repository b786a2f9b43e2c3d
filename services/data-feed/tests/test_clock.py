"""A clock that somebody sets, and what is kept meanwhile."""

import numpy as np
import pytest
from sisock_data_feed.buffer import Buffer
from sisock_data_feed.clock import PATIENCE_S, PatientClock
from sisock_data_feed.feed import Block
from sisock_data_feed.topics import Address
from structlog import get_logger
from structlog.testing import capture_logs

NOON = 1.7e9
HOUR = 3600.0


class Host:
    """A host's two clocks."""

    def __init__(self) -> None:
        self.passed = 50.0
        self.wall = NOON
        self.clock = PatientClock(lambda: self.wall, lambda: self.passed, get_logger())

    def wait(self, seconds: float) -> None:
        self.passed += seconds
        self.wall += seconds


def test_a_clock_that_is_set_for_a_while_is_passed_over_and_said_once() -> None:
    host = Host()
    with capture_logs() as said:
        host.wall += HOUR
        host.wait(5)
        assert host.clock() == NOON + 5
        host.wait(PATIENCE_S)
        host.wall -= HOUR
        assert host.clock() == NOON + 5 + PATIENCE_S
    assert [(line["event"], line.get("by_s")) for line in said] == [
        ("clock.set", HOUR),
        ("clock.right_again", None),
    ]


def test_a_clock_that_stays_set_is_followed() -> None:
    host = Host()
    with capture_logs() as said:
        host.wall -= HOUR
        host.clock()
        host.wait(PATIENCE_S)
        assert host.clock() == NOON + PATIENCE_S
        host.wait(1)
        assert host.clock() == NOON - HOUR + PATIENCE_S + 1
        assert host.clock() == NOON - HOUR + PATIENCE_S + 1
    assert [line["event"] for line in said] == ["clock.set", "clock.followed"]


def test_a_clock_that_is_slewed_is_followed_at_once() -> None:
    host = Host()
    with capture_logs() as said:
        for _ in range(100):
            host.wait(1)
            host.wall += 0.5
            assert host.clock() == host.wall
    assert said == []


def test_by_how_much_a_clock_was_set_is_said_to_a_tenth_of_a_second() -> None:
    host = Host()
    with capture_logs() as said:
        host.wall += 12.34
        host.clock()
        host.wait(PATIENCE_S + 1)
        host.clock()
    assert [(line["event"], line["by_s"]) for line in said] == [("clock.set", 12.3), ("clock.followed", 12.3)]


@pytest.mark.parametrize("set_by", [HOUR, -HOUR, 86400.0, -86400.0])
def test_nothing_is_lost_while_the_hosts_clock_is_wrong(set_by: float) -> None:
    """Three thousand samples, the clock and the agent's stamps wrong for a minute, and right again."""
    host = Host()
    buffer = Buffer(HOUR, prefixed=False, clock=host.clock)

    def hear(stamped_off: float) -> None:
        host.wait(1)
        t = np.array([host.wall + stamped_off])
        buffer.add(Block(Address("a", "b"), "block", t, {("n", "number"): t.copy()}), host.clock())

    for _ in range(3000):
        hear(0.0)
    host.wall += set_by
    for _ in range(60):
        hear(0.0)
    host.wall -= set_by
    for _ in range(60):
        hear(0.0)
    [series] = buffer.read(["n"], NOON, host.wall + 1)
    assert len(series.t) == 3060

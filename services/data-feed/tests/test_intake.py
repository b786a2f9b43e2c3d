"""What is said of messages, and how often."""

from pathlib import Path
from typing import Any

import pytest
import structlog
from sisock_data_feed.buffer import Buffer
from sisock_data_feed.intake import Intake
from sisock_data_feed.store import Store
from sisock_data_feed.topics import Address
from sisock_data_feed.watch import Watch
from structlog.testing import capture_logs

NOW = 1.7e9


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def intake(clock: Clock, tmp_path: Path) -> Intake:
    buffer = Buffer(100.0, prefixed=False, clock=clock)
    log = structlog.get_logger()
    return Intake(buffer, Store(tmp_path, "node", 100.0, log), Watch(), log, clock)


def message(t: float, **feed: Any) -> list[Any]:
    return [{"temps": {"timestamps": [t], "data": {"T": [1.0]}}}, feed]


def test_new_samples_reach_up_to_the_newest_of_them(intake: Intake, address: Address) -> None:
    assert intake.hear(message(NOW - 1), address) == NOW - 1
    assert intake.hear([{}, {}], address) is None


def test_each_kind_of_problem_is_said_once_and_counted(intake: Intake, address: Address) -> None:
    with capture_logs() as logs:
        for nonsense in (None, 3, [{"temps": 1}, {}], [{"temps": 2}, {}]):
            intake.hear(nonsense, address)
    assert [(entry["event"], entry["problem"]) for entry in logs] == [
        ("message.malformed", "shape"),
        ("message.malformed", "block"),
    ]
    assert (intake.counts["messages"], intake.counts["shape"], intake.counts["block"]) == (4, 2, 2)


def test_a_feed_that_is_not_recorded_is_said_once(intake: Intake, address: Address) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            intake.hear(message(NOW, record=False), address)
    assert [entry["event"] for entry in logs] == ["feed.skipped"]


def test_a_stamp_from_the_future_is_said_once_and_kept(intake: Intake, address: Address) -> None:
    with capture_logs() as logs:
        assert intake.hear(message(NOW + 3600), address) == NOW
        intake.hear(message(NOW + 3601), address)
    assert [entry["event"] for entry in logs] == ["feed.ahead"]
    assert intake.counts["samples"] == 2


def test_silence_and_its_end_are_said_once_each(intake: Intake, address: Address, clock: Clock) -> None:
    with capture_logs() as logs:
        intake.hear(message(NOW), address)
        for _ in range(100):
            clock.now += 1
            intake.check()
        intake.hear(message(clock.now), address)
    assert [entry["event"] for entry in logs] == ["feed.stale", "feed.back"]

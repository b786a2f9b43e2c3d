"""What is said of messages, and how often."""

from pathlib import Path
from typing import Any

import pytest
import structlog
from sisock_data_feed.buffer import Buffer
from sisock_data_feed.intake import Intake, News
from sisock_data_feed.rhythms import Rhythms
from sisock_data_feed.store import Store
from sisock_data_feed.topics import Address
from structlog.testing import capture_logs

NOW = 1.7e9


@pytest.fixture
def intake(clock: Any, tmp_path: Path) -> Intake:
    buffer = Buffer(100.0, prefixed=False, clock=clock)
    log = structlog.get_logger()
    return Intake(buffer, Store(tmp_path, "node", 100.0, log), Rhythms(), log, clock)


def message(t: float, **feed: Any) -> list[Any]:
    return [{"temps": {"timestamps": [t], "data": {"T": [1.0]}}}, feed]


def test_new_samples_reach_up_to_the_newest_of_them(intake: Intake, address: Address) -> None:
    assert intake.hear(message(NOW - 1), address) == News(NOW - 1, fields_changed=True)
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
        assert intake.hear(message(NOW + 3600), address) == News(NOW, fields_changed=True)
        intake.hear(message(NOW + 3601), address)
    assert [entry["event"] for entry in logs] == ["feed.ahead"]
    assert intake.counts["samples"] == 2


def test_silence_and_its_end_are_said_once_each(intake: Intake, address: Address, clock: Any) -> None:
    with capture_logs() as logs:
        intake.hear(message(NOW), address)
        for _ in range(100):
            clock.now += 1
            intake.check()
        intake.hear(message(clock.now), address)
    assert [entry["event"] for entry in logs] == ["feed.stale", "feed.back"]


def channels(t: float, **values: Any) -> list[Any]:
    return [{"temps": {"timestamps": [t], "data": {name: [value] for name, value in values.items()}}}, {}]


def changed(intake: Intake, message: list[Any], address: Address) -> bool:
    news = intake.hear(message, address)
    assert news is not None
    return news.fields_changed


def test_fields_change_when_a_channel_comes_and_at_no_other_message(intake: Intake, address: Address) -> None:
    told = [
        changed(intake, channels(NOW, a=1.0), address),
        changed(intake, channels(NOW + 1, a=2.0), address),
        changed(intake, channels(NOW + 2, a=3.0, b=1.0), address),
        changed(intake, channels(NOW + 3, b=2.0), address),
        changed(intake, channels(NOW + 4, a="text"), address),
        changed(intake, channels(NOW + 5, a="text"), address),
    ]
    assert told == [True, False, True, False, True, False]


def test_fields_change_when_a_channel_has_left_the_buffer(
    intake: Intake, address: Address, clock: Any
) -> None:
    intake.hear(channels(NOW, a=1.0, b=1.0), address)
    told = []
    for _ in range(110):
        clock.now += 1
        told.append(changed(intake, channels(clock.now, a=1.0), address))
    assert told.count(True) == 1
    assert told.index(True) in range(99, 103)


def test_fields_change_when_a_feed_is_back_as_they_are_described_anew(
    intake: Intake, address: Address, clock: Any
) -> None:
    intake.hear(channels(NOW, a=1.0), address)
    clock.now += 70
    intake.check()
    assert changed(intake, channels(clock.now, a=1.0), address)
    assert not changed(intake, channels(clock.now + 1, a=1.0), address)


def test_texts_where_numbers_were_are_said_once_a_feed_and_counted(intake: Intake, address: Address) -> None:
    with capture_logs() as logs:
        for i, value in enumerate([1.0, "overload", 2.0, "overload"]):
            intake.hear(channels(NOW + i, T=value, P=1.0 * i, state="on"), address)
    assert [(entry["event"], entry["problem"], entry["why"]) for entry in logs] == [
        ("message.malformed", "type", "channel 'T' has texts where numbers were")
    ]
    assert (intake.counts["type"], intake.counts["samples"]) == (2, 12)


def test_absurd_times_and_values_cost_their_own_samples_only(intake: Intake, address: Address) -> None:
    times = [NOW, 1e303, NOW + 1, float("inf"), NOW + 2, -5.0]
    values = [1.0, 2.0, 10**400, 4.0, 5.0, 6.0]
    with capture_logs() as logs:
        for _ in range(2):
            intake.hear([{"temps": {"timestamps": times, "data": {"T": values}}}, {}], address)
    assert sorted(entry["problem"] for entry in logs) == ["times", "value"]
    assert (intake.counts["times"], intake.counts["value"]) == (2, 2)


def test_a_block_that_is_older_than_the_buffer_is_taken_in_without_harm(
    intake: Intake, address: Address, clock: Any
) -> None:
    intake.hear(channels(NOW, T=1.0), address)
    clock.now += 10
    intake.hear([{"old": {"timestamps": [NOW - 1000], "data": {"state": ["on"]}}}, {}], address)
    assert intake.counts["samples"] == 2


def test_how_old_the_newest_sample_was_when_it_came_is_kept_for_each_feed(
    intake: Intake, address: Address, clock: Any
) -> None:
    other = Address("LSA23JD", "temperatures")
    blocks = {"one": message(NOW - 2)[0]["temps"], "two": message(NOW - 7)[0]["temps"]}
    assert intake.hear([blocks, {}], address) == News(NOW - 2, fields_changed=True)
    intake.hear(message(NOW - 30), other)
    assert intake.lags == {str(address): 2.0, str(other): 30.0}
    clock.now += 10
    intake.hear(message(clock.now - 1), address)
    assert intake.lags[str(address)] == 1.0


@pytest.mark.parametrize(("ahead", "told"), [(5.0, []), (5.5, ["a sample is stamped 6 s in the future"])])
def test_a_clock_may_be_a_little_ahead(
    intake: Intake, address: Address, ahead: float, told: list[str]
) -> None:
    with capture_logs() as logs:
        intake.hear(message(NOW + ahead), address)
        intake.hear(message(NOW + ahead), address)
    assert [entry["why"] for entry in logs] == told
    assert intake.counts["ahead"] == 2 * len(told)


def test_silence_is_said_with_how_long_and_why_a_feed_may_never_have_come(
    intake: Intake, address: Address, clock: Any
) -> None:
    never = Address("never", "heard")
    intake._rhythms.expect(never, NOW)
    intake.hear(message(NOW + 1), address)
    clock.now += 70.26
    with capture_logs() as logs:
        intake.check()
        clock.now += 1
        intake.hear(message(clock.now), address)
        intake.hear(message(clock.now), never)
    told = [(e["event"], e["log_level"], e["feed"], e["silent_s"], e.get("why", "")[:27]) for e in logs]
    assert told == [
        ("feed.stale", "warning", str(never), 70.3, "nothing was ever published "),
        ("feed.stale", "warning", str(address), 70.3, ""),
        ("feed.back", "info", str(address), 71.3, ""),
        ("feed.back", "info", str(never), 71.3, ""),
    ]


def test_each_problem_is_said_of_each_feed_and_with_its_weight(intake: Intake, address: Address) -> None:
    other = Address("LSA23JD", "temperatures")
    with capture_logs() as logs:
        for feed in (address, other, address):
            intake.hear(None, feed)
            intake.hear([{"temps": 1}, {}], feed)
            intake.hear(message(NOW, record=False), feed)
    told = [(entry["event"], entry["log_level"], entry["feed"]) for entry in logs]
    assert told == [
        (event, level, str(feed))
        for feed in (address, other)
        for event, level in (("message.malformed", "warning"),) * 2 + (("feed.skipped", "info"),)
    ]
    assert intake.counts == {"messages": 9, "shape": 3, "block": 3, "unrecorded": 3}


def test_what_is_taken_in_is_stored(intake: Intake, address: Address, tmp_path: Path) -> None:
    intake._store.open(lambda *_: None)
    intake.hear(message(NOW - 1), address)
    intake._store.close()
    found: list[float] = []
    Store(tmp_path, "node", 100.0, structlog.get_logger()).open(lambda received, _: found.append(received))
    assert found == [NOW]

"""When a feed counts as stale."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sisock_data_feed.rhythms import Rhythms
from sisock_data_feed.topics import Address


@pytest.fixture
def rhythms() -> Rhythms:
    return Rhythms()


def test_a_feed_that_never_came_is_stale_after_a_minute(rhythms: Rhythms, address: Address) -> None:
    rhythms.expect(address, 0.0)
    assert list(rhythms.check(60.0)) == []
    (change,) = rhythms.check(61.0)
    assert change.stale
    assert not change.ever_heard
    assert list(rhythms.check(62.0)) == []


def test_a_feed_is_stale_after_three_times_its_usual_pause(rhythms: Rhythms, address: Address) -> None:
    for now in range(0, 200, 10):
        assert rhythms.heard(address, float(now)) is None
    assert list(rhythms.check(190 + 29.0)) == []
    (change,) = rhythms.check(190 + 31.0)
    assert (change.silent_s, change.ever_heard) == (31.0, True)
    assert rhythms.silent_since(address) == 190.0


def test_a_fast_feed_has_ten_seconds_once_it_is_known(rhythms: Rhythms, address: Address) -> None:
    for i in range(2000):
        rhythms.heard(address, i / 10)
    assert list(rhythms.check(199.9 + 9.0)) == []
    assert len(list(rhythms.check(199.9 + 11.0))) == 1


def test_a_feed_that_is_new_has_a_minute_however_fast_it_is(rhythms: Rhythms, address: Address) -> None:
    for i in range(100):
        rhythms.heard(address, i / 10)
    assert list(rhythms.check(9.9 + 59.0)) == []
    assert len(list(rhythms.check(9.9 + 61.0))) == 1


def test_a_feed_that_comes_back_is_said_once(rhythms: Rhythms, address: Address) -> None:
    rhythms.expect(address, 0.0)
    list(rhythms.check(100.0))
    change = rhythms.heard(address, 120.0)
    assert change is not None
    assert not change.stale
    assert rhythms.heard(address, 121.0) is None
    assert rhythms.silent_since(address) is None


def test_time_without_a_router_is_not_the_feeds_fault(rhythms: Rhythms, address: Address) -> None:
    rhythms.heard(address, 0.0)
    rhythms.heard(address, 1.0)
    rhythms.resume(1000.0)
    assert list(rhythms.check(1005.0)) == []


def alarms(rhythms: Rhythms, address: Address, messages: list[float]) -> list[float]:
    """Hand over messages and look before each; the times at which the feed was called stale."""
    found = []
    for now in messages:
        found += [now for change in rhythms.check(now) if change.address == address]
        rhythms.heard(address, now)
    return found


def bursts(start: float, period: float, count: int, size: int, spacing: float) -> list[float]:
    return [start + i * period + j * spacing for i in range(count) for j in range(size)]


def test_an_agents_registry_of_ocs_is_never_called_stale(rhythms: Rhythms, address: Address) -> None:
    # registry.agent_operations: every 30 s one message an agent, all within a fraction of a second.
    assert alarms(rhythms, address, bursts(0.0, 30.0, 66, 12, 0.02)) == []


def test_a_registry_that_dies_is_called_stale(rhythms: Rhythms, address: Address) -> None:
    messages = bursts(0.0, 30.0, 66, 12, 0.02)
    alarms(rhythms, address, messages)
    assert list(rhythms.check(messages[-1] + 85)) == []
    assert len(list(rhythms.check(messages[-1] + 95))) == 1


periods = st.floats(0.1, 4000.0)


@settings(max_examples=25)
@given(st.floats(2.0, 60.0), st.integers(1, 40), st.floats(0.0, 0.9))
def test_a_feed_with_bursts_within_a_minute_is_never_called_stale(
    period: float, size: int, share: float
) -> None:
    rhythms, address = Rhythms(), Address("a", "b")
    count = int(max(6, 4000 / period / size))
    assert alarms(rhythms, address, bursts(0.0, period, count, size, period * share / size)) == []


@settings(max_examples=50)
@given(periods, st.integers(1, 40), st.floats(0.0, 0.3))
def test_a_feed_with_rare_bursts_is_called_stale_twice_at_most(
    period: float, size: int, share: float
) -> None:
    rhythms, address = Rhythms(), Address("a", "b")
    found = alarms(rhythms, address, bursts(0.0, period, 12, size, min(1.0, period * share / size)))
    assert len(found) <= 2
    assert all(t <= 2.1 * period for t in found)


@settings(max_examples=50)
@given(st.floats(1.0, 500.0), st.floats(1.0, 50.0))
def test_a_feed_that_slows_down_is_called_stale_twice_at_most(period: float, factor: float) -> None:
    rhythms, address = Rhythms(), Address("a", "b")
    fast = bursts(0.0, period, max(10, int(2000 / period)), 1, 0.0)
    slow = bursts(fast[-1], factor * period, 12, 1, 0.0)[1:]
    alarms(rhythms, address, fast)
    assert len(alarms(rhythms, address, slow)) <= 2


@settings(max_examples=50)
@given(st.floats(8.0, 300.0), st.floats(1.0, 5.0))
def test_a_feed_that_has_become_faster_is_soon_watched_more_closely(period: float, factor: float) -> None:
    rhythms, address = Rhythms(), Address("a", "b")
    slow = bursts(0.0, period, max(10, int(300 / period)), 1, 0.0)
    faster = period / factor
    fast = bursts(slow[-1], faster, int(4000 / faster) + 4, 1, 0.0)[1:]
    alarms(rhythms, address, slow + fast)
    assert len(list(rhythms.check(fast[-1] + max(10.0, 3 * faster) * 1.01 + 0.1))) == 1


@settings(max_examples=50)
@given(st.floats(0.1, 30.0), st.floats(1.0, 10_000.0))
def test_one_outage_makes_nobody_patient(period: float, outage: float) -> None:
    rhythms, address = Rhythms(), Address("a", "b")
    before = bursts(0.0, period, int(200 / period) + 10, 1, 0.0)
    after = bursts(before[-1] + outage, period, 10, 1, 0.0)
    alarms(rhythms, address, before + after)
    assert len(list(rhythms.check(after[-1] + max(10.0, 3 * max(period, min(outage, period))) + 0.1))) == 1


@settings(max_examples=50)
@given(st.lists(st.floats(0.1, 29.0), min_size=2, max_size=6), st.floats(1.0, 3600.0))
def test_restarts_of_the_router_are_not_the_feeds_fault(lives: list[float], away: float) -> None:
    rhythms, address = Rhythms(), Address("a", "b")
    now, found = 0.0, []
    for life in lives:
        rhythms.resume(now)
        messages = bursts(now, 10.0, int(life) + 1, 3, 0.1)
        found += alarms(rhythms, address, messages)
        now = messages[-1] + away
        rhythms.resume(now)
    assert found == []

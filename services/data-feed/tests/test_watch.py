"""When a feed counts as stale."""

import pytest
from sisock_data_feed.topics import Address
from sisock_data_feed.watch import Watch


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_a_feed_that_never_came_is_stale_after_a_minute(watch: Watch, address: Address) -> None:
    watch.expect(address, 0.0)
    assert list(watch.check(60.0)) == []
    (change,) = watch.check(61.0)
    assert change.stale
    assert not change.ever_heard
    assert list(watch.check(62.0)) == []


def test_a_feed_is_stale_after_five_times_its_usual_interval(watch: Watch, address: Address) -> None:
    for now in range(0, 100, 10):
        assert watch.heard(address, float(now)) is None
    assert list(watch.check(90 + 49.0)) == []
    (change,) = watch.check(90 + 51.0)
    assert (change.silent_s, change.ever_heard) == (51.0, True)
    assert watch.silent_since(address) == 90.0


def test_a_fast_feed_has_ten_seconds(watch: Watch, address: Address) -> None:
    for i in range(100):
        watch.heard(address, i / 10)
    assert list(watch.check(9.9 + 9.0)) == []
    assert len(list(watch.check(9.9 + 11.0))) == 1


def test_a_feed_that_comes_back_is_said_once(watch: Watch, address: Address) -> None:
    watch.expect(address, 0.0)
    list(watch.check(100.0))
    change = watch.heard(address, 120.0)
    assert change is not None
    assert not change.stale
    assert watch.heard(address, 121.0) is None
    assert watch.silent_since(address) is None


def test_time_without_a_router_is_not_the_feeds_fault(watch: Watch, address: Address) -> None:
    watch.heard(address, 0.0)
    watch.heard(address, 1.0)
    watch.resume(1000.0)
    assert list(watch.check(1005.0)) == []

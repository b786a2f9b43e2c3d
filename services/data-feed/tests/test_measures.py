"""What Prometheus reads of the feeds."""

from collections import Counter

from prometheus_client import CollectorRegistry, generate_latest
from sisock_data_feed.measures import Feeds
from sisock_data_feed.rhythms import Rhythms
from sisock_data_feed.topics import Address

OTHER = Address("LSA23JD", "pressures")
SILENT = Address("LSA24XY", "none")


def test_feeds_messages_and_what_was_wrong_are_shown_as_they_were_counted(address: Address) -> None:
    rhythms = Rhythms()
    rhythms.heard(address, 1000.0)
    rhythms.heard(OTHER, 1090.0)
    rhythms.expect(SILENT, 1080.0)
    assert [change.address for change in rhythms.check(1100.0)] == [address]
    registry = CollectorRegistry()
    counts = Counter(messages=7, samples=70, times=2, unrecorded=3)
    registry.register(Feeds(rhythms, counts, {str(address): 1.5}))
    lines = {line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")}
    assert lines == {
        f'sisock_feed_stale{{feed="{address}"}} 1.0',
        f'sisock_feed_stale{{feed="{OTHER}"}} 0.0',
        f'sisock_feed_stale{{feed="{SILENT}"}} 0.0',
        # Of one that was never heard there is no time.
        f'sisock_feed_heard_timestamp_seconds{{feed="{address}"}} 1000.0',
        f'sisock_feed_heard_timestamp_seconds{{feed="{OTHER}"}} 1090.0',
        f'sisock_feed_lag_seconds{{feed="{address}"}} 1.5',
        "sisock_feed_messages_total 7.0",
        "sisock_feed_samples_total 70.0",
        'sisock_feed_errors_total{cause="times"} 2.0',
        'sisock_feed_errors_total{cause="unrecorded"} 3.0',
    }

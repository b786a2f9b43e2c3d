"""What Prometheus reads of the feeds that are heard."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sisock_data_feed.rhythms import Rhythms

TAKEN = ("messages", "samples")


class Feeds(Collector):
    """Feeds and messages, read where they are counted.

    Parameters
    ----------
    rhythms : Rhythms
    counts : collections.Counter
        See `sisock_data_feed.intake.Intake`.
    lags : dict
        Seconds by which each feed's newest samples were old when they came.
    """

    def __init__(self, rhythms: Rhythms, counts: Counter[str], lags: dict[str, float]) -> None:
        self._rhythms = rhythms
        self._counts = counts
        self._lags = lags

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client`."""
        stale = GaugeMetricFamily("sisock_feed_stale", "Whether a feed has gone silent", labels=["feed"])
        heard = GaugeMetricFamily(
            "sisock_feed_heard_timestamp_seconds", "When a feed was last heard", labels=["feed"]
        )
        for address, at, silent in self._rhythms.heard_last():
            stale.add_metric([str(address)], silent)
            if at is not None:
                heard.add_metric([str(address)], at)
        lag = GaugeMetricFamily(
            "sisock_feed_lag_seconds", "How old a feed's newest sample was when it came", labels=["feed"]
        )
        for feed, seconds in self._lags.items():
            lag.add_metric([feed], seconds)
        yield from (stale, heard, lag)
        for name in TAKEN:
            yield CounterMetricFamily(f"sisock_feed_{name}", f"{name} taken in", value=self._counts[name])
        errors = CounterMetricFamily(
            "sisock_feed_errors", "Messages with something wrong in them", labels=["cause"]
        )
        for name, number in self._counts.items():
            if name not in TAKEN:
                errors.add_metric([name], number)
        yield errors

"""What Prometheus reads of the bridge: its requests, the nodes' answers, and who is online."""

from collections.abc import Iterator, Mapping, Sized
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sisock.metrics import BUCKETS_S


class Measures:
    """Counts requests and questions.

    Parameters
    ----------
    registry : CollectorRegistry, optional
        Without one nobody reads it.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self._requests = Histogram(
            "sisock_http_request_seconds",
            "From a request to its reply",
            ["path"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        # To find it by its label costs more than to count.
        self._of_path: dict[str, Histogram] = {}
        self._refused = Counter(
            "sisock_http_errors", "Requests that were not answered", ["cause"], registry=registry
        )
        self._asks = Gauge(
            "sisock_http_tokens_asked", "Whether everybody is asked for a token", registry=registry
        )
        self._answers = Histogram(
            "sisock_node_answer_seconds",
            "From a question to a node to its answer, or to giving up",
            ["node"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._failures = Counter(
            "sisock_node_errors", "Questions that a node did not answer", ["node", "cause"], registry=registry
        )

    def asks(self, asks: bool) -> None:
        """Whether everybody is asked for a token."""
        self._asks.set(asks)

    def replied(self, path: str, seconds: float) -> None:
        """A request has its reply, whatever that is."""
        known = self._of_path.get(path)
        if known is None:
            known = self._of_path[path] = self._requests.labels(path)
        known.observe(seconds)

    def refused(self, cause: str) -> None:
        """A request has a problem for a reply."""
        self._refused.labels(cause).inc()

    def answered(self, node: str, seconds: float) -> None:
        """A node answered, or was given up."""
        self._answers.labels(node).observe(seconds)

    def failed(self, node: str, cause: str) -> None:
        """A node gave no usable answer."""
        self._failures.labels(node, cause).inc()


class Online(Protocol):
    """What is known of a node that is online."""

    @property
    def fields(self) -> Sized:
        """Its fields."""


class Known(Protocol):
    """Tells who is online, as `sisock_http.observatory.catalogue.Catalogue` does."""

    @property
    def online(self) -> Mapping[str, Online]:
        """Nodes by their names."""


class Hubs(Protocol):
    """Tells whether the hub is here."""

    @property
    def hub_here(self) -> bool:
        """Whether it answers."""


class Presence(Collector):
    """Who is online, read where it is known.

    Parameters
    ----------
    known : Known
    hubs : Hubs
    """

    def __init__(self, known: Known, hubs: Hubs) -> None:
        self._known = known
        self._hubs = hubs

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client`."""
        online = GaugeMetricFamily("sisock_node_online", "1 for each data node online", labels=["node"])
        fields = GaugeMetricFamily("sisock_node_fields", "Fields that a data node has", labels=["node"])
        for name, entry in self._known.online.items():
            online.add_metric([name], 1)
            fields.add_metric([name], len(entry.fields))
        yield GaugeMetricFamily(
            "sisock_nodes_online", "How many data nodes are online", value=len(self._known.online)
        )
        yield GaugeMetricFamily("sisock_hub_up", "Whether the hub answers", value=self._hubs.hub_here)
        yield from (online, fields)

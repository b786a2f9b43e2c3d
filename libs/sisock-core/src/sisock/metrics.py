"""What Prometheus reads of a service: a registry of its own, the series that all have, and a port.

Nothing is counted in a place that others share: whoever runs a service makes a registry and hands it on.
Names and meanings are listed in ``docs/alarms.md``. Knows nothing of what is counted.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from cryptography import x509
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest, start_http_server
from prometheus_client.registry import Collector
from twisted.internet.error import CannotListenError

from sisock.errors import (
    ConfigError,
    ContractError,
    DeadlineError,
    NodeAwayError,
    SisockError,
    TooMuchDataError,
)
from sisock.node import DataNode
from sisock.tally import Tally

Registry = CollectorRegistry
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4.encode()
BUCKETS_S = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds up to which answers are counted apart; no request has more than some ten."""

DAY_S = 86400.0


def make_registry(service: str, distribution: str = "") -> CollectorRegistry:
    """A registry with what every process has: which program it is, and what it uses of the machine.

    Parameters
    ----------
    service : str
    distribution : str
        The installed package whose version is told, if it is another name.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    build = Gauge("sisock_build_info", "Which program this is", ["service", "version"], registry=registry)
    build.labels(service, _version(distribution or service)).set(1)
    return registry


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def text(registry: CollectorRegistry) -> bytes:
    """All series as Prometheus reads them."""
    return generate_latest(registry)


class Linked(Protocol):
    """Has sessions with the router, as `sisock.connection.Connection` does."""

    sessions: int

    @property
    def session(self) -> Any:
        """The present one, or None."""


class RouterLink(Collector):
    """How the connection to the router fares.

    Parameters
    ----------
    connection : Linked
    """

    def __init__(self, connection: Linked) -> None:
        self._connection = connection

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client`."""
        here = self._connection.session is not None
        yield GaugeMetricFamily("sisock_router_up", "Whether there is a session with the router", value=here)
        yield CounterMetricFamily(
            "sisock_router_sessions",
            "Sessions with the router; each but the first is a reconnect",
            value=self._connection.sessions,
        )


class Certificate(Collector):
    """How long the router's certificate is still good; nothing where it cannot be read.

    Parameters
    ----------
    file : Path
    clock : callable
        The present, UNIX seconds.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client`."""
        try:
            parsed = x509.load_pem_x509_certificate(self._file.read_bytes())
        except (OSError, ValueError):
            return
        left_s = parsed.not_valid_after_utc.timestamp() - self._clock()
        yield GaugeMetricFamily(
            "sisock_certificate_days_left", "Until the router's certificate ends", value=left_s / DAY_S
        )


class Cache(Protocol):
    """Keeps what was read, as `sisock_archive.lru.ByteLru` does."""

    size_bytes: int
    hits: int
    misses: int


class Caches(Collector):
    """What caches hold, and how often that helped.

    Parameters
    ----------
    caches : mapping of Cache
        By name.
    """

    def __init__(self, caches: Mapping[str, Cache]) -> None:
        self._caches = caches

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client`."""
        size = GaugeMetricFamily("sisock_cache_bytes", "Bytes that a cache holds", labels=["cache"])
        hits = CounterMetricFamily("sisock_cache_hits", "What was there already", labels=["cache"])
        misses = CounterMetricFamily("sisock_cache_misses", "What had to be read", labels=["cache"])
        for name, cache in self._caches.items():
            size.add_metric([name], cache.size_bytes)
            hits.add_metric([name], cache.hits)
            misses.add_metric([name], cache.misses)
        yield from (size, hits, misses)


class Known:
    """A number that is told from the first time on that it is known, not as zero before.

    Parameters
    ----------
    registry : CollectorRegistry
    name, description : str
    """

    def __init__(self, registry: CollectorRegistry, name: str, description: str) -> None:
        self._make = partial(Gauge, name, description, registry=registry)
        self._gauge: Gauge | None = None

    def set(self, value: float) -> None:
        """It is this, now."""
        if self._gauge is None:
            self._gauge = self._make()
        self._gauge.set(value)


class Queries(Tally):
    """What a data node is asked, how long that takes, and why it fails.

    Parameters
    ----------
    registry : CollectorRegistry, optional
        Without one nobody reads it.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self._seconds = Histogram(
            "sisock_query_seconds",
            "From a query's arrival to its last part",
            ["procedure"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._errors = Counter("sisock_query_errors", "Queries that failed", ["cause"], registry=registry)
        self._until = Known(
            registry, "sisock_data_until_timestamp_seconds", "Up to when a live node has data"
        )
        self._listed = Gauge("sisock_node_listed", "Whether the hub lists the node", registry=registry)

    @contextmanager
    def timed(self, procedure: str) -> Iterator[None]:
        """Take the time of a query."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._seconds.labels(procedure).observe(time.perf_counter() - began)

    def failed(self, why: BaseException) -> None:
        """Count a query that failed."""
        self._errors.labels(cause(why)).inc()

    def reaches(self, until: float) -> None:
        """The node said that it has data up to then (UNIX seconds)."""
        self._until.set(until)

    def listed(self, listed: bool) -> None:
        """Whether the hub lists the node changed."""
        self._listed.set(listed)


class Measured:
    """All that Prometheus reads of a data server.

    Parameters
    ----------
    node : DataNode

    Attributes
    ----------
    registry : CollectorRegistry
    queries : Queries
    """

    def __init__(self, node: DataNode) -> None:
        self._node = node
        self.registry = make_registry(service_of(node))
        self.queries = Queries(self.registry)

    def serve(self, reactor: Any, connection: Linked, certificate: Path, port: int | None) -> None:
        """Add what the connection and the node have to say, and answer at a port, if there is one.

        Raises
        ------
        ConfigError
            If the port is taken.
        """
        self.registry.register(RouterLink(connection))
        self.registry.register(Certificate(certificate))
        self._node.measure(self.registry)
        listen(reactor, self.registry, port)


_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (TooMuchDataError, "too_much"),
    (ContractError, "bad_request"),
    (NodeAwayError, "away"),
    (DeadlineError, "deadline"),
    (SisockError, "failed"),
)


def cause(why: BaseException) -> str:
    """An error as one of a few words; ``fault`` for what nobody expected."""
    return next((word for kind, word in _CAUSES if isinstance(why, kind)), "fault")


def listen(reactor: Any, registry: CollectorRegistry, port: int | None) -> Any:
    """Answer Prometheus from the reactor; nothing is done without a port.

    Returns
    -------
    IListeningPort or None

    Raises
    ------
    ConfigError
        If the port is taken.
    """
    if port is None:
        return None
    # twisted.web takes a fifth of a data server's start, and most have no such port.
    from sisock.metrics_page import make_site  # noqa: PLC0415

    try:
        return reactor.listenTCP(port, make_site(reactor, partial(text, registry), CONTENT_TYPE))
    except CannotListenError as error:
        raise _taken(port, error.socketError) from error


def listen_in_thread(registry: CollectorRegistry, port: int | None) -> Callable[[], None]:
    """Answer Prometheus in a process without a reactor; what is returned ends that.

    Raises
    ------
    ConfigError
        If the port is taken.
    """
    if port is None:
        return lambda: None
    try:
        server, thread = start_http_server(port, registry=registry)
    except OSError as error:
        raise _taken(port, error) from error

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join(1.0)

    return end


def _taken(port: int, why: object) -> ConfigError:
    return ConfigError(f"METRICS_PORT={port} cannot be listened on ({why})")


def service_of(made: object) -> str:
    """The distribution that an author's object comes from, by the name of its package."""
    name = type(made).__module__.partition(".")[0]
    return Path(sys.argv[0]).stem if name == "__main__" else name.replace("_", "-")

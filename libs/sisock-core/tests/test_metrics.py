"""What Prometheus reads: registries apart from each other, and a port that is there or said to be taken."""

import datetime as dt
import socket
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from sisock import metrics
from sisock.errors import (
    ConfigError,
    ContractError,
    DeadlineError,
    NodeAwayError,
    NodeError,
    TooMuchDataError,
)
from sisock_testing.stack import free_port
from twisted.internet.error import CannotListenError

ENDS = dt.datetime(2030, 1, 11, tzinfo=dt.UTC)


def certificate(file: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "router")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ENDS - dt.timedelta(days=100))
        .not_valid_after(ENDS)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return file


def test_the_days_that_the_routers_certificate_has_left_are_told(tmp_path: Path) -> None:
    registry, now = CollectorRegistry(), ENDS.timestamp() - 10 * metrics.DAY_S
    file = tmp_path / "server_cert.pem"
    registry.register(metrics.Certificate(file, lambda: now))
    assert registry.get_sample_value("sisock_certificate_days_left") is None
    certificate(file)
    assert registry.get_sample_value("sisock_certificate_days_left") == 10.0
    file.write_text("no certificate")
    assert registry.get_sample_value("sisock_certificate_days_left") is None


def test_a_reconnect_is_counted_and_a_router_that_is_away_is_told() -> None:
    registry = CollectorRegistry()
    connection = SimpleNamespace(session=object(), sessions=3)
    registry.register(metrics.RouterLink(connection))
    assert registry.get_sample_value("sisock_router_sessions_total") == 3
    assert registry.get_sample_value("sisock_router_up") == 1
    connection.session = None
    assert registry.get_sample_value("sisock_router_up") == 0


@pytest.mark.parametrize(
    ("why", "word"),
    [
        (TooMuchDataError("x"), "too_much"),
        (ContractError("x"), "bad_request"),
        (NodeAwayError("x"), "away"),
        (DeadlineError("x"), "deadline"),
        (NodeError("x"), "failed"),
        (ValueError("x"), "fault"),
    ],
)
def test_an_error_is_counted_by_its_cause(why: Exception, word: str) -> None:
    registry = CollectorRegistry()
    metrics.Queries(registry).failed(why)
    assert registry.get_sample_value("sisock_query_errors_total", {"cause": word}) == 1


def test_two_services_in_one_process_count_apart_and_leave_the_global_registry_alone() -> None:
    one, other = metrics.make_registry("one"), metrics.make_registry("sisock-core")
    counted = metrics.Queries(one)
    metrics.Queries(other)
    with counted.timed("get_data"):
        pass
    labels = {"procedure": "get_data"}
    assert one.get_sample_value("sisock_query_seconds_count", labels) == 1
    assert other.get_sample_value("sisock_query_seconds_count", labels) is None
    assert one.get_sample_value("sisock_build_info", {"service": "one", "version": ""}) == 1
    assert b'sisock_build_info{service="sisock-core",version="' in metrics.text(other)
    from prometheus_client import REGISTRY

    assert not [name for name in REGISTRY._names_to_collectors if name.startswith("sisock")]


def test_a_process_without_a_reactor_answers_until_it_is_told_to_end() -> None:
    port = free_port()
    end = metrics.listen_in_thread(metrics.make_registry("scanner"), port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        families = {family.name for family in text_string_to_metric_families(reply.read().decode())}
    end()
    assert {"sisock_build_info", "process_resident_memory_bytes"} <= families
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_that_is_taken_is_said_with_the_name_of_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"METRICS_PORT={port} cannot be listened on"):
            metrics.listen_in_thread(metrics.make_registry("scanner"), port)
    metrics.listen_in_thread(metrics.make_registry("scanner"), None)()


def test_caches_tell_what_they_hold_and_how_often_that_helped() -> None:
    registry = CollectorRegistry()
    cache = SimpleNamespace(size_bytes=100, hits=5, misses=2)
    registry.register(metrics.Caches({"days": cache}))
    labels = {"cache": "days"}
    assert registry.get_sample_value("sisock_cache_bytes", labels) == 100
    assert registry.get_sample_value("sisock_cache_hits_total", labels) == 5
    assert registry.get_sample_value("sisock_cache_misses_total", labels) == 2


def test_what_is_not_known_yet_is_not_told_as_zero() -> None:
    registry = CollectorRegistry()
    known = metrics.Known(registry, "sisock_x", "X.")
    assert registry.get_sample_value("sisock_x") is None
    for value in (7.0, 8.0):
        known.set(value)
        assert registry.get_sample_value("sisock_x") == value


def test_the_time_of_a_query_is_taken_and_a_failed_one_counts_too(monkeypatch) -> None:
    registry, now = CollectorRegistry(), [100.0]
    monkeypatch.setattr(metrics.time, "perf_counter", lambda: now[0])
    queries = metrics.Queries(registry)

    def take(seconds: float, then: float) -> None:
        with queries.timed("get_data"):
            now[0] += seconds
            assert 1 / then

    take(0.3, 1)
    with pytest.raises(ZeroDivisionError):
        take(0.2, 0)
    labels = {"procedure": "get_data"}
    assert registry.get_sample_value("sisock_query_seconds_sum", labels) == pytest.approx(0.5)
    buckets = {
        b: registry.get_sample_value("sisock_query_seconds_bucket", {**labels, "le": str(b)})
        for b in metrics.BUCKETS_S
    }
    assert buckets == {b: float((b >= 0.2) + (b >= 0.3)) for b in metrics.BUCKETS_S}
    assert metrics.BUCKETS_S == (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def test_whether_the_hub_lists_the_node_is_told() -> None:
    registry = CollectorRegistry()
    queries = metrics.Queries(registry)
    for listed in (True, False):
        queries.listed(listed)
        assert registry.get_sample_value("sisock_node_listed") == listed


def test_in_the_reactor_a_page_is_served_where_a_port_is_wanted() -> None:
    listening: list[tuple[int, Any]] = []
    reactor = SimpleNamespace(listenTCP=lambda port, site: listening.append((port, site)) or "port")
    registry = metrics.make_registry("weather")
    assert metrics.listen(reactor, registry, None) is None
    assert metrics.listen(reactor, registry, 9100) == "port"
    [(port, site)] = listening
    headers: dict[bytes, bytes] = {}
    page = site.resource.render_GET(SimpleNamespace(setHeader=headers.__setitem__))
    assert (port, site.resource.isLeaf, site.noisy) == (9100, True, False)
    assert b'sisock_build_info{service="weather"' in page
    assert headers == {b"content-type": metrics.CONTENT_TYPE}
    site.log(None)  # writes nothing, of nothing


def test_in_the_reactor_a_port_that_is_taken_is_a_sentence() -> None:
    def taken(port: int, _site: Any) -> None:
        raise CannotListenError("0.0.0.0", port, OSError(98, "in use"))

    with pytest.raises(ConfigError, match=r"METRICS_PORT=9100 cannot be listened on \(.*in use"):
        metrics.listen(SimpleNamespace(listenTCP=taken), metrics.make_registry("weather"), 9100)


def test_a_service_is_named_by_the_package_of_its_node_or_by_its_script(monkeypatch) -> None:
    made = type("Node", (), {"__module__": "sisock_apex_weather.node"})()
    assert metrics.service_of(made) == "sisock-apex-weather"
    monkeypatch.setattr("sys.argv", ["/srv/thermometer.py"])
    assert metrics.service_of(type("Node", (), {"__module__": "__main__"})()) == "thermometer"

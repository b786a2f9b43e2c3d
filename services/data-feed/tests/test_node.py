"""The data-feed server by itself and on a real router, with messages as OCS publishes them."""

import json
import math
import sys
import time
import urllib.request
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sisock
import structlog
from sisock_data_feed.config import DataFeedConfig
from sisock_data_feed.node import DataFeedNode
from sisock_data_feed.topics import Address
from sisock_testing import Peer, Process, Stack, assert_contract, wait_until
from sisock_testing.stack import free_port

Serve = Callable[..., Process]


def message_of(t: list[float], **data: list[Any]) -> dict[str, Any]:
    return {"block_name": "temps", "timestamps": t, "data": data, "influxdb_tags": None}


@pytest.fixture
def node(tmp_path: Path) -> Any:
    environ = {
        "TARGET": "LSA22YE", "NAME": "LSA22YE", "DESCRIPTION": "test", "STATE_DIRECTORY": str(tmp_path),
    }  # fmt: skip
    node = DataFeedNode(sisock.load(DataFeedConfig, environ), structlog.get_logger(), lambda: 1.7e9)
    yield node
    node.close()


def test_a_live_buffer_keeps_the_contract(node: DataFeedNode, address: Address) -> None:
    list(node.fields(0, 1))
    t = (1.7e9 - 3000 + np.arange(3000)).tolist()
    wave = [math.sin(i / 50) for i in range(3000)]
    flags = {"on": [i % 7 == 0 for i in range(3000)], "state": [f"s{i % 3}" for i in range(3000)]}
    node.intake.hear([{"temps": message_of(t, T=wave, **flags)}, {}], address)
    node.intake.hear([{"slow": message_of(t[::60], P=wave[::60])}, {}], address)
    assert_contract(node, 1.7e9 - 3000, 1.7e9)


def test_a_stale_feed_is_said_to_be_so_where_its_fields_are_listed(tmp_path: Path, address: Address) -> None:
    now = [1.7e9]
    environ = {"TARGET": "a", "NAME": "a", "DESCRIPTION": "test", "STATE_DIRECTORY": str(tmp_path)}
    node = DataFeedNode(sisock.load(DataFeedConfig, environ), structlog.get_logger(), lambda: now[0])
    list(node.fields(0, 1))
    node.intake.hear([{"temps": message_of([1.7e9], T=[1.0])}, {}], address)
    now[0] += 100
    node.intake.check()
    (field,) = node.fields(0, 2e9)
    node.close()
    assert field.description is not None
    assert field.description.endswith("(stale: nothing came since 2023-11-14T22:13:20Z)")


def test_every_type_arrives_as_it_was_published(serve: Serve, ocs_peer: Any, sisock_peer: Peer) -> None:
    now = time.time()
    t = [now - 3, now - 2, now - 1]
    address = Address("LSA23JD", "temperatures")
    process = serve("LSA23JD", TARGET="LSA23JD")
    numbers: dict[str, list[Any]] = {"Channel 1 T": [1, 2.5, math.inf], "nan": [math.nan, 1.0, 2.0]}
    ocs_peer.publish(address, message_of(t, **numbers, on=[True, False, True], state=["ok", "ü", ""]))
    wait_until(lambda: len(sisock_peer.get_fields("LSA23JD")) == 4, 10, "the fields")
    assert {(f.name, f.type, f.timeline) for f in sisock_peer.get_fields("LSA23JD")} == {
        ("channel_1_t", "number", "temps"),
        ("nan", "number", "temps"),
        ("on", "bool", "temps"),
        ("state", "string", "temps"),
    }
    series, problems = sisock_peer.get_data("LSA23JD", ["channel_1_t", "nan", "on", "state"], now - 10, now)
    assert problems == {}
    assert series["channel_1_t"].t.tolist() == t
    assert series["channel_1_t"].values.tolist() == [1.0, 2.5, math.inf]
    np.testing.assert_array_equal(series["nan"].values, [math.nan, 1.0, 2.0])
    assert series["on"].values.tolist() == [True, False, True]
    assert series["state"].values.tolist() == ["ok", "ü", ""]
    reply = sisock_peer.v1_data("LSA23JD", ["nan", "channel_1_t"], now - 10, now)
    assert reply["data"] == {"nan": [None, 1.0, 2.0], "channel_1_t": [1.0, 2.5, None]}
    assert reply["timeline"] == {"temps": {"t": t, "finalized_until": t[-1]}}
    assert "feed.default" in process.text()


def test_conformance_suite_passes(serve: Serve, ocs_peer: Any, sisock_peer: Peer) -> None:
    serve("conforming", TARGET="conforming", FEED="feed")
    now = time.time()
    t = [now - 30 + 0.1 * i for i in range(300)]
    address = Address("conforming", "feed")
    ocs_peer.publish(address, message_of(t, T=[math.sin(x) for x in t], on=[x % 2 < 1 for x in t]))
    wait_until(lambda: len(sisock_peer.get_fields("conforming")) == 2, 10, "the fields")
    assert sisock_peer.breaches("conforming") == []


def test_nonsense_on_the_topic_does_no_harm(serve: Serve, ocs_peer: Any, sisock_peer: Peer) -> None:
    address = Address("odd", "feed")
    process = serve("odd", TARGET="odd", FEED="feed")
    ocs_peer.publish_raw(address)
    ocs_peer.publish_raw(address, "nonsense")
    ocs_peer.publish_raw(address, [{"temps": {"timestamps": [None], "data": {"a": [[]]}}}, 7], "more", 3)
    ocs_peer.publish(address, message_of([time.time()], T=[1.0]))
    wait_until(lambda: sisock_peer.get_fields("odd"), 10, "the good message")
    assert '"level": "error"' not in process.text()


def test_stars_hear_every_feed_that_is_recorded(serve: Serve, ocs_peer: Any, sisock_peer: Peer) -> None:
    serve("all", TARGET="*", FEED="*")
    now = time.time()
    ocs_peer.publish(Address("one", "temperatures"), message_of([now], T=[1.0]))
    ocs_peer.publish(Address("two", "pressures"), message_of([now], P=[2.0]))
    ocs_peer.publish_raw(
        Address("one", "heartbeat"),
        [{"acq": 1}, {"agent_address": "observatory.one", "feed_name": "heartbeat"}],
    )
    wait_until(
        lambda: {f.name for f in sisock_peer.get_fields("all")} >= {"one.temperatures.t", "two.pressures.p"},
        10,
    )
    assert not [f.name for f in sisock_peer.get_fields("all") if "heartbeat" in f.name]


def test_consumers_are_told_that_the_data_grew(
    serve: Serve, ocs_peer: Any, sisock_peer: Peer, sisock_reactor: Any
) -> None:
    serve("grows", TARGET="grows", FEED="feed")
    told: list[Any] = []
    session = sisock_peer.session

    async def subscribe() -> None:
        await session.subscribe(told.append, sisock.uri("consumer.grows.updated"))

    sisock_reactor.wait(subscribe)
    t = time.time() - 10
    ocs_peer.publish(Address("grows", "feed"), message_of([t], T=[1.0]))
    assert wait_until(lambda: told, 10, "the update")[0] == {"until": t, "fields": True}
    ocs_peer.publish(Address("grows", "feed"), message_of([t + 0.1], T=[1.0]))
    assert wait_until(lambda: told[1:], 10, "the next one")[0] == {"until": t + 0.1}
    ocs_peer.publish(Address("grows", "feed"), message_of([t + 0.2], P=[1.0]))
    assert wait_until(lambda: told[2:], 10, "the one after")[0] == {"until": t + 0.2, "fields": True}


def listed(port: int, text: str) -> set[str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/search?target={text}", timeout=10) as reply:
            return set(json.load(reply))
    except OSError:
        return set()


def test_a_channel_that_appears_is_soon_listed_by_the_bridge(
    serve: Serve, ocs_peer: Any, sisock_stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    serve("appears", TARGET="appears", FEED="feed")
    port = free_port()
    bridge = sisock_stack.start_module("sisock_http", PORT=str(port))
    address = Address("appears", "feed")
    ocs_peer.publish(address, message_of([time.time()], first=[1.0]))
    wait_until(lambda: "appears::first" in listed(port, "appears"), what="the bridge lists the first channel")
    ocs_peer.publish(address, message_of([time.time()], first=[1.0], second=[1.0]))
    published = time.monotonic()
    # Asked now and then, as of a node that says nothing, it would be a minute.
    wait_until(lambda: "appears::second" in listed(port, "appears"), 15, "the bridge lists the second")
    took = time.monotonic() - published
    record_property("measured", f"a channel that appears: listed by the bridge after {took:.1f} s")
    bridge.stop()


def test_without_a_secret_our_own_router_refuses_with_the_remedy(sisock_stack: Stack, tmp_path: Path) -> None:
    environ = {"TARGET": "a", "NAME": "anonymous", "DESCRIPTION": "test", "STATE_DIRECTORY": str(tmp_path)}
    command = [sys.executable, "-m", "sisock_data_feed"]
    process = sisock_stack.start("anonymous", command, CROSSBAR_DIR=str(tmp_path), **environ)
    wait_until(lambda: "router.away" in process.text(), 20, "the refusal")
    process.stop()
    assert "give us the secret of a user who may (WAMP_SECRET or WAMP_SECRET_FILE" in process.text()
    assert process.text().count("router.away") == 1


@pytest.mark.parametrize(
    ("name", "target", "feed"),
    [("tls_exact", "far", "feed"), ("tls_prefix", "far", "*"), ("tls_all", "*", "*")],
)
def test_on_another_host_it_hears_feeds_and_serves_over_tls_alone(
    serve: Serve,
    ocs_peer: Any,
    sisock_stack: Stack,
    sisock_peer: Peer,
    tmp_path: Path,
    name: str,
    target: str,
    feed: str,
) -> None:
    mounted, ours = tmp_path / "mounted", sisock_stack.directory / ".crossbar"
    (mounted / "secrets").mkdir(parents=True)
    for file in ("server_cert.pem", "secrets/server"):
        (mounted / file).write_bytes((ours / file).read_bytes())
    process = serve(
        name, TARGET=target, FEED=feed, ROUTER_PORT="tls", CROSSBAR_DIR=str(mounted),
        CROSSBAR_OCS_PORT=str(free_port()),
    )  # fmt: skip
    t = time.time()
    ocs_peer.publish(Address("far", "feed"), message_of([t], T=[1.5]))
    field = "t" if (target, feed) == ("far", "feed") else "far.feed.t"
    wait_until(lambda: field in {f.name for f in sisock_peer.get_fields(name)}, 10, "the field")
    series, problems = sisock_peer.get_data(name, [field], t - 1, t + 1)
    assert (series[field].values.tolist(), problems) == ([1.5], {})
    assert f"wss://127.0.0.1:{sisock_stack.tls_port}/ws" in process.text()
    assert "ws://127.0.0.1" not in process.text().replace("wss://", "")


def test_over_tls_a_secret_is_asked_for_before_anything_else(sisock_stack: Stack, tmp_path: Path) -> None:
    environ = {"TARGET": "a", "NAME": "a", "DESCRIPTION": "test", "CROSSBAR_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "sisock_data_feed"]
    process = sisock_stack.start("tls_nobody", command, ROUTER_PORT="tls", **environ)
    assert process.popen.wait(20) == 2
    assert "no secret for WAMP_USER='server': set WAMP_SECRET" in process.text()


@pytest.mark.peer
def test_a_site_whose_open_port_lets_anyone_serve_needs_no_secret(tmp_path: Path) -> None:
    template = (resources.files("sisock_hub") / "config-template.json").read_text()
    stack = Stack(tmp_path)
    (tmp_path / ".crossbar").mkdir()
    ours, theirs = (
        '"anonymous": {"type": "static", "role": "ocs"}',
        '"anonymous": {"type": "static", "role": "data_node"}',
    )
    assert ours in template
    (tmp_path / ".crossbar" / "config.json").write_text(template.replace(ours, theirs))
    environ = {
        "TARGET": "a",
        "NAME": "anonymous",
        "DESCRIPTION": "test",
        "CROSSBAR_DIR": str(tmp_path / "none"),
    }
    try:
        stack.start_hub()
        process = stack.start_module("sisock_data_feed", **environ)
        wait_until(lambda: "feed.subscribed" in process.text(), what=f"the node subscribes ({process.log})")
        assert '"user": null' in process.text()
        wait_until(lambda: "node.listed" in process.text(), what="the node is listed")
    finally:
        stack.stop()

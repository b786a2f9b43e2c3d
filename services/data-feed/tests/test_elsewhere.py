"""Feeds are heard at a router like the one that OCS's manual sets up, and served at ours."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sisock_data_feed.topics import Address
from sisock_testing import Peer, Process, Stack, wait_until
from sisock_testing.stack import executable

THERE = Address("LSA22YE", "temperatures")
EVERYTHING = {"call": True, "register": True, "publish": True, "subscribe": True}


class OcsRouter(Stack):
    """A router without anything of ours: realm and role of OCS's own configuration."""

    def begin(self) -> Process:
        role = {"name": "iocs_agent", "permissions": [{"uri": "", "match": "prefix", "allow": EVERYTHING}]}
        websocket = {"type": "websocket", "auth": {"anonymous": {"type": "static", "role": "iocs_agent"}}}
        transport = {
            "type": "web",
            "endpoint": {"type": "tcp", "port": self.ocs_port},
            "paths": {"/": {"type": "json", "value": {}}, "ws": websocket},
        }
        realm = {"name": "test_realm", "roles": [role]}
        router = {"type": "router", "realms": [realm], "transports": [transport]}
        home = self.directory / ".crossbar"
        home.mkdir(exist_ok=True)
        (home / "config.json").write_text(json.dumps({"version": 2, "workers": [router]}))
        (home / "node.pid").unlink(missing_ok=True)
        return self.start("ocs-router", [executable("crossbar"), "start", "--cbdir", str(home)])


@pytest.fixture
def ocs_router(tmp_path: Path) -> Iterator[OcsRouter]:
    router = OcsRouter(tmp_path)
    router.begin()
    yield router
    router.stop()


def test_what_is_published_at_the_other_router_is_served_at_ours_also_after_that_was_away(
    ocs_router: OcsRouter,
    make_ocs_peer: Callable[[Stack], Any],
    serve: Callable[..., Process],
    sisock_peer: Peer,
) -> None:
    there = make_ocs_peer(ocs_router)
    settings = {"TARGET": THERE.target, "FEED": THERE.feed, "ROUTER_PORT": "tls"}
    process = serve("elsewhere", **settings, FEED_HOST="127.0.0.1", FEED_PORT=str(ocs_router.ocs_port))
    published: list[float] = []

    def publish() -> None:
        published.append(time.time())
        there.publish(THERE, {"block_name": "b", "timestamps": published[-1:], "data": {"T": [1.5]}})

    def served() -> list[float]:
        series, problems = sisock_peer.get_data("elsewhere", ["t"], -600, 0)
        assert problems == {}
        return [float(t) for t in series["t"].t]

    publish()
    wait_until(lambda: served() == published, what="what was published is served")
    ocs_router.processes["ocs-router"].kill()
    wait_until(lambda: "router.away" in process.text(), what="the other router is missed")
    assert served() == published
    ocs_router.begin()
    wait_until(lambda: process.text().count("feed.subscribed") == 2, 60, what="the feed is heard again")
    wait_until(lambda: there.here, what="the publisher is back")
    publish()
    wait_until(lambda: served() == published, what="what came afterwards is served, too")
    there.close()

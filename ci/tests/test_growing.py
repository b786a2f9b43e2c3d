"""More than one of a thing, on a real engine: replicas of a data server, and a feed of another router's."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from sisock_ci import engine
from sisock_ci.services import find
from sisock_testing import wait_until

ROOT = Path(__file__).parents[2]
CUT_S = float(os.environ.get("SISOCK_CUT_SECONDS", "20"))
"""How long the link between two routers is cut; 300 is a mountain's usual."""

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900 + CUT_S)]

DAY = {"from": "2017-07-14T00:00:00Z", "to": "2017-07-15T00:00:00Z"}


@pytest.fixture(scope="module")
def nodes(site: Any) -> Any:
    """Which nodes the site's bridge lists."""

    def listed() -> set[str]:
        reply = requests.get(f"http://127.0.0.1:{site.http_port}/api/v1/nodes", timeout=5)
        return {node["name"] for node in reply.json()} if reply.ok else set()

    return listed


def files(*names: str) -> list[str]:
    """Arguments of docker-compose that name its files."""
    return [part for name in ("docker-compose.yaml", "agent.yaml", *names) for part in ("-f", name)]


def test_replicas_of_a_data_server_die_during_queries_and_none_fails(
    site: Any, nodes: Any, docker_client: Any
) -> None:
    replicas = files("multi-node/replicas.yaml")
    site.compose(*replicas, "up", "-d", "--scale", "weather=3", "weather")
    try:
        containers = [
            docker_client.containers.get(name)
            for name in site.compose(*replicas, "ps", "-q", "weather").split()
        ]
        assert len(containers) == 3

        def healthy() -> bool:
            states = [docker_client.api.inspect_container(one.id)["State"] for one in containers]
            return all(state.get("Health", {}).get("Status") == "healthy" for state in states)

        wait_until(lambda: healthy() and "apex_archive" in nodes(), 120, "the replicas", step_s=0.5)
        body = {"range": DAY, "targets": [{"target": "apex_archive::apex_windspeed"}]}
        answers: list[int] = []
        done = threading.Event()

        def ask() -> None:
            session = requests.Session()
            # A range of its own each time: what is kept would ask nobody.
            while not done.is_set():
                body["range"] = DAY | {"to": f"2017-07-15T00:00:{len(answers) % 60:02d}Z"}
                reply = session.post(f"http://127.0.0.1:{site.http_port}/query", json=body, timeout=20)
                answers.append(len(reply.json()[0]["datapoints"]) if reply.ok else -reply.status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            for container in containers[:2]:
                before = len(answers)
                container.kill()
                wait_until(lambda n=before: len(answers) > n + 30, 60, "thirty more answers")  # type: ignore[misc]
        finally:
            done.set()
            asking.join(30)
        assert set(answers) <= {1440, 1441}
        assert "apex_archive" in nodes()
    finally:
        site.compose(*files(), "up", "-d", "--scale", "weather=1", "--force-recreate", "--no-deps", "weather")


@contextmanager
def telescope(site: Any, docker_client: Any) -> Iterator[tuple[Any, str]]:
    """A router on a network of its own, where an agent publishes: the network, and the router's name."""
    images = {s.name: engine.reference(s, s.version) for s in find(ROOT, ["hub", "data-feed"])}
    network = docker_client.networks.create(f"{site.directory.name}-telescope")
    running = []
    try:
        running.append(
            docker_client.containers.run(
                images["hub"], detach=True, network=network.name, name=f"{site.directory.name}-mountain"
            )
        )
        running.append(
            docker_client.containers.run(
                images["data-feed"],
                detach=True,
                network=network.name,
                entrypoint=["python", "-m", "sisock_data_feed.synthetic"],
                environment={"TARGET": "cryostat", "CROSSBAR_HOST": running[0].name},
                restart_policy={"Name": "always"},
            )
        )
        yield network, running[0].name
    finally:
        for container in reversed(running):
            container.remove(force=True, v=True)
        network.remove()


def test_a_feed_of_another_router_is_served_through_a_cut_of_the_link(
    site: Any, nodes: Any, docker_client: Any
) -> None:
    joined = files("multi-node/telescope-feed.yaml")
    with telescope(site, docker_client) as (network, mountain):
        with (site.directory / ".env").open("a") as env:
            env.write(f"TELESCOPE_ROUTER={mountain}\n")
        site.compose(*joined, "up", "-d", "telescope-feed")
        [container] = site.compose(*joined, "ps", "-q", "telescope-feed").split()
        try:
            network.connect(container)

            def newest() -> float:
                """When the last sample was that the bridge has of the telescope's feed."""
                begin, end = (
                    datetime.fromtimestamp(time.time() + shift, UTC).isoformat() for shift in (-600, 60)
                )
                body = {
                    "range": {"from": begin, "to": end},
                    "targets": [{"target": "telescope_cryostat::channel_01_t"}],
                }
                reply = requests.post(f"http://127.0.0.1:{site.http_port}/query", json=body, timeout=20)
                points = reply.json()[0]["datapoints"] if reply.ok else []
                return float(points[-1][1]) / 1e3 if points else 0.0

            wait_until(
                lambda: "telescope_cryostat" in nodes() and newest(), 60, "the feed is served", step_s=0.5
            )
            network.disconnect(container)
            cut = time.time()
            last = wait_until(
                lambda: (one := newest()) == newest() and one, 30, "no more is heard", step_s=1.0
            )
            # Meanwhile each question is answered with what there is, and nothing is made up.
            asked = 0
            while time.time() < cut + CUT_S:
                assert newest() == last
                assert "telescope_cryostat" in nodes()
                asked += 1
            assert asked > 10
            network.connect(container)
            over = time.time()
            wait_until(lambda: newest() > over, 60, "the feed is heard again", step_s=0.2)
            after = f"heard again {time.time() - over:.1f} s after"
            print(f"link cut for {over - cut:.0f} s: {asked} questions answered, {after}")
        finally:
            site.compose(*joined, "rm", "-sfv", "telescope-feed", check=False)

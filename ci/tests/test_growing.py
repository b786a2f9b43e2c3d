"""More than one of a thing, on a real engine: replicas of a data server."""

import threading
from typing import Any

import pytest
import requests
from sisock_testing import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

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

"""The real OCS beside our router, and peers that publish as it does."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from sisock import connection, logs
from sisock_data_feed.feed import Block, parse
from sisock_data_feed.topics import Address
from sisock_testing import Peer, Process, Stack, wait_until
from sisock_testing.ocs import Ocs, install
from sisock_testing.stack import Reactor

ADDRESS = Address("LSA22YE", "temperatures")


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Logs as structlog has them by default: a stack that ran before left them for warnings only."""
    before = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**before)


class Clock:
    """Time that stands until the test moves it."""

    now = 1.7e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def address() -> Address:
    return ADDRESS


@pytest.fixture
def block() -> Callable[..., Block]:
    """Makes a block as if its message had been received."""

    def make(name: str = "temps", address: Address = ADDRESS, *, t: list[float], **data: list[Any]) -> Block:
        message = [{name: {"block_name": name, "timestamps": t, "data": data}}, {}]
        return parse(message, address).blocks[0]

    return make


@pytest.fixture(scope="session")
def ocs(sisock_stack: Stack, pytestconfig: pytest.Config) -> Ocs:
    site = Ocs(sisock_stack, install(pytestconfig.rootpath / ".venvs"))
    fake = ["--mode", "idle", "--num-channels", "3", "--sample-rate", "10"]
    site.write_site(registry=("RegistryAgent", []), fake1=("FakeDataAgent", fake))
    return site


class OcsPeer:
    """Anonymous on the open port, as OCS is: publishes what it is told, remembers what it hears."""

    def __init__(self, reactor: Reactor, stack: Stack) -> None:
        self._reactor = reactor
        self._session: Any = None
        self.heard: list[Any] = []
        self.connection = connection.Connection(
            reactor.reactor, stack.stranger(), self, logs.get("ocs"), open_port=True
        )
        reactor.reactor.callFromThread(lambda: self.connection.run().addErrback(lambda _: None))
        wait_until(lambda: self.here, what="the open port lets us in")

    async def joined(self, session: Any, _details: Any) -> None:
        self._session = session

    def lost(self) -> None:
        self._session = None

    @property
    def here(self) -> bool:
        """Whether the router has us."""
        return self._session is not None

    def listen(self, topic: str, handler: Callable[[Any], Any] | None = None) -> None:
        """Hand over the first argument of each event, by default to `heard`."""

        async def subscribe() -> None:
            await self._session.subscribe(handler or self.heard.append, topic)

        self._reactor.wait(subscribe)

    def publish(self, address: Address, *blocks: dict[str, Any], **feed: Any) -> None:
        """Publish a message as `ocs.ocs_feed.Feed` does."""
        about = {
            "agent_address": f"observatory.{address.target}",
            "agg_params": {},
            "feed_name": address.feed,
            "address": str(address),
            "record": True,
            "session_id": "1",
            "agent_class": "Test",
            **feed,
        }
        self.publish_raw(address, [{block["block_name"]: block for block in blocks}, about])

    def publish_raw(self, address: Address, *args: Any) -> None:
        """Publish anything at all."""
        self._reactor.reactor.callFromThread(lambda: self._session.publish(str(address), *args))

    def close(self) -> None:
        self._reactor.wait(self.connection.stop)


@pytest.fixture(scope="session")
def make_ocs_peer(sisock_reactor: Reactor) -> Callable[[Stack], OcsPeer]:
    return lambda stack: OcsPeer(sisock_reactor, stack)


@pytest.fixture(scope="session")
def ocs_peer(sisock_stack: Stack, sisock_reactor: Reactor) -> Iterator[OcsPeer]:
    peer = OcsPeer(sisock_reactor, sisock_stack)
    yield peer
    peer.close()


@pytest.fixture
def serve(sisock_stack: Stack, sisock_peer: Peer, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts a data-feed server and waits until it has subscribed."""
    started: list[Process] = []

    def start(name: str, **environ: str) -> Process:
        command = [sys.executable, "-m", "sisock_data_feed"]
        settings = {
            "NAME": name,
            "DESCRIPTION": "test",
            "STATE_DIRECTORY": str(tmp_path / "state"),
            **environ,
        }
        log = sisock_stack.directory / f"{name}.log"
        before = log.read_text().count("feed.subscribed") if log.exists() else 0
        process = sisock_stack.start(name, command, **settings)
        started.append(process)
        sisock_peer.wait_for_node(name)
        wait_until(
            lambda: process.text().count("feed.subscribed") > before,
            what=f"{name} subscribes ({process.log})",
        )
        return process

    yield start
    for process in started:
        if process.popen.poll() is None:
            assert process.stop() == 0
    names = {process.name for process in started}
    wait_until(lambda: not names & set(sisock_peer.consumer.nodes), what="the nodes are gone")

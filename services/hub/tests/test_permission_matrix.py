"""Every way in and every action on a real router; permissions.txt, which the docs show, is what came out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import CallOptions, PublishOptions, RegisterOptions, SubscribeOptions
from sisock import logs, uris
from sisock.connection import Connection
from sisock_testing import Stack, wait_until
from sisock_testing.stack import Reactor

ROWS = Path(__file__).parent / "permissions.txt"

WAYS = {
    "`cryostat` (its own user)": "cryostat",
    "`server` (the common user)": "server",
    "`simonsobs` (consumers)": "simonsobs",
    "anonymous (open port)": "anonymous",
}
REFUSED = (
    ApplicationError.NOT_AUTHORIZED,
    ApplicationError.AUTHORIZATION_FAILED,
    ApplicationError.INVALID_URI,
)
OWNED, COMMON = "cryostat", "common"
FEED = "observatory.LSA22YE.feeds.temperatures"


def actions() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """What is tried, by its words in the rows: method, URI, options."""
    tried: dict[str, tuple[str, str, dict[str, Any]]] = {}
    kinds: dict[str, dict[str, Any]] = {
        "": {},
        ", by force": {"force_reregister": True},
        ", as a prefix": {"match": "prefix"},
        ", as a wildcard": {"match": "wildcard"},
        ", shared": {"invoke": "roundrobin"},
    }
    for name in (OWNED, COMMON):
        for words, options in kinds.items():
            tried[f"register `consumer.{name}.get_data`{words}"] = ("register", uris.get_data(name), options)
        tried[f"register `consumer.{name}.` as a prefix"] = (
            "register", f"{uris.CONSUMER_PREFIX}{name}.", {"match": "prefix"},
        )  # fmt: skip
        tried[f"publish `consumer.{name}.updated`"] = ("publish", uris.updated(name), {})
    tried |= {
        "register `consumer.` as a prefix": ("register", uris.CONSUMER_PREFIX, {"match": "prefix"}),
        "register `consumer..get_data` as a wildcard": ("register", uris.get_data(""), {"match": "wildcard"}),
        "register `org.` as a prefix": ("register", "org.", {"match": "prefix"}),
        "register `data_node.add`, by force": ("register", uris.DATA_NODE_ADD, {"force_reregister": True}),
        "register `consumer.get_data_node`, by force": (
            "register", uris.GET_DATA_NODE, {"force_reregister": True},
        ),
        "register `observatory.` as a prefix": ("register", "observatory.", {"match": "prefix"}),
        "publish `consumer.data_node_added`": ("publish", uris.DATA_NODE_ADDED, {}),
        "publish `data_node.announce`": ("publish", uris.DATA_NODE_ANNOUNCE, {}),
        "publish a feed of OCS's": ("publish", FEED, {}),
        "subscribe to `consumer.` as a prefix": ("subscribe", uris.CONSUMER_PREFIX, {"match": "prefix"}),
        "subscribe to a feed of OCS's": ("subscribe", FEED, {}),
        "subscribe to everything": ("subscribe", "", {"match": "prefix"}),
        "subscribe to `wamp.session.on_join`": ("subscribe", "wamp.session.on_join", {}),
        "call `consumer.get_data_node`": ("call", uris.GET_DATA_NODE, {}),
        "call `consumer.nobody.get_data`": ("call", uris.get_data("nobody"), {}),
        "call `data_node.add`": ("call", uris.DATA_NODE_ADD, {}),
        "call `observatory.LSA22YE.ops`": ("call", "observatory.LSA22YE.ops", {}),
        "call `wamp.session.kill`": ("call", "wamp.session.kill", {}),
        "call `wamp.registration.list`": ("call", "wamp.registration.list", {}),
    }  # fmt: skip
    return tried


class Way:
    """One session by one way in."""

    def __init__(self, reactor: Reactor, stack: Stack, user: str) -> None:
        self._reactor = reactor
        self.session: Any = None
        config = stack.config(WAMP_USER=user, **({"CROSSBAR_DIR": "none"} if user == "anonymous" else {}))
        self._connection = Connection(
            reactor.reactor, config, self, logs.get("way"), open_port=user == "anonymous"
        )
        reactor.reactor.callFromThread(lambda: self._connection.run().addErrback(lambda _: None))
        wait_until(lambda: self.session, what=f"{user} joins")

    async def joined(self, session: Any, _details: Any) -> None:
        self.session = session

    def lost(self) -> None:
        self.session = None

    def may(self, method: str, uri: str, options: dict[str, Any]) -> bool:
        """Whether the router lets it do that; what was done is undone."""

        async def run() -> None:
            if method == "register":
                made = await self.session.register(lambda *_: None, uri, options=RegisterOptions(**options))
                await made.unregister()
            elif method == "subscribe":
                made = await self.session.subscribe(lambda *_: None, uri, SubscribeOptions(**options))
                await made.unsubscribe()
            elif method == "publish":
                await self.session.publish(uri, {}, options=PublishOptions(acknowledge=True))
            else:
                await self.session.call(uri, options=CallOptions(timeout=5))

        try:
            self._reactor.wait(run)
        except ApplicationError as error:
            return error.error not in REFUSED
        return True

    def holds(self, name: str) -> bool:
        """Serve a name, as its node does; whether that worked."""

        async def run() -> None:
            await self.session.register(lambda *_: None, uris.get_data(name))

        if self.session is None:
            return False
        try:
            self._reactor.wait(run)
        except Exception:  # noqa: BLE001 (its session ends just now: the next one is asked)
            return False
        return True

    def close(self) -> None:
        self._reactor.wait(self._connection.stop)


@pytest.fixture(scope="module")
def stack(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("matrix"))
    stack.start_hub(SISOCK_NODES=OWNED)
    yield stack
    stack.stop()


def ask(reactor: Reactor, stack: Stack) -> list[str]:
    """The rows: each action by each way in, while the owner is away and while it serves."""
    ways = {words: Way(reactor, stack, user) for words, user in WAYS.items()}
    free = {words: {w: way.may(*tried) for w, way in ways.items()} for words, tried in actions().items()}
    holders = [Way(reactor, stack, OWNED), Way(reactor, stack, "server")]
    for holder, name in zip(holders, (OWNED, COMMON), strict=True):
        assert holder.holds(name)
    rows = []
    for words, tried in actions().items():
        cells = []
        for way, peer in ways.items():
            # A name that somebody has is taken over by force at most; then it is given back.
            taken = peer.may(*tried)
            for holder, name in zip(holders, (OWNED, COMMON), strict=True):
                if tried[2].get("force_reregister") and tried[1] == uris.get_data(name) and taken:
                    wait_until(lambda h=holder, n=name: h.holds(n), what="the holder has its name again")
            cells.append(f"{'yes' if free[words][way] else '-'} / {'yes' if taken else '-'}")
        rows.append(f"| {words} | {' | '.join(cells)} |")
    # Who serves a node says that its data grew; another session of the same user does not.
    assert all(h.may("publish", uris.updated(n), {}) for h, n in zip(holders, (OWNED, COMMON), strict=True))
    for way in (*ways.values(), *holders):
        way.close()
    return rows


def test_each_way_in_may_do_what_the_rows_say_and_no_more(stack: Stack, sisock_reactor: Reactor) -> None:
    found = [f"| action | {' | '.join(WAYS)} |", "|---" * (len(WAYS) + 1) + "|", *ask(sisock_reactor, stack)]
    assert "\n".join(found) == ROWS.read_text().rstrip("\n")

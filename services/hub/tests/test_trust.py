"""Who may do what on a real router: rogues with the common secret, users of their own."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import PublishOptions, RegisterOptions
from sisock import logs, uris
from sisock.connection import Connection
from sisock.errors import DeadlineError
from sisock_testing import SERVERS, Peer, Stack, wait_until
from sisock_testing.stack import Reactor


class Rogue:
    """A bare session with the router, by which anything can be tried."""

    def __init__(self, reactor: Reactor, stack: Stack, user: str = "server", **environ: str) -> None:
        self._reactor = reactor
        self.session: Any = None
        config = stack.config(WAMP_USER=user, **environ)
        self._connection = Connection(
            reactor.reactor, config, self, logs.get("rogue"), open_port=user == "anonymous"
        )
        reactor.reactor.callFromThread(lambda: self._connection.run().addErrback(lambda _: None))
        wait_until(lambda: self.session, what=f"{user} joins")

    async def joined(self, session: Any, details: Any) -> None:
        self.session = session

    def lost(self) -> None:
        self.session = None

    def attempt(self, action: str, *args: Any, **kwargs: Any) -> str:
        """Nothing if the router did it, else the error's name."""

        async def run() -> Any:
            return await getattr(self.session, action)(*args, **kwargs)

        try:
            self._reactor.wait(run)
        except ApplicationError as error:
            return str(error.error)
        return ""

    def register(self, uri: str, **options: Any) -> str:
        return self.attempt("register", lambda *_: "forged", uri, options=RegisterOptions(**options))

    def publish(self, uri: str) -> str:
        return self.attempt("publish", uri, {"until": 1.0}, options=PublishOptions(acknowledge=True))

    def close(self) -> None:
        self._reactor.wait(self._connection.stop)


@pytest.fixture
def stack(sisock_processes: None, tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path)
    yield stack
    stack.stop()


@pytest.fixture
def rogues(sisock_reactor: Reactor) -> Iterator[Any]:
    made: list[Rogue] = []

    def make(stack: Stack, user: str = "server", **environ: str) -> Rogue:
        made.append(Rogue(sisock_reactor, stack, user, **environ))
        return made[-1]

    yield make
    for rogue in made:
        rogue.close()


def start(stack: Stack, server: str, user: str = "server") -> Any:
    return stack.start(server, [sys.executable, str(SERVERS / f"{server}.py")], WAMP_USER=user)


def told(stack: Stack, event: str) -> list[dict[str, Any]]:
    """What the router says of an event."""
    lines = stack.processes["hub"].text().splitlines()
    return [json.loads(line) for line in lines if f'"event": "{event}"' in line]


NOT_ALLOWED = ApplicationError.NOT_AUTHORIZED
TAKEN = ApplicationError.PROCEDURE_ALREADY_EXISTS


def test_a_name_with_a_user_of_its_own_is_taken_over_by_nobody_else(
    stack: Stack, sisock_reactor: Reactor, rogues: Any
) -> None:
    stack.start_hub(SISOCK_NODES="clockwork")
    start(stack, "clockwork", "clockwork")
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    peer.wait_for_node("clockwork")
    rogue = rogues(stack)
    name = uris.get_data("clockwork")
    assert rogue.register(name, force_reregister=True) == NOT_ALLOWED
    assert rogue.register(name) == NOT_ALLOWED
    assert rogue.publish(uris.updated("clockwork")) == NOT_ALLOWED
    assert len(peer.get_data("clockwork", ["sine"], 1, 100)[0]["sine"].t) == 99
    wait_until(lambda: len(told(stack, "register.refused")) >= 2, what="the log has it, too")
    assert all(line["user"] == "server" for line in told(stack, "register.refused"))
    assert len(told(stack, "register.refused")) == 2
    peer.close()


def test_a_name_that_only_the_common_user_has_comes_back_when_the_rogue_goes(
    stack: Stack, sisock_reactor: Reactor, rogues: Any
) -> None:
    stack.start_hub()
    nodes = {"clockwork": "clockwork", "old_style": "old_thermometer"}
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    for server, name in nodes.items():
        start(stack, server)
        peer.wait_for_node(name)
    rogue = Rogue(sisock_reactor, stack)
    number = rogue.session._session_id
    for name in nodes.values():
        assert rogue.register(uris.get_data(name), force_reregister=True) == ""
    wait_until(lambda: not set(nodes.values()) & set(peer.consumer.nodes), what="the bridge is told")
    wait_until(lambda: len(told(stack, "node.taken_over")) >= len(nodes), what="the log has it, too")
    taken = told(stack, "node.taken_over")
    assert len(taken) == 2
    assert all((line["service"], line["level"]) == ("router", "warning") for line in taken)
    assert all((line["user"], line["session"]) == ("server", number) for line in taken)
    assert all(line["peer"].startswith("tcp4:127.0.0.1:") for line in taken)
    rogue.close()
    for name in nodes.values():
        peer.wait_for_node(name)
    assert len(peer.get_data("clockwork", ["sine"], 1, 100)[0]["sine"].t) == 99
    assert len(peer.get_data("old_thermometer", ["t1"], 1000, 1100)[0]["t1"].t) == 10
    peer.close()


def test_an_old_server_that_insists_on_its_name_has_it(stack: Stack, sisock_reactor: Reactor) -> None:
    stack.start_hub()
    hung = start(stack, "insisting")
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    peer.wait_for_node("insisting")
    hung.signal(signal.SIGSTOP)  # it hangs, and the router has not noticed
    again = stack.start("again", [sys.executable, str(SERVERS / "insisting.py")])
    try:

        def answers() -> bool:
            if "insisting" not in peer.consumer.nodes:
                return False
            try:
                reply = peer.v1_data("insisting", ["a"], 1, 2)
            except DeadlineError:  # the one that hangs was asked
                return False
            return bool(reply) and reply["data"]["a"] == [float(again.pid)]

        wait_until(lambda: told(stack, "node.taken_over"), what="it is taken over")
        wait_until(answers, what="the new one answers")
    finally:
        hung.kill()
        peer.close()


def test_who_is_refused_a_name_does_not_learn_whether_it_is_taken(
    stack: Stack, sisock_reactor: Reactor, rogues: Any
) -> None:
    stack.start_hub()
    start(stack, "clockwork")
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    peer.wait_for_node("clockwork")
    curious = rogues(stack, "simonsobs")
    for name in ("clockwork", "nobody"):
        assert curious.register(uris.get_data(name)) == NOT_ALLOWED
    peer.close()


def test_who_lists_a_name_that_another_serves_is_refused(
    stack: Stack, sisock_reactor: Reactor, rogues: Any
) -> None:
    stack.start_hub(SISOCK_NODES="clockwork")
    squatter = rogues(stack)
    number = squatter.session._session_id
    assert squatter.attempt("call", uris.DATA_NODE_ADD, "clockwork", "mine", number) == ""
    start(stack, "clockwork", "clockwork")
    peer = Peer(sisock_reactor, stack.config(WAMP_USER="simonsobs"))
    wait_until(lambda: "listed" in stack.processes["clockwork"].text(), what="the owner is listed")
    assert [e["description"] for e in peer.call(uris.GET_DATA_NODE)] != ["mine"]
    peer.close()


def test_a_user_that_is_added_later_is_let_in_after_a_restart(stack: Stack, rogues: Any) -> None:
    import subprocess

    from sisock.auth import is_private
    from sisock_testing.stack import executable

    stack.start_hub()
    before = (stack.directory / ".crossbar" / "config.json").read_bytes()
    subprocess.run(
        [executable("sisock-hub"), "node", "add", "cryostat"],
        cwd=stack.directory, env=stack.environ(), check=True, timeout=30,
    )  # fmt: skip
    assert is_private(stack.directory / ".crossbar" / "secrets" / "cryostat")
    stack.start_hub()
    assert (stack.directory / ".crossbar" / "config.json").read_bytes() == before
    owner = rogues(stack, "cryostat")
    assert owner.register(uris.get_data("cryostat")) == ""
    assert owner.register(uris.get_data("other")) == NOT_ALLOWED


def test_a_sites_own_configuration_can_have_users_of_nodes_too(site: Path, stack: Stack, rogues: Any) -> None:
    text = (site / "config.json").read_text()
    text = text.replace("8001", str(stack.ocs_port)).replace("8080", str(stack.tls_port))
    (site / "config.json").write_text(text)
    stack.start_hub(SISOCK_NODES="cryostat")
    owner, common, anybody = rogues(stack, "cryostat"), rogues(stack), rogues(stack, "anonymous")
    assert owner.register(uris.get_data("cryostat")) == ""
    for stranger in (common, anybody):
        assert stranger.register(uris.get_data("cryostat"), force_reregister=True) == NOT_ALLOWED
        assert stranger.register("org.", match="prefix") == NOT_ALLOWED
    assert common.register(uris.get_data("other")) == ""
    assert (site / "config.json").read_text() == text


@pytest.mark.parametrize("name", ["server", "a.b", "two words/", "get_data_node"])
def test_a_name_that_can_have_no_user_is_told(stack: Stack, name: str) -> None:
    from sisock_testing.stack import executable

    hub = stack.start("hub", [executable("sisock-hub")], SISOCK_NODES=name)
    assert hub.popen.wait(30) == 2
    assert "SISOCK_NODES" in hub.text()

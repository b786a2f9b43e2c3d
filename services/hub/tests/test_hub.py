"""The hub's own decisions, with a session that is none: who may add, take over and subtract."""

from typing import Any

import pytest
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import ComponentConfig
from sisock import uris
from sisock_hub.hub import Hub
from twisted.internet.defer import ensureDeferred

HOLDER, STRANGER, NEWCOMER = 11, 22, 33


class Caller:
    """Details of a call as the router gives them; without a number it does not disclose the caller."""

    def __init__(self, caller: int | None = None) -> None:
        self.caller = caller


class AloneHub(Hub):
    """A hub that remembers what it publishes; the router knows the sessions in `alive`."""

    def __init__(self) -> None:
        super().__init__(ComponentConfig(realm="test_realm"))
        self.alive = {HOLDER, STRANGER, NEWCOMER}
        self.trouble = ""
        self.callee: int | None = None
        self.published: list[tuple[str, str]] = []

    async def call(self, procedure: str, session_id: Any) -> Any:  # type: ignore[override]
        if procedure == "wamp.registration.lookup":
            return 1 if self.callee else None
        if procedure == "wamp.registration.list_callees":
            return [self.callee]
        assert procedure == "wamp.session.get"
        if self.trouble:
            raise ApplicationError(self.trouble)
        if session_id not in self.alive:
            raise ApplicationError(ApplicationError.NO_SUCH_SESSION)
        return {"session": session_id}

    def publish(self, topic: str, entry: dict[str, Any], **_options: Any) -> None:  # type: ignore[override]
        self.published.append((topic, entry["name"]))

    def add(self, session: Any, caller: int | None = None, name: Any = "node") -> bool:
        results: list[Any] = []
        added = ensureDeferred(self._add(name, "a node", session, details=Caller(caller)))
        added.addBoth(results.append)
        return results[0]  # type: ignore[no-any-return]

    def listed(self) -> list[str]:
        return [entry["name"] for entry in self._registry.entries()]


@pytest.fixture
def hub() -> AloneHub:
    hub = AloneHub()
    assert hub.add(HOLDER, HOLDER) is True
    assert hub.published == [(uris.DATA_NODE_ADDED, "node")]
    hub.published.clear()
    return hub


def test_a_stranger_that_knows_the_holders_session_cannot_subtract_its_node(hub: AloneHub) -> None:
    hub._subtract("node", HOLDER, details=Caller(STRANGER))
    assert (hub.listed(), hub.published) == (["node"], [])


def test_the_holder_subtracts_its_own_node(hub: AloneHub) -> None:
    hub._subtract("node", HOLDER, details=Caller(HOLDER))
    assert (hub.listed(), hub.published) == ([], [(uris.DATA_NODE_SUBTRACTED, "node")])


def test_where_callers_are_not_disclosed_a_node_is_subtracted_by_its_session_number(hub: AloneHub) -> None:
    hub._subtract("node", STRANGER, details=Caller())
    assert hub.listed() == ["node"]
    hub._subtract("node", HOLDER, details=Caller())
    assert hub.listed() == []


def test_a_stranger_cannot_add_a_node_in_the_name_of_another_session(hub: AloneHub) -> None:
    assert hub.add(NEWCOMER, STRANGER, "other") is False
    assert hub.listed() == ["node"]


@pytest.mark.parametrize("session", [None, "11", 11.0, [11]])
def test_what_is_no_session_adds_nothing(hub: AloneHub, session: object) -> None:
    assert hub.add(session, None, "other") is False
    assert hub.listed() == ["node"]


def test_a_living_holder_keeps_its_name(hub: AloneHub) -> None:
    assert hub.add(NEWCOMER, NEWCOMER) is False
    assert hub._registry.holder("node").session_id == HOLDER
    assert hub.published == []


def test_a_dead_holder_loses_its_name_to_who_asks_for_it(hub: AloneHub) -> None:
    hub.alive.remove(HOLDER)
    assert hub.add(NEWCOMER, NEWCOMER) is True
    assert hub._registry.holder("node").session_id == NEWCOMER
    assert hub.published == [(uris.DATA_NODE_SUBTRACTED, "node"), (uris.DATA_NODE_ADDED, "node")]


def test_a_holder_counts_as_alive_as_long_as_the_router_does_not_say_otherwise(hub: AloneHub) -> None:
    hub.trouble = ApplicationError.NOT_AUTHORIZED
    assert hub.add(NEWCOMER, NEWCOMER) is False


def test_the_holder_may_announce_itself_again_and_nobody_is_told_twice(hub: AloneHub) -> None:
    assert hub.add(HOLDER, HOLDER) is True
    assert hub.published == []


def test_all_nodes_of_a_session_that_left_are_gone_and_told(hub: AloneHub) -> None:
    hub.add(HOLDER, HOLDER, "second")
    hub.add(STRANGER, STRANGER, "third")
    hub.published.clear()
    hub._session_left(HOLDER)
    assert hub.listed() == ["third"]
    assert sorted(hub.published) == [
        (uris.DATA_NODE_SUBTRACTED, "node"),
        (uris.DATA_NODE_SUBTRACTED, "second"),
    ]


@pytest.mark.parametrize("name", ["", "two words", "a#b", 7, None])
def test_a_name_that_is_no_part_of_a_uri_is_refused(hub: AloneHub, name: object) -> None:
    failure: Any = hub.add(HOLDER, HOLDER, name)
    assert failure.check(ApplicationError)
    assert hub.listed() == ["node"]


def test_who_serves_a_name_is_listed_and_who_only_lists_it_is_not(hub: AloneHub) -> None:
    hub.callee = STRANGER
    assert hub.add(NEWCOMER, NEWCOMER, "other") is False
    assert hub.add(STRANGER, STRANGER) is True
    assert hub._registry.holder("node").session_id == STRANGER
    assert hub.published == [(uris.DATA_NODE_SUBTRACTED, "node"), (uris.DATA_NODE_ADDED, "node")]


def test_who_lost_its_name_to_another_is_not_listed_any_more(hub: AloneHub) -> None:
    hub._registered(STRANGER, {"uri": uris.get_data("node")})
    assert (hub.listed(), hub.published) == ([], [(uris.DATA_NODE_SUBTRACTED, "node")])


def test_who_registers_its_own_name_again_stays_listed(hub: AloneHub) -> None:
    hub._registered(HOLDER, {"uri": uris.get_data("node")})
    assert (hub.listed(), hub.published) == (["node"], [])


class Registrations(AloneHub):
    """The router's registrations by number: the procedure and who serves it; None: it left meanwhile."""

    def __init__(self, known: dict[int, tuple[str, list[int]] | None]) -> None:
        super().__init__()
        self.known = known

    async def call(self, procedure: str, number: Any = None) -> Any:  # type: ignore[override]
        if procedure == "wamp.registration.list":
            return {"exact": list(self.known)}
        registration = self.known[number]
        if registration is None:
            raise ApplicationError("wamp.error.no_such_registration")
        uri, callees = registration
        return {"uri": uri} if procedure == "wamp.registration.get" else callees


def test_who_serves_before_the_hub_came_is_listed_whatever_else_is_registered() -> None:
    hub = Registrations(
        {
            1: (uris.get_data("node"), [HOLDER, STRANGER]),
            2: ("observatory.agent.ops", [STRANGER]),
            3: None,
            4: (uris.get_data("nobody"), []),
            5: (uris.get_data("other"), [STRANGER]),
        }
    )
    found: list[Any] = []
    ensureDeferred(hub._find_registered()).addBoth(found.append)
    assert found == [None]
    assert hub.listed() == ["node", "other"]
    holder = hub._registry.holder("node")
    assert holder is not None
    assert holder.session_id == HOLDER
    hub.known = {6: (uris.get_data("node"), [HOLDER, STRANGER, NEWCOMER])}
    ensureDeferred(hub._find_registered())
    assert hub.published == [(uris.DATA_NODE_ADDED, "node"), (uris.DATA_NODE_ADDED, "other")]
    assert set(hub._registry.sessions("node")) == {
        HOLDER,
        STRANGER,
    }  # whose name it is says itself who serves

"""The hub's own decisions, with a session that is none: who may add, take over and subtract."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import CloseDetails, ComponentConfig
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
        self.callees: list[int] | None = None
        self.published: list[tuple[str, str]] = []
        self.counted: list[int] = []
        self._tell = self.counted.append

    async def call(self, procedure: str, session_id: Any) -> Any:  # type: ignore[override]
        if procedure == "wamp.registration.lookup":
            if self.trouble:
                raise ApplicationError(self.trouble)
            return 1 if self.callee or self.callees is not None else None
        if procedure == "wamp.registration.list_callees":
            return [self.callee] if self.callee else self.callees or None
        assert procedure == "wamp.session.get"
        if self.trouble:
            raise ApplicationError(self.trouble)
        if session_id not in self.alive:
            raise ApplicationError(ApplicationError.NO_SUCH_SESSION)
        return {"session": session_id}

    def publish(self, topic: str, entry: dict[str, Any], **_options: Any) -> None:  # type: ignore[override]
        self.published.append((topic, entry["name"]))

    def add(self, session: Any, caller: int | None = None, name: Any = "node", *said: Any) -> bool:
        results: list[Any] = []
        description, *able = said or ("a node",)
        added = ensureDeferred(self._add(name, description, session, *able, details=Caller(caller)))
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


def events(hub: AloneHub, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is logged of a hub from now on, and of which session."""
    told: list[tuple[str, int]] = []

    def note(text: str, session: int = 0, **_: Any) -> None:
        told.append((text.split(maxsplit=1)[0], session))

    monkeypatch.setattr(hub, "log", SimpleNamespace(info=note, warn=note, debug=note), raising=False)
    return told


def test_what_a_node_says_of_itself_is_listed_and_what_it_says_anew_is_told(hub: AloneHub) -> None:
    assert hub.add(HOLDER, HOLDER, "node", "a thermometer", ["packed", 7])
    assert hub._registry.entries() == [
        {"name": "node", "description": "a thermometer", "capabilities": ["packed", "7"]}
    ]
    assert hub.published == [(uris.DATA_NODE_ADDED, "node")]
    assert hub.add(STRANGER, STRANGER, "other", None, None)
    assert hub._registry.entries()[1] == {"name": "other", "description": ""}


def test_who_comes_is_logged_once_and_with_each_session_that_serves_it(
    hub: AloneHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = events(hub, monkeypatch)
    hub.callees = [HOLDER, STRANGER]
    assert hub.add(HOLDER, HOLDER)
    assert told == []
    assert hub.add(STRANGER, STRANGER)
    assert hub.add(STRANGER, STRANGER)
    assert told == [("node.added", STRANGER)]
    assert hub.published == []
    assert hub.add(HOLDER, HOLDER, "node", "says more")
    assert told == [("node.added", STRANGER), ("node.added", HOLDER)]
    assert hub.published == [(uris.DATA_NODE_ADDED, "node")]


def test_who_serves_a_name_no_more_is_struck_off_when_one_that_does_says_so(hub: AloneHub) -> None:
    hub.callees = [HOLDER, STRANGER, NEWCOMER]
    assert all(hub.add(session, session) for session in (STRANGER, NEWCOMER))
    assert hub._registry.sessions("node") == [HOLDER, STRANGER, NEWCOMER]
    hub.callees = [HOLDER, NEWCOMER]
    assert hub.add(HOLDER, HOLDER)
    assert hub._registry.sessions("node") == [HOLDER, NEWCOMER]


def test_what_others_serve_stays_listed_as_they_can_do_it(hub: AloneHub) -> None:
    hub.callees = [HOLDER, STRANGER, NEWCOMER]
    assert hub.add(STRANGER, STRANGER, "node", "of the second")
    assert hub.add(NEWCOMER, NEWCOMER, "node", "of the second")
    hub.published.clear()
    hub._session_left(HOLDER)
    assert hub.published == [(uris.DATA_NODE_ADDED, "node")]
    hub.published.clear()
    hub._session_left(STRANGER)
    assert hub.published == []
    hub._session_left(NEWCOMER)
    assert hub.published == [(uris.DATA_NODE_SUBTRACTED, "node")]


def test_where_the_router_tells_nothing_of_who_serves_a_name_who_asks_first_has_it(hub: AloneHub) -> None:
    hub.callees = []
    assert hub.add(STRANGER, STRANGER, "second") is True
    hub.trouble = ApplicationError.NOT_AUTHORIZED
    assert hub.add(STRANGER, STRANGER, "third") is True
    assert hub.add(NEWCOMER, NEWCOMER, "third") is False


def test_where_callers_are_not_disclosed_a_node_is_added_by_its_session_number(hub: AloneHub) -> None:
    assert hub.add(STRANGER, None, "other") is True


def test_registrations_that_are_no_nodes_strike_off_nobody(hub: AloneHub) -> None:
    hub._registered(STRANGER, {"uri": "observatory.node.ops"})
    hub._registered(STRANGER, {"uri": uris.get_data("other")})
    assert hub.listed() == ["node"]


def test_how_many_are_online_is_told_at_each_change_and_none_when_the_hub_leaves(hub: AloneHub) -> None:
    assert hub.counted == [1]
    hub.add(STRANGER, STRANGER, "other")
    hub._session_left(STRANGER)
    hub._subtract("node", HOLDER, details=Caller(HOLDER))
    assert hub.counted[1:] == [2, 1, 0]
    hub.add(HOLDER, HOLDER)
    hub.onLeave(CloseDetails("wamp.close.normal", ""))
    assert hub.counted[-2:] == [1, 0]


def test_who_the_hub_is_and_whom_it_tells_may_stand_in_the_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.environ", {"WAMP_USER": "server", "WAMP_SECRET": "theirs"})
    counted: list[int] = []
    joined: list[Any] = []
    for extra, user in (({"user": "hub", "listed": counted.append}, "hub"), ({}, "server"), (None, "server")):
        hub = Hub(ComponentConfig(realm="r", extra=extra))
        settings = hub._settings()
        assert (settings.wamp_user, settings.crossbar_dir) == (user, tmp_path)
        assert (settings.wamp_secret is None) is (user == "hub")
        hub.join = lambda *how: joined.append(how)  # type: ignore[method-assign]
        hub.onConnect()
        hub._tell(3)
    assert counted == [3]
    assert joined == [("r", ["wampcra"], "hub"), *[("r", ["wampcra"], "server")] * 2]


def test_the_list_is_offered_once_it_is_whole_and_then_all_are_asked_who_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = Registrations({1: (uris.get_data("node"), [HOLDER]), 2: (uris.get_data("other"), [STRANGER])})
    did: list[Any] = []

    async def subscribe(_handler: Any, topic: str) -> None:
        did.append(topic)

    async def register(_endpoint: Any, uri: str, options: Any = None) -> None:
        did.append((uri, len(hub.listed()), options and options.details_arg))

    monkeypatch.setattr(hub, "subscribe", subscribe)
    monkeypatch.setattr(hub, "register", register)
    monkeypatch.setattr(hub, "publish", lambda topic, *_, options=None: did.append((topic, options)))
    ensureDeferred(hub._serve()).addErrback(lambda failure: failure.raiseException())
    assert did[:4] == [
        "wamp.session.on_leave",
        "wamp.registration.on_create",
        (uris.DATA_NODE_ADD, 0, "details"),
        (uris.DATA_NODE_SUBTRACT, 0, "details"),
    ]
    assert (uris.GET_DATA_NODE, 2, None) in did
    topic, options = did[-1]
    assert (topic, options.acknowledge) == (uris.DATA_NODE_ANNOUNCE, False)
    assert hub.counted[-1] == 2

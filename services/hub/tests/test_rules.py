"""The guard's rules: whose a name is, what may catch calls for it, which pages may call."""

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from autobahn.util import wildcards2patterns
from autobahn.wamp.message import Register
from autobahn.wamp.types import ComponentConfig
from sisock import uris
from structlog.testing import capture_logs
from twisted.internet.defer import ensureDeferred, succeed

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what crossbar.io imports is deprecated here and there
    from crossbar.bridge.rest.common import _CommonResource
    from crossbar.router.dealer import Dealer
    from crossbar.router.router import Router as CrossbarRouter
    from sisock_hub import guard
    from sisock_hub.guard import _guarded, _holders, _install, _is_allowed, _keep_pages_out, _peer, _user
    from sisock_hub.rights import Rules, Taken, reaches_ours, why_not_register

SERVER, CRYOSTAT, OCS = ("wampcra", "server"), ("wampcra", "cryostat"), ("anonymous", "ocs")
OWNED, COMMON = uris.get_data("cryostat"), uris.get_data("common")
EXACT = ("exact", "single")
RULES = Rules(frozenset({"cryostat"}))


@pytest.mark.parametrize(
    ("user", "uri", "may"),
    [
        (CRYOSTAT, OWNED, True),
        (SERVER, OWNED, False),
        (("anonymous", "cryostat"), OWNED, False),
        (SERVER, COMMON, True),
        (SERVER, uris.get_data("cryostat2"), True),
        (SERVER, f"{uris.CONSUMER_PREFIX}cryostat", False),
        (OCS, "observatory.cryostat.ops", True),
    ],
)
def test_a_name_with_a_user_of_its_own_is_that_users(user: Any, uri: str, may: bool) -> None:
    assert RULES.may_use(user, uri) is may


@pytest.mark.parametrize(
    ("uri", "match", "reaches"),
    [
        (OWNED, "exact", True),
        ("org.simonsobservatory", "exact", False),
        ("org.simonsobservatory.x", "prefix", True),
        ("org.", "prefix", True),
        ("", "prefix", True),
        ("org.", "exact", False),
        ("observatory.", "prefix", False),
        ("org.simonsobservatoryx", "prefix", False),
        ("..", "wildcard", True),
        ("org..consumer", "wildcard", True),
        (".simonsobservatory.consumer.x", "wildcard", True),
        ("observatory..feeds", "wildcard", False),
        ("org.others.", "wildcard", False),
    ],
)
def test_what_may_catch_calls_below_our_base_is_known(uri: str, match: str, reaches: bool) -> None:
    assert reaches_ours(uri, match) is reaches


@pytest.mark.parametrize(
    ("user", "procedure", "kind", "holders", "why"),
    [
        (SERVER, COMMON, EXACT, [], ""),
        (SERVER, COMMON, ("prefix", "single"), [], "only exact names are registered"),
        (SERVER, "org.", ("prefix", "single"), [], "only exact names are registered"),
        (SERVER, COMMON, ("exact", "random"), [], "a name is shared by roundrobin or not at all"),
        (SERVER, COMMON, ("exact", "roundrobin"), [SERVER], ""),
        (SERVER, COMMON, ("exact", "roundrobin"), [OCS], "another user has that name"),
        (SERVER, OWNED, EXACT, [], "the name has a user of its own"),
        (CRYOSTAT, OWNED, EXACT, [], ""),
        (SERVER, COMMON, EXACT, [SERVER], ""),
        (SERVER, COMMON, EXACT, [SERVER, OCS], "another user has that name"),
        (OCS, "observatory.agent.ops", ("prefix", "roundrobin"), [], ""),
        (OCS, "observatory.agent.ops", EXACT, [SERVER], "another user has that name"),
    ],
)
def test_who_may_not_register_a_name_is_told_why(
    user: Any, procedure: str, kind: Any, holders: Any, why: str
) -> None:
    told = why_not_register(RULES, user, procedure, kind, holders)
    assert why in told
    assert bool(told) is bool(why)


ORIGINS = wildcards2patterns(["http://ocs.example:80", "https://*.example:443", "http://localhost:*"])


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://ocs.example", True),
        ("http://ocs.example:80", True),
        ("http://ocs.example:81", False),
        ("https://ocs.example", True),
        ("https://a.example:443", True),
        ("https://ocs.example:80", False),
        ("http://localhost:3000", True),
        ("http://evil.net", False),
        ("null", False),
        ("ftp://ocs.example", False),
        ("http://ocs.example:port", False),
        ("", False),
    ],
)
def test_a_page_is_known_by_its_scheme_host_and_port(origin: str, allowed: bool) -> None:
    assert _is_allowed(origin, ORIGINS) is allowed


class Session:
    """What the router knows of somebody."""

    def __init__(self, method: str, name: str, role: str, transport: Any = None) -> None:
        self._authmethod, self._authid, self._authrole, self._transport = method, name, role, transport


def test_all_that_are_anonymous_in_a_role_are_one_user() -> None:
    assert _user(Session("anonymous", "X3-7", "ocs")) == _user(Session("anonymous", "K9-1", "ocs"))
    assert _user(Session("anonymous", "X3-7", "ocs")) == ("anonymous", "ocs")
    assert _user(Session("wampcra", "server", "data_node")) == ("wampcra", "server")


def test_a_component_of_the_routers_is_said_to_be_inside() -> None:
    assert _peer(Session("", "", "", None)) == "inside the router"


class Router:
    """A dealer with its router: who holds what, whom permissions let register, and what each was told."""

    def __init__(self, *holders: Session, allow: bool = True) -> None:
        self.told: list[tuple[Any, str]] = []
        self.registered: list[Any] = []
        self._allow, self._holders = allow, list(holders)
        self._router = self
        self._registration_map = self

    async def authorize(self, _session: Any, _uri: str, _action: str, options: Any) -> dict[str, bool]:
        assert isinstance(options, dict)
        return {"allow": self._allow}

    def get_observation(self, procedure: str, match: str) -> Any:
        assert match == "exact"
        return SimpleNamespace(observers=self._holders) if self._holders else None

    def send(self, session: Any, message: Any) -> None:
        self.told.append((session, message.args[0].partition(": ")[2]))

    def ask(self, session: Session, procedure: str = COMMON, **how: Any) -> list[str]:
        """What is logged when somebody registers a procedure."""
        request = Register(1, procedure, **how)
        structlog.reset_defaults()
        with capture_logs() as logged:
            ensureDeferred(
                _guarded(
                    RULES,
                    Taken(9, lambda *_held: True),
                    structlog.get_logger(),
                    self,
                    session,
                    request,
                    lambda *a: self.registered.append(a[1]),
                )
            ).addErrback(lambda failure: failure.raiseException())
        self.logged = logged
        return [entry["event"].split()[0] for entry in logged]


def peer(name: str, role: str = "data_node", method: str = "wampcra") -> Session:
    session = Session(method, name, role, SimpleNamespace(transport_details=SimpleNamespace(peer="tcp4:1")))
    session._session_id = 5
    return session


def test_a_name_is_registered_if_permissions_and_rules_allow_it() -> None:
    server = peer("server")
    router = Router()
    assert router.ask(server) == []
    assert (router.registered, router.told) == ([server], [])
    router = Router(allow=False)
    assert router.ask(server, OWNED) == []
    assert (router.registered, router.told) == ([], [(server, "the role may not")])
    router = Router()
    assert router.ask(server, OWNED) == ["register.refused"]
    assert (router.registered, router.told) == ([], [(server, "the name has a user of its own")])


def test_what_is_inside_the_router_registers_what_it_likes() -> None:
    for session, procedure in ((peer("", "trusted"), OWNED), (peer("server"), "wamp.session.get")):
        router = Router(allow=False)
        assert router.ask(session, procedure) == []
        assert router.registered == [session]


def test_a_name_is_taken_by_force_from_ones_own_user_only_and_that_is_told() -> None:
    server, again, stranger = peer("server"), peer("server"), peer("x", "ocs", "anonymous")
    router = Router(server)
    assert router.ask(again, force_reregister=True) == ["node.taken_over"]
    assert router.registered == [again]
    assert (router.logged[0]["peer"], router.logged[0]["old_peer"]) == ("tcp4:1", "tcp4:1")
    router = Router(server)
    assert router.ask(server, force_reregister=True) == []
    router = Router(server)
    assert router.ask(stranger, force_reregister=True) == ["register.refused"]
    assert router.told == [(stranger, "another user has that name")]
    router = Router(server)
    assert router.ask(stranger) == []  # the router itself says that the name is taken
    assert router.registered == [stranger]


def test_a_name_is_shared_by_sessions_of_one_user_and_below_ours_it_is_exact() -> None:
    server, again, stranger = peer("server"), peer("server"), peer("x", "ocs", "anonymous")
    for session, how, why in (
        (again, {"invoke": "roundrobin"}, ""),
        (stranger, {"invoke": "roundrobin"}, "another user has that name"),
        (again, {"match": "prefix"}, "below org.simonsobservatory. only exact names are registered"),
        (
            again,
            {"invoke": "random"},
            "below org.simonsobservatory. a name is shared by roundrobin or not at all",
        ),
    ):
        router = Router(server)
        router.ask(session, **how)
        assert (router.registered, router.told) == (([], [(session, why)]) if why else ([session], []))


class Request:
    """A call by HTTP, and what it is answered."""

    def __init__(self, origin: str | None) -> None:
        self.origin, self.code = origin, 200

    def getHeader(self, name: str) -> str | None:
        assert name == "origin"
        return self.origin

    def setResponseCode(self, code: int) -> None:
        self.code = code

    def setHeader(self, *_: bytes) -> None:
        pass


@pytest.mark.parametrize(
    ("origin", "code"), [(None, 200), ("http://ocs.example", 200), ("http://evil.net", 403), ("null", 403)]
)
def test_a_page_from_elsewhere_is_answered_before_its_call_is_read(
    monkeypatch: pytest.MonkeyPatch, origin: str | None, code: int
) -> None:
    monkeypatch.setattr(_CommonResource, "render", lambda _resource, _request: b"done")
    _keep_pages_out(["http://ocs.example:80"])
    request = Request(origin)
    told = _CommonResource.render(None, request)
    assert (request.code, told == b"done") == (code, code == 200)


@pytest.mark.parametrize(
    ("session", "uri", "action", "allowed"),
    [
        ("holder", "common", "publish", True),
        ("stranger", "common", "publish", False),
        ("stranger", "common", "subscribe", True),
        ("inside", "common", "publish", True),
        ("stranger", None, "publish", True),
    ],
)
def test_only_who_serves_a_name_says_that_its_data_grew(
    monkeypatch: pytest.MonkeyPatch, session: str, uri: str | None, action: str, allowed: bool
) -> None:
    monkeypatch.setattr(Dealer, "processRegister", None)
    monkeypatch.setattr(CrossbarRouter, "authorize", lambda *_: succeed({"allow": True}))
    _install(RULES, 10, structlog.get_logger())
    known = {"holder": peer("server"), "stranger": peer("server"), "inside": peer("", "trusted")}
    router: Any = SimpleNamespace(_dealer=Router(known["holder"]))
    topic = uris.updated(uri) if uri else "observatory.a.feeds.b"
    answers: list[Any] = []
    CrossbarRouter.authorize(router, known[session], topic, action, {}).addCallback(answers.append)
    assert [answer["allow"] for answer in answers] == [allowed]


def test_a_name_that_nobody_holds_has_no_holders() -> None:
    assert _holders(Router(), COMMON) == []
    server = peer("server")
    assert _holders(Router(server), COMMON) == [server]


class Dealers:
    """crossbar.io's classes as we find them; what is put in place of theirs is gone after the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.registered: list[str] = []
        self.failure: Exception | None = None
        monkeypatch.setattr(Dealer, "processRegister", self.register)
        monkeypatch.setattr(CrossbarRouter, "authorize", lambda *_: succeed({"allow": True}))

    def register(self, dealer: Any, session: Session, request: Any) -> None:
        if self.failure:
            raise self.failure
        self.registered.append(request.procedure)
        dealer.by_name[request.procedure] = session


class NamedRouter(Router):
    """One that knows who holds which name."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name: dict[str, Session] = {}

    def get_observation(self, procedure: str, match: str) -> Any:
        assert match == "exact"
        session = self.by_name.get(procedure)
        return SimpleNamespace(observers=[session]) if session else None


def test_a_user_has_so_many_names_at_once_in_each_router(monkeypatch: pytest.MonkeyPatch) -> None:
    dealers, server = Dealers(monkeypatch), peer("server")
    _install(RULES, 2, structlog.get_logger())
    one, other = NamedRouter(), NamedRouter()

    def ask(dealer: NamedRouter, name: str) -> None:
        Dealer.processRegister(dealer, server, Register(1, uris.get_data(name)))  # type: ignore[arg-type]

    for name in "abc":
        ask(one, name)
    assert one.told == [(server, "the user has 2 procedures already")]
    ask(other, "c")
    del one.by_name[uris.get_data("a")]
    ask(one, "c")
    assert dealers.registered == [uris.get_data(name) for name in "abcc"]
    assert (len(one.told), other.told) == (1, [])


def test_a_guard_that_fails_lets_nobody_register(monkeypatch: pytest.MonkeyPatch) -> None:
    dealers, server = Dealers(monkeypatch), peer("server")
    _install(RULES, 2, structlog.get_logger())
    dealers.failure = RuntimeError("no")
    router = NamedRouter()
    Dealer.processRegister(router, server, Register(1, COMMON))  # type: ignore[arg-type]
    assert router.told == [(server, "the guard failed: RuntimeError('no')")]


def test_the_guard_is_put_there_once_and_knows_who_is_added_while_it_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dealers, server = Dealers(monkeypatch), peer("server")
    guard.install(tmp_path, ["cryostat"], structlog.get_logger(), 2)
    ours = Dealer.processRegister
    guard.install(tmp_path, [], structlog.get_logger())
    assert Dealer.processRegister is ours
    router = NamedRouter()
    Dealer.processRegister(router, server, Register(1, COMMON))  # type: ignore[arg-type]
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "common").write_text("a secret")
    for uri in (OWNED, COMMON):
        Dealer.processRegister(router, server, Register(1, uri))  # type: ignore[arg-type]
    assert router.told == [(server, "the name has a user of its own")] * 2
    assert dealers.registered == [COMMON]


@pytest.mark.parametrize(
    ("extra", "known"),
    [
        (None, ((), 5000, ())),
        ({}, ((), 5000, ())),
        (
            {"users": ["a"], "most_procedures": "7", "allowed_origins": ["http://a:1"]},
            (["a"], 7, ["http://a:1"]),
        ),
    ],
)
def test_the_guards_part_of_the_configuration_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, extra: Any, known: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    found: list[Any] = []
    monkeypatch.setattr(guard, "install", lambda *given: found.extend((given[0], given[1], given[3])))
    monkeypatch.setattr(guard, "_keep_pages_out", found.append)
    guard.Guard(ComponentConfig(realm="r", extra=extra))
    assert tuple(found) == (tmp_path, *known)

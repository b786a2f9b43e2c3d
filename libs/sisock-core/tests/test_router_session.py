"""What one session says to the router, and what the connection makes of how sessions begin and end."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from autobahn.wamp import auth as wamp_auth
from autobahn.wamp.message import Unregistered
from autobahn.wamp.types import Challenge, CloseDetails
from OpenSSL import SSL
from sisock import auth, connection, logs
from sisock.config import RouterConfig, Secret, load
from sisock.connection import Connection, RouterSession, taken_from
from sisock.errors import ConfigError, RefusedError
from sisock_testing.still import StillReactor
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.python.failure import Failure


class Session:
    """A joined session as its connection sees it."""

    def __init__(self) -> None:
        self.attached, self.left = True, 0

    def is_attached(self) -> bool:
        return self.attached

    def leave(self) -> None:
        self.left += 1


class Owner:
    """Does with each session what the test says."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.joins, self.losses = 0, 0

    async def joined(self, _session: Any, _details: Any) -> None:
        self.joins += 1
        if self.error:
            raise self.error

    def lost(self) -> None:
        self.losses += 1


class Subject:
    """A connection whose endpoint connects when the test says so."""

    def __init__(self, directory: Path, *, open_port: bool = False, **environ: str) -> None:
        given = {"WAMP_SECRET": "x", "CROSSBAR_DIR": str(directory), **environ}
        self.clock, self.owner, self.connects = StillReactor(), Owner(), 0
        self.config = load(RouterConfig, {name: value for name, value in given.items() if value})
        self.connection = Connection(
            self.clock, self.config, self.owner, logs.get("test"), open_port=open_port
        )
        self.connection._endpoint = self
        self.error: Exception | None = None
        self.ended: list[Any] = []

    def connect(self, factory: Any) -> Any:
        self.connects += 1
        self.factory = factory
        transport = SimpleNamespace(abortConnection=lambda: None)
        return fail(self.error) if self.error else succeed(SimpleNamespace(transport=transport))

    def run(self) -> "Subject":
        self.connection.run().addBoth(self.ended.append)
        return self

    def join(self) -> Session:
        session = Session()
        self.connection.session_joined(session, SimpleNamespace(authrole="server"))
        return session

    def end(self, reason: str = "wamp.close.normal", message: str = "bye", why: Any = None) -> None:
        self.connection.session_left(CloseDetails(reason, message))
        self.connection.transport_lost(why)


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return Subject(tmp_path)


@pytest.mark.parametrize(
    ("open_port", "secret", "methods", "user"),
    [
        (False, "x", ["wampcra"], "server"),
        (True, "x", ["wampcra", "anonymous"], "server"),
        (True, "", ["anonymous"], None),
    ],
)
def test_who_has_a_secret_offers_it_and_the_open_port_needs_none(
    tmp_path: Path, open_port, secret, methods, user
) -> None:
    connection = Subject(tmp_path, open_port=open_port, WAMP_SECRET=secret).connection
    session, asked = RouterSession(connection), []
    session.join = lambda *given: asked.append(given)
    session.onConnect()
    assert asked == [("test_realm", methods, user)]
    assert connection.url == (
        "ws://sisock-crossbar:8001/ws" if open_port else "wss://sisock-crossbar:8080/ws"
    )


def test_a_challenge_is_answered_with_the_secret_plain_or_salted(subject: Subject) -> None:
    session = RouterSession(subject.connection)
    plain = Challenge("wampcra", {"challenge": "c"})
    assert session.onChallenge(plain) == wamp_auth.compute_wcs(b"x", "c").decode()
    salt = {"salt": "s", "iterations": 10, "keylen": 16}
    key = wamp_auth.derive_key(b"x", "s", 10, 16)
    salted = Challenge("wampcra", {"challenge": "c", **salt})
    assert session.onChallenge(salted) == wamp_auth.compute_wcs(key, "c").decode()
    with pytest.raises(RefusedError, match="the router asks for 'ticket', which we cannot answer"):
        session.onChallenge(Challenge("ticket", {}))


def test_without_a_secret_no_challenge_is_answered(tmp_path: Path) -> None:
    session = RouterSession(Subject(tmp_path, open_port=True, WAMP_SECRET="").connection)
    with pytest.raises(RefusedError, match="the router asks for 'wampcra'"):
        session.onChallenge(Challenge("wampcra", {"challenge": "c"}))


def test_only_what_the_router_takes_by_itself_is_taken(subject: Subject) -> None:
    mine = SimpleNamespace(procedure="p")
    session = SimpleNamespace(_registrations={5: mine})
    assert taken_from(session, Unregistered(3)) == ""
    assert taken_from(session, Unregistered(0, registration=6)) == ""
    assert taken_from(session, object()) == ""
    assert session._registrations == {5: mine}
    assert taken_from(session, Unregistered(0, registration=5)) == "p"
    assert session._registrations == {}


def test_a_name_that_somebody_else_took_is_a_reason_to_begin_anew(subject: Subject) -> None:
    session = subject.run().join()
    subject.connection.name_lost(Session(), "p")
    session.attached = False
    subject.connection.name_lost(session, "p")
    assert session.left == 0
    session.attached = True
    subject.connection.name_lost(session, "p")
    assert session.left == 1
    subject.end()
    assert subject.connection.why_away == "another session took p over"


def test_whatever_ends_a_session_is_the_reason_why_we_are_away(subject: Subject) -> None:
    subject.run().join()
    subject.end(message="")
    assert subject.connection.why_away == "wamp.close.normal"
    subject.clock.advance(3.0)
    assert subject.connects == 2
    subject.join()
    assert subject.connection.why_away == ""
    subject.end(message="out of memory")
    assert subject.connection.why_away == "out of memory"
    assert subject.owner.losses == 2
    assert subject.connection.sessions == 2


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (None, "the router closed the connection"),
        (Failure(ConnectionDone()), "the router closed the connection"),
        (Failure(ConnectError(string="no route")), "An error occurred while connecting: no route."),
        (Failure(SSL.Error([("x509", "", "certificate verify failed")])), "the router's certificate is not"),
    ],
)
def test_a_transport_that_goes_says_why_in_words(subject: Subject, reason: Any, told: str) -> None:
    subject.run()
    subject.connection.session_left(CloseDetails(CloseDetails.REASON_TRANSPORT_LOST, "ignored"))
    subject.connection.transport_lost(reason)
    assert subject.connection.why_away.startswith(told)
    assert subject.owner.losses == 0
    subject.connection.transport_lost(None)  # a second word about the same is none


def test_a_router_that_cannot_be_reached_is_told_with_the_error(subject: Subject) -> None:
    subject.error = OSError()
    with capture_logs() as logged:
        subject.run()
        subject.clock.pump([0.1] * 100)
    assert [(one["event"], one["why"], one["url"]) for one in logged] == [
        ("router.away", "OSError", "wss://sisock-crossbar:8080/ws")
    ]
    assert subject.connects > 4


def test_a_refused_owner_is_told_once_and_a_good_session_ends_that(subject: Subject) -> None:
    subject.owner.error = RefusedError("the name is taken")
    with capture_logs() as logged:
        subject.run()
        for number in range(3):
            session = subject.join()
            assert session.left == 1
            subject.end()
            subject.clock.advance(3.0)
            assert subject.connects == number + 2
        subject.owner.error = None
        assert subject.join().left == 0
    assert [(one["event"], one.get("why")) for one in logged] == [
        ("router.joined", None),
        ("router.away", "the name is taken"),
        ("router.joined", None),
    ]
    assert subject.connection.why_away == ""


def test_an_owner_that_fails_ends_the_session_unless_it_has_ended(subject: Subject) -> None:
    subject.owner.error = ValueError("what?")
    subject.run()
    assert subject.join().left == 1
    subject.end()
    assert subject.connection.why_away == "ValueError: what?"
    subject.clock.advance(3.0)
    session = Session()
    session.attached = False
    subject.connection.session_joined(session, SimpleNamespace(authrole="server"))
    assert session.left == 0


def test_who_joined_and_as_whom_is_logged(tmp_path: Path) -> None:
    with capture_logs() as logged:
        Subject(tmp_path).run().join()
        Subject(tmp_path, open_port=True, WAMP_SECRET="").run().join()
    assert [(one["event"], one["user"], one["role"]) for one in logged] == [
        ("router.joined", "server", "server"),
        ("router.joined", None, "server"),
    ]


def test_stopping_says_farewell_and_leaves_and_tries_no_more(subject: Subject) -> None:
    session, said = subject.run().join(), []

    async def farewell(given: Any) -> None:
        said.append((given, session.left))

    stopped: list[Any] = []
    ensureDeferred(subject.connection.stop(farewell)).addBoth(stopped.append)
    assert said == [(session, 0)]
    assert (session.left, stopped) == (1, [])
    subject.end()
    assert (stopped, subject.ended) == ([None], [None])
    subject.clock.advance(60.0)
    assert (subject.connects, subject.clock.getDelayedCalls()) == (1, [])


def test_a_router_that_does_not_say_goodbye_is_waited_for_a_second(subject: Subject) -> None:
    subject.run().join()
    stopped: list[Any] = []
    ensureDeferred(subject.connection.stop()).addBoth(stopped.append)
    subject.clock.advance(0.9)
    assert stopped == []
    subject.clock.advance(0.2)
    assert (stopped, subject.ended) == ([None], [None])


@pytest.mark.parametrize("when", ["before it runs", "while away", "while connecting", "session ending"])
def test_stopping_waits_for_nobody_who_is_not_there(subject: Subject, when: str, monkeypatch) -> None:
    if when == "while away":
        subject.error = ConnectError()
    if when == "while connecting":
        monkeypatch.setattr(subject, "connect", lambda _factory: Deferred())
    if when != "before it runs":
        subject.run()
    if when == "session ending":
        subject.join().attached = False
    stopped: list[Any] = []
    ensureDeferred(subject.connection.stop()).addBoth(stopped.append)
    assert stopped == [None]
    assert subject.ended == ([] if when == "before it runs" else [None])
    subject.clock.advance(60.0)
    assert subject.clock.getDelayedCalls() == []


def test_a_session_that_lasted_is_followed_by_a_quick_return_and_others_by_longer_pauses(
    subject: Subject,
) -> None:
    subject.run()
    pauses = []
    for lasts_s in (0.0, 0.0, 0.0, 0.0, 0.0, 4.9, 5.1, 0.0):
        subject.join()
        subject.clock.advance(lasts_s)
        subject.end()
        before, began = subject.connects, subject.clock.seconds()
        while subject.connects == before:
            subject.clock.advance(0.01)
            assert subject.clock.seconds() - began < 10
        pauses.append(subject.clock.seconds() - began)
    assert pauses[0] < 1.4
    assert 2.0 <= pauses[5] <= 3.1
    assert pauses[6] < 1.4


def test_a_router_that_refuses_slowly_is_tried_with_longer_pauses_too(subject: Subject, monkeypatch) -> None:
    tries: list[Deferred[Any]] = []
    monkeypatch.setattr(subject, "connect", lambda _factory: tries.append(Deferred()) or tries[-1])
    subject.run()
    for number in range(1, 10):
        subject.clock.advance(6.0)
        tries[-1].errback(ConnectError())
        subject.clock.advance(1.9 if number > 7 else 3.0)
        assert len(tries) == number + (number <= 7)
        subject.clock.advance(1.2)
        assert len(tries) == number + 1


def test_a_secret_of_another_user_that_gave_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "server").write_text("ours")
    (tmp_path / "secrets" / "simonsobs").write_text("theirs")
    with capture_logs() as logged:
        Subject(tmp_path, WAMP_SECRET="theirs")
        Subject(tmp_path, WAMP_SECRET="ours")
        Subject(tmp_path, WAMP_SECRET="")
    assert [one["event"] for one in logged] == ["secret.of_another_user"]
    assert "taking that of 'server'" in logged[0]["why"]


def test_secret_and_certificate_are_taken_as_they_are_at_each_try(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "secrets").mkdir()
    secret = tmp_path / "secrets" / "server"
    secret.write_text("first")
    subject = Subject(tmp_path, WAMP_SECRET="")
    trusted: list[bytes] = []
    monkeypatch.setattr(auth, "trust", lambda config: trusted.append(auth.mounted_certificate(config)))
    monkeypatch.setattr(connection, "wrapClientTLS", lambda _trust, _plain: subject)
    subject.run()
    assert (subject.connection.secret, trusted) == (Secret("first"), [])
    secret.write_text("second")
    (tmp_path / auth.CERTIFICATE).write_bytes(b"new")
    for _ in range(2):
        subject.end()
        subject.clock.advance(3.0)
        assert (subject.connection.secret, trusted) == (Secret("second"), [b"new"])
    secret.unlink()
    subject.end()
    subject.clock.advance(3.0)
    assert subject.connection.secret == Secret("second")


def test_a_directory_that_cannot_be_read_is_said_once_and_what_we_have_goes_on(
    subject: Subject, monkeypatch
) -> None:
    def refused(_config: RouterConfig) -> None:
        raise ConfigError("not ours to read")

    with capture_logs() as logged, monkeypatch.context() as patched:
        patched.setattr(auth, "mounted_certificate", refused)
        subject.run()
        for _ in range(3):
            subject.end()
            subject.clock.advance(3.0)
    told = [(one["event"], one["why"]) for one in logged if one["event"] != "router.away"]
    assert told == [("router.directory_unreadable", "not ours to read")]
    assert subject.connects == 4
    assert subject.connection.secret == Secret("x")


def test_on_the_open_port_no_certificate_matters(tmp_path: Path, monkeypatch) -> None:
    subject = Subject(tmp_path, open_port=True)
    monkeypatch.setattr(auth, "trust", lambda _config: pytest.fail("asked for"))
    subject.run()
    (tmp_path / auth.CERTIFICATE).write_bytes(b"new")
    subject.end()
    subject.clock.advance(3.0)
    assert subject.connects == 2


def test_a_connection_is_pinged_and_quick_to_say_small_things(subject: Subject) -> None:
    factory = subject.run().factory
    assert (factory.autoPingInterval, factory.autoPingTimeout) == (5, 10)
    assert (factory.openHandshakeTimeout, factory.closeHandshakeTimeout) == (10, 1)
    assert factory.tcpNoDelay
    assert not factory.noisy

"""The loop that keeps one session alive, on a clock that is set by hand and without a network."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from autobahn.wamp.types import CloseDetails
from sisock import logs
from sisock.config import RouterConfig, load
from sisock.connection import Connection
from sisock.errors import RefusedError
from sisock_testing.still import StillReactor
from twisted.internet.defer import fail, succeed
from twisted.internet.error import ConnectError


class Router:
    """An endpoint: away, or one that accepts connections which the test then ends."""

    def __init__(self) -> None:
        self.away, self.attempts, self.factory = True, 0, None
        self.aborted: list[int] = []

    def connect(self, factory):
        self.attempts += 1
        self.factory = factory
        transport = SimpleNamespace(abortConnection=lambda: self.aborted.append(self.attempts))
        return fail(ConnectError()) if self.away else succeed(SimpleNamespace(transport=transport))


class Owner:
    def __init__(self) -> None:
        self.lives, self.losses = 0, 0

    async def joined(self, _session, _details) -> None:
        self.lives += 1

    def lost(self) -> None:
        self.losses += 1


class Subject:
    def __init__(self, directory: Path) -> None:
        config = load(RouterConfig, {"WAMP_SECRET": "x", "CROSSBAR_DIR": str(directory)})
        self.clock, self.router, self.owner = StillReactor(), Router(), Owner()
        self.connection = Connection(self.clock, config, self.owner, logs.get("test"))
        self.connection._endpoint = self.router
        self.ended: list = []
        self.connection.run().addBoth(self.ended.append)

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds / 0.05)):
            self.clock.advance(0.05)

    def join(self) -> None:
        session = SimpleNamespace(is_attached=lambda: True)
        self.connection.session_joined(session, SimpleNamespace(authrole="server"))

    def end(self, reason: str = "wamp.close.transport_lost") -> None:
        self.connection.session_left(CloseDetails(reason, "told"))
        self.connection.transport_lost(None)


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return Subject(tmp_path)


def test_a_router_that_is_away_is_tried_for_ever_with_pauses(subject: Subject) -> None:
    subject.pass_time(60)
    assert 20 <= subject.router.attempts <= 60
    before = subject.router.attempts
    subject.pass_time(60)
    assert 20 <= subject.router.attempts - before <= 60
    assert subject.ended == []


def test_a_router_that_ends_every_session_at_once_is_tried_with_pauses(subject: Subject) -> None:
    subject.router.away = False
    subject.pass_time(5)
    before = subject.router.attempts
    for _ in range(100):
        if subject.connection.session is None and subject.router.attempts > subject.owner.losses:
            subject.join()
            subject.end()
        subject.pass_time(0.1)
    assert subject.router.attempts - before <= 12


def test_a_refusal_from_the_start_ends_the_process_with_the_remedy(subject: Subject) -> None:
    subject.router.away = False
    subject.pass_time(5)
    subject.end("wamp.error.not_authorized")
    assert subject.ended[0].check(RefusedError)
    assert "set WAMP_SECRET to it" in subject.ended[0].getErrorMessage()


def test_a_refusal_after_a_good_life_is_tried_again(subject: Subject) -> None:
    subject.router.away = False
    subject.pass_time(5)
    subject.join()
    subject.pass_time(100)
    subject.end()
    assert subject.owner.losses == 1
    attempts = subject.router.attempts
    subject.pass_time(3)
    assert subject.router.attempts == attempts + 1
    subject.end("wamp.error.not_authorized")
    subject.pass_time(3)
    assert subject.ended == []
    subject.join()
    assert subject.owner.lives == 2


def test_a_router_that_says_nothing_more_is_noticed_by_pings(subject: Subject) -> None:
    factory = subject.router.factory
    assert 0 < factory.autoPingInterval <= 10
    assert 0 < factory.autoPingTimeout <= 15


def test_a_router_that_lets_nobody_in_for_fifteen_seconds_is_left(subject: Subject) -> None:
    subject.router.away = False
    subject.pass_time(5)
    first = subject.router.attempts
    subject.pass_time(9)
    assert subject.router.aborted == []
    subject.pass_time(7)
    assert subject.router.aborted == [first]
    subject.connection.transport_lost(None)
    subject.pass_time(3)
    subject.join()
    assert subject.router.attempts == first + 1
    subject.pass_time(60)
    assert subject.router.aborted == [first]

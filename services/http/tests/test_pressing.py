"""A reply that several are sent is compressed once, for all who wait, and again where that failed."""

import zlib
from typing import Any

from sisock_http.dialects.reply import Pressed, Reply
from sisock_http.web import pressing
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

BODY = b"sample " * 1000


class Later:
    """Does what others do in threads when the test says so."""

    def __init__(self) -> None:
        self.work: list[Any] = []

    def getThreadPool(self) -> "Later":
        return self

    def callFromThread(self, call: Any, *args: Any) -> None:
        call(*args)

    def callInThreadWithCallback(self, told: Any, work: Any, *args: Any) -> None:
        self.work.append((told, work, args))

    def go(self) -> None:
        told, work, args = self.work.pop()
        told(True, work(*args))

    def fail(self) -> None:
        told, _, _ = self.work.pop()
        told(False, Failure(ZeroDivisionError()))


def asked(reactor: Later, reply: Reply) -> list[Any]:
    came: list[Any] = []
    ensureDeferred(pressing.pressed(reactor, reply)).addCallbacks(
        came.append, lambda failure: came.append(failure.type)
    )
    return came


def test_all_who_wait_are_given_what_was_compressed_once() -> None:
    reactor, reply = Later(), Reply(BODY, pressed=Pressed())
    first, second = asked(reactor, reply), asked(reactor, reply)
    assert (first, second, len(reactor.work)) == ([], [], 1)
    reactor.go()
    assert first == second
    assert zlib.decompress(first[0], 16 + zlib.MAX_WBITS) == BODY
    assert len(first[0]) < len(BODY) / 10
    assert asked(reactor, reply)[0] is first[0]
    assert reactor.work == []


def test_a_failure_is_told_to_all_and_the_next_has_it_made_again() -> None:
    reactor, reply = Later(), Reply(BODY, pressed=Pressed())
    first, second = asked(reactor, reply), asked(reactor, reply)
    reactor.fail()
    assert first == second == [ZeroDivisionError]
    third = asked(reactor, reply)
    reactor.go()
    assert zlib.decompress(third[0], 16 + zlib.MAX_WBITS) == BODY


def test_what_one_alone_is_sent_is_compressed_each_time() -> None:
    reactor, reply = Later(), Reply(BODY)
    both = asked(reactor, reply), asked(reactor, reply)
    assert len(reactor.work) == 2
    reactor.go()
    reactor.go()
    assert both[0] == both[1]

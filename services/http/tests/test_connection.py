"""Replies leave at once, whole and in order, however little the kernel takes of them."""

from types import SimpleNamespace
from typing import Any

import pytest
from sisock_http.web.connection import QuickRequest, send_now
from twisted.internet import main
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.web.test.requesthelper import DummyChannel


class Narrow(Connection):
    """A connection that takes some bytes at once, and has the rest wait."""

    def __init__(self, takes: Any, room: int = 10) -> None:
        self.takes, self.room = takes, room
        self.connected, self.disconnecting = True, False
        self.dataBuffer, self._tempDataBuffer = b"", []
        self.sent, self.left = b"", b""

    def writeSomeData(self, data: memoryview) -> Any:
        if not isinstance(self.takes, int):
            return self.takes
        taken, self.takes = data[: self.takes], max(0, self.takes - self.room)
        self.sent += taken
        return len(taken)

    def write(self, data: bytes) -> None:
        self.left += data


@pytest.mark.parametrize(
    ("takes", "state", "sent", "left"),
    [
        (10, {}, b"abc", b""),
        (2, {}, b"ab", b"c"),
        (0, {}, b"", b"abc"),
        (main.CONNECTION_LOST, {}, b"", b"abc"),
        (10, {"dataBuffer": b"earlier"}, b"", b"abc"),
        (10, {"_tempDataBuffer": [b"earlier"]}, b"", b"abc"),
        (10, {"connected": False}, b"", b"abc"),
        (10, {"disconnecting": True}, b"", b"abc"),
    ],
)
def test_what_the_kernel_does_not_take_waits_behind_what_waits_already(
    takes: Any, state: dict[str, Any], sent: bytes, left: bytes
) -> None:
    connection = Narrow(takes)
    vars(connection).update(state)
    send_now(connection, b"abc")
    assert SimpleNamespace(sent=connection.sent, left=connection.left) == SimpleNamespace(
        sent=sent, left=left
    )


def test_what_is_long_is_sent_piece_by_piece_as_long_as_the_kernel_takes_it() -> None:
    connection = Narrow(4, room=1)
    send_now(connection, memoryview(b"0123456789abcd"))
    assert (connection.sent, connection.left) == (b"0123456789", b"abcd")


def test_what_is_no_connection_of_the_kernels_is_written_to() -> None:
    transport = StringTransport()
    send_now(transport, b"abc")
    assert transport.value() == b"abc"


@pytest.mark.parametrize(
    ("prepare", "header"),
    [
        (lambda request: request.addCookie("seen", "yes"), b"set-cookie: seen=yes"),
        (
            lambda request: request.setLastModified(1500000000),
            b"last-modified: Fri, 14 Jul 2017 02:40:00 GMT",
        ),
        (lambda request: request.setETag(b'"one"'), b'etag: "one"'),
    ],
)
def test_a_reply_has_all_that_was_set_whichever_way_it_is_written(prepare: Any, header: bytes) -> None:
    channel = DummyChannel()
    request = QuickRequest(channel)
    request.method, request.clientproto = b"GET", b"HTTP/1.1"
    prepare(request)
    request.deliver(b"body")
    head, _, body = channel.transport.written.getvalue().partition(b"\r\n\r\n")
    assert header.lower() in head.lower().split(b"\r\n")
    assert b"body" in body

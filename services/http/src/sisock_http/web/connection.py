"""Twisted's requests without what none of ours needs, and replies that leave at once, in one piece.

What is cut is work for each request: forms are parsed by who wants one, there is one resource, and a reply
does not wait for the reactor's next turn. Knows no path.
"""

from typing import Any

from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from twisted.web.http import NO_BODY_CODES, datetimeToString
from twisted.web.server import Request
from twisted.web.server import version as server_name

STAR = b"*"
FIRST_BYTES = 32 * 1024
"""So much of a body goes with the headers; the rest is sent from where it is."""


class QuickRequest(Request):
    """A request for the one resource of a site, which writes its reply by `deliver`."""

    left = False
    """Whether who sent it has gone."""

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802 (Twisted's)
        """See `twisted.web.http.Request`; what follows ``?`` is left to who wants it."""
        if self.content is not None:
            self.content.seek(0, 0)
        self.args = {}
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.partition(b"?")[0]
        self.process()

    def process(self) -> None:
        """See `twisted.web.server.Request`."""
        if self.path == STAR:
            super().process()  # type: ignore[no-untyped-call]
            return
        site: Any = self.channel
        self.site = site = site.site
        self.responseHeaders.setRawHeaders(b"server", [server_name])
        self.responseHeaders.setRawHeaders(b"date", [datetimeToString()])
        try:
            site.resource.render(self)
        except Exception:  # noqa: BLE001 (as Twisted has it: the connection is not to hang)
            self.processingFailed(Failure())  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        """See `twisted.web.http.Request`."""
        self.left = True
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def deliver(self, body: bytes) -> None:
        """Write the whole reply, whose length is among its headers, and finish."""
        if (
            self.clientproto == b"HTTP/1.1"
            and self.method != b"HEAD"
            and self.code not in NO_BODY_CODES
            and not (self.startedWriting or self.cookies or self.lastModified)
        ):
            if self.etag is not None:
                self.responseHeaders.setRawHeaders(b"etag", [self.etag])
            parts = [b"HTTP/1.1 %d %s\r\n" % (self.code, self.code_message)]
            for name, values in self.responseHeaders.getAllRawHeaders():
                parts += [b"%s: %s\r\n" % (name, value) for value in values]
            self.startedWriting = 1
            self.sentLength += len(body)
            parts += (b"\r\n", body[:FIRST_BYTES])
            send_now(self.channel.transport, b"".join(parts))
            if len(body) > FIRST_BYTES:
                send_now(self.channel.transport, memoryview(body)[FIRST_BYTES:])
        else:
            self.write(body)  # type: ignore[no-untyped-call]
        self.finish()  # type: ignore[no-untyped-call]


def send_now(transport: Any, data: bytes | memoryview) -> None:
    """Write; what the kernel takes leaves now, if nothing else waits to be sent."""
    sent = 0
    if (
        isinstance(transport, Connection)
        and transport.connected
        and not (transport.disconnecting or transport.dataBuffer or transport._tempDataBuffer)
    ):
        left = memoryview(data)
        while sent < len(data):
            taken: Any = transport.writeSomeData(left[sent:])  # type: ignore[arg-type]
            if not isinstance(taken, int) or not taken:
                # If it is an error, the reactor finds it again, and tells.
                break
            sent += taken
    if sent < len(data):
        transport.write(bytes(data[sent:]))

"""What Twisted's HTTP costs when nothing is done: ``python -m bench.empty PORT BYTES``, one body for all."""

import sys

from sisock.runner import the_reactor
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site


class Empty(Resource):
    """Answers each request with the same bytes."""

    isLeaf = True  # noqa: N815 (twisted.web's name)

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    def render(self, request: Request) -> bytes:
        """The body, whatever was asked."""
        request.setHeader(b"content-type", b"application/json")
        return self._body


class Quiet(Site):
    """Writes no line of log per request."""

    def log(self, request: Request) -> None:
        """Pass over the access log."""


def main() -> None:
    port, size = map(int, sys.argv[1:])
    reactor = the_reactor()
    reactor.listenTCP(port, Quiet(Empty(b" " * size)), interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main()

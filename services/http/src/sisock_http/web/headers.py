"""Headers as texts, whatever bytes a client sent for one: Twisted's own reading fails at what is no UTF-8."""

from twisted.web.http import Request


def header(request: Request, name: bytes) -> str:
    """A header's value; empty if it is not there."""
    return (request.getHeader(name) or b"").decode("utf-8", "replace")

"""What a handler is given, read from a request: its JSON, or the parameters of its address."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from twisted.web.http import Request

from sisock_http.dialects.arguments import Arguments
from sisock_http.problems import RequestError, TooLargeError, UnreadableError
from sisock_http.web.door import Caller
from sisock_http.web.headers import header

LARGEST_BODY = 4 * 1024 * 1024


def body(request: Request) -> Any:
    """The request's JSON; an empty object if there is none."""
    content = request.content.read(LARGEST_BODY + 1) if request.content else b""
    if len(content) > LARGEST_BODY:
        raise TooLargeError(f"the body is longer than {LARGEST_BODY} bytes")
    if not content.strip():
        return {}
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"the body is not JSON: {error}") from error


def json_body(request: Request) -> Any:
    """The request's JSON, which must say that it is: a form of a page from elsewhere cannot."""
    kind = header(request, b"content-type").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnreadableError(f"content-type={kind!r} is not application/json")
    return body(request)


def signed(given: Any, caller: Caller) -> Any:
    """A note with who wrote it: as a proxy knows it, else as they say, else as their token is called."""
    if not isinstance(given, dict) or not caller.name or (given.get("author") and not caller.is_person):
        return given
    return {**given, "author": caller.name}


def body_or_none(request: Request) -> Any:
    """The request's JSON; None if it is none."""
    try:
        return body(request)
    except RequestError:
        return None


def whole(request: Request) -> Request:
    """The request itself."""
    return request


def takes_gzip(request: Request) -> bool:
    """Whether the reply may be compressed."""
    return b"gzip" in (request.getHeader(b"accept-encoding") or b"")


def arguments(request: Request) -> Arguments:
    """The parameters of the request's address."""
    return _parameters(request.uri.partition(b"?")[2])


@dataclass(frozen=True, slots=True)
class Form:
    """Parameters that nobody has read yet: of an address, and of a form in the body."""

    address: bytes
    content: bytes

    @property
    def whole(self) -> bytes:
        """All of it, as it came."""
        return b"%s\n%s" % (self.address, self.content) if self.content else self.address

    def arguments(self) -> Arguments:
        """The parameters of the address, and then those of the body."""
        return _parameters(self.address, self.content)


def form(request: Request) -> Form:
    """The parameters of the request's address and of a form in its body."""
    content = request.content.read(LARGEST_BODY + 1) if request.content else b""
    if len(content) > LARGEST_BODY:
        raise TooLargeError(f"the body is longer than {LARGEST_BODY} bytes")
    return Form(request.uri.partition(b"?")[2], content)


def _parameters(*texts: bytes) -> Arguments:
    given: dict[str, list[str]] = {}
    for text in texts:
        for name, value in parse_qsl(text.decode("ascii", "replace"), keep_blank_values=True):
            given.setdefault(name, []).append(value)
    return Arguments(given)


def wants_page(request: Request) -> bool:
    """Whether a browser asks for something to show; programs, such as Grafana's check, do not say so."""
    return b"text/html" in (request.getHeader(b"accept") or b"")

"""What a handler is given, read from a request: its JSON, or the parameters of its address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from twisted.web.http import Request as WebRequest

from sisock_http.problems import RequestError, TooLargeError

LARGEST_BODY = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Arguments:
    """Parameters of an address, as text."""

    given: Mapping[str, Sequence[str]]

    def allow(self, *names: str) -> None:
        """Refuse parameters that are not known: a misspelt one must not pass for none."""
        for name in self.given:
            if name not in names:
                raise RequestError(f"there is no parameter {name!r} here, only {', '.join(names) or 'none'}")

    def one(self, name: str, default: str = "") -> str:
        """The parameter's one value."""
        values = self.given.get(name, ())
        if len(values) > 1:
            raise RequestError(f"{name} is given {len(values)} times")
        return values[0] if values else default

    def many(self, name: str) -> list[str]:
        """All values of a parameter, each once."""
        return list(dict.fromkeys(self.given.get(name, ())))

    def count(self, name: str, most: int) -> int | None:
        """A positive whole number up to `most`; None if it is not given."""
        if name not in self.given:
            return None
        text = self.one(name)
        if not (text.isascii() and text.isdecimal() and len(text) < 19 and 1 <= int(text) <= most):
            raise RequestError(f"{name}={text!r} is not a whole number from 1 to {most}")
        return int(text)


def body(request: WebRequest) -> Any:
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


def body_or_none(request: WebRequest) -> Any:
    """The request's JSON; None if it is none."""
    try:
        return body(request)
    except RequestError:
        return None


def whole(request: WebRequest) -> WebRequest:
    """The request itself."""
    return request


def takes_gzip(request: WebRequest) -> bool:
    """Whether the reply may be compressed."""
    return b"gzip" in (request.getHeader(b"accept-encoding") or b"")


def arguments(request: WebRequest) -> Arguments:
    """The parameters of the request's address."""
    query = request.uri.partition(b"?")[2]
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query.decode("ascii", "replace"), keep_blank_values=True):
        given.setdefault(name, []).append(value)
    return Arguments(given)


def as_object(found: Any) -> dict[str, Any]:
    """A body that must be an object."""
    if not isinstance(found, dict):
        raise RequestError(f"the body is a JSON {type(found).__name__}, not an object")
    return found

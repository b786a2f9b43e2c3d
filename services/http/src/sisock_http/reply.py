"""What a handler hands back, and the parameters of an address that it is given."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sisock_http.problems import RequestError

JSON = b"application/json"
MOST_NOTICES = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """A body that is not JSON, or needs further headers."""

    body: bytes
    content_type: bytes = JSON
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    status: int = 200


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


def notices(sentences: Sequence[str]) -> dict[bytes, bytes]:
    """A header that says what is missing from a reply; none if nothing is."""
    if not sentences:
        return {}
    shown = list(dict.fromkeys(sentences))
    if len(shown) > MOST_NOTICES:
        shown = [*shown[:MOST_NOTICES], f"and {len(shown) - MOST_NOTICES} more"]
    return {b"sisock-notices": json.dumps([text[:300] for text in shown]).encode("ascii")}

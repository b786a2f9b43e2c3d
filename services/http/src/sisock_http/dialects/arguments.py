"""Parameters of an address, each read as what it must be; the sentences name the one at fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sisock_http.problems import RequestError


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
        return next(iter(values), default)

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


def as_object(found: Any) -> dict[str, Any]:
    """A body that must be an object."""
    if not isinstance(found, dict):
        raise RequestError(f"the body is a JSON {type(found).__name__}, not an object")
    return found

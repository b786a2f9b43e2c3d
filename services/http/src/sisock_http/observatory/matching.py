r"""Which fields a target means: its name, or what a dashboard variable made of it.

Grafana puts variables in as regular expressions: ``weather::temp\.ambient`` for one value,
``(a\.b|c)`` for several, ``.*`` perhaps for all. Expressions come from outside, so they run on RE2,
which cannot be made to take for ever.
"""

import itertools
import math
import re

import re2
from sisock_consumer.target import Target

from sisock_http.observatory.catalogue import Catalogue
from sisock_http.problems import RequestError

MOST_MATCHES = 1000
LONGEST_PATTERN = 50_000
_ESCAPED = re.compile(r"\\([^A-Za-z0-9])")
_GROUPS = {"(": ("|", ")"), "{": (",", "}")}
_SPECIAL = frozenset("\\()[]{}|*+?^$")


def resolve(catalogue: Catalogue, text: str) -> list[Target]:
    """Fields that a text stands for: here, once, it is taken apart.

    Parameters
    ----------
    catalogue : Catalogue
    text : str
        As it came from a dashboard.

    Returns
    -------
    list of Target
        At least one; names of fields that are not there are among them, so that
        what is missing can be said.

    Raises
    ------
    RequestError
        If it stands for more than is sensible.
    """
    target = Target.parse(text)
    if _SPECIAL.isdisjoint(text) or catalogue.field(target):
        return [target]
    if len(text) > LONGEST_PATTERN:
        raise RequestError(f"a target of {len(text)} characters is too long")
    pieces = _pieces(text)
    if pieces is None:
        found = _matches(catalogue, text)
    elif math.prod(map(len, pieces)) <= MOST_MATCHES:
        names = dict.fromkeys("".join(parts) for parts in itertools.product(*pieces))
        found = [Target.parse(name) for name in names]
    else:
        raise RequestError(f"target={text[:80]!r} stands for more than {MOST_MATCHES} fields")
    if len(found) > MOST_MATCHES:
        raise RequestError(f"target={text[:80]!r} stands for more than {MOST_MATCHES} fields")
    return found or [target]


def _pieces(target: str) -> list[list[str]] | None:
    r"""Choices for each piece of a name, from what Grafana makes of variables.

    That is ``(a\.b|c)`` as expression, ``{a.b,c}`` otherwise, and escapes anywhere. None if there is
    anything else in it that an expression gives a meaning to.
    """
    pieces = [[""]]
    separator = closing = ""
    characters = iter(target)
    for character in characters:
        if character == "\\":
            escaped = next(characters, "a")
            if escaped.isalnum():
                return None
            pieces[-1][-1] += escaped
        elif character in _GROUPS and not closing:
            separator, closing = _GROUPS[character]
            pieces.append([""])
        elif closing and character == separator:
            pieces[-1].append("")
        elif closing and character == closing:
            separator = closing = ""
            pieces.append([""])
        elif character in _SPECIAL:
            return None
        else:
            pieces[-1][-1] += character
    return None if closing else pieces


def unescaped(text: str) -> str:
    """A text as it was before Grafana put it into an expression."""
    return _ESCAPED.sub(r"\1", text)


def _matches(catalogue: Catalogue, text: str) -> list[Target]:
    """Known fields that match as a whole; none if it is no expression."""
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(text, options)
    except re2.error:
        return []
    return [one.target for one in catalogue.named() if pattern.fullmatch(one.written)]

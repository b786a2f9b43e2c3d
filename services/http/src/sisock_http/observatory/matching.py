r"""Which fields a target means: its name, or what a dashboard variable made of it.

Grafana puts variables in as regular expressions: ``weather::temp\.ambient`` for one value,
``(a\.b|c)`` for several, ``.*`` perhaps for all. Expressions come from outside, so they run on RE2,
which cannot be made to take for ever.
"""

import itertools
import math
import re

import re2

from sisock_http.observatory.catalogue import Catalogue
from sisock_http.problems import RequestError

MOST_MATCHES = 1000
LONGEST_PATTERN = 50_000
_ESCAPED = re.compile(r"\\([^A-Za-z0-9])")
_GROUPS = {"(": ("|", ")"), "{": (",", "}")}
_SPECIAL = frozenset("\\()[]{}|*+?^$")


def resolve(catalogue: Catalogue, target: str) -> list[str]:
    """Names that a target stands for.

    Parameters
    ----------
    catalogue : Catalogue
    target : str
        As it came from a dashboard.

    Returns
    -------
    list of str
        ``node::field``, at least one; names of fields that are not there are among them, so that
        what is missing can be said.

    Raises
    ------
    RequestError
        If it stands for more than is sensible.
    """
    if _SPECIAL.isdisjoint(target) or catalogue.field(target):
        return [target]
    if len(target) > LONGEST_PATTERN:
        raise RequestError(f"a target of {len(target)} characters is too long")
    pieces = _pieces(target)
    if pieces is None:
        names = _matches(catalogue, target)
    elif math.prod(map(len, pieces)) <= MOST_MATCHES:
        names = list(dict.fromkeys("".join(parts) for parts in itertools.product(*pieces)))
    else:
        raise RequestError(f"target={target[:80]!r} stands for more than {MOST_MATCHES} fields")
    if len(names) > MOST_MATCHES:
        raise RequestError(f"target={target[:80]!r} stands for more than {MOST_MATCHES} fields")
    return names or [target]


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


def _matches(catalogue: Catalogue, target: str) -> list[str]:
    """Known fields that match as a whole; none if it is no expression."""
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(target, options)
    except re2.error:
        return []
    return [name for name in catalogue.targets() if pattern.fullmatch(name)]

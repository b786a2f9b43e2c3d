"""Which request a line of log belongs to: a word that goes from the bridge to the node and back.

It lies in the context of what is done for the request, where `sisock.logs` finds it for each event.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

KEY = "request"
"""The field of an event, and the keyword of a call (CONTRACT section 7.14)."""

_WORD = re.compile(r"[\w.:-]{1,64}", re.ASCII)


def usable(given: object) -> str:
    """An id that somebody sent; empty if it is none."""
    return given if isinstance(given, str) and _WORD.fullmatch(given) else ""


def current() -> str:
    """The id of what is being done; empty if nobody gave one."""
    return usable(structlog.contextvars.get_contextvars().get(KEY))


@contextmanager
def bound(given: object) -> Iterator[None]:
    """Have all that is logged within say that it is for this request, if it is a usable id."""
    word = usable(given)
    with structlog.contextvars.bound_contextvars(**({KEY: word} if word else {})):
        yield

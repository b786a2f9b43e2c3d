"""What a handler hands back."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

JSON = b"application/json"
MOST_NOTICES = 20
KEPT_FOR_S = 600
"""How long others may keep what cannot change; its site may have put files in their place all the same."""


@dataclass(slots=True, eq=False)
class Pressed:
    """The compressed form of a body that several are sent: the first who takes it has it made.

    Parameters
    ----------
    body : bytes
        None as long as it is not made.
    waiting : list of Deferred
        Those who take it while it is being made; None: it is not.
    """

    body: bytes | None = None
    waiting: list[Any] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A body that is not JSON, or needs further headers; `pressed` if several are sent it."""

    body: bytes
    content_type: bytes = JSON
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    status: int = 200
    pressed: Pressed | None = None


TAKEN = Reply(b"")
"""The handler answers by itself, piece by piece."""


def notices(sentences: Sequence[str]) -> dict[bytes, bytes]:
    """A header that says what is missing from a reply; none if nothing is."""
    if not sentences:
        return {}
    shown = list(dict.fromkeys(sentences))
    if len(shown) > MOST_NOTICES:
        shown = [*shown[:MOST_NOTICES], f"and {len(shown) - MOST_NOTICES} more"]
    return {b"sisock-notices": json.dumps([text[:300] for text in shown]).encode("ascii")}


def unchanging(body: bytes) -> dict[bytes, bytes]:
    """Headers of a body that cannot change: others may keep it, and ask whether theirs is the same."""
    return {
        b"etag": b'W/"%s"' % hashlib.sha256(body).hexdigest()[:32].encode(),
        b"cache-control": b"private, max-age=%d" % KEPT_FOR_S,
    }

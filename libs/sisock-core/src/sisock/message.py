"""What fits into one WAMP message, counted as it is sent, and how a reply becomes several.

The replies here are a data node's answers to ``get_data`` as the contract writes them.
"""

from collections.abc import Iterator
from typing import Any

from autobahn.wamp.message import Yield

MOST_BYTES = 1_048_576
"""Longest message that a peer takes: autobahn's `ApplicationRunner` sets this limit on what it receives
and sends, and every Python peer of the predecessor's is run by it. A longer one ends its session."""

_ENVELOPE_BYTES = 64
"""What the router's message may hold beside the reply more than ours does."""

_LONGEST_ID = 2**53


def size(session: Any, reply: Any) -> int:
    """How many bytes a reply takes as the session's serializer writes it.

    Parameters
    ----------
    session : autobahn session
        If its transport is gone the size is that of nothing: nothing will be sent.
    reply : object
    """
    transport = session._transport
    if transport is None:
        return 0
    data, _binary = transport._serializer.serialize(Yield(_LONGEST_ID, args=[reply]))
    return len(data) + _ENVELOPE_BYTES


def split(reply: dict[str, Any], pieces: int) -> Iterator[dict[str, Any]]:
    """Cut every column of a reply at the same fractions of its length.

    Columns of one length, such as a field's values and its times, are thereby cut at the same places,
    so that nothing need be known of which belong together.

    Parameters
    ----------
    reply : dict
        ``{"data", "timeline"}`` with columns that are lists.
    pieces : int

    Yields
    ------
    dict
        A reply each. A column that is shorter than the number of pieces is missing from some of
        them, an empty one from all but the first.
    """
    for number in range(pieces):
        yield {
            "data": {
                name: piece
                for name, values in reply["data"].items()
                if (piece := _piece(values, number, pieces)) or (number == 0 and not values)
            },
            "timeline": {
                name: {**entry, "t": piece}
                for name, entry in reply["timeline"].items()
                if (piece := _piece(entry["t"], number, pieces)) or (number == 0 and not entry["t"])
            },
        }


def _piece(column: list[Any], number: int, pieces: int) -> list[Any]:
    return column[len(column) * number // pieces : len(column) * (number + 1) // pieces]


def is_splittable(reply: Any) -> bool:
    """Whether `split` can cut a reply: an author's may be anything."""
    if not isinstance(reply, dict):
        return False
    data, timeline = reply.get("data"), reply.get("timeline")
    return (
        isinstance(data, dict)
        and isinstance(timeline, dict)
        and all(isinstance(values, list) for values in data.values())
        and all(isinstance(entry, dict) and isinstance(entry.get("t"), list) for entry in timeline.values())
    )

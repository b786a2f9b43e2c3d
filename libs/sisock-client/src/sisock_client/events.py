"""Server-sent events, as a bridge's stream has them, out of the pieces that come over a line."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sisock_client.errors import ClientError

STILL_HERE = ("", None)
"""A line that only says that somebody is there."""


def read(pieces: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
    """Each event's kind and data, as soon as it is whole; `STILL_HERE` for a comment.

    Parameters
    ----------
    pieces : iterable of bytes
        Cut anywhere.

    Raises
    ------
    ClientError
        If data are not JSON: it is something else that answers.
    """
    rest = b""
    kind, data = "message", ""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            text = line.rstrip(b"\r").decode("utf-8", "replace")
            name, _, value = text.partition(":")
            value = value.removeprefix(" ")
            if not text:
                if data:
                    yield kind, _loaded(data)
                kind, data = "message", ""
            elif not name:
                yield STILL_HERE
            elif name == "event":
                kind = value
            elif name == "data":
                data = f"{data}\n{value}" if data else value


def _loaded(data: str) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise ClientError(f"the stream has something else than JSON: {data[:60]!r}") from error

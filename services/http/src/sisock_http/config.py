"""Settings of the HTTP bridge."""

from dataclasses import dataclass

from sisock import RouterConfig, setting
from sisock.config import count, port, seconds, text
from sisock.consumer import MOST_REPLY_BYTES


def at_least_one(value: str) -> int:
    """A whole number, one or more."""
    number = count(value)
    if not number:
        raise ValueError("is not a whole number of one or more")
    return number


@dataclass(frozen=True)
class HttpConfig(RouterConfig):
    """Where to listen, as whom to ask, how long to wait."""

    wamp_user: str = setting("WAMP_USER", default="simonsobs")
    port: int = setting("PORT", port, default=5000)
    query_deadline_s: float = setting("QUERY_DEADLINE", seconds, default=10.0)
    max_reply_bytes: int = setting("MAX_REPLY_BYTES", at_least_one, default=MOST_REPLY_BYTES)
    max_queries: int = setting("MAX_QUERIES", at_least_one, default=256)
    cors_origin: str = setting("CORS_ORIGIN", text, default="")

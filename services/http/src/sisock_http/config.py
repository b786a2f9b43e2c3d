"""Settings of the HTTP bridge."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from sisock import RouterConfig, setting
from sisock.config import count, path, port, seconds, text
from sisock_consumer.consumer import MOST_REPLY_BYTES


def at_least_one(value: str) -> int:
    """A whole number, one or more."""
    number = count(value)
    if not number:
        raise ValueError("is not a whole number of one or more")
    return number


def names(value: str) -> tuple[str, ...]:
    """Names of hosts, with commas between them."""
    found = tuple(name.strip() for name in value.split(",") if name.strip())
    for name in found:
        if not re.fullmatch(r"[\w.*-]+", name):
            raise ValueError(
                f"has {name!r}, which is no name of a host (without a port, * for any part of it)"
            )
    return found


def yes_or_no(value: str) -> bool:
    """``yes`` or ``no``."""
    if value.lower() not in ("yes", "no"):
        raise ValueError("is neither yes nor no")
    return value.lower() == "yes"


def address(value: str) -> str:
    """An IP address to listen on."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("is no IP address") from None


def databases(value: str) -> tuple[str, ...]:
    """Names of databases, with commas between them."""
    found = tuple(name.strip() for name in value.split(",") if name.strip())
    if not found:
        raise ValueError("names no database")
    return found


def sources(value: str) -> str:
    """What a Content-Security-Policy takes for a list of sources."""
    if not value.isascii() or not value.isprintable() or ";" in value or "," in value:
        raise ValueError("is no list of origins with blanks between them")
    return value


@dataclass(frozen=True)
class HttpConfig(RouterConfig):
    """Where to listen, as whom to ask, how long to wait."""

    wamp_user: str = setting("WAMP_USER", default="simonsobs")
    port: int = setting("PORT", port, default=5000)
    query_deadline_s: float = setting("QUERY_DEADLINE", seconds, default=10.0)
    max_reply_bytes: int = setting("MAX_REPLY_BYTES", at_least_one, default=MOST_REPLY_BYTES)
    kept_bytes: int = setting("KEPT_BYTES", count, default=64 * 1024 * 1024)
    max_queries: int = setting("MAX_QUERIES", at_least_one, default=256)
    cors_origin: str = setting("CORS_ORIGIN", text, default="")
    allowed_hosts: tuple[str, ...] = setting("ALLOWED_HOSTS", names, default=())
    influx_databases: tuple[str, ...] = setting("INFLUX_DATABASES", databases, default=("ocs_feeds",))
    frame_ancestors: str = setting("FRAME_ANCESTORS", sources, default="'self'")
    site_file: Path | None = setting("SITE_FILE", path, default=None)
    allow_notes: bool = setting("ALLOW_NOTES", yes_or_no, default=False)
    listen: str = setting("LISTEN", address, default="")
    require_tokens: bool | None = setting("REQUIRE_TOKENS", yes_or_no, default=None)
    tokens_file: Path = setting("TOKENS_FILE", path, default=Path("state/tokens.json"))

    @property
    def most_waiting(self) -> int:
        """Most questions to one node: half of the room, so that it does not take all of it."""
        return max(1, self.max_queries // 2)

"""Settings of the data-feed server."""

from dataclasses import dataclass
from pathlib import Path

from sisock import NodeConfig, setting
from sisock.config import path, port, seconds, text

DEFAULT_FEED = "temperatures"


def name(value: str) -> str:
    """A data node's name, which becomes a part of WAMP URIs."""
    if any(c.isspace() for c in value) or "#" in value:
        raise ValueError("is no name of a data node: it may hold neither blanks nor '#'")
    return value


def names(value: str) -> tuple[str, ...]:
    """One or several names of OCS, separated by commas; ``*`` alone stands for all."""
    found = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    if not found:
        raise ValueError("names nothing")
    for part in found:
        if any(c.isspace() or c in "#." for c in part) or ("*" in part and part != "*"):
            raise ValueError(f"holds {part!r}, which is neither a name that OCS allows nor '*'")
    return ("*",) if "*" in found else found


def router_port(value: str) -> str:
    """``open``, the port shared with OCS, or ``tls``."""
    if value not in ("open", "tls"):
        raise ValueError("is neither 'open' nor 'tls'")
    return value


@dataclass(frozen=True, kw_only=True)
class DataFeedConfig(NodeConfig):
    """Which feeds are heard, under which name they are served, and for how long."""

    target: tuple[str, ...] = setting("TARGET", names)
    feed: tuple[str, ...] | None = setting("FEED", names, default=None)
    name: str = setting("NAME", name)
    description: str = setting("DESCRIPTION", may_be_empty=True)
    buffer_time: float = setting("BUFFER_TIME", seconds, default=3600.0)
    state_directory: Path = setting("STATE_DIRECTORY", path, default=Path("state"))
    router_port: str = setting("ROUTER_PORT", router_port, default="open")
    feed_host: str = setting("FEED_HOST", text, default="")
    feed_port: int = setting("FEED_PORT", port, default=8001)

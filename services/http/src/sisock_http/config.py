"""Settings of the HTTP bridge."""

from dataclasses import dataclass

from sisock import RouterConfig, setting
from sisock.config import port, seconds, text


@dataclass(frozen=True)
class HttpConfig(RouterConfig):
    """Where to listen, as whom to ask, how long to wait."""

    wamp_user: str = setting("WAMP_USER", default="simonsobs")
    port: int = setting("PORT", port, default=5000)
    query_deadline_s: float = setting("QUERY_DEADLINE", seconds, default=10.0)
    cors_origin: str = setting("CORS_ORIGIN", text, default="")

"""Settings of watch."""

from dataclasses import dataclass
from pathlib import Path

from sisock import NodeConfig, setting
from sisock.config import path, seconds, text

DAY_S = 86400.0


def days(value: str) -> float:
    """A positive number of days, in seconds."""
    try:
        return seconds(value) * DAY_S
    except ValueError:
        raise ValueError("is not a positive number of days") from None


@dataclass(frozen=True)
class WatchConfig(NodeConfig):
    """What is expected, where states are kept, and for how long."""

    site_file: Path | None = setting("SITE_FILE", path, default=None)
    state_db: Path = setting("STATE_DB", path, default=Path("state/watch.sqlite"))
    kept_s: float = setting("DAYS_KEPT", days, default=400 * DAY_S)
    asking_user: str = setting("ASKING_USER", text, default="")

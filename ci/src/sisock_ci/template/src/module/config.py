"""Settings of the data server."""

from dataclasses import dataclass

from sisock import NodeConfig, setting


def seconds(text: str) -> float:
    """A positive number of seconds."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError("is not a positive number of seconds")
    return value


@dataclass(frozen=True)
class Config(NodeConfig):
    """What to serve."""

    period_s: float = setting("PERIOD", seconds, default=600.0)

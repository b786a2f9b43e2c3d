"""Settings of the reader."""

from dataclasses import dataclass

from sisock.config import NodeConfig, setting
from sisock_g3.config import SqlConfig

MB = 1024 * 1024


def _megabytes(value: str) -> int:
    if not value.isdecimal() or not int(value):
        raise ValueError("is not a whole number of megabytes above zero")
    return int(value) * MB


@dataclass(frozen=True)
class Config(SqlConfig, NodeConfig):
    """Where the index is, and how much memory to use."""

    cache_bytes: int = setting("CACHE_MB", _megabytes, default=256 * MB)
    most_reply_bytes: int = setting("MAX_REPLY_MB", _megabytes, default=128 * MB)

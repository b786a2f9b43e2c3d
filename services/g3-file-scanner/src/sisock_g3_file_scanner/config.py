"""Settings of the scanner."""

from dataclasses import dataclass
from pathlib import Path

from sisock.config import LOG_LEVELS, log_level, path, port, seconds, setting
from sisock_g3.config import SqlConfig

SHORTEST_INTERVAL_S = 1.0


def _switch(value: str) -> bool:
    known = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
    try:
        return known[value.lower()]
    except KeyError:
        raise ValueError("is neither yes nor no") from None


def _interval(value: str) -> float:
    """Seconds; zero, at which the predecessor never paused, is the shortest sound pause."""
    try:
        if float(value) == 0:
            return SHORTEST_INTERVAL_S
    except ValueError:
        pass
    return seconds(value)


def _count(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 256:
        raise ValueError("is not a number of processes (1 to 256)")
    return int(value)


@dataclass(frozen=True)
class Config(SqlConfig):
    """What to scan, how often, and where the index is."""

    data_directory: Path = setting("DATA_DIRECTORY", path, default=Path("/data"))
    scan_interval_s: float = setting("SCAN_INTERVAL", _interval, default=60.0)
    processes: int | None = setting("PROCESSES", _count, default=None)
    summaries: bool = setting("SUMMARIES", _switch, default=True)
    log_level: int = setting("LOGLEVEL", log_level, default=LOG_LEVELS["info"])
    health_file: Path | None = setting("HEALTH_FILE", path, default=None)
    metrics_port: int | None = setting("METRICS_PORT", port, default=None)

"""Settings of the radiometer server."""

from dataclasses import dataclass
from pathlib import Path

from sisock import NodeConfig, setting
from sisock.config import count, path


@dataclass(frozen=True)
class RadiometerConfig(NodeConfig):
    """Where the archive is and how much of it is kept in memory."""

    data_directory: Path = setting("DATA_DIRECTORY", path, default=Path("/data"))
    cache_mb: int = setting("CACHE_MB", count, default=128)

"""Settings of the weather server."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from sisock import NodeConfig, setting
from sisock.config import path


def bundled() -> Path:
    """The synthetic sample that comes with the package."""
    return Path(str(resources.files("sisock_weather"))) / "sample"


@dataclass(frozen=True)
class WeatherConfig(NodeConfig):
    """Where the archive is; the bundled sample by default."""

    data_directory: Path | None = setting("DATA_DIRECTORY", path, default=None)

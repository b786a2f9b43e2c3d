"""Run the weather server."""

import sisock
from sisock import logs

from sisock_weather.archive import Archive
from sisock_weather.config import WeatherConfig, bundled
from sisock_weather.node import WeatherNode


def make_node(config: WeatherConfig) -> WeatherNode:
    """Make the node that the settings ask for."""
    directory = config.data_directory or bundled()
    if not directory.is_dir():
        raise sisock.ConfigError(f"DATA_DIRECTORY={str(directory)!r} is not a directory")
    return WeatherNode(Archive(directory, logs.get("archive")))


def main() -> None:
    """Serve until told to stop."""
    sisock.run(make_node, WeatherConfig)


if __name__ == "__main__":
    main()

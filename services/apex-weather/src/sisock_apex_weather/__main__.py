"""Run the APEX weather server."""

import sisock
from sisock import logs
from sisock_archive.dated_files import DatedFiles

from sisock_apex_weather import archive
from sisock_apex_weather.config import ApexWeatherConfig
from sisock_apex_weather.node import ApexWeatherNode


def make_node(config: ApexWeatherConfig) -> ApexWeatherNode:
    """Make the node that the settings ask for."""
    directory = config.data_directory / archive.FOLDER
    cache_bytes = config.cache_mb * 2**20
    return ApexWeatherNode(
        DatedFiles(directory, archive.place, archive.parse, logs.get("archive"), cache_bytes)
    )


def main() -> None:
    """Serve until told to stop."""
    sisock.run(make_node, ApexWeatherConfig)


if __name__ == "__main__":
    main()

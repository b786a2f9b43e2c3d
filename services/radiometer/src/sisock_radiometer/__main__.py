"""Run the radiometer server."""

import sisock
from sisock import logs
from sisock_archive.dated_files import DatedFiles

from sisock_radiometer import archive
from sisock_radiometer.config import RadiometerConfig
from sisock_radiometer.node import RadiometerNode


def make_node(config: RadiometerConfig) -> RadiometerNode:
    """Make the node that the settings ask for."""
    directory = config.data_directory / archive.FOLDER
    cache_bytes = config.cache_mb * 2**20
    return RadiometerNode(
        DatedFiles(directory, archive.place, archive.parse, logs.get("archive"), cache_bytes)
    )


def main() -> None:
    """Serve until told to stop."""
    sisock.run(make_node, RadiometerConfig)


if __name__ == "__main__":
    main()

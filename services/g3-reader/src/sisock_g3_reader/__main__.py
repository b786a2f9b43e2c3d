"""``sisock-g3-reader``: serve an archive of .g3 files as the data node `g3_reader`."""

import sisock
from sisock import logs

from sisock_g3_reader.config import Config
from sisock_g3_reader.node import G3Reader


def make_node(config: Config) -> G3Reader:
    """Make the node that the settings ask for."""
    return G3Reader(config, logs.get("archive"))


def main() -> None:
    """Serve until told to stop."""
    sisock.run(make_node, Config)


if __name__ == "__main__":
    main()

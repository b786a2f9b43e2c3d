"""``sisock-g3-reader``: serve an archive of .g3 files as the data node `g3_reader`."""

import structlog
from sisock import run

from sisock_g3_reader.config import Config
from sisock_g3_reader.node import G3Reader


def main() -> None:
    """Read the environment and serve."""
    run(lambda config: G3Reader(config, structlog.get_logger()), Config)


if __name__ == "__main__":
    main()

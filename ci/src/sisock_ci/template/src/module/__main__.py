"""Run the data server."""

import time

import sisock

from @module@.config import Config
from @module@.node import Node

DAY_S = 86400.0


def main() -> None:
    """Serve until told to stop."""
    sisock.run(lambda config: Node(config.period_s, time.time() - DAY_S), Config)


if __name__ == "__main__":
    main()

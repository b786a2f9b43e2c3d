"""Run the data-feed server."""

import time

import sisock
from sisock import logs

from sisock_data_feed.clock import PatientClock
from sisock_data_feed.config import DataFeedConfig
from sisock_data_feed.node import DataFeedNode


def make_node(config: DataFeedConfig) -> DataFeedNode:
    """Make the node that the settings ask for."""
    log = logs.get("feed")
    return DataFeedNode(config, log, PatientClock(time.time, time.monotonic, log))


def main() -> None:
    """Serve until told to stop."""
    sisock.run(make_node, DataFeedConfig, open_port=lambda config: config.router_port == "open")


if __name__ == "__main__":
    main()

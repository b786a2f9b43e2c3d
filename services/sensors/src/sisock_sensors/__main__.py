"""Run the sensors server."""

import time

import sisock
from sisock import logs

from sisock_sensors.chips import Chips
from sisock_sensors.config import SensorsConfig
from sisock_sensors.host import Host
from sisock_sensors.node import SensorsNode
from sisock_sensors.sampler import Sampler


def make_node(_config: SensorsConfig) -> SensorsNode:
    """Make the node of this host."""
    chips = Chips(logs.get("chips"))
    return SensorsNode(chips, Sampler([chips.read, Host(time.monotonic).read]))


def main() -> None:
    """Serve until told to stop."""
    sisock.run(make_node, SensorsConfig)


if __name__ == "__main__":
    main()

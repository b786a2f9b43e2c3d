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
    sampler = Sampler([Chips(logs.get("chips")).read, Host(time.monotonic, logs.get("host")).read])
    return SensorsNode(sampler, time.time)


def main() -> None:
    """Serve until told to stop."""
    sisock.run(make_node, SensorsConfig)


if __name__ == "__main__":
    main()

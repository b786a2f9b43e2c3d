"""Testing kit for data servers: the contract without a network, and a real router and hub.

With pytest, the fixture ``sisock_stack`` is there as soon as ``sisock-testing[stack]`` is installed.
`assert_contract` needs nothing but the node. Nothing that runs at a site imports this.
"""

from pathlib import Path

from sisock_testing.contract import assert_contract
from sisock_testing.stack import Peer, Process, Stack, wait_until

SERVERS = Path(__file__).parent / "servers"
"""Data servers to test peers with, each started as a script: a clock, an old one, a zoo of bad ones."""

__all__ = ["SERVERS", "Peer", "Process", "Stack", "assert_contract", "wait_until"]

"""Testing kit for data servers: the contract without a network, and a real router and hub.

With pytest, the fixture ``sisock_stack`` is there as soon as sisock-core is installed; it needs the
package sisock-hub beside it. `assert_contract` needs nothing but the node.
"""

from sisock.testing.contract import assert_contract
from sisock.testing.stack import Peer, Process, Stack, wait_until

__all__ = ["Peer", "Process", "Stack", "assert_contract", "wait_until"]

"""Who is listed: the hub's whole state, as plain data.

Knows nothing of WAMP but that every node belongs to a session. It can be rebuilt at any time from
the router's registrations and from what nodes say of themselves.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DataNode:
    """A data node that is online."""

    name: str
    description: str
    session_id: int
    capabilities: tuple[str, ...] = ()

    def entry(self) -> dict[str, Any]:
        """The node as consumers are told of it (CONTRACT sections 1 and 7)."""
        entry: dict[str, Any] = {"name": self.name, "description": self.description}
        if self.capabilities:
            entry["capabilities"] = list(self.capabilities)
        return entry


class Registry:
    """The data nodes that are online, by name."""

    def __init__(self) -> None:
        self._nodes: dict[str, DataNode] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def holder(self, name: str) -> DataNode | None:
        """The node that has `name`, if any."""
        return self._nodes.get(name)

    def add(self, node: DataNode) -> bool:
        """List a node, or take in what it now says of itself.

        Returns
        -------
        bool
            False if another session has the name.
        """
        held = self._nodes.get(node.name)
        if held is not None and held.session_id != node.session_id:
            return False
        self._nodes[node.name] = node
        return True

    def subtract(self, name: str, session_id: int) -> DataNode | None:
        """Take a node off the list; None if that session has no node of that name."""
        held = self._nodes.get(name)
        if held is None or held.session_id != session_id:
            return None
        return self._nodes.pop(name)

    def leave(self, session_id: int) -> list[DataNode]:
        """Take all nodes of a session off the list."""
        gone = [node for node in self._nodes.values() if node.session_id == session_id]
        for node in gone:
            del self._nodes[node.name]
        return gone

    def entries(self) -> list[dict[str, Any]]:
        """All nodes as consumers are told of them, by name."""
        return [self._nodes[name].entry() for name in sorted(self._nodes)]

"""Who is listed: the hub's whole state, as plain data.

Knows nothing of WAMP but that a node belongs to a session, or to several that serve it by turns. It can be
rebuilt at any time from the router's registrations and from what nodes say of themselves.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DataNode:
    """A data node that is online, as one session says that it is."""

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
    """The data nodes that are online, by name; of each what every session that serves it says."""

    def __init__(self) -> None:
        self._nodes: dict[str, dict[int, DataNode]] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def holder(self, name: str) -> DataNode | None:
        """The node that has `name`, if any; of several sessions' the first, able to do what all can."""
        replicas = self._nodes.get(name)
        if not replicas:
            return None
        first, *others = replicas.values()
        able = tuple(c for c in first.capabilities if all(c in other.capabilities for other in others))
        return DataNode(name, first.description, first.session_id, able)

    def sessions(self, name: str) -> list[int]:
        """Sessions that serve a name, the first first."""
        return list(self._nodes.get(name, ()))

    def add(self, node: DataNode, beside: Collection[int] = ()) -> bool:
        """List a node, or take in what it now says of itself.

        Parameters
        ----------
        node : DataNode
        beside : collection of int
            Sessions with which this one shares the name.

        Returns
        -------
        bool
            False if another session has the name.
        """
        replicas = self._nodes.get(node.name, {})
        if any(session not in beside for session in replicas if session != node.session_id):
            return False
        self._nodes.setdefault(node.name, {})[node.session_id] = node
        return True

    def subtract(self, name: str, session_id: int) -> DataNode | None:
        """Take what a session says off the list; None if that session has no node of that name."""
        replicas = self._nodes.get(name, {})
        gone = replicas.pop(session_id, None)
        if not replicas:
            self._nodes.pop(name, None)
        return gone

    def leave(self, session_id: int) -> list[DataNode]:
        """Take all that a session says off the list."""
        names = [name for name, replicas in self._nodes.items() if session_id in replicas]
        return [gone for name in names if (gone := self.subtract(name, session_id))]

    def entries(self) -> list[dict[str, Any]]:
        """All nodes as consumers are told of them, by name."""
        return [node.entry() for name in sorted(self._nodes) if (node := self.holder(name))]

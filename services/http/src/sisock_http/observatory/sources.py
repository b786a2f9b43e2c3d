"""Who holds which source: fields of several nodes that measure the same thing are one series.

Kept by what the catalogue hears, so that no query scans anything. What is gone is remembered for a
while: a series that is asked by the name that its live node gave it goes on being that series while the
node is away, or has forgotten a channel that is silent.
"""

from collections.abc import Iterable

from sisock.node import Field
from sisock_consumer.target import Target

REMEMBERED_S = 86400.0
"""So long a node that left is remembered."""

MOST_LEFT = 100
"""So many of them."""

MOST_GONE = 20_000
"""So many fields of a node are remembered, or as many as it lists if that is more."""


class Sources:
    """Index of the fields that say what they measure, by node and by source."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, Field]] = {}
        self._holders: dict[str, dict[str, tuple[Field, ...]]] = {}
        self._left: dict[str, float] = {}

    def listed(self, node: str, fields: Iterable[Field]) -> None:
        """A node was asked for its fields; those that it no longer lists stay, oldest first to go."""
        self._left.pop(node, None)
        said = [field for field in fields if field.source]
        known = self._fields.setdefault(node, {})
        held: dict[str, list[Field]] = {}
        for field in said:
            before = known.pop(field.name, None)
            if before is not None and before.source != field.source:
                self._drop(node, before)
            known[field.name] = field
            held.setdefault(field.source or "", []).append(field)
        for source, fields_of_it in held.items():
            # Several, if one was renamed: the site's file says that both are the same.
            self._holders.setdefault(source, {})[node] = tuple(fields_of_it)
        for name in list(known)[: max(0, len(known) - max(MOST_GONE, len(said)))]:
            self._drop(node, known.pop(name))
        if not known:
            del self._fields[node]

    def left(self, node: str, now: float) -> None:
        """A node went offline, at a UNIX time; what left long ago is forgotten."""
        if node not in self._fields:
            return
        self._left.pop(node, None)
        self._left[node] = now
        for other, since in list(self._left.items()):
            if since < now - REMEMBERED_S or len(self._left) > MOST_LEFT:
                del self._left[other]
                for field in self._fields.pop(other).values():
                    self._drop(other, field)

    def holders(self, target: Target) -> list[tuple[Target, Field]]:
        """Every field that measures what a target does, itself among them, sorted by node.

        Empty if the target's source is not known.
        """
        field = self._fields.get(target.node, {}).get(target.field)
        if field is None or not field.source:
            return []
        holders = self._holders.get(field.source, {})
        return [(Target(node, held.name), held) for node in sorted(holders) for held in holders[node]]

    def _drop(self, node: str, field: Field) -> None:
        """Forget that a field holds its source, unless another of the node's has taken its place."""
        holders = self._holders.get(field.source or "", {})
        left = tuple(held for held in holders.get(node, ()) if held is not field)
        if left:
            holders[node] = left
        elif holders.pop(node, None) and not holders:
            del self._holders[field.source or ""]

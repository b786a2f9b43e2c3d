"""Names of all fields, as they are written and as they are searched: made once, and not for each search.

What is remembered of a node holds for as long as the catalogue has the same fields of it, and the order of
all for as long as that is so of each node.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sisock.node import Field
from sisock_consumer.target import Target


def folded(text: str) -> str:
    """A name as it is searched: fields have lower case, agents publish ``Channel 01 T`` or so."""
    return text.lower().replace(" ", "_")


@dataclass(frozen=True, slots=True)
class Named:
    """A field, and what is found by.

    Parameters
    ----------
    target : Target
    field : Field
    written : str
        The target, as people write it.
    name, source, all : str
        What is searched: `written`, what the field measures, and both with its description.
    """

    target: Target
    field: Field
    written: str
    name: str
    source: str
    all: str


def _named(node: str, field: Field) -> Named:
    target = Target(node, field.name)
    written = str(target)
    source, description = field.source or "", field.description or ""
    return Named(
        target, field, written, folded(written), folded(source), folded(f"{written} {description} {source}")
    )


class Names:
    """Names of the fields of some nodes, sorted as they are written."""

    def __init__(self) -> None:
        self._of_node: dict[str, tuple[Mapping[str, Field], list[Named]]] = {}
        self._sorted: list[Named] = []

    def of(self, nodes: Iterable[tuple[str, Mapping[str, Field]]]) -> list[Named]:
        """All of them.

        Parameters
        ----------
        nodes : iterable
            Each node with its fields by their names; fields that changed are another mapping.
        """
        known, changed = {}, False
        for node, fields in nodes:
            before = self._of_node.get(node)
            if before is None or before[0] is not fields or len(before[1]) != len(fields):
                before, changed = (fields, [_named(node, field) for field in fields.values()]), True
            known[node] = before
        if changed or known.keys() != self._of_node.keys():
            self._of_node = known
            self._sorted = sorted(
                (one for _, names in known.values() for one in names), key=lambda one: one.written
            )
        return self._sorted

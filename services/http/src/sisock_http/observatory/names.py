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
    label : str
        What people call it; empty if nobody says.
    name, source, all : str
        What is searched: `written`, what the field measures, and both with its description and label.
    """

    target: Target
    field: Field
    written: str
    label: str
    name: str
    source: str
    all: str

    def has(self, wanted: str) -> bool:
        """Whether name, source or label contain a text that is folded."""
        return (
            wanted in self.name
            or wanted in self.source
            or (bool(self.label) and wanted in folded(self.label))
        )


def _named(node: str, field: Field, label: str) -> Named:
    target = Target(node, field.name)
    written = str(target)
    source, description = field.source or "", field.description or ""
    everything = folded(f"{written} {description} {source} {label}")
    return Named(target, field, written, label, folded(written), folded(source), everything)


class Names:
    """Names of the fields of some nodes, sorted as they are written."""

    def __init__(self) -> None:
        self._of_node: dict[str, tuple[Mapping[str, Field], list[Named]]] = {}
        self._sorted: list[Named] = []

    def of(self, nodes: Iterable[tuple[str, Mapping[str, Field], Mapping[str, str]]]) -> list[Named]:
        """All of them.

        Parameters
        ----------
        nodes : iterable
            Each node with its fields and their labels by their names; fields that changed, or have other
            labels, are another mapping.
        """
        known, changed = {}, False
        for node, fields, labels in nodes:
            before = self._of_node.get(node)
            if before is None or before[0] is not fields or len(before[1]) != len(fields):
                names = [_named(node, field, labels.get(field.name, "")) for field in fields.values()]
                before, changed = (fields, names), True
            known[node] = before
        if changed or known.keys() != self._of_node.keys():
            self._of_node = known
            self._sorted = sorted(
                (one for _, names in known.values() for one in names), key=lambda one: one.written
            )
        return self._sorted

"""A field's whole name, ``node::field``: parsed where it comes in, written where it goes out."""

from dataclasses import dataclass

SEPARATOR = "::"


@dataclass(frozen=True, slots=True)
class Target:
    """One field of one node.

    Parameters
    ----------
    node : str
        Empty where a text named no node; `field` is then the whole text.
    field : str
    """

    node: str
    field: str

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Read ``node::field``; what comes before the first separator is the node."""
        node, _, field = text.partition(SEPARATOR)
        return cls(node, field) if node and len(text) > len(node) else cls("", text)

    def __str__(self) -> str:
        return f"{self.node}{SEPARATOR}{self.field}" if self.node else self.field

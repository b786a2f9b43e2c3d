"""A first `site.toml`, written from what is online: names that a person then explains."""

from collections.abc import Iterable, Mapping, Sequence

from sisock.node import Field
from sisock_consumer.target import Target

HEADER = """\
#:schema site.schema.json
# Written from what was online. What is left out is as each node says it.

[site]
# zone = "America/Santiago"

[expected]
"""


def draft(nodes: Mapping[str, Sequence[Field]]) -> str:
    """Write a file.

    Parameters
    ----------
    nodes : mapping of sequences of Field
        Each node's fields.

    Returns
    -------
    str
        TOML: the nodes and their fields are expected, a rule for each field that has no units,
        and a group for each node.

    Notes
    -----
    A field that several nodes serve is named once, by its source.
    """
    names = {
        node: [name for name in dict.fromkeys(_name(node, one) for one in fields) if _plain(name)]
        for node, fields in nodes.items()
    }
    everything = dict.fromkeys(name for found in names.values() for name in found)
    lines = [HEADER + f"nodes = {_list(names)}", f"fields = {_list(everything)}"]
    described: set[str] = set()
    for node, fields in nodes.items():
        for one in fields:
            name = _name(node, one)
            if name not in described:
                described.add(name)
                lines += _rule(name, one)
    for node, found in names.items():
        if found:
            lines += ["", "[[groups]]", f"name = {_text(node)}", f"fields = {_list(found)}"]
    return "\n".join(lines) + "\n"


def _name(node: str, field: Field) -> str:
    return field.source or str(Target(node, field.name))


def _rule(name: str, field: Field) -> list[str]:
    """What there is to say of a field: nothing, if its node says its units."""
    if field.type != "number" or field.units or not _plain(name):
        return []
    return ["", "[[fields]]", f"match = {_text(name)}", '# units = ""', f"label = {_text(field.name)}"]


def _list(names: Iterable[str]) -> str:
    lines = [f"    {_text(name)},\n" for name in names if _plain(name)]
    return f"[\n{''.join(lines)}]" if lines else "[]"


def _plain(name: str) -> bool:
    """Whether it can be named in full: a wildcard in a name is a pattern."""
    return "*" not in name and "?" not in name


def _text(text: str) -> str:
    """A basic string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'

"""What the site's file says of a node's fields: units, label, limits, what they measure, how they are shown.

Only put beside what the node says itself; who asks for samples applies the conversions
(`sisock_http.asking.one_node`). Pure: the file is read elsewhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sisock.node import Field
from sisock_site import EMPTY, Conversion, Facts, Site


@dataclass(frozen=True, slots=True)
class Described:
    """Fields of a node.

    Parameters
    ----------
    fields : mapping
        Each by its name, with units, limits and silence as the site has them, of values as they are shown.
        `source` is what the field measures, by its newest name.
    said : mapping
        All of them, as the node itself says them.
    labels : mapping
        What people call some of them.
    conversions : mapping
        What is done with the values of some.
    """

    fields: Mapping[str, Field]
    said: Mapping[str, Field]
    labels: Mapping[str, str] = field(default_factory=dict)
    conversions: Mapping[str, Conversion] = field(default_factory=dict)


def describe(site: Site, node: str, listed: Iterable[Field]) -> Described:
    """Hold a node's fields against the site's file.

    Parameters
    ----------
    site : Site
    node : str
    listed : iterable of Field
        As the node lists them.
    """
    said = {one.name: one for one in listed}
    if site is EMPTY:
        return Described(said, said)
    fields: dict[str, Field] = {}
    labels: dict[str, str] = {}
    conversions: dict[str, Conversion] = {}
    for one in said.values():
        facts = site.facts(node, one)
        fields[one.name] = _shown(site, one, facts)
        if facts.label:
            labels[one.name] = facts.label
        if facts.conversion is not None:
            conversions[one.name] = facts.conversion
    return Described(fields, said, labels, conversions)


def _shown(site: Site, one: Field, facts: Facts) -> Field:
    source = one.source
    if source or facts.identity != facts.target or site.is_newest(facts.target):
        source = facts.identity
    known = (source, facts.units, facts.limits, facts.silent_after)
    if known == (one.source, one.units, one.limits, one.silent_after):
        return one
    return replace(
        one, source=source, units=facts.units, limits=facts.limits, silent_after=facts.silent_after
    )

"""What a site's file says of each field, together with what the field's own node says."""

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sisock.bounds import Bounds
from sisock.node import Field
from sisock_consumer.target import Target

from sisock_site.conversion import Conversion
from sisock_site.patterns import Patterns, compiled

if TYPE_CHECKING:
    from sisock_site.document import Document, Group, Rule

MOST_RENAMINGS = 16
_PLACE = re.compile(r"\{(\d)\}")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a field before any of its samples is.

    Parameters
    ----------
    target : str
        ``node::field``.
    identity : str
        What is measured: fields of the same identity are one series. The source, or the target of a
        field that has none, by its newest name where the file has aliases.
    label : str or None
        For people, if the file has one.
    units : str or None
        Of values that were converted.
    conversion : Conversion or None
        What the file wants done with the node's values.
    limits : Bounds or None
        Of values that were converted.
    silent_after : float or None
        Seconds; infinite: never; None: nobody says, the field's rhythm does.
    groups : tuple of str
        Those groups of overviews that it belongs to.
    metric : bool
        Whether the file lists it for Prometheus, or it has limits.
    expected : bool
        Whether the file says that it ought to be there.
    """

    target: str
    identity: str
    label: str | None = None
    units: str | None = None
    conversion: Conversion | None = None
    limits: Bounds | None = None
    silent_after: float | None = None
    groups: tuple[str, ...] = ()
    metric: bool = False
    expected: bool = False


class Site:
    """A site's file, ready to be asked.

    Parameters
    ----------
    document : Document or None
        What the file says; None: there is none.

    Attributes
    ----------
    expected_nodes, expected_fields : tuple of str
        What ought to be there; fields by ``node::field`` or by source, as the file has them.
    groups : tuple of str
        Headings of overviews, in order.
    zone : str
        IANA's name of the zone that the site's clocks show; empty if nobody says.
    """

    def __init__(self, document: "Document | None") -> None:
        rules: Sequence[Rule] = document.fields if document else ()
        groups: Sequence[Group] = document.groups if document else ()
        aliases = document.aliases if document else {}
        self.expected_nodes = tuple(dict.fromkeys(document.expected.nodes if document else ()))
        self.expected_fields = tuple(dict.fromkeys(document.expected.fields if document else ()))
        self.groups = tuple(group.name for group in groups)
        self.zone = (document.site.zone if document else None) or ""
        self._rules = rules
        self._limits = [rule.limits.bounds if rule.limits else None for rule in rules]
        self._conversions = [_conversion(rule) for rule in rules]
        owners = [(number, like) for number, rule in enumerate(rules) for like in rule.match]
        self._owner = [number for number, _ in owners]
        self._match = [like for _, like in owners]
        self._patterns = Patterns(self._match)
        self._group_of, self._in_groups = _grouped(groups)
        self._aliases = {old: now for old, now in aliases.items() if "*" not in old}
        self._renamed = [(compiled(old), now) for old, now in aliases.items() if "*" in old]
        self._new_names = frozenset(self._aliases.values())
        self._new_patterns = [compiled(now) for _, now in self._renamed]
        self._expected = {name: self._newest(name) for name in self.expected_fields}
        self._wanted = frozenset(self._expected.values())

    def identity(self, target: str, source: str | None) -> str:
        """What a field measures, by its newest name (see `Facts`)."""
        newest = self._newest(target)
        return newest if newest != target or source is None else self._newest(source)

    def is_newest(self, name: str) -> bool:
        """Whether something that had another name may be called so now."""
        return name in self._new_names or any(now.fullmatch(name) for now in self._new_patterns)

    def facts(self, node: str, field: Field) -> Facts:
        """All that is known of a field of a node; what the file says counts more than what the node does."""
        target = str(Target(node, field.name))
        identity = self.identity(target, field.source)
        names = dict.fromkeys((target, identity, field.source or target))
        label = units = limits = silent_after = conversion = metric = None
        for number, like, name in self._fitting(names):
            rule = self._rules[number]
            label = label if rule.label is None else _filled(rule.label, like, name)
            units = units if rule.units is None else rule.units
            limits = self._limits[number] or limits
            silent_after = silent_after if rule.silent_after is None else rule.silent_after
            conversion = self._conversions[number] or conversion
            metric = metric if rule.metric is None else rule.metric
        if field.type != "number":
            # A pattern that is like many names may mean states and switches, too: they have no scale.
            conversion = None
        if field.type == "string":
            units = limits = None
        if limits is None and field.limits is not None:
            limits = conversion.of_bounds(field.limits) if conversion else field.limits
        return Facts(
            target,
            identity,
            label,
            field.units if units is None else units,
            conversion,
            limits,
            field.silent_after if silent_after is None else silent_after,
            self._groups(names),
            limits is not None if metric is None else metric,
            not self._wanted.isdisjoint(names),
        )

    def missing(self, known: Container[str]) -> list[str]:
        """Those of `expected_fields` that are none of those known, by `Facts.target` and `Facts.identity`."""
        return [name for name, newest in self._expected.items() if newest not in known]

    def arranged(self, known: Iterable[Facts]) -> Iterator[tuple[str, list[Facts]]]:
        """Groups in their order, each with its fields in theirs; those of no group are left out."""
        members: dict[str, list[tuple[int, str, Facts]]] = {name: [] for name in self.groups}
        for one in known:
            for group in one.groups:
                members[group].append((self._place(one, group), one.target, one))
        for name, found in members.items():
            yield name, [one for _, _, one in sorted(found, key=lambda member: member[:2])]

    def _fitting(self, names: Iterable[str]) -> list[tuple[int, str, str]]:
        """Rules that fit one of the names, in the file's order, each with the pattern and name that did."""
        found: dict[int, tuple[int, str, str]] = {}
        for name in names:
            for number in self._patterns.like(name):
                owner = self._owner[number]
                found.setdefault(owner, (owner, self._match[number], name))
        return [found[owner] for owner in sorted(found)]

    def _groups(self, names: Iterable[str]) -> tuple[str, ...]:
        found = {self._group_of[number][0] for name in names for number in self._in_groups.like(name)}
        return tuple(self.groups[number] for number in sorted(found))

    def _place(self, one: Facts, group: str) -> int:
        wanted = self.groups.index(group)
        return min(
            (
                self._group_of[number][1]
                for name in (one.target, one.identity)
                for number in self._in_groups.like(name)
                if self._group_of[number][0] == wanted
            ),
            default=len(self._group_of),
        )

    def _newest(self, name: str) -> str:
        for _ in range(MOST_RENAMINGS):
            renamed = self._aliases.get(name)
            if renamed is None:
                for old, now in self._renamed:
                    fits = old.fullmatch(name)
                    if fits:
                        renamed = now.replace("*", fits[1])
                        break
            if renamed is None or renamed == name:
                break
            name = renamed
        return name


def parse(text: str) -> Site:
    """Read a site's file.

    Raises
    ------
    SiteError
        With a sentence for each part that is wrong.
    """
    # What reads it takes 7 MB, which who has no file need not have.
    from sisock_site.document import read  # noqa: PLC0415

    return Site(read(text))


def _conversion(rule: "Rule") -> Conversion | None:
    if rule.calibration is not None:
        return Conversion(table=tuple(rule.calibration))
    if rule.scale is None and rule.offset is None:
        return None
    return Conversion(1.0 if rule.scale is None else rule.scale, rule.offset or 0.0)


def _grouped(groups: "Sequence[Group]") -> tuple[list[tuple[int, int]], Patterns]:
    """For each pattern of groups the number of its group and its place there; and the patterns."""
    places = [
        ((number, place), like)
        for number, group in enumerate(groups)
        for place, like in enumerate(group.fields)
    ]
    return [place for place, _ in places], Patterns([like for _, like in places])


def _filled(label: str, like: str, name: str) -> str:
    """A label, with ``{1}`` for what the first ``*`` of the pattern stands for."""
    if "{" not in label:
        return label
    fits = compiled(like).fullmatch(name)
    found = ("", *fits.groups()) if fits else ()

    def fill(place: re.Match[str]) -> str:
        number = int(place[1])
        return found[number] if 0 < number < len(found) else place[0]

    return _PLACE.sub(fill, label)


EMPTY = Site(None)
"""A site without a file."""

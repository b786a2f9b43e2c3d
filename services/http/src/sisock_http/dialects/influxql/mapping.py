"""Our fields as InfluxDB's series, the way OCS's publisher writes them.

A field whose source is ``observatory.cryo.feeds.temperatures.Channel 01 T`` is the field
``Channel 01 T`` of the measurement ``observatory.cryo`` with the tag ``feed=temperatures``, whoever
serves it. Of others the node is the measurement, without tags.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sisock.node import Field
from sisock_consumer.target import Target

from sisock_http.dialects.influxql.schema import Kind, Schema, SeriesKey

REMEMBERED_S = 86400.0
"""How long a node that went away is still known."""

_OF_OCS = re.compile(r"(?P<agent>.+?)\.feeds\.(?P<feed>[^.]+)\.(?P<channel>.+)", re.DOTALL)
_KINDS: Mapping[str, Kind] = {"number": "float", "string": "string", "bool": "boolean"}


@dataclass(frozen=True, slots=True)
class Map:
    """What there is in InfluxDB's terms, and which of our fields hold each of its fields."""

    schema: Schema
    targets: Mapping[tuple[SeriesKey, str], tuple[Target, ...]]


def place(node: str, field: Field) -> tuple[SeriesKey, str]:
    """Series and field of one of ours."""
    found = _OF_OCS.fullmatch(field.source or "")
    if found:
        return SeriesKey(found["agent"], (("feed", found["feed"]),)), found["channel"]
    return SeriesKey(node), field.name


class Mapper:
    """Keeps the map until a node's fields change."""

    def __init__(self) -> None:
        self._of: dict[str, Mapping[str, Field]] = {}
        self._seen: dict[str, float] = {}
        self._map = Map({}, {})

    def map(self, online: Mapping[str, Mapping[str, Field]], now: float) -> Map:
        """The map of all fields of all nodes, those that went away a while ago among them.

        To ask these is an error that says so. Without them it would look as if there had never been such
        a measurement, and no alarm was ever raised by that.

        Parameters
        ----------
        online : mapping
            Fields of each node by name; a mapping that is the same object is taken to have the same fields.
        now : float
            Seconds of any clock.
        """
        known = self._of
        self._seen = {name: t for name, t in self._seen.items() if now - t < REMEMBERED_S}
        self._seen.update(dict.fromkeys((name for name, fields in online.items() if fields), now))
        gone = {name: fields for name, fields in known.items() if name in self._seen and not online.get(name)}
        nodes = {**online, **gone}
        if known.keys() != nodes.keys() or any(known[name] is not fields for name, fields in nodes.items()):
            self._of, self._map = dict(nodes), _mapped(nodes)
        return self._map


def _mapped(nodes: Mapping[str, Mapping[str, Field]]) -> Map:
    schema: dict[SeriesKey, dict[str, Kind]] = {}
    targets: dict[tuple[SeriesKey, str], tuple[Target, ...]] = {}
    for node, fields in sorted(nodes.items()):
        for field in fields.values():
            key, name = place(node, field)
            schema.setdefault(key, {}).setdefault(name, _KINDS[field.type])
            targets[key, name] = (*targets.get((key, name), ()), Target(node, field.name))
    return Map(schema, targets)

"""What there is, in InfluxDB's terms: measurements of series, series of fields; and SHOW, which tells it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from sisock_http.dialects.influxql.problems import InfluxError
from sisock_http.dialects.influxql.tree import Regex, Source

Kind = str
"""``float``, ``integer``, ``string`` or ``boolean``."""

LONGEST_PATTERN = 50_000


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """One series: a measurement and its tags, sorted."""

    measurement: str
    tags: tuple[tuple[str, str], ...] = ()

    def tag(self, name: str) -> str:
        """A tag's value, empty if there is none."""
        return next((value for key, value in self.tags if key == name), "")


Schema = Mapping[SeriesKey, Mapping[str, Kind]]
"""Kinds of the fields of each series."""


def matcher(pattern: str) -> Any:
    """An expression that takes time in proportion to what it is held against, as in InfluxDB.

    Raises
    ------
    InfluxError
        If it is none.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        if len(pattern) > LONGEST_PATTERN:
            raise InfluxError(f"an expression of {len(pattern)} characters is too long")
        return re2.compile(pattern, options)
    except re2.error as error:
        raise InfluxError(f"error parsing regexp: {error}") from error


def chosen(schema: Schema, sources: Sequence[Source], databases: Sequence[str]) -> list[SeriesKey]:
    """Series of the measurements that FROM names, sorted.

    Raises
    ------
    InfluxError
        If a database is none of `databases`.
    """
    for source in sources:
        if source.database and source.database not in databases:
            raise InfluxError(f"database not found: {source.database}")
    names = {source.name for source in sources if isinstance(source.name, str)}
    patterns = [matcher(source.name.pattern) for source in sources if isinstance(source.name, Regex)]
    keys = [
        key
        for key in schema
        if key.measurement in names or any(pattern.search(key.measurement) for pattern in patterns)
    ]
    return sorted(keys, key=lambda key: (key.measurement, key.tags))


def by_measurement(keys: Iterable[SeriesKey]) -> dict[str, list[SeriesKey]]:
    """Series of each measurement, in their order."""
    found: dict[str, list[SeriesKey]] = {}
    for key in keys:
        found.setdefault(key.measurement, []).append(key)
    return found


def fields_of(schema: Schema, keys: Iterable[SeriesKey]) -> dict[str, Kind]:
    """Fields of several series; if their kinds differ, the one that holds the others."""
    rank = ("float", "integer", "string", "boolean").index
    found: dict[str, Kind] = {}
    for key in keys:
        for name, kind in schema[key].items():
            if name not in found or rank(kind) < rank(found[name]):
                found[name] = kind
    return found


def tags_of(keys: Iterable[SeriesKey]) -> set[str]:
    """Names of the tags of several series."""
    return {name for key in keys for name, _ in key.tags}

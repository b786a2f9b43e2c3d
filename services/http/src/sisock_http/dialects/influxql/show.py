"""SHOW, from the schema alone."""

from typing import Any

from sisock_http.dialects.influxql.conditions import condition
from sisock_http.dialects.influxql.problems import InfluxError
from sisock_http.dialects.influxql.schema import (
    Schema,
    SeriesKey,
    by_measurement,
    chosen,
    fields_of,
    matcher,
    tags_of,
)
from sisock_http.dialects.influxql.tree import Bounds, Regex, Show

Table = dict[str, Any]
_ESCAPED = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\="})


def show(statement: Show, schema: Schema, databases: tuple[str, ...], now_ns: int) -> list[Table]:
    """Series of InfluxDB's reply to a SHOW.

    Raises
    ------
    InfluxError
        If it names a database that is none of ours, or asks what cannot be answered.
    """
    if statement.database and statement.database not in databases:
        raise InfluxError(f"database not found: {statement.database}")
    if statement.what == "DATABASES":
        return [{"name": "databases", "columns": ["name"], "values": [[name] for name in databases]}]
    if statement.what == "RETENTION POLICIES":
        columns = ["name", "duration", "shardGroupDuration", "replicaN", "default"]
        return [{"columns": columns, "values": [["autogen", "0s", "168h0m0s", 1, True]]}]
    keys = _keys(statement, schema, databases, now_ns)
    if statement.what == "MEASUREMENTS":
        return _measurements(statement, keys)
    if statement.what == "SERIES":
        lines = [[_line(key)] for key in keys]
        return _limited([{"columns": ["key"], "values": lines}], statement.bounds)
    tables = []
    for name, members in by_measurement(keys).items():
        columns, values = _rows(statement, schema, members)
        if values:
            tables.append({"name": name, "columns": columns, "values": values})
    return _limited(tables, statement.bounds)


def _keys(statement: Show, schema: Schema, databases: tuple[str, ...], now_ns: int) -> list[SeriesKey]:
    keys = (
        chosen(schema, statement.sources, databases)
        if statement.sources
        else sorted(schema, key=lambda key: (key.measurement, key.tags))
    )
    _, wanted = condition(statement.where, now_ns)
    return [key for key in keys if wanted(key, schema[key])]


def _measurements(statement: Show, keys: list[SeriesKey]) -> list[Table]:
    names = list(by_measurement(keys))
    if statement.only:
        op, (value, *_) = statement.only
        if op == "=~" and isinstance(value, Regex):
            pattern = matcher(value.pattern)
            names = [name for name in names if pattern.search(name)]
        else:
            names = [name for name in names if name == value]
    return _limited(
        [{"name": "measurements", "columns": ["name"], "values": [[n] for n in names]}], statement.bounds
    )


def _rows(statement: Show, schema: Schema, keys: list[SeriesKey]) -> tuple[list[str], list[list[str]]]:
    if statement.what == "FIELD KEYS":
        fields = fields_of(schema, keys)
        return ["fieldKey", "fieldType"], [[name, fields[name]] for name in sorted(fields)]
    if statement.what == "TAG KEYS":
        return ["tagKey"], [[name] for name in sorted(tags_of(keys))]
    pairs = {tag for key in keys for tag in key.tags if _is_asked(statement, tag[0])}
    return ["key", "value"], [[name, value] for name, value in sorted(pairs)]


def _is_asked(statement: Show, name: str) -> bool:
    if statement.only is None:
        return True
    op, values = statement.only
    if op in ("=~", "!~"):
        [value] = values
        found = isinstance(value, Regex) and bool(matcher(value.pattern).search(name))
        return found == (op == "=~")
    return (name in values) == (op != "!=")


def _line(key: SeriesKey) -> str:
    name = key.measurement.replace(",", "\\,").replace(" ", "\\ ")
    return ",".join(
        [name, *(f"{tag.translate(_ESCAPED)}={value.translate(_ESCAPED)}" for tag, value in key.tags)]
    )


def _limited(tables: list[Table], bounds: Bounds) -> list[Table]:
    kept = tables[bounds.soffset :][: bounds.slimit or None]
    for table in kept:
        table["values"] = table["values"][bounds.offset :][: bounds.limit or None]
    return [table for table in kept if table["values"]]

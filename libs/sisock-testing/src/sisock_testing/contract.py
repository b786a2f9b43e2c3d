"""Check a `DataNode` against the contract in this process: no router, no threads."""

from collections.abc import Sequence

import numpy as np
from sisock import wire
from sisock.decimate import is_numeric
from sisock.node import DataNode, Limits


def assert_contract(node: DataNode, start: float, end: float) -> None:
    """Fail, in words, if the node breaks the contract.

    Parameters
    ----------
    node : DataNode
    start, end : float
        UNIX seconds of an interval in which the node has data.

    Raises
    ------
    AssertionError, sisock.ContractError
        With the sentence that says what is wrong.
    """
    assert node.name, "the node has no name"
    assert not any(c.isspace() for c in node.name), f"the name {node.name!r} is part of a URI: no blanks"
    listed = list(node.fields(start, end))
    fields, _timelines = wire.fields_reply(listed)
    assert fields, f"no fields in [{start}, {end})"
    names = list(fields)
    whole = _read(node, names, start, end, Limits())
    timelines = {field.name: field.timeline_name for field in listed}
    for table in whole:
        for name in table.columns:
            assert table.timeline == timelines[name], (
                f"{name!r} follows {timelines[name]!r} in fields() but {table.timeline!r} in read()"
            )
    assert not _read(node, ["there is no such field"], start, end, Limits()), "an unknown field has data"
    assert not list(wire.tabulate((), names, end, end, Limits(), own_times=True))
    for table in whole:
        middle = float(table.t[len(table.t) // 2])
        part = [
            t for t in _read(node, list(table.columns), middle, end, Limits()) if t.timeline == table.timeline
        ]
        assert part, f"{table.timeline!r} has no data from {middle} on"
        assert part[0].t[0] == middle, f"[{middle}, ...) does not begin with the sample at {middle}"
        _assert_extremes_kept(node, table, start, end)


def _assert_extremes_kept(node: DataNode, table: wire.Table, start: float, end: float) -> None:
    few = 20
    for name, values in table.columns.items():
        if len(values) <= few or not is_numeric(values):
            continue
        reduced = _read(node, [name], start, end, Limits(max_points=few))
        kept = reduced[0].columns[name]
        assert len(kept) <= few, f"{name!r}: {len(kept)} points where {few} were asked for"
        assert np.nanmin(kept) == np.nanmin(values), f"{name!r} loses its minimum when reduced"
        assert np.nanmax(kept) == np.nanmax(values), f"{name!r} loses its maximum when reduced"


def _read(node: DataNode, names: Sequence[str], start: float, end: float, limits: Limits) -> list[wire.Table]:
    series = node.read(names, start, end, limits)
    return wire.tabulate(series, names, start, end, limits, own_times=True)

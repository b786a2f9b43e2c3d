"""From a message of an OCS feed to columns: anything in, the good parts out, the rest named.

Plain Python and numpy: knows nothing of WAMP, and believes nothing of what it is handed.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sisock_data_feed.topics import ROOT, Address

Kind = Literal["number", "bool", "string"]
Channel = tuple[str, Kind]
Column = npt.NDArray[Any]
Times = npt.NDArray[np.float64]

DTYPES: dict[Kind, Any] = {"number": np.float64, "bool": np.int8, "string": object}
LATEST = 253_402_300_800.0
"""The end of the year 9999, UNIX seconds: beyond, a stamp is no time (milliseconds, for one)."""

MISSING: dict[Kind, Any] = {"number": np.nan, "bool": -1, "string": None}
"""What stands where a channel has no value; bools are kept as 0 and 1 to have room for it."""


@dataclass(frozen=True, slots=True)
class Block:
    """Samples of channels that were read together.

    Parameters
    ----------
    address : Address
        The feed.
    name : str
        Unique in the feed.
    t : (n,) float64
        UNIX seconds, strictly ascending, positive and before `LATEST`.
    columns : dict
        For each channel and kind of value an (n,) array of the dtype in `DTYPES`, `MISSING` where
        it has no value. A channel that mixes numbers and strings has a column of each.
    """

    address: Address
    name: str
    t: Times
    columns: dict[Channel, Column]


@dataclass(slots=True)
class Parsed:
    """What a message held.

    Parameters
    ----------
    address : Address or None
        The feed, if the message says which or it was known.
    blocks : list of Block
        The good parts.
    problems : dict
        For each kind of problem (``shape``, ``block``, ``times``, ``length``, ``value``, ``name``)
        a sentence with the last example.
    unrecorded : str
        Why the feed is none that is to be kept; empty if it is.
    """

    address: Address | None = None
    blocks: list[Block] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    unrecorded: str = ""


def field_name(channel: str) -> str:
    """Name of a channel's field: lower case, blanks to underscores (CONTRACT section 5)."""
    return "".join("_" if c.isspace() else c for c in channel.lower())


def parse(message: object, address: Address | None = None) -> Parsed:
    """Read a message of an OCS feed.

    Parameters
    ----------
    message : object
        A pair ``[blocks, feed]``, if all is well.
    address : Address, optional
        The feed, if the subscription can match no other.

    Notes
    -----
    The layout is that of ``ocs.ocs_feed`` 0.12 (CONTRACT section 4): ``blocks[name]`` has
    ``timestamps`` and ``data``, lists of equal length; a single sample may be given as
    ``timestamp`` and plain values. Unknown keys are ignored. Heartbeats, and feeds with
    ``record: false``, are free-form and not read.
    """
    parsed = Parsed(address)
    if not (isinstance(message, list | tuple) and len(message) == 2):
        parsed.problems["shape"] = f"the message is {_shown(message)}, not a pair of blocks and feed"
        return parsed
    blocks, feed = message
    if isinstance(feed, Mapping):
        parsed.address = parsed.address or _address(feed)
        if feed.get("feed_name") == "heartbeat":
            parsed.unrecorded = "heartbeats are no samples"
        elif feed.get("record") is False:
            parsed.unrecorded = "the agent publishes it with record: false, in a layout of its own"
    if parsed.unrecorded:
        return parsed
    if parsed.address is None:
        parsed.problems["shape"] = (
            f"the message's feed is {_shown(feed)}, which has no agent_address and feed_name"
        )
    elif not isinstance(blocks, Mapping):
        parsed.problems["shape"] = f"the message's blocks are {_shown(blocks)}, not a mapping"
    else:
        for name, content in blocks.items():
            block = _block(parsed.address, name, content, parsed.problems)
            if block is not None:
                parsed.blocks.append(block)
    return parsed


def _address(feed: Mapping[Any, Any]) -> Address | None:
    agent, name = feed.get("agent_address"), feed.get("feed_name")
    if isinstance(agent, str) and isinstance(name, str) and name and agent.startswith(f"{ROOT}."):
        return Address(_text(agent.removeprefix(f"{ROOT}.")), _text(name))
    return None


def _block(address: Address, name: object, content: object, problems: dict[str, str]) -> Block | None:
    if not isinstance(name, str) or not isinstance(content, Mapping):
        problems["block"] = f"block {_shown(name)} is {_shown(content)}"
        return None
    data = content.get("data")
    if not isinstance(data, Mapping):
        problems["block"] = f"block {name!r} has data that are {_shown(data)}, not a mapping"
        return None
    times = _as_list(content.get("timestamps", content.get("timestamp")))
    t = _numbers(times)
    if t is None:
        found = _columns(times)[0]
        t = found.get("number", np.full(len(times), np.nan))
    columns: dict[Channel, Column] = {}
    for channel, given in data.items():
        if not isinstance(channel, str) or not channel.strip():
            problems["name"] = f"block {name!r} has a channel named {_shown(channel)}"
            continue
        values = _as_list(given)
        if len(values) != len(times):
            problems["length"] = f"channel {channel!r} has {len(values)} values for {len(times)} times"
            continue
        by_kind, bad = _columns(values)
        if bad:
            problems["value"] = f"channel {channel!r} has the value {bad}"
        for kind, column in by_kind.items():
            columns[_text(channel), kind] = column
    order = _good_order(t)
    if order is not None:
        dropped = int(np.count_nonzero(~_good(t)))
        if dropped:
            problems["times"] = f"block {name!r} has {dropped} of {len(t)} times that are no UNIX times"
        t, row = np.unique(t[order], return_inverse=True)
        columns = {
            channel: _gathered(channel[1], column[order], row, len(t)) for channel, column in columns.items()
        }
    return Block(address, _text(name), t, columns) if len(t) and columns else None


def _good_order(t: Times) -> npt.NDArray[np.intp] | None:
    """Rows that have a time, in order of time; None if that is all of them, each time once."""
    if bool(_good(t).all()) and bool((t[1:] > t[:-1]).all()):
        return None
    good = np.flatnonzero(_good(t))
    order: npt.NDArray[np.intp] = good[np.argsort(t[good], kind="stable")]
    return order


def _gathered(kind: Kind, values: Column, row: npt.NDArray[np.intp], rows: int) -> Column:
    """Put each value into its row; of several the last one counts, and a missing one never does."""
    column = empty(kind, rows)
    there = present(values)
    column[row[there]] = values[there]
    return column


def _good(t: Times) -> npt.NDArray[np.bool_]:
    """Which are UNIX times; NaN is none."""
    good: npt.NDArray[np.bool_] = (t > 0) & (t < LATEST)
    return good


def _as_list(given: object) -> Sequence[Any]:
    return given if isinstance(given, list | tuple) else [] if given is None else [given]


def _numbers(values: Sequence[Any]) -> Times | None:
    """A column of numbers, converted at once; None if it is not that simple."""
    if {int, float}.issuperset(map(type, values)):
        try:
            return np.array(values, dtype=np.float64)
        except OverflowError:  # an integer beyond float64
            return None
    return None


def _columns(values: Sequence[Any]) -> tuple[dict[Kind, Column], str]:
    """One column for each kind of value among `values`, and an example of what is no value."""
    simple = _numbers(values)
    if simple is not None:
        return ({"number": simple} if len(simple) else {}), ""
    types = set(map(type, values))
    if types == {bool}:
        return {"bool": np.array(values, dtype=np.int8)}, ""
    bools_apart = bool not in types or not any(
        issubclass(kind, int | float) and kind is not bool for kind in types
    )
    columns: dict[Kind, Column] = {}
    bad = ""
    for i, value in enumerate(values):
        kind: Kind
        if isinstance(value, str):
            kind, value = "string", sys.intern(_text(value))  # noqa: PLW2901
        elif isinstance(value, bool) and bools_apart:
            kind = "bool"
        elif isinstance(value, int | float):
            kind = "number"
            try:
                value = float(value)  # noqa: PLW2901
            except OverflowError:
                bad = f"{_shown(value)} of {value.bit_length()} bits, which no float holds"
                value = np.nan  # noqa: PLW2901
        else:
            bad = bad if value is None else _shown(value)
            continue
        if kind not in columns:
            columns[kind] = empty(kind, len(values))
        columns[kind][i] = value
    return columns, bad


def empty(kind: Kind, rows: int) -> Column:
    """A column without a value."""
    return np.full(rows, MISSING[kind], dtype=DTYPES[kind])


def present(values: Column) -> Column:
    """Where a column has a value."""
    if values.dtype.kind == "f":
        return ~np.isnan(values)
    there: Column = values != (MISSING["bool"] if values.dtype.kind == "i" else MISSING["string"])
    return there


def _text(value: str) -> str:
    """The same text, fit for UTF-8: JSON can smuggle half a character in."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _shown(value: object) -> str:
    """A short picture of a value that may be huge."""
    if isinstance(value, list | tuple | Mapping):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, str | bytes):
        return f"{type(value).__name__} {value[:40]!r}"
    return type(value).__name__ if isinstance(value, int) else f"{value!r:.60}"

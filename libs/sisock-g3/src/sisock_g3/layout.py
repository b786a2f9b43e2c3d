"""Where the columns of a housekeeping data frame lie, without decoding them.

Only frames of hkagg versions 1 and 2 whose parts are exactly of the known layout are described;
anything else is `UnknownLayoutError`, and `sisock_g3.fallback` asks so3g. Nothing is known here of
files and providers.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sisock_g3.cursor import Cursor
from sisock_g3.errors import UnknownLayoutError

TICKS_PER_SECOND = 1e8
"""G3 counts time in units of 10 ns."""

TEXT_CODE = "s"
_INTEGERS = {8: "<i1", 16: "<i2", 32: "<i4", 64: "<i8"}
_ITEM_BYTES = {"<f8": 8, "<i1": 1, "<i2": 2, "<i4": 4, "<i8": 8, "?": 1}

Column = npt.NDArray[np.generic]
Ticks = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
    """Where a column lies: `start` counts from the frame's first byte, `code` is its dtype or `TEXT_CODE`."""

    start: int
    count: int
    code: str

    @property
    def stop(self) -> int:
        """End of a column of items of fixed size."""
        return self.start + self.count * _ITEM_BYTES[self.code]


@dataclass(frozen=True, slots=True)
class BlockLayout:
    """One block: co-sampled columns and their times (int64 ticks)."""

    name: str
    times: Span
    columns: dict[str, Span]


def blocks(cursor: Cursor, origin: int) -> list[BlockLayout]:
    """Describe the archive of a frame's item ``blocks``; names are set later.

    Parameters
    ----------
    cursor : Cursor
        At the archive's first object.
    origin : int
        Where the frame begins.

    Raises
    ------
    UnknownLayoutError
        If it is anything but a vector of G3TimesampleMap.
    """
    if cursor.begin_object() != "G3VectorFrameObject":
        raise UnknownLayoutError("blocks are no vector of objects")
    cursor.expect("G3VectorFrameObject", 1)
    found = [_block(cursor, origin) for _ in range(cursor.plausible(cursor.u64(), 8))]
    if cursor.at != cursor.end:
        raise UnknownLayoutError("there is more after the last block")
    return found


def _block(cursor: Cursor, origin: int) -> BlockLayout:
    if cursor.begin_object() != "G3TimesampleMap":
        raise UnknownLayoutError("a block is no G3TimesampleMap")
    if cursor.version("G3TimesampleMap") != 0 or cursor.version("G3MapFrameObject") != 1:
        raise UnknownLayoutError("a G3TimesampleMap of another version")
    columns: dict[str, Span] = {}
    for _ in range(cursor.plausible(cursor.u32(), 16)):
        name = cursor.text()
        columns[name] = _column(cursor.enter(cursor.u64()), origin)
    if cursor.version("G3VectorTime") != 1:
        raise UnknownLayoutError("a G3VectorTime of another version")
    count = cursor.u64()
    if count and cursor.version("G3Time") != 1:
        raise UnknownLayoutError("a G3Time of another version")
    times = Span(cursor.skip(8 * cursor.plausible(count, 8)) - origin, count, "<i8")
    if any(column.count != count for column in columns.values()):
        raise UnknownLayoutError("a column is not as long as its times")
    return BlockLayout("", times, columns)


def _column(cursor: Cursor, origin: int) -> Span:
    name = cursor.begin_object()
    if name == "G3VectorDouble":
        cursor.expect(name, 1)
        code = "<f8"
    elif name == "G3VectorInt":
        cursor.expect(name, 2)
        code = _INTEGERS.get(cursor.u32(), "")
    elif name == "G3VectorBool":
        cursor.expect(name, 1)
        code = "?"
    elif name == "G3VectorString":
        cursor.expect(name, 1)
        code = TEXT_CODE
    else:
        code = ""
    if not code:
        raise UnknownLayoutError(f"a column is a {name}")
    count = cursor.u64()
    if code == TEXT_CODE:
        begin = cursor.at
        for _ in range(cursor.plausible(count, 8)):
            cursor.skip(cursor.u64())
    else:
        begin = cursor.skip(_ITEM_BYTES[code] * cursor.plausible(count, 1))
    if cursor.at != cursor.end:
        raise UnknownLayoutError("there is more after a column")
    return Span(begin - origin, count, code)


def column(buffer: bytes, frame: int, span: Span) -> Column:
    """Decode a column of the frame at `frame`: (n,) float64, integer, bool or object (str)."""
    begin = frame + span.start
    if span.code != TEXT_CODE:
        return np.frombuffer(buffer, span.code, span.count, begin)
    cursor = Cursor(buffer, begin, len(buffer))
    values = np.empty(span.count, dtype=object)
    values[:] = [cursor.text() for _ in range(span.count)]
    return values

"""Columns of data frames: those that are alike are decoded together.

Nothing is known here of files, and of what the columns are wanted for.
"""

from collections.abc import Container, Iterator

import numpy as np

from sisock_g3 import layout
from sisock_g3.frames import Frame
from sisock_g3.layout import Column, Span, Ticks, column

NUMBER, TEXT, BOOL = "number", "string", "bool"
_KINDS = {layout.TEXT_CODE: TEXT, "O": TEXT, "?": BOOL, "b": BOOL}


def kinds(frame: Frame, number: int) -> dict[str, str]:
    """Kind of each field of a frame's block."""
    if frame.decoded is not None:
        codes = {name: str(values.dtype.kind) for name, values in frame.decoded[number].columns.items()}
    else:
        codes = {name: span.code for name, span in frame.blocks[number].columns.items()}
    return {name: _KINDS.get(code, NUMBER) for name, code in codes.items()}


def blocks(
    first: Frame, buffer: bytes, offsets: list[int], wanted: Container[str] | None = None
) -> Iterator[tuple[str, Ticks, dict[str, Column]]]:
    """Decode frames that are alike.

    Parameters
    ----------
    first : Frame
        What they hold.
    buffer : bytes
    offsets : list of int
        Where they begin (f); just one if the frame holds texts, or was decoded by so3g.
    wanted : container of str, optional
        Fields to decode; all by default.

    Yields
    ------
    name : str
    ticks : (f, n) int64
    columns : dict of (f * n,) arrays
        Numbers, bools, or objects (str).
    """
    if first.decoded is not None:
        for found in first.decoded:
            columns = {n: values for n, values in found.columns.items() if wanted is None or n in wanted}
            yield found.name, found.ticks[None, :], columns
        return
    for block in first.blocks:
        columns = {
            name: _together(buffer, offsets, span)
            for name, span in block.columns.items()
            if wanted is None or name in wanted
        }
        times = _together(buffer, offsets, block.times)
        yield block.name, times.astype(np.int64, copy=False).reshape(len(offsets), -1), columns


def _together(buffer: bytes, offsets: list[int], span: Span) -> Column:
    """One column of several frames, the one after the other."""
    if len(offsets) == 1:
        return column(buffer, offsets[0], span)
    begin, end = span.start, span.stop
    return np.frombuffer(b"".join([buffer[o + begin : o + end] for o in offsets]), span.code)


def widest(kinds: set[str]) -> str:
    """The kind that holds all of several; text holds any."""
    return TEXT if TEXT in kinds else BOOL if kinds == {BOOL} else NUMBER

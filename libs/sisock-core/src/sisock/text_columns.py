"""Columns of numbers out of text files: whatever the bytes, the good lines come out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TextColumns:
    """What a text held.

    Parameters
    ----------
    columns : tuple of (n,) float64
        The columns that were wanted.
    skipped : int
        Lines that were neither blank, comment nor numbers.
    """

    columns: tuple[Column, ...]
    skipped: int


def parse_columns(
    content: bytes,
    wanted: int = 2,
    *,
    header_lines: int = 0,
    more: bool = False,
    whole_lines: bool = False,
) -> TextColumns:
    """Read the first columns of a text of numbers.

    Parameters
    ----------
    content : bytes
        Any bytes. Lines that begin with ``#`` and blank lines are passed over.
    wanted : int
        How many columns; a good line has a finite number in the first and any number, NaN too, in
        the others.
    header_lines : int
        Lines at the top that are not looked at.
    more : bool
        Whether lines may have further columns, of anything.
    whole_lines : bool
        Whether a last line without its end is still being written, and is passed over.
    """
    lines = content.decode("utf-8", errors="replace").split("\n")
    if whole_lines:
        lines.pop()
    rows = [row for line in lines[header_lines:] if (row := line.split()) and not row[0].startswith("#")]
    good = _all_at_once(rows, wanted, more)
    if good is None:
        numbers = [n for row in rows if (n := _numbers(row, wanted, more)) is not None]
        good = np.array(numbers, dtype=np.float64).reshape(-1, wanted)
    return TextColumns(tuple(good[:, i].copy() for i in range(wanted)), len(rows) - len(good))


def _all_at_once(rows: Sequence[list[str]], wanted: int, more: bool) -> npt.NDArray[np.float64] | None:
    """All rows in one go if each is good; None otherwise."""
    if any(len(row) < wanted or (len(row) > wanted and not more) for row in rows):
        return None
    try:
        table = np.array([row[:wanted] for row in rows], dtype=np.float64).reshape(-1, wanted)
    except ValueError:
        return None
    return table if bool(np.isfinite(table[:, 0]).all()) else None


def _numbers(tokens: list[str], wanted: int, more: bool) -> list[float] | None:
    if len(tokens) < wanted or (len(tokens) > wanted and not more):
        return None
    try:
        numbers = [float(token) for token in tokens[:wanted]]
    except ValueError:
        return None
    return numbers if math.isfinite(numbers[0]) else None


def ascending(t: Column, *columns: Column) -> tuple[Column, ...]:
    """Columns in the order of their times, each time once (the first one that came).

    Parameters
    ----------
    t : (n,) float64
        UNIX seconds, in any order.
    *columns : (n,) float64

    Returns
    -------
    tuple
        `t` and the columns.
    """
    if len(t) < 2 or bool((t[1:] > t[:-1]).all()):
        return (t, *columns)
    _, first = np.unique(t, return_index=True)
    return (t[first], *(column[first] for column in columns))

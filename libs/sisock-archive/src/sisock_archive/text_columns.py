"""Columns of numbers out of text files: whatever the bytes, the good lines come out."""

import math
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
    body = content[_body_at(content, header_lines) :]
    if whole_lines:
        body = body[: body.rfind(b"\n") + 1]
    table = _all_at_once(body, wanted, more)
    if table is not None:
        return TextColumns(tuple(table[:, i].copy() for i in range(wanted)), 0)
    rows = [row for line in body.split(b"\n") if (row := line.split()) and not row[0].startswith(b"#")]
    numbers = [n for row in rows if (n := _numbers(row, wanted, more)) is not None]
    table = np.array(numbers, dtype=np.float64).reshape(-1, wanted)
    return TextColumns(tuple(table[:, i].copy() for i in range(wanted)), len(rows) - len(table))


def _body_at(content: bytes, header_lines: int) -> int:
    """Where the header, and the comments right below it, end."""
    at = 0
    while header_lines > 0 or content.startswith(b"#", at):
        end = content.find(b"\n", at)
        if end < 0:
            return len(content)
        at, header_lines = end + 1, header_lines - 1
    return at


def _all_at_once(body: bytes, wanted: int, more: bool) -> npt.NDArray[np.float64] | None:
    """All lines in one go if they are good and have the same number of columns; None otherwise."""
    if b"#" in body or b"_" in body:
        return None
    tokens = body.split()
    line = _lines_of_tokens(body)
    if not tokens:
        return np.empty((0, wanted))
    width = int(line.searchsorted(line[0], side="right"))
    if width < wanted or (width > wanted and not more) or len(tokens) % width:
        return None
    line = line.reshape(-1, width)
    if (line[:, 0] != line[:, -1]).any() or (line[1:, 0] == line[:-1, 0]).any():
        return None
    table = np.empty((len(line), wanted))
    try:
        for i in range(wanted):
            table[:, i] = list(map(float, tokens[i::width]))
    except ValueError:
        return None
    return table if bool(np.isfinite(table[:, 0]).all()) else None


def _lines_of_tokens(body: bytes) -> npt.NDArray[np.intp]:
    """Number of the line that each token is in, ascending."""
    characters = np.frombuffer(body, dtype=np.uint8)
    # What bytes.split takes for a blank: the space, and tab to carriage return.
    blank = (characters == 32) | ((characters >= 9) & (characters <= 13))
    begins = ~blank
    begins[1:] &= blank[:-1]
    return np.flatnonzero(characters == ord("\n")).searchsorted(np.flatnonzero(begins))


def _numbers(tokens: list[bytes], wanted: int, more: bool) -> list[float] | None:
    if len(tokens) < wanted or (len(tokens) > wanted and not more):
        return None
    # Python would read 1_0 as ten.
    if any(b"_" in token for token in tokens[:wanted]):
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

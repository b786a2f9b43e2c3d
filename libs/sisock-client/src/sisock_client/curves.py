"""What is drawn of columns: where a curve is broken, while what a text was the same, and short names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]

PAUSES = 5.0
"""A pause of so many usual ones is a gap."""

SEPARATORS = ("::", ".")


def gaps(t: Column) -> Column:
    """Whether there is a gap behind each sample but the last: its pause is much longer than most are.

    Parameters
    ----------
    t : (n,) float64
        UNIX seconds, ascending.

    Returns
    -------
    (n - 1,) bool
    """
    pauses = np.diff(t)
    # Not the median: of what was reduced to extremes every second pause may be tiny.
    return pauses > PAUSES * np.quantile(pauses, 0.9) if len(pauses) else np.zeros(0, bool)


def broken(t: Column, values: Column) -> tuple[Column, Column]:
    """A curve with a NaN in each gap, so that no line crosses what nobody measured.

    Parameters
    ----------
    t, values : (n,) float64

    Returns
    -------
    t, values : (m,) float64
    """
    behind = np.flatnonzero(gaps(t)) + 1
    return np.insert(t, behind, (t[behind - 1] + t[behind]) / 2), np.insert(values, behind, np.nan)


def alone(values: Column) -> Column:
    """Which samples have no neighbour to draw a line to.

    Parameters
    ----------
    values : (n,) float64
        As `broken` has them.

    Returns
    -------
    (n,) bool
    """
    here = np.isfinite(values)
    before = np.concatenate(([False], here[:-1]))
    after = np.concatenate((here[1:], [False]))
    alone: Column = here & ~before & ~after
    return alone


@dataclass(frozen=True, slots=True)
class Run:
    """That a text was the same for a while: from `start` for `length_s` seconds."""

    start: float
    length_s: float
    text: str


def runs(t: Column, values: Column) -> list[Run]:
    """While a text, or a bool, was the same; a run ends at the next sample, and in a gap at its own last one.

    Parameters
    ----------
    t : (n,) float64
    values : (n,) str or bool
    """
    if not len(t):
        return []
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in values.tolist()]
    pause = gaps(t)
    made: list[Run] = []
    first = 0
    for i in range(len(t)):
        last = i == len(t) - 1
        if last or pause[i] or texts[i + 1] != texts[first]:
            until = t[i] if last or pause[i] else t[i + 1]
            made.append(Run(float(t[first]), float(until - t[first]), texts[first]))
            first = i + 1
    return made


def shortened(names: Sequence[str], fields: Sequence[str]) -> tuple[str, list[str]]:
    """What all fields begin with, and the names without it: ``cryo`` of ``cryo::a`` and ``cryo::b``.

    Parameters
    ----------
    names : sequence of str
        Of what is drawn: fields, columns of bins, curves that are made of fields.
    fields : sequence of str
        What those are made of.
    """
    common = fields[0].partition("/")[0] if fields else ""
    for field in fields[1:]:
        while not field.startswith(common):
            common = common[:-1]
    cut = max((common.rfind(one) + len(one) for one in SEPARATORS if one in common), default=0)
    if cut == 0 or any(len(field) <= cut for field in fields):
        return "", list(names)
    before = common[:cut]
    left = [name.replace(before, "") for name in names]
    for separator in SEPARATORS:
        before = before.removesuffix(separator)
    return before, left

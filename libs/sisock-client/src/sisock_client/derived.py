"""Curves that are made of others: ``a::x - b::y``, ``a::x / b::y``, ``mean(a::x, 5m)``, and both together.

The grammar, in which blanks around an operator tell it from what names have in them::

    curve  = ["="] term | term " - " term | term " / " term
    term   = name | "mean(" name "," length ")"
    length = a number and ms, s, m or min, h, d, w, M or y

The page writes the same, with the ``=``.

Samples of a curve are at the times of its left term. There the right one is what lies on the straight line
between its two samples around; in a gap of it, before its first and behind its last one there is no sample.
A mean is of what was measured within that length up to each sample: in (t - length, t].
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sisock.decimate import envelope
from sisock_consumer import moments

from sisock_client.curves import Column, gaps
from sisock_client.errors import ClientError
from sisock_client.samples import Samples

_CURVE = re.compile(r"(?P<left>.+?)(?: (?P<operator>[-/]) (?P<right>.+))?")
_MEAN = re.compile(
    r"mean\(\s*(?P<name>.+?)\s*,\s*(?P<count>\d+(?:\.\d+)?)\s*(?P<unit>ms|min|[smhdwMy])\s*\)", re.ASCII
)

Fetch = Callable[[Sequence[str], float, int | None], Samples]
"""Gets samples of fields from a time on, at most so many."""


@dataclass(frozen=True, slots=True)
class Term:
    """A field, or its mean over the last `window_s` seconds."""

    name: str
    window_s: float | None = None

    def of(self, columns: Mapping[str, tuple[Column, Column]]) -> tuple[Column, Column]:
        """Times and values, without what is missing.

        Raises
        ------
        ClientError
            If the field is no number.
        """
        t, values = columns[self.name]
        if len(t) and values.dtype.kind not in "fiub":
            raise ClientError(f"{self.name} is text, of which there is neither a difference nor a mean")
        values = np.asarray(values, float)
        here = np.isfinite(values)
        t, values = t[here], values[here]
        return (t, values) if self.window_s is None else (t, _mean(t, values, self.window_s))


@dataclass(frozen=True, slots=True)
class Curve:
    """A term, or the difference or ratio of two; `text` is how it was written."""

    text: str
    left: Term
    operator: str = ""
    right: Term | None = None

    @property
    def terms(self) -> list[Term]:
        """One or two."""
        return [self.left, *([self.right] if self.right else [])]

    @property
    def lead_s(self) -> float:
        """So many seconds before the first sample are needed, too."""
        return max(term.window_s or 0.0 for term in self.terms)

    def of(self, columns: Mapping[str, tuple[Column, Column]]) -> tuple[Column, Column]:
        """Times and values.

        Parameters
        ----------
        columns : dict of (t, values)
            Of the fields of its terms, ascending.

        Returns
        -------
        t, values : (n,) float64

        Raises
        ------
        ClientError
            If a field is no number.
        """
        t, values = self.left.of(columns)
        if self.right is not None:
            other = _at(t, *self.right.of(columns))
            with np.errstate(divide="ignore", invalid="ignore"):
                values = values - other if self.operator == "-" else values / other
        here = np.isfinite(values)
        return t[here], values[here]

    def units(self, units: Mapping[str, str | None]) -> str | None:
        """Units of the curve; None if it has none.

        Raises
        ------
        ClientError
            If it is a difference of two kinds of things.
        """
        left = units.get(self.left.name)
        if self.right is None:
            return left
        right = units.get(self.right.name)
        if self.operator == "-":
            if left != right:
                raise ClientError(
                    f"{self.text}: {left or 'no unit'} less {right or 'no unit'} makes no sense"
                )
            return left
        return None if left == right else f"{left or '1'}/{right}" if right else left


def parsed(text: str) -> Curve | None:
    """Read a curve; None if it is the name of a field."""
    whole = _CURVE.fullmatch(text.strip().removeprefix("=").strip())
    if whole is None:
        return None
    left, right = _term(whole["left"]), _term(whole["right"]) if whole["right"] else None
    if right is None and left.window_s is None:
        return None
    return Curve(text, left, whole["operator"] or "", right)


def fields_of(text: str) -> list[str]:
    """The fields of a curve, or the field that it is."""
    curve = parsed(text)
    return [term.name for term in curve.terms] if curve else [text]


def fetched(names: Sequence[str], start: float, max_points: int | None, fetch: Fetch) -> Samples:
    """Samples of fields and of curves, in the order of their names.

    A curve is made of all samples, and only then reduced to `max_points`, its extremes among them.
    """
    curves = {name: curve for name in names if (curve := parsed(name))}
    plain = [name for name in names if name not in curves]
    if not curves:
        return fetch(names, start, max_points)
    lead_s = max(curve.lead_s for curve in curves.values())
    operands = list(dict.fromkeys(term.name for curve in curves.values() for term in curve.terms))
    parts = fetch(operands, start - lead_s, None)
    given = fetch(plain, start, max_points) if plain else Samples({})
    columns, units = dict(given.columns), dict(given.units)
    notices = list(dict.fromkeys((*given.notices, *parts.notices)))
    for name, curve in curves.items():
        if any(term.name not in parts for term in curve.terms):
            raise ClientError(f"{name}: write the whole name of one field, node::field, for each term")
        t, values = curve.of(parts)
        t, values = t[t >= start], values[t >= start]
        if max_points is not None:
            kept = envelope(t, [values], max_points)
            t, values = t[kept], values[kept]
        columns[name], units[name] = (t, values), curve.units(parts.units)
    order = [*(name for name in names if name in columns), *(name for name in columns if name not in names)]
    return Samples({name: columns[name] for name in order}, units, notices)


def _term(text: str) -> Term:
    mean = _MEAN.fullmatch(text.strip())
    if mean is None:
        return Term(text.strip())
    return Term(mean["name"], float(mean["count"]) * moments.UNITS_S[mean["unit"].replace("min", "m")])


def _mean(t: Column, values: Column, window_s: float) -> Column:
    if not len(t):
        return values
    first = np.searchsorted(t, t - window_s, side="right")
    count = np.arange(1, len(t) + 1) - first
    mean: Column = _sums(values, first, count) / count
    return mean


def _sums(values: Column, first: Column, count: Column) -> Column:
    """Sums of `count` values from the `first` on, of ever longer pieces.

    A difference of running sums would keep the rounding of a huge value long after that has gone.
    """
    sums = np.zeros(len(first))
    at, piece, length = first.copy(), values, 1
    while length <= count.max():
        here = (count & length) > 0
        sums[here] += piece[at[here]]
        at[here] += length
        piece = piece[:-length] + piece[length:]
        length *= 2
    return sums


def _at(when: Column, t: Column, values: Column) -> Column:
    """Values at other times: on the line between the two samples around, NaN in a gap and outside."""
    if not len(t):
        return np.full(len(when), np.nan)
    found: Column = np.interp(when, t, values, left=np.nan, right=np.nan)
    behind = np.searchsorted(t, when, side="left")
    inside = (behind > 0) & (behind < len(t))
    between = np.zeros(len(when), bool)
    between[inside] = gaps(t)[behind[inside] - 1] & (t[behind[inside]] != when[inside])
    found[between] = np.nan
    return found

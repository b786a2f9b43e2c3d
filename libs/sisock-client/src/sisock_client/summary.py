"""What a notebook shows of samples: a table with a small curve for each field, of plain HTML and SVG.

Nothing in it is fetched from anywhere, and colours are the notebook's own, light or dark.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from sisock.decimate import envelope

from sisock_client.curves import Column, alone, broken, runs
from sisock_client.times import iso

if TYPE_CHECKING:
    from sisock_client.samples import Last

MOST_ROWS = 40
WIDTH, HEIGHT, EDGE = 240, 32, 2.0
SHADES = (0.55, 0.15, 0.35, 0.75)
LEFT, RIGHT = (f'style="text-align: {side}"' for side in ("left", "right"))


def of_samples(
    columns: Mapping[str, tuple[Column, Column]], units: Mapping[str, str | None], notices: Sequence[str]
) -> str:
    """A row for each field: how many samples, from when until when, least, mean and greatest, and a curve.

    Parameters
    ----------
    columns : dict of (t, values)
    units : dict of str or None
    notices : list of str
    """
    times = [t for t, _ in columns.values() if len(t)]
    span = (min(float(t[0]) for t in times), max(float(t[-1]) for t in times)) if times else (0.0, 0.0)
    caption = f"{_moment(span[0])} to {_moment(span[1])}" if times else "no samples"
    rows = [
        _row(name, units.get(name) or "", t, values, span)
        for name, (t, values) in list(columns.items())[:MOST_ROWS]
    ]
    head = ("field", "unit", "samples", "min", "mean", "max", "last", "")
    return _table(caption, head, rows, len(columns), notices)


def of_latest(rows: Iterable["Last"], notices: Sequence[str]) -> str:
    """A row for each field: its newest value, and when that was."""
    listed = list(rows)
    cells = [
        (one.field, _written(one.value), one.units or "", "" if one.t is None else _moment(one.t))
        for one in listed[:MOST_ROWS]
    ]
    made = ["".join(f"<td {LEFT}>{escape(cell)}</td>" for cell in row) for row in cells]
    return _table("newest samples", ("field", "value", "unit", "time"), made, len(listed), notices)


def _table(caption: str, head: Sequence[str], rows: Sequence[str], total: int, notices: Sequence[str]) -> str:
    cells = "".join(f"<th {LEFT}>{word}</th>" for word in head)
    rest = [f"and {total - len(rows)} more"] if total > len(rows) else []
    told = "".join(f"<div>{escape(sentence)}</div>" for sentence in (*rest, *notices))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f"<div><table><caption>{escape(caption)}</caption><thead><tr>{cells}</tr></thead>"
        f"<tbody>{body}</tbody></table>{told}</div>"
    )


def _row(name: str, unit: str, t: Column, values: Column, span: tuple[float, float]) -> str:
    numeric = values.dtype.kind in "fiu"
    finite = values[np.isfinite(values)] if numeric else values[:0]
    sums = [finite.min(), finite.mean(), finite.max()] if len(finite) else ["", "", ""]
    last = values[-1:].tolist()
    names, numbers = (name, unit), (f"{len(t):,}", *map(_written, (*sums, *(last or [""]))))
    drawn = (_curve if numeric else _bands)(t, values, span)
    picture = (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(name)} over time">{"".join(drawn)}</svg>'
    )
    cells = (*(f"<td {LEFT}>{escape(one)}</td>" for one in names),
             *(f"<td {RIGHT}>{escape(one)}</td>" for one in numbers))  # fmt: skip
    return f"{''.join(cells)}<td>{picture}</td>"


def _curve(t: Column, values: Column, span: tuple[float, float]) -> Iterator[str]:
    """A path with a break in each gap, and a dot where a sample stands alone."""
    kept = envelope(t, [values], 2 * WIDTH)
    t, values = broken(t[kept], np.asarray(values[kept], float))
    here = np.isfinite(values)
    if not here.any():
        return
    low, high = values[here].min(), values[here].max()
    middle, range_ = low / 2 + high / 2, (high - low) or np.inf
    y = HEIGHT / 2 - (values - middle) / range_ * (HEIGHT - 2 * EDGE)
    x = _across(t, span)
    begins = here & ~np.concatenate(([False], here[:-1]))
    path = " ".join(
        f"{'M' if first else 'L'}{at:.1f} {up:.1f}"
        for at, up, first in zip(x[here], y[here], begins[here], strict=True)
    )
    yield f'<path d="{path}" fill="none" stroke="currentColor" stroke-width="1"/>'
    for i in np.flatnonzero(alone(values)):
        yield f'<circle cx="{x[i]:.1f}" cy="{y[i]:.1f}" r="1.2" fill="currentColor"/>'


def _bands(t: Column, values: Column, span: tuple[float, float]) -> Iterator[str]:
    """A box for as long as a text was the same; which text is said when the pointer is on it."""
    shades: dict[str, float] = {}
    for run in runs(t, values)[-WIDTH:]:
        shade = shades.setdefault(run.text, SHADES[len(shades) % len(SHADES)])
        start, end = _across(np.array([run.start, run.start + run.length_s]), span)
        wide = max(end - start, 0.8)
        yield (
            f'<rect x="{start:.1f}" width="{wide:.1f}" y="{HEIGHT / 4}" height="{HEIGHT / 2}" '
            f'fill="currentColor" fill-opacity="{shade}"><title>{escape(run.text)}</title></rect>'
        )


def _across(t: Column, span: tuple[float, float]) -> Column:
    start, end = span
    across: Column = EDGE + (t - start) / ((end - start) or np.inf) * (WIDTH - 2 * EDGE)
    return across


def _moment(t: float) -> str:
    return iso(np.array([t]))[0][:19].replace("T", " ") + " UTC"


def _written(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating):
        return f"{value:.5g}"
    return "" if value is None else str(value)

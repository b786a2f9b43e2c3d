"""Samples as a picture that a journal would print: a panel for each unit, and a band for each field of text.

Imports matplotlib, which is an extra: whoever needs a picture imports this module then.
"""

import io
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import dates
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import AutoMinorLocator, NullFormatter, ScalarFormatter

from sisock_client.curves import Column, alone, broken, runs, shortened
from sisock_client.derived import fields_of
from sisock_client.errors import ClientError
from sisock_client.look import AN_INCH, Look
from sisock_client.samples import Samples
from sisock_client.times import iso, microseconds

WIDTH = 180 / AN_INCH["mm"]
PANEL = 50 / AN_INCH["mm"]
LANE = 7 / AN_INCH["mm"]
LEGEND_LINE = 4 / AN_INCH["mm"]
AROUND = 18 / AN_INCH["mm"]
FONT_PT = 8.0
CURVES_SHARE = 0.65
"""Of the width, about; the rest is for names."""

MOST_IN_LABEL = 28
MOST_IN_LEGEND = 34
MOST_TEXTS = 9

# Paul Tol's "bright" for lines and "light" for what is written on: told apart by the colour-blind, too.
LINES = ("#4477AA", "#EE6677", "#228833", "#AA3377", "#66CCEE", "#CCBB44", "#BBBBBB")
DASHES = ("-", "--", "-.", ":")
BANDS = ("#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#99DDFF", "#44BB99", "#BBCC33", "#AAAA00", "#DDDDDD")
OTHERS = "other"

STYLE: Any = {
    "font.size": FONT_PT,
    "axes.linewidth": 0.6,
    "axes.titlesize": FONT_PT,
    "legend.fontsize": FONT_PT - 1,
    "lines.linewidth": 0.9,
    "pdf.fonttype": 42,  # letters stay letters: journals refuse others
    "ps.fonttype": 42,
    "svg.hashsalt": "sisock",  # the same samples make the same file
}
METADATA: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


class Picture(Figure):
    """A figure that a notebook shows by itself; `notes` say what is not on it, and why."""

    notes: list[str]

    def _repr_png_(self) -> bytes:
        out = io.BytesIO()
        with mpl.rc_context(STYLE):
            self.savefig(out, format="png")
        return out.getvalue()


def save(picture: Picture, path: Any) -> None:
    """Write a file of the kind that its name ends in."""
    with mpl.rc_context(STYLE):
        picture.savefig(path, metadata=METADATA.get(path.suffix[1:].lower()))


def kinds() -> list[str]:
    """Endings of files that can be written."""
    return sorted(FigureCanvasAgg.get_supported_filetypes())


def draw(samples: Samples, look: Look) -> Picture:
    """Draw all fields over time.

    Raises
    ------
    ClientError
        If there is nothing to draw.
    """
    columns = {name: column for name, column in samples.items() if len(column[0])}
    if not columns:
        raise ClientError("there are no samples to plot in this range")
    before, names = shortened(list(columns), [field for name in columns for field in fields_of(name)])
    short = dict(zip(columns, names, strict=True))
    numbers = [name for name, (_, values) in columns.items() if values.dtype.kind in "fiu"]
    texts = [name for name in columns if name not in numbers]
    units = list(dict.fromkeys(samples.units.get(name) or "" for name in numbers))
    panels = [[name for name in numbers if (samples.units.get(name) or "") == unit] for unit in units]
    heights = [
        max(PANEL, LEGEND_LINE * sum(len(list(_lines(short[name]))) for name in some)) for some in panels
    ]
    heights += [LANE * (len(texts) + 0.5)] if texts else []
    with mpl.rc_context(STYLE):
        size = look.size or (WIDTH, sum(heights) + AROUND)
        picture = Picture(figsize=size, dpi=look.dpi, layout="constrained")
        FigureCanvasAgg(picture)
        picture.notes = [f"{name} has no samples in this range" for name in samples if name not in columns]
        axes = picture.subplots(
            len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
        )[:, 0]
        for axis, unit, mine in zip(axes, units, panels, strict=False):
            picture.notes += _panel(axis, {name: columns[name] for name in mine}, short, unit, log=look.log)
        if texts:
            picture.notes += _lanes(axes[-1], {short[name]: columns[name] for name in texts}, size[0])
        _time(axes[-1], look, size, columns)
        picture.align_ylabels(axes[: len(units)])
        title = before if look.title is None else look.title
        if title:
            axes[0].set_title(title, loc="left")
    return picture


def _panel(
    axis: Any, columns: dict[str, tuple[Column, Column]], short: dict[str, str], unit: str, *, log: bool
) -> list[str]:
    """Curves of one unit; what is not among them."""
    notes = []
    positive = {name: np.asarray(values, float) > 0 for name, (_, values) in columns.items()}
    log = log and any(some.any() for some in positive.values())
    for place, (name, (t, given)) in enumerate(columns.items()):
        values = np.asarray(given, float)
        if log:
            lost = int((np.isfinite(values) & ~positive[name]).sum())
            if lost:
                notes.append(
                    f"{lost} of {len(t)} samples of {name} are not above 0: a log axis has no place for them"
                )
            values = np.where(positive[name], values, np.nan)
        times, values = broken(t, values)
        colour = LINES[place % len(LINES)]
        dashes = DASHES[place // len(LINES) % len(DASHES)]
        when = microseconds(times)
        axis.plot(when, values, label=_wrapped(short[name]), color=colour, linestyle=dashes)
        single = alone(values)
        if single.any():
            axis.plot(when[single], values[single], ".", color=colour, markersize=2.5)
    if log:
        axis.set_yscale("log")
    else:
        numbers = ScalarFormatter(useOffset=False, useMathText=True)
        numbers.set_powerlimits((-3, 5))
        axis.yaxis.set_major_formatter(numbers)
        axis.yaxis.set_minor_locator(AutoMinorLocator())
    bracketed = f"[{unit}]" if unit else ""
    [first, *others] = columns
    if others or len(short[first]) > MOST_IN_LABEL:
        axis.set_ylabel(bracketed)
        _legend(axis)
    else:
        axis.set_ylabel(f"{short[first]} {bracketed}".strip())
    axis.tick_params(which="both", direction="in", top=True, right=True)
    axis.grid(alpha=0.25, linewidth=0.5)
    return notes


def _lanes(axis: Any, columns: dict[str, tuple[Column, Column]], width: float) -> list[str]:
    """A band for each field of text, one below the other; what is not told apart."""
    made = {name: runs(t, values) for name, (t, values) in columns.items()}
    lasted: dict[str, float] = {}
    for run in (run for some in made.values() for run in some):
        lasted[run.text] = lasted.get(run.text, 0.0) + run.length_s
    most = sorted(lasted, key=lambda text: -lasted[text])
    told = most if len(most) <= MOST_TEXTS else most[: MOST_TEXTS - 1]
    colours = dict(zip(told, BANDS, strict=False))
    span = max(t[-1] for t, _ in columns.values()) - min(t[0] for t, _ in columns.values())
    for place, some in enumerate(made.values()):
        for run in some:
            start, end = microseconds(np.array([run.start, run.start + run.length_s]))
            axis.fill_betweenx(
                [place - 0.4, place + 0.4], start, end, color=colours.get(run.text, BANDS[-1]), linewidth=0.4
            )
            letters = width * 72 * CURVES_SHARE * run.length_s / span / (FONT_PT * 0.6) if span else 0.0
            if len(run.text) < letters:
                axis.text(start + (end - start) / 2, place, run.text, ha="center", va="center", clip_on=True)
    axis.set_ylim(len(made) - 0.4, -0.6)
    axis.set_yticks(range(len(made)), [_wrapped(name) for name in made])
    axis.tick_params(axis="y", length=0)
    axis.tick_params(axis="x", which="both", direction="in")
    patches = [Patch(color=colour, label=_cut(text)) for text, colour in colours.items()]
    if len(told) < len(most):
        patches.append(Patch(color=BANDS[-1], label=OTHERS))
    _legend(axis, handles=patches)
    left = len(most) - len(told)
    return [f"{left} texts that were rare have one colour, {OTHERS!r}"] if left else []


def _legend(axis: Any, **what: Any) -> None:
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, frameon=False, **what)


def _time(
    axis: Any, look: Look, size: tuple[float, float], columns: dict[str, tuple[Column, Column]]
) -> None:
    start, end = look.span or (
        min(t[0] for t, _ in columns.values()),
        max(t[-1] for t, _ in columns.values()),
    )
    if start < end:
        axis.set_xlim(*microseconds(np.array([start, end])))
    made: Any = dates  # half of it has types
    most = int(size[0] * 72 * CURVES_SHARE / (FONT_PT * 4.5))  # as many as have room
    # Of a few dates more than two at least, or fewer than five at most, it finds no way for some ranges.
    where = made.AutoDateLocator(minticks=2, maxticks=max(5, min(12, most)))
    written = made.ConciseDateFormatter(
        where,
        formats=["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%H:%M:%S"],
        zero_formats=["", "%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M"],
        show_offset=False,
    )
    axis.xaxis.set_major_locator(where)
    axis.xaxis.set_major_formatter(written)
    axis.xaxis.set_minor_locator(made.AutoDateLocator(minticks=10, maxticks=40))
    axis.xaxis.set_minor_formatter(NullFormatter())
    first, last = (text[:10] for text in iso(np.array([start, max(start, end - 1e-3)])))
    axis.set_xlabel(f"Time (UTC), {first}" if first == last else f"Time (UTC), {first} to {last}")


def _wrapped(name: str) -> str:
    """A name in lines that a legend has room for, parted where words end."""
    return "\n".join(_lines(name))


def _lines(name: str) -> Iterator[str]:
    while len(name) > MOST_IN_LEGEND:
        at = max(name.rfind(mark, 1, MOST_IN_LEGEND) for mark in ".:_/ ") + 1
        at = at if at > 1 else MOST_IN_LEGEND
        yield name[:at]
        name = name[at:]
    yield name


def _cut(text: str) -> str:
    return text if len(text) <= MOST_IN_LEGEND else f"{text[: MOST_IN_LEGEND - 1]}…"

"""Pictures: what is on them, looked up in the figure rather than in its pixels."""

import datetime as dt
from pathlib import Path
from typing import Any

import matplotlib.colors
import matplotlib.dates as mdates
import numpy as np
import pytest
from sisock_client import ClientError, Samples, plots
from sisock_client.curves import alone, broken, gaps, runs, shortened
from sisock_client.derived import fields_of
from sisock_client.look import Look, size_of

T = 1500000000.0 + np.arange(20.0)
ONES = np.ones(20)


def drawn(
    look: Look | None = None, units: dict[str, str | None] | None = None, **columns: Any
) -> plots.Picture:
    made = {f"n::{name}": (T[: len(one)], np.asarray(one)) for name, one in columns.items()}
    return plots.draw(
        Samples(made, {f"n::{name}": unit for name, unit in (units or {}).items()}), look or Look()
    )


def words(axis: Any) -> list[str]:
    legend = axis.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def test_each_unit_has_a_panel_and_a_single_field_names_its_axis() -> None:
    picture = drawn(units={"a": "V", "b": "V", "d": "A"}, a=ONES, b=2 * ONES, c=3 * ONES, d=4 * ONES)
    assert [axis.get_ylabel() for axis in picture.axes] == ["[V]", "c", "d [A]"]
    assert [words(axis) for axis in picture.axes] == [["a", "b"], [], []]
    assert picture.axes[0].get_title(loc="left") == "n"
    assert picture.axes[-1].get_xlabel() == "Time (UTC), 2017-07-14"


def test_a_legend_lies_beside_the_curves_and_not_on_them() -> None:
    picture = drawn(a=ONES, b=2 * ONES)
    picture.canvas.draw()
    [axis] = picture.axes
    assert axis.get_legend().get_window_extent().x0 > axis.get_window_extent().x1
    assert axis.get_legend().get_window_extent().x1 <= picture.bbox.x1


def test_the_size_is_what_was_asked_for_and_else_grows_with_the_panels() -> None:
    assert drawn(Look(size=(4.0, 3.0)), a=ONES).get_size_inches().tolist() == [4, 3]
    for columns, units, high in (
        ({"a": ONES}, {}, 50 + 18),
        ({"a": ONES, "b": ONES}, {"a": "V"}, 50 + 50 + 18),
        ({"a": ONES, "b": ["x"] * 20, "c": ["x"] * 20}, {}, 50 + 7 * 2.5 + 18),
        ({f"{i:02}" + "a name " * 6: ONES for i in range(10)}, {}, 4 * 20 + 18),
    ):
        assert (25.4 * drawn(units=units, **columns).get_size_inches()).tolist() == pytest.approx([180, high])


def test_a_panel_is_as_high_as_its_legend() -> None:
    picture = drawn(**{f"field_{i}": ONES * i for i in range(24)})
    picture.canvas.draw()
    [axis] = picture.axes
    assert axis.get_legend().get_window_extent().y0 > axis.get_window_extent().y0


def test_no_line_crosses_a_gap_and_a_sample_alone_is_a_dot() -> None:
    t = np.concatenate((np.arange(30.0), [100, 200, 201]))
    times, values = broken(t, t)
    assert np.isnan(values).tolist() == [*([False] * 30), True, False, True, False, False]
    assert times[[30, 32]].tolist() == [64.5, 150]
    assert np.flatnonzero(alone(values)).tolist() == [31]
    picture = plots.draw(Samples({"a::b": (T[0] + t, t)}), Look())
    assert [len(line.get_xdata()) for line in picture.axes[0].lines] == [35, 1]


def test_a_steady_slow_rhythm_and_few_samples_have_no_gaps() -> None:
    for t in (np.arange(0, 1e6, 3600.0), np.array([0.0, 1000.0]), np.array([0.0, 1.0, 1000.0])):
        assert len(broken(t, t)[0]) == len(t)


def test_text_and_bools_are_bands_with_a_colour_a_word() -> None:
    words_of = np.array(["open"] * 5 + ["closed"] * 15)
    picture = drawn(units={"a": "V"}, a=ONES, valve=words_of, pump=ONES > 0)
    lanes = picture.axes[-1]
    assert [label.get_text() for label in lanes.get_yticklabels()] == ["valve", "pump"]
    assert set(words(lanes)) == {"open", "closed", "true"}
    assert len(lanes.collections) == 3
    assert {text.get_text() for text in lanes.texts} == {"open", "closed", "true"}


def test_a_band_ends_with_its_last_sample_before_a_gap() -> None:
    t = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100, 101], float)
    texts = np.array(["a"] * 5 + ["b"] * 6 + ["b"] * 2)
    assert [(run.start, run.length_s, run.text) for run in runs(t, texts)] == [
        (0, 5, "a"), (5, 5, "b"), (100, 1, "b"),
    ]  # fmt: skip
    assert runs(t[:0], texts[:0]) == []


def test_curves_are_told_apart_by_colour_and_then_by_dashes() -> None:
    [axis] = drawn(**{f"f{i}": ONES * i for i in range(9)}).axes
    assert [line.get_color() for line in axis.lines] == [*plots.LINES, *plots.LINES[:2]]
    assert [line.get_linestyle() for line in axis.lines] == [*["-"] * 7, "--", "--"]


def test_a_band_lies_where_its_text_was_and_has_its_name_on_it_where_there_is_room() -> None:
    t = T[0] + np.arange(101.0)
    texts = np.array(["opened"] * 50 + ["closed"] * 10 + ["broken"] * 8 + ["opened"] * 33)
    picture = plots.draw(Samples({"n::a": (t, texts), "n::b": (t[:2], texts[:2])}), Look())
    [lanes] = picture.axes
    boxes = [band.get_paths()[0].get_extents() for band in lanes.collections]
    day = 86400
    assert [(box.x0 * day, box.x1 * day) for box in boxes] == [
        pytest.approx((T[0] + start, T[0] + end), abs=1e-4)
        for start, end in ((0, 50), (50, 60), (60, 68), (68, 100), (0, 1))
    ]
    assert [(box.y0, box.y1) for box in boxes] == [(-0.4, 0.4)] * 4 + [(0.6, 1.4)]
    assert [text.get_text() for text in lanes.texts] == ["opened", "closed", "opened"]
    middles = [mdates.date2num(text.get_position()[0]) * day - T[0] for text in lanes.texts]
    assert middles == pytest.approx([25, 55, 84], abs=1e-4)
    assert lanes.get_ylim() == (1.6, -0.6)
    assert words(lanes) == ["opened", "closed", "broken"]


def test_long_names_have_several_lines_and_long_texts_end_in_dots() -> None:
    curve = drawn(**{"a" * 40: ONES, "a.b:" + "c" * 29 + ".d e": ONES, "a.b" * 12: ONES})
    assert words(curve.axes[0]) == [
        "a" * 34 + "\n" + "a" * 6, "a.b:" + "c" * 29 + ".\nd e", "a.b" * 10 + "a.\n" + "ba.b",
    ]  # fmt: skip
    assert words(drawn(a=["x" * 34, "y" * 35], b=ONES[:2]).axes[1]) == ["x" * 34, "y" * 33 + "…"]
    label = drawn(**{"a" * 28: ONES}).axes[0]
    assert (label.get_ylabel(), words(label)) == ("a" * 28, [])
    label = drawn(**{"a" * 29: ONES}).axes[0]
    assert (label.get_ylabel(), words(label)) == ("", ["a" * 29])


def test_only_very_small_and_very_large_numbers_have_a_power() -> None:
    units = {"a": "1", "b": "2", "c": "3", "d": "4"}
    rising = np.linspace(1, 9, 20)
    picture = drawn(units=units, a=1e-3 * rising, b=1e-2 * rising, c=1e4 * rising, d=1e5 * rising)
    powers = []
    for axis in picture.axes:
        written = axis.yaxis.get_major_formatter()
        written.set_locs(axis.get_yticks())
        powers.append(bool(written.get_offset()))
    assert powers == [True, False, False, True]


def test_many_words_share_a_colour_and_it_is_said() -> None:
    few = drawn(a=[f"word {i // 2}" for i in range(18)], b=["often"] * 18, c=["often"] * 18)
    assert few.notes == ["2 texts that were rare have one colour, 'other'"]
    [lanes] = few.axes
    colours = [matplotlib.colors.to_hex(band.get_facecolor()[0]).upper() for band in lanes.collections[:9]]
    assert colours == [*plots.BANDS[1:8], plots.BANDS[-1], plots.BANDS[-1]]
    assert (
        matplotlib.colors.to_hex(lanes.get_legend().get_patches()[-1].get_facecolor()).upper() == colours[-1]
    )
    assert drawn(a=[f"word {i}" for i in range(9)]).notes == []
    picture = drawn(a=[f"word {i // 2}" for i in range(20)], b=["often"] * 20)
    assert len(words(picture.axes[0])) == 9
    assert words(picture.axes[0])[-1] == "other"
    assert words(picture.axes[0])[0] == "often"
    assert picture.notes == ["3 texts that were rare have one colour, 'other'"]


def test_a_log_axis_says_what_it_has_no_place_for() -> None:
    picture = drawn(Look(log=True), units={"b": "V"}, a=np.arange(-2.0, 18.0), b=-ONES)
    assert [axis.get_yscale() for axis in picture.axes] == ["log", "linear"]
    assert picture.notes == ["3 of 20 samples of n::a are not above 0: a log axis has no place for them"]


def test_small_numbers_have_a_power_and_close_ones_their_digits() -> None:
    picture = drawn(units={"b": "V"}, a=1e-5 * (1 + np.arange(20) / 20), b=1.011 + np.arange(20) * 1e-5)
    picture.canvas.draw()
    small, close = picture.axes
    assert (
        small.yaxis.get_offset_text().get_text()
        == "$\\times\\mathdefault{10^{\N{MINUS SIGN}5}}\\mathdefault{}$"
    )
    labels = [label.get_text() for label in close.get_yticklabels()]
    assert len(set(labels)) == len(labels)
    assert close.yaxis.get_offset_text().get_text() == ""


def test_what_is_shown_is_what_was_asked_for_even_where_nothing_was_measured() -> None:
    picture = drawn(Look(span=(T[0] - 86400, T[0] + 86400)), a=ONES)
    left, right = picture.axes[0].get_xlim()
    assert right - left == pytest.approx(2.0)
    assert picture.axes[0].get_xlabel() == "Time (UTC), 2017-07-13 to 2017-07-15"


def test_a_whole_day_is_called_by_its_date_and_an_instant_by_its_own() -> None:
    midnight = 1500076800.0
    for span, day in (
        ((midnight - 86400, midnight), "2017-07-14"),
        ((midnight, midnight), "2017-07-15"),
        ((midnight - 86400, midnight + 1), "2017-07-14 to 2017-07-15"),
    ):
        assert drawn(Look(span=span), a=ONES).axes[0].get_xlabel() == f"Time (UTC), {day}"


def test_a_field_without_samples_is_said_and_a_picture_of_nothing_refused() -> None:
    assert drawn(a=ONES, b=[]).notes == ["n::b has no samples in this range"]
    with pytest.raises(ClientError, match="no samples to plot"):
        drawn(a=[])
    assert drawn(a=[1.0], b=["x"]).axes[0].lines


@pytest.mark.parametrize(
    ("names", "before", "left"),
    [
        (["n::a", "n::b"], "n", ["a", "b"]),
        (["n::a"], "n", ["a"]),
        (["g::o.cryo.feeds.t.one", "g::o.cryo.feeds.t.two"], "g::o.cryo.feeds.t", ["one", "two"]),
        (["n::stage_1", "n::stage_2"], "n", ["stage_1", "stage_2"]),
        (["n::a", "m::a"], "", ["n::a", "m::a"]),
        (["volt_1", "volt_2"], "", ["volt_1", "volt_2"]),
        (["n::a", "n::b - n::a", "mean(n::a, 5m)"], "n", ["a", "b - a", "mean(a, 5m)"]),
        (["n::a - m::a"], "", ["n::a - m::a"]),
        (["mean(g::o.t.one, 5m)"], "g::o.t", ["mean(one, 5m)"]),
        (["n::a.b", "n::a"], "n", ["a.b", "a"]),
        (["n::a.b/mean"], "n::a", ["b/mean"]),
        (["n::a/mean", "n::a/max"], "n", ["a/mean", "a/max"]),
        ([], "", []),
    ],
)
def test_what_all_names_begin_with_is_said_once(names: list[str], before: str, left: list[str]) -> None:
    assert shortened(names, [field for name in names for field in fields_of(name)]) == (before, left)


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ("7x4", (7, 4)),
        ("7x4in", (7, 4)),
        ("144x72pt", (2, 1)),
        ("25.4x50.8mm", (1, 2)),
        ("18 x 10 cm", (18 / 2.54, 10 / 2.54)),
        ((3, 2), (3, 2)),
        (None, None),
    ],
)
def test_a_size_is_read(given: Any, size: Any) -> None:
    assert size_of(given) == (pytest.approx(size) if size else None)


@pytest.mark.parametrize(
    ("given", "is_one"),
    [((1, 100), True), ((100, 1), True), ((0.9, 7), False), ((7, 0.9), False), ((101, 7), False),
     ((7, 101), False), ("7x", False)],
)  # fmt: skip
def test_a_picture_is_an_inch_to_a_hundred_high_and_wide(given: Any, is_one: bool) -> None:
    if is_one:
        assert size_of(given) == given
    else:
        with pytest.raises(ClientError, match="no size of a picture"):
            size_of(given)


def test_a_picture_has_ten_to_2400_pixels_an_inch() -> None:
    assert [Look(dpi=dpi).dpi for dpi in (10, 2400)] == [10, 2400]
    for dpi in (9.9, 2401, float("nan")):
        with pytest.raises(ClientError, match="10 to 2400"):
            Look(dpi=dpi)


def test_a_pause_of_five_usual_ones_is_none_and_a_little_more_is_a_gap() -> None:
    t = np.arange(20.0)
    for pause, is_gap in ((4.9, False), (5.0, False), (5.1, True)):
        assert gaps(np.append(t, 19 + pause)).tolist() == [*([False] * 19), is_gap]
    assert gaps(t[:1]).tolist() == []


def test_the_same_samples_make_the_same_file(tmp_path: Path) -> None:
    for name in ("x.svg", "x.pdf", "x.png"):
        plots.save(drawn(a=ONES), tmp_path / name)
        first = (tmp_path / name).read_bytes()
        plots.save(drawn(a=ONES), tmp_path / name)
        assert (tmp_path / name).read_bytes() == first, name


def test_a_notebook_is_given_a_picture() -> None:
    assert drawn(a=ONES)._repr_png_()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("size", "most"), [((7.0, 3.0), 9), ((2.0, 20.0), 5), ((5.0, 3.0), 6), ((50.0, 3.0), 12)]
)
def test_of_any_range_there_are_two_dates_at_least_and_as_many_as_have_room(
    size: tuple[float, float], most: int
) -> None:
    where = drawn(Look(size=size), a=ONES).axes[0].xaxis.get_major_locator()
    start = dt.datetime(2017, 7, 14, 2, 40)
    counts = []
    for n in range(250):  # twenty seconds to ten years
        end = start + dt.timedelta(seconds=20 * 1.068**n)
        counts.append(
            sum(mdates.date2num(start) <= at <= mdates.date2num(end) for at in where.tick_values(start, end))
        )
    assert (min(counts), max(counts)) == (2, most)


def test_what_is_shown_is_from_the_first_sample_to_the_last_where_nothing_else_was_asked_for() -> None:
    t = T[0] + np.array([0.0, 40.0, 80.0])
    picture = plots.draw(Samples({"n::a": (t[1:2], ONES[:1]), "n::b": (t, ONES[:3])}), Look())
    shown = [float(at) * 86400 - T[0] for at in picture.axes[0].get_xlim()]
    assert shown == pytest.approx([0, 80], abs=1e-3)
    at_once = plots.draw(Samples({"n::a": (t[:1], ONES[:1])}), Look())
    assert at_once.axes[0].get_xlabel() == "Time (UTC), 2017-07-14"


def test_ticks_point_inwards_on_all_sides_and_a_grid_lies_below() -> None:
    number, lane = drawn(a=ONES, b=["x"] * 20).axes
    for which in ("major", "minor"):
        for axis in (number.xaxis, number.yaxis):
            assert axis.get_tick_params(which=which)["direction"] == "in"
        assert number.xaxis.get_tick_params(which=which)["top"]
        assert number.yaxis.get_tick_params(which=which)["right"]
        assert lane.xaxis.get_tick_params(which=which)["direction"] == "in"
    assert number.xaxis.get_tick_params()["gridOn"]
    assert lane.yaxis.get_tick_params()["length"] == 0
    assert not lane.get_legend().get_frame_on()

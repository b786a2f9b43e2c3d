"""What a notebook shows of samples, read as the XML that it is."""

import xml.etree.ElementTree as ET

import numpy as np
from sisock_client.samples import Last, Latest, Samples

T = 1500000000.0 + np.arange(5000.0)


def shown(what: Samples | Latest) -> ET.Element:
    return ET.fromstring(what._repr_html_())


def cells(table: ET.Element) -> list[list[str]]:
    return [[cell.text or "" for cell in row] for row in table.findall(".//tbody/tr")]


def test_a_field_is_a_row_with_its_sums_and_a_curve() -> None:
    table = shown(Samples({"n::a": (T, np.arange(5000.0))}, {"n::a": "K"}, ["m is away"]))
    assert cells(table) == [["n::a", "K", "5,000", "0", "2499.5", "4999", "4999", ""]]
    assert table.findtext(".//caption") == "2017-07-14 02:40:00 UTC to 2017-07-14 04:03:19 UTC"
    path = table.find(".//svg/path")
    assert path is not None
    assert 100 < len(path.attrib["d"].split()) < 1200
    assert "m is away" in [div.text for div in table.findall("div")]


def test_a_curve_has_a_break_in_a_gap_and_where_a_value_is_missing() -> None:
    t = np.concatenate((T[:20], T[:20] + 1000, [T[0] + 5000]))
    values = np.arange(41.0)
    values[10] = np.nan
    table = shown(Samples({"n::a": (t, values)}))
    path = table.find(".//svg/path")
    assert path is not None
    assert path.attrib["d"].count("M") == 4
    assert len(table.findall(".//svg/circle")) == 1


def test_texts_are_boxes_that_say_which() -> None:
    values = np.array(["open", "open", "<b>", "open"])
    table = shown(Samples({"n::valve": (T[:4], values), "n::on": (T[:2], np.array([True, False]))}))
    assert [box.text for box in table.findall(".//svg/rect/title")] == [
        "open",
        "<b>",
        "open",
        "true",
        "false",
    ]
    assert cells(table)[1][-2] == "false"
    boxes = table.findall(".//svg/rect")
    names = ("x", "width", "y", "height", "fill-opacity")
    assert [tuple(float(box.attrib[name]) for name in names) for box in boxes[:3]] == [
        (2.0, 157.3, 8, 16, 0.55), (159.3, 78.7, 8, 16, 0.15), (238.0, 0.8, 8, 16, 0.55),
    ]  # fmt: skip
    many = shown(Samples({"n::a": (T[:9], np.array([*"abcdabcda"]))}))
    shades = [float(box.attrib["fill-opacity"]) for box in many.findall(".//svg/rect")]
    assert len(set(shades)) == 4
    assert shades == [*shades[:4], *shades[:4], shades[0]]
    assert max(shades) <= 1


def test_a_curve_reaches_from_edge_to_edge() -> None:
    table = shown(Samples({"n::a": (T[:3], np.array([10.0, 30.0, 20.0])), "n::b": (T[:2], np.ones(2))}))
    assert [path.attrib["d"] for path in table.findall(".//svg/path")] == [
        "M2.0 30.0 L120.0 2.0 L238.0 16.0", "M2.0 16.0 L120.0 16.0",
    ]  # fmt: skip
    [alone] = shown(Samples({"n::a": (T[:1], np.ones(1))})).findall(".//svg/circle")
    assert (alone.attrib["cx"], alone.attrib["cy"]) == ("2.0", "16.0")


def test_nothing_is_shown_of_nothing() -> None:
    empty = np.empty(0)
    assert shown(Samples({})).findtext(".//caption") == "no samples"
    assert cells(shown(Samples({"n::a": (empty, empty)}))) == [["n::a", "", "0", "", "", "", "", ""]]
    assert len(cells(shown(Samples({"n::a": (T[:3], np.full(3, np.nan))})))) == 1


def test_names_and_notices_are_text_and_nothing_is_fetched() -> None:
    html = Samples({"<script>&": (T, T)}, {"<script>&": "<i>"}, ["<img src=x>"])._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "<i>" not in html
    assert "http" not in html


def test_of_many_fields_some_are_shown_and_the_rest_is_counted() -> None:
    table = shown(Samples({f"n::{i}": (T[:2], T[:2]) for i in range(50)}))
    assert len(cells(table)) == 40
    assert "and 10 more" in [div.text for div in table.findall("div")]


def test_newest_samples_are_a_table() -> None:
    rows = {"n::a": Last("n::a", T[1], 1.23456789, "K"), "n::b": Last("n::b", None, None)}
    assert cells(shown(Latest(rows, ["why"]))) == [
        ["n::a", "1.2346", "K", "2017-07-14 02:40:01 UTC"],
        ["n::b", "", "", ""],
    ]

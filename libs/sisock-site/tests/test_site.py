"""What a site's file means for fields."""

import fnmatch
import math
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sisock import Bounds, Field
from sisock.node import Bins
from sisock_site import EMPTY, Conversion, Facts, parse
from sisock_site.patterns import Patterns

TEMPS = "observatory.cryo.feeds.temperatures"
ONE = Field("channel_01_t", units="V", source=f"{TEMPS}.Channel_01_T")


def test_without_a_file_a_field_is_what_its_node_says() -> None:
    limits = Bounds(alarm_high=3.0)
    said = Field("t", units="K", source="a.b", limits=limits, silent_after=9.0)
    assert EMPTY.facts("n", said) == Facts(
        "n::t", "a.b", units="K", limits=limits, silent_after=9.0, metric=True
    )
    assert EMPTY.facts("n", Field("t")) == Facts("n::t", "n::t")


def test_of_several_rules_that_fit_each_key_is_the_last_ones_that_has_it() -> None:
    site = parse(f"""
        [[fields]]
        match = "{TEMPS}.*"
        units = "K"
        label = "Stage {{1}}"
        silent_after = false
        [[fields]]
        match = ["nothing", "cryo::channel_01_*"]
        label = "{{1}} of {{2}}"
        [[fields]]
        match = "*_T"
        silent_after = "1m"
        metric = true
    """)
    facts = site.facts("cryo", ONE)
    assert (facts.units, facts.label, facts.silent_after, facts.metric) == ("K", "t of {2}", 60.0, True)
    assert site.facts("g3_reader", ONE).label == "Stage Channel_01_T"
    assert site.facts("n", Field("a", source=f"{TEMPS}.a")).silent_after == math.inf


def test_the_files_limits_replace_the_nodes_and_are_of_converted_values() -> None:
    site = parse(
        '[[fields]]\nmatch = "n::a"\nlimits = {alarm = {high = 5}, for = "1m"}\nscale = 2\nunits = "K"'
    )
    assert site.facts("n", Field("a", limits=Bounds(1.0))).limits == Bounds(alarm_high=5.0, for_s=60.0)


def test_a_nodes_own_limits_are_converted_with_its_values() -> None:
    own = Bounds(1.0, 2.0, alarm_high=3.0, hysteresis=0.5, for_s=7.0)
    site = parse('[[fields]]\nmatch = "n::a"\nscale = -10\noffset = 1\nunits = "K"')
    assert site.facts("n", Field("a", limits=own)).limits == Bounds(
        -19.0, -9.0, alarm_low=-29.0, hysteresis=5.0, for_s=7.0
    )
    table = parse('[[fields]]\nmatch = "n::a"\ncalibration = [[0, 1], [1, 2]]\nunits = "K"')
    assert table.facts("n", Field("a", limits=own)).limits is None


@pytest.mark.parametrize(
    ("how", "conversion"),
    [
        ("scale = 2", Conversion(2.0, 0.0)),
        ("offset = 3", Conversion(1.0, 3.0)),
        ("scale = 2\noffset = 3", Conversion(2.0, 3.0)),
        ("calibration = [[0, 1], [1, 2]]", Conversion(table=((0, 1), (1, 2)))),
        ("", None),
    ],
)
def test_a_rule_converts_by_whichever_it_has(how: str, conversion: Conversion | None) -> None:
    site = parse(f'[[fields]]\nmatch = "n::a"\nunits = "K"\n{how}')
    assert site.facts("n", Field("a")).conversion == conversion


def test_only_numbers_are_converted_also_where_some_are_missing() -> None:
    twice = Conversion(2.0, 1.0)
    shown = twice.shown(np.array([1, None, 2.5], dtype=object))
    assert (shown[0], shown[2], np.isnan(shown[1])) == (3.0, 6.0, True)
    assert twice.shown(np.array([1, 2])).tolist() == [3.0, 5.0]
    for left in (["on", None], [1, True], [1.5, "off"], [None, False]):
        values = np.array(left, dtype=object)
        assert twice.shown(values) is values
    bools = np.array([True, False])
    assert twice.shown(bools) is bools


@pytest.mark.parametrize(
    ("scale", "least", "greatest", "total"), [(2.0, [3.0], [9.0], [19.0]), (-2.0, [-7.0], [-1.0], [-13.0])]
)
def test_bins_of_raw_values_are_bins_of_converted_ones(
    scale: float, least: list[float], greatest: list[float], total: list[float]
) -> None:
    one = np.array([3.0])
    t = np.zeros(1)
    raw = Bins("a", t, one, one, t, one + 1, t, np.array([8.0]), one - 2, one + 1)
    made = Conversion(scale, 1.0).of_bins(raw)
    assert made is not None
    assert [column.tolist() for column in (made.min, made.max, made.sum)] == [least, greatest, total]
    assert (made.first.tolist(), made.last.tolist()) == ([3 * scale + 1], [4 * scale + 1])
    assert Conversion(table=((0.0, 1.0), (1.0, 2.0))).of_bins(raw) is None
    texts = np.array(["on"], dtype=object)
    for without in ("sum", "min", "max"):
        words = Conversion(scale, 1.0).of_bins(replace(raw, first=texts, last=texts, **{without: None}))
        assert words is not None
        assert (words.first, words.last, words.max is raw.max or without == "max") == (texts, texts, True)


def test_values_are_converted_by_scale_and_offset_or_between_the_points_of_a_table() -> None:
    assert Conversion(2.0, 1.0).apply([1, np.nan]).tolist()[0] == 3.0
    table = Conversion(table=((0.0, 300.0), (1.0, 100.0), (2.0, 0.0)))
    assert table.apply([0.5, 1.5, 2.0]).tolist() == [200.0, 50.0, 0.0]
    assert np.isnan(table.apply([-0.1, 2.1, np.nan])).all()
    assert (table.falling, Conversion(2.0).falling) == (True, False)
    assert Conversion(table=((0.0, 0.0), (1.0, 1.0), (2.0, 0.0))).falling is None


def test_a_renamed_channel_stays_one_series() -> None:
    site = parse(f"""
        [expected]
        fields = ["{TEMPS}.old", "gone::t"]
        [aliases]
        "{TEMPS}.old" = "{TEMPS}.newer"
        "{TEMPS}.newer" = "observatory.lab.feeds.temperatures.newest"
        "observatory.lab.feeds.*" = "observatory.cryo2.feeds.*"
        "old_node::t" = "new_node::t"
        [[fields]]
        match = "observatory.cryo2.feeds.*"
        units = "K"
    """)
    newest = "observatory.cryo2.feeds.temperatures.newest"
    fields = [
        Field("a", source=f"{TEMPS}.old"),
        Field("b", source=f"{TEMPS}.newer"),
        Field("c", source=newest),
    ]
    known = [site.facts("n", field) for field in fields]
    assert {one.identity for one in known} == {newest}
    assert {one.units for one in known} == {"K"}
    assert [one.expected for one in known] == [True, True, True]
    assert site.identity("old_node::t", None) == "new_node::t"
    assert site.missing({name for one in known for name in (one.target, one.identity)}) == ["gone::t"]


def test_groups_and_their_fields_come_in_the_files_order() -> None:
    site = parse("""
        groups = [
            {name = "B", fields = ["n::z", "n::*"]},
            {name = "A", fields = "*::z"},
            {name = "none", fields = "m"},
        ]
    """)
    known = [site.facts("n", Field(name)) for name in "xyz"]
    arranged = [(name, [one.target for one in found]) for name, found in site.arranged(known)]
    assert arranged == [("B", ["n::z", "n::x", "n::y"]), ("A", ["n::z"]), ("none", [])]
    assert known[2].groups == ("B", "A")


@example(["*a", "?aa"], "a")
@given(st.lists(st.text("ab.*?", max_size=6), max_size=8), st.text("ab.\n", max_size=8))
def test_patterns_find_what_trying_each_would(patterns: list[str], name: str) -> None:
    expected = [number for number, one in enumerate(patterns) if fnmatch.fnmatchcase(name, one)]
    assert Patterns(patterns).like(name) == expected


def test_twenty_thousand_fields_are_held_against_three_hundred_rules_in_a_moment() -> None:
    shapes = [
        "observatory.agent{0}.feeds.temps.*",
        "*.Channel_{0:03d}_T",
        "observatory.agent{1}.feeds.temps.Channel_{0:03d}_?",
        "*agent{0}.*Channel*",
        "node{0}::*",
    ]
    rules = [shapes[i % 5].format(i, i % 60) for i in range(300)]
    site = parse("\n".join(f'[[fields]]\nmatch = "{like}"\nunits = "K"' for like in rules))
    fields = [
        (
            f"node{i // 200}",
            Field(f"c{i}", source=f"observatory.agent{i // 200}.feeds.temps.Channel_{i % 200:03d}_T"),
        )
        for i in range(20_000)
    ]
    began = time.process_time()
    known = [site.facts(node, field) for node, field in fields]
    took = time.process_time() - began
    assert sum(one.units == "K" for one in known) > 10_000
    # Trying each rule takes some 10 s; this takes 0.4 s of the processor, however busy the machine.
    assert took < 3.0

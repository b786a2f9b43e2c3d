"""Columns to the contract's dictionaries and back."""

import re

import cbor2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock import wire
from sisock.bounds import Bounds
from sisock.errors import ContractError, NodeError
from sisock.node import Field, Limits, Series
from sisock_consumer import replies

T = np.array([10.0, 20.0, 30.0])


def tables(*series: Series, names=None, limits=Limits(), own_times=True, start=0.0, end=1e12):  # noqa: B008
    return wire.tabulate(series, names or [s.name for s in series], start, end, limits, own_times=own_times)


def reply(*series: Series, packed=False, names=None, **kwargs):
    made = tables(*series, names=names, **kwargs)
    return next(wire.parts(made, names or [s.name for s in series], packed=packed, part_bytes=None))


def test_fields_are_written_as_the_contract_has_them() -> None:
    fields = [Field("a", "first", "K", timeline="t", interval=2.0), Field("b", type="bool", timeline="t")]
    assert wire.fields_reply(fields) == [
        {
            "a": {"description": "first", "timeline": "t", "type": "number", "units": "K"},
            "b": {"description": None, "timeline": "t", "type": "bool", "units": None},
        },
        {"t": {"interval": 2.0, "field": ["a", "b"]}},
    ]


def test_what_a_field_says_of_itself_is_written_only_where_it_is_said() -> None:
    said = Field("a", source="x.A", limits=Bounds(warning_high=2, for_s=5), silent_after=30)
    assert (
        wire.fields_reply([said])[0]["a"].items()
        >= {
            "source": "x.A",
            "limits": {"warning": {"high": 2.0}, "for": 5.0},
            "silent_after": 30.0,
        }.items()
    )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"source": ""}, "field 'b' has the source '', which is empty"),
        ({"source": "x.A"}, "field 'b' has the source 'x.A', which is that of 'a'"),
        ({"limits": Bounds()}, "field 'b' has limits without a number in them"),
        ({"limits": Bounds(warning_high=1.0, alarm_high=0.5)}, "are 1.0, 0.5"),
        ({"limits": Bounds(alarm_low=float("nan"))}, "has a limit nan, which is no number"),
        ({"silent_after": 0.0}, "field 'b' is silent after 0.0 s, which is never"),
        ({"kept_for": -1.0}, "field 'b' is kept for -1.0 s, which is no while"),
        ({"complete_since": float("nan")}, "field 'b' is complete since nan, which is no time"),
    ],
)
def test_nonsense_that_a_field_says_of_itself_is_refused(wrong, told) -> None:
    with pytest.raises(ContractError, match=re.escape(told)):
        wire.fields_reply([Field("a", source="x.A"), Field("b", **wrong)])


def test_series_of_one_timeline_share_one_time_column() -> None:
    made = reply(
        Series("a", T, np.array([1.0, 2.0, 3.0]), "t"), Series("b", T.copy(), np.array([1, 2, 3]), "t")
    )
    assert made == {
        "data": {"a": [1.0, 2.0, 3.0], "b": [1, 2, 3]},
        "timeline": {"t": {"t": [10.0, 20.0, 30.0], "finalized_until": None}},
    }


def test_series_that_share_a_timeline_but_not_its_times_are_refused() -> None:
    with pytest.raises(ContractError, match="'a' and 'b' share the timeline 'minutely' but not their times"):
        tables(Series("a", T, T, "minutely"), Series("b", T + 60, T, "minutely"))


def test_the_interval_is_half_open() -> None:
    assert reply(Series("a", T, T), start=10, end=30)["data"]["a"] == [10.0, 20.0]


def test_fields_without_samples_are_empty_lists_without_a_timeline() -> None:
    assert reply(Series("a", T, T), names=["a", "b"], start=100) == {
        "data": {"a": [], "b": []},
        "timeline": {},
    }


def test_values_that_are_no_numbers_are_none_in_lists() -> None:
    assert reply(Series("a", T, np.array([1.0, np.nan, np.inf])))["data"]["a"] == [1.0, None, None]


@pytest.mark.parametrize(
    ("series", "sentence"),
    [
        (Series("a", T, T[:2]), "must be one column of the same length"),
        (Series("a", T[::-1], T), "not ascending"),
        (Series("a", np.array([1.0, np.nan]), T[:2]), "has the time nan, which is not a finite number"),
        (Series("a", np.array([1.0, np.inf]), T[:2]), "has the time inf, which is not a finite number"),
        (Series("a", T, np.array([1, b"x", 2], dtype=object)), "has a value of type bytes"),
        (Series("a", T, T, finalized_until=float("nan")), "is finalized until nan, which is no time"),
        (Series("a", T, T.astype(complex)), "dtype complex128"),
        (Series("b", T, T), "was not asked for"),
        ([1, 2], "not a sisock.Series"),
    ],
)
def test_what_breaks_the_contract_is_refused_in_words(series, sentence) -> None:
    with pytest.raises(ContractError, match=sentence):
        tables(series, names=["a"])


COLUMNS = st.integers(1, 100).flatmap(
    lambda n: st.lists(st.lists(st.floats(-1e9, 1e9), min_size=n, max_size=n), min_size=1, max_size=3)
)


@given(COLUMNS, st.booleans(), st.booleans(), st.sampled_from([16, 100, 4096, None]))
def test_any_columns_survive_the_wire_in_any_number_of_parts(columns, packed, shared, part_bytes) -> None:
    names = [f"f{i}" for i in range(len(columns))]
    t = np.arange(float(len(columns[0]))) + 1
    series = [Series(n, t, np.array(c), "t" if shared else "") for n, c in zip(names, columns, strict=True)]
    made = wire.parts(tables(*series), names, packed=packed, part_bytes=part_bytes)
    sent = [cbor2.loads(cbor2.dumps(part)) for part in made]
    merged, problems = replies.merge(sent, names, {s.name: s.timeline_name for s in series})
    assert problems == {}
    for one in series:
        np.testing.assert_array_equal(merged[one.name].t, t)
        np.testing.assert_array_equal(merged[one.name].values, one.values)


def test_text_and_bools_survive_the_wire_packed() -> None:
    text = Series("s", T, np.array(["a", "b", "c"]), "t")
    flags = Series("b", T, np.array([True, False, True]), "t")
    merged, _ = replies.merge([reply(text, flags, packed=True)], ["s", "b"], {})
    assert merged["s"].values.tolist() == ["a", "b", "c"]
    assert merged["b"].values.tolist() == [True, False, True]


def test_a_reduced_field_has_all_of_its_points_to_itself() -> None:
    t = np.arange(1000.0)
    made = tables(
        Series("a", t, np.sin(t), "t"), Series("b", t, np.cos(t), "t"), limits=Limits(max_points=100)
    )
    assert [sorted(table.columns) for table in made] == [["a"], ["b"]]
    assert all(len(table.t) > 90 for table in made)


def test_an_old_caller_gets_one_timeline_for_all_fields_of_it() -> None:
    t = np.arange(1000.0)
    values = np.zeros(1000)
    values[77] = 5
    made = tables(
        Series("a", t, np.sin(t), "t"),
        Series("b", t, values, "t"),
        limits=Limits(max_points=100),
        own_times=False,
    )
    assert [sorted(table.columns) for table in made] == [["a", "b"]]
    assert len(made[0].t) <= 100
    assert made[0].columns["b"].max() == 5


def test_a_reply_whose_columns_do_not_fit_costs_that_field_only() -> None:
    bad = {"data": {"a": [1.0, 2.0], "b": [1.0]}, "timeline": {"t": {"t": [1.0], "finalized_until": None}}}
    series, problems = replies.merge([bad], ["a", "b"], {"a": "t", "b": "t"})
    assert problems == {"a": "2 values for 1 times of the timeline 't'"}
    assert series["b"].values.tolist() == [1.0]


def test_two_timelines_of_one_name_are_never_paired_with_each_others_times() -> None:
    """The predecessor's two fields 'minutely': the reply has one of the two time columns."""
    sent = {"data": {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0]}, "timeline": {"minutely": {"t": [1.0, 2.0, 3.0]}}}
    series, problems = replies.merge([sent], ["a", "b"], {"a": "minutely", "b": "minutely"})
    assert list(series) == ["a"]
    assert "2 values for 3 times" in problems["b"]


def test_groups_of_the_predecessors_g3_reader_are_understood() -> None:
    """Its timelines are called group0, group1 and name their fields, whatever get_fields said."""
    sent = {
        "data": {"a": [1.0], "b": [2.0, 3.0]},
        "timeline": {"group0": {"t": [5.0], "fields": ["a"]}, "group1": {"t": [6.0, 7.0], "fields": ["b"]}},
    }
    series, problems = replies.merge([sent], ["a", "b"], {"a": "observatory.x", "b": "observatory.x"})
    assert problems == {}
    assert series["b"].t.tolist() == [6.0, 7.0]


@pytest.mark.parametrize("nonsense", [None, 3, "x", [], {}, {"data": 1, "timeline": {}}, {"data": {}}])
def test_what_is_no_reply_is_said_so(nonsense) -> None:
    with pytest.raises(NodeError, match="without 'data' and 'timeline'"):
        replies.merge([nonsense], ["a"], {})


LEAVES = st.none() | st.booleans() | st.floats() | st.text() | st.binary()
GARBAGE = st.recursive(
    LEAVES, lambda c: st.lists(c) | st.dictionaries(st.sampled_from(["a", "t", "data", "field"]), c)
)


@given(GARBAGE)
def test_any_garbage_in_a_reply_is_an_error_of_its_field_at_most(garbage) -> None:
    try:
        replies.merge([{"data": {"a": garbage}, "timeline": {"t": {"t": garbage}}}], ["a"], {"a": "t"})
        replies.merge([{"data": {"a": [1.0]}, "timeline": {"t": garbage}}], ["a"], {"a": "t"})
    except NodeError as error:
        assert str(error)  # noqa: PT017 (either is fine, a crash is not)


def test_samples_at_absurd_times_are_cut_off_however_much_was_asked_for() -> None:
    t = np.array([-1e303, 10.0, 20.0, 1e303])
    made = reply(Series("a", t, np.arange(4.0)), start=-float("inf"), end=float("inf"))
    assert made["data"]["a"] == [1.0, 2.0]
    assert made["timeline"]["a"]["t"] == [10.0, 20.0]


@pytest.mark.parametrize("packed", [False, True])
def test_values_that_no_float_holds_are_none(packed) -> None:
    values = [10**400, -(10**400), 2**70, 2**64 - 1, 5, float("inf"), "text", None, True, np.int64(7)]
    column = np.empty(len(values), dtype=object)
    column[:] = values
    made = reply(Series("a", np.arange(1.0, 11.0), column), packed=packed)["data"]["a"]
    assert made == [None, None, 2.0**70, 2**64 - 1, 5, None, "text", None, True, 7]
    assert [type(v) for v in made[2:5]] == [float, int, int]


def test_what_is_final_for_ever_is_final_and_of_several_the_oldest_counts() -> None:
    made = reply(Series("a", T, T, "t", finalized_until=25.0), Series("b", T, T, "t", finalized_until=15.0))
    assert made["timeline"]["t"]["finalized_until"] == 15.0
    made = reply(Series("a", T, T, "t", finalized_until=15.0), Series("b", T, T, "t"))
    assert made["timeline"]["t"]["finalized_until"] == 15.0
    assert reply(Series("a", T, T, finalized_until=np.inf))["timeline"]["a"]["finalized_until"] is None


def test_an_interval_that_is_no_number_is_not_known() -> None:
    assert wire.fields_reply([Field("a", interval=float("nan"))])[1]["a"]["interval"] is None


def test_a_series_given_twice_is_refused() -> None:
    with pytest.raises(ContractError, match="gave the field 'a' twice"):
        tables(Series("a", T, T), Series("a", T, T), names=["a"])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (["a"], "fields() gave 'a', which is not a sisock.Field"),
        ([Field("")], "fields() gave the name '' (empty)"),
        ([Field("a"), Field("a")], "fields() gave the name 'a' twice"),
        ([Field("a", type="int")], "field 'a' has type 'int', which is none of ('number', 'string', 'bool')"),
        ([Field("a", silent_after=np.inf)], "field 'a' is silent after inf s, which is never"),
        ([Field("a", kept_for=np.inf)], "field 'a' is kept for inf s, which is no while"),
        ([Field("a", kept_for=0)], "field 'a' is kept for 0 s, which is no while"),
    ],
)
def test_fields_that_break_the_contract_are_refused_in_words(fields, told) -> None:
    with pytest.raises(ContractError) as refused:
        wire.fields_reply(fields)
    assert str(refused.value) == told


def test_what_is_said_of_a_field_is_written_as_numbers() -> None:
    field = Field("a", interval=5, silent_after=1, kept_for=2, complete_since=0)
    [listed], [timeline] = (reply.values() for reply in wire.fields_reply([field]))
    assert (listed["silent_after"], listed["kept_for"], listed["complete_since"]) == (1.0, 2.0, 0.0)
    assert timeline["interval"] == 5.0
    assert [type(listed[key]) for key in ("silent_after", "kept_for", "complete_since")] == [float] * 3
    assert wire.fields_reply([Field("a", interval=np.inf)])[1]["a"]["interval"] is None
    plain = wire.fields_reply([Field("a")])[0]["a"]
    assert set(plain) == {"description", "timeline", "type", "units"}


@pytest.mark.parametrize(
    ("series", "told"),
    [
        (Series("a", T.reshape(1, 3), T), "has times of shape (1, 3) and values of shape (3,)"),
        (Series("a", T, T.reshape(3, 1)), "has times of shape (3,) and values of shape (3, 1)"),
        (Series("a", T.reshape(1, 3), T.reshape(1, 3)), "must be one column of the same length"),
        (Series("a", T > 15, T), "has times of dtype bool; they must be UNIX seconds"),
        (Series("a", T.astype("M8[s]"), T), "has times of dtype datetime64[s]"),
        (Series("a", T, T.astype("M8[s]")), "has values of dtype datetime64[s]: not numbers"),
        (Series("a", T, T, finalized_until=-np.inf), "is finalized until -inf, which is no time"),
        (Series("a", np.array([1.0, 3.0, 2.0]), T), "has times that are not ascending"),
    ],
)
def test_columns_that_are_none_are_refused_in_words(series, told) -> None:
    with pytest.raises(ContractError, match=re.escape(told)):
        tables(series)


def test_times_may_be_whole_numbers_and_two_samples_may_have_one_time() -> None:
    made = reply(Series("a", np.array([10, 10, 20]), np.array(["x", "y", "z"])))
    assert (made["data"]["a"], made["timeline"]["a"]["t"]) == (["x", "y", "z"], [10.0, 10.0, 20.0])
    assert [type(t) for t in made["timeline"]["a"]["t"]] == [float] * 3


def test_the_end_of_what_is_final_is_no_farther_than_any_clock() -> None:
    assert reply(Series("a", T, T, finalized_until=1e13))["timeline"]["a"]["finalized_until"] == 1e12


def test_whole_numbers_are_whole_in_lists_and_floats_packed_and_bools_are_lists() -> None:
    whole, flags = Series("a", T, np.array([1, 2, 3])), Series("b", T, np.array([True, False, True]))
    assert [type(v) for v in reply(whole)["data"]["a"]] == [int] * 3
    assert np.frombuffer(reply(whole, packed=True)["data"]["a"]).tolist() == [1.0, 2.0, 3.0]
    assert reply(flags, packed=True)["data"]["b"] == [True, False, True]
    assert reply(flags)["data"]["b"] == [True, False, True]
    assert reply(whole, packed=True)["timeline"]["a"]["field"] == ["a"]
    assert "field" not in reply(whole)["timeline"]["a"]


def test_a_number_among_objects_is_whole_as_far_as_serializers_hold_it() -> None:
    values = np.array([-(2**63), -(2**63) - 1, 2**64], dtype=object)
    made = reply(Series("a", T, values))["data"]["a"]
    assert (made, [type(v) for v in made]) == ([-(2**63), -(2.0**63), 2.0**64], [int, float, float])


def test_a_table_is_reduced_only_if_it_is_longer_than_wanted() -> None:
    t = np.arange(8.0)
    one, two = Series("a", t, t, "t"), Series("b", t, t, "t")
    for most, count in ((8, 8), (7, 4), (4, 2)):
        [made] = tables(one, limits=Limits(max_points=most))
        assert (made.timeline, len(made.t)) == ("t", count)
    assert [made.timeline for made in tables(one, two, limits=Limits(max_points=8))] == ["t"]
    made = tables(one, two, limits=Limits(max_points=7))
    assert [(table.timeline, list(table.columns)) for table in made] == [("t/a", ["a"]), ("t/b", ["b"])]
    [made] = tables(one, limits=Limits(min_stride=2.0))
    assert np.diff(made.t).min() == 2.0
    [made] = tables(one, limits=Limits(max_points=4, min_stride=2.0))
    assert len(made.t) <= 4


def sizes(made, part_bytes, *, packed=True, stepped=False) -> list[list[int]]:
    names = [name for table in made for name in table.columns]
    return [
        [len(entry["field"]) for entry in part["timeline"].values()]
        and [len(values) // (8 if packed else 1) for values in part["data"].values()]
        for part in wire.parts(made, names, packed=packed, stepped=stepped, part_bytes=part_bytes)
    ]


def test_parts_are_filled_to_their_size_and_no_farther() -> None:
    t = np.array([0.0, 1.0, 5.0, *range(6, 13)])  # no rhythm
    three = tables(*(Series(name, t, t) for name in "abc"))
    assert sizes(three, None) == [[10, 10, 10]]
    assert sizes(three, 160) == [[10], [10], [10]]
    assert sizes(three, 320) == [[10, 10], [10]]
    assert sizes(three, 319) == [[10], [10], [10]]
    assert sizes(three[:1], 48) == [[3], [3], [3], [1]]
    assert sizes(three[:1], 1) == [[1]] * 10


def test_a_row_takes_eight_bytes_a_number_and_text_what_it_is_long() -> None:
    def row(values: list, **kind) -> int:
        column = np.array(values, **kind)
        return wire.Table("t", np.arange(float(len(column))), {"a": column}, None).row_bytes - 8

    assert row([1.0, 2.0]) == row([1, 2]) == row([True, False]) == 8
    assert row(["ab"]) == 8
    assert row(["a" * 20, "b"]) == 20
    assert row(["a" * 20, "b" * 10], dtype=object) == 15
    assert repr(row(["a" * 20, "b" * 11], dtype=object)) == "15"  # a slice ends at whole rows
    assert row(["ab"], dtype=object) == row([], dtype=object) == 8
    many = np.array(["x" * 30] * 64 + ["y" * 10] * 64, dtype=object)
    assert row(many) == 20
    assert wire.Table("t", T, {"a": T, "b": T}, None).row_bytes == 24
    assert wire.Table("t", T, {"a": T, "b": T}, None).stepped_row_bytes == 16
    assert wire.Table("t", T, {}, None).stepped_row_bytes == 1


def test_a_range_that_holds_nothing_is_no_table() -> None:
    assert tables(Series("a", T, T), start=20.0, end=20.0) == []
    assert tables(Series("a", T, T), start=25.0, end=15.0) == []
    assert tables(Series("a", T[:0], T[:0])) == []

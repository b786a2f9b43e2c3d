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


COLUMNS = st.integers(1, 300).flatmap(
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

"""What nodes send, read: literal nonsense, and any nested data that a peer could think of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock.errors import NodeError
from sisock.node import Field
from sisock_consumer import replies

T = [1.0, 2.0, 3.0]


def reply(values, t=None, **more):
    return {"data": {"a": values}, "timeline": {"t": {"t": T if t is None else t, **more}}}


def read(*parts):
    found = replies.read_data("n", parts, ["a"], {"a": "t"})
    return found.series.get("a"), found.problems.get("a", "")


LEAVES = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.text(st.characters())
    | st.binary(max_size=40)
)
KEYS = st.sampled_from(["a", "t", "data", "timeline", "field", "fields", "type", "interval"]) | st.integers()
NESTED = st.recursive(LEAVES, lambda c: st.lists(c, max_size=6) | st.dictionaries(KEYS, c, max_size=4))
TIMELINES = st.dictionaries(st.sampled_from(["t", "u"]) | st.integers(), NESTED, max_size=3)
REPLY = NESTED | st.fixed_dictionaries(
    {"data": st.dictionaries(st.sampled_from(["a", "b"]), NESTED), "timeline": TIMELINES}
)
COLUMNS = st.integers(1, 5).flatmap(
    lambda n: st.builds(
        reply,
        st.lists(NESTED, min_size=n, max_size=n),
        st.lists(st.floats() | st.integers(-(10**400), 10**400), min_size=n, max_size=n),
    )
)


def plausible(series, problems, names):
    """What any reader may rely on."""
    assert set(series) | set(problems) == set(names)
    assert all(sentence and sentence.isprintable() for sentence in problems.values())
    for one in series.values():
        assert one.t.dtype == np.float64
        assert one.t.shape == one.values.shape == (len(one.t),)
        assert (np.abs(one.t) <= replies.FARTHEST_S).all()
        assert (np.diff(one.t) >= 0).all()
        assert one.values.dtype.kind in "fbO"
        for value in one.values.tolist():
            assert value is None or type(value) in (str, bool, float, int)


@given(st.lists(REPLY | COLUMNS, max_size=3))
def test_any_data_become_plausible_series_or_a_node_error(parts) -> None:
    try:
        found = replies.read_data("n", parts, ["a", "b"], {"a": "t", "b": "u"})
    except NodeError as error:
        assert str(error).startswith("n: ")  # noqa: PT017 (either is fine, another error is not)
        return
    plausible(found.series, found.problems, ["a", "b"])


@given(
    NESTED
    | st.tuples(NESTED, NESTED)
    | st.tuples(st.dictionaries(st.text(st.characters()) | st.integers(), NESTED), TIMELINES)
    | st.tuples(st.fixed_dictionaries({"a": st.dictionaries(KEYS, NESTED)}), TIMELINES)
)
def test_any_listing_becomes_fields_or_a_node_error(sent) -> None:
    try:
        listing = replies.read_fields("n", sent)
    except NodeError as error:
        assert "n.get_fields answered" in str(error)  # noqa: PT017
        return
    assert all("n" in problem for problem in listing.problems)
    for field in listing.fields:
        assert isinstance(field, Field)
        for text in (field.name, field.timeline_name, field.description or "", field.units or ""):
            assert text.encode() is not None
        assert field.type in ("number", "string", "bool")
        assert field.interval is None or np.isfinite(field.interval)


@given(NESTED)
def test_the_size_of_anything_is_told_without_an_error(sent) -> None:
    assert replies.size_bytes(sent) > 0


def test_the_size_of_a_reply_is_about_what_it_takes() -> None:
    assert 8000 <= replies.size_bytes({"data": {"a": bytes(8000)}, "timeline": {}}) < 8500
    assert 8000 <= replies.size_bytes([1.0] * 1000) < 8200
    assert replies.size_bytes({}) >= 64
    assert replies.size_bytes(["x" * 1000] * 10) >= 10_000


@pytest.mark.parametrize("t", [1e303, float("inf"), float("nan"), -1e303, 10**400, 1e12 + 1])
def test_a_sample_at_an_absurd_time_is_left_out_and_told(t) -> None:
    series, problem = read(reply([1.0, 2.0, 3.0], [1.0, t, 3.0]))
    assert (series.t.tolist(), series.values.tolist()) == ([1.0, 3.0], [1.0, 3.0])
    assert problem == "n::a: samples at times that no clock shows, left out: 1"


def test_a_number_that_no_float_holds_is_no_value_and_told() -> None:
    series, problem = read(reply([1, 10**400, None]))
    assert series.values[0] == 1.0
    assert np.isnan(series.values[1:]).all()
    assert problem == "n::a: values that cannot be shown, left out: 1"


def test_what_is_no_value_among_text_is_none_and_told() -> None:
    series, problem = read(reply(["on", b"x", None]))
    assert series.values.tolist() == ["on", None, None]
    assert problem == "n::a: values that cannot be shown, left out: 1"


def test_half_a_surrogate_pair_is_none() -> None:
    assert read(reply(["on", "\ud800", "off"]))[0].values.tolist() == ["on", None, "off"]


def test_columns_whose_parts_differ_in_kind_keep_their_values() -> None:
    series, problem = read(reply([True], [1.0]), reply([1.5], [2.0]), reply(["x"], [3.0]))
    assert series.values.tolist() == [True, 1.5, "x"]
    assert problem == ""


def test_parts_that_are_out_of_order_are_sorted_by_time() -> None:
    series, _ = read(reply([3.0], [3.0]), reply([1.0, 2.0], [1.0, 2.0]))
    assert (series.t.tolist(), series.values.tolist()) == (T, T)


def test_values_that_are_not_as_many_as_times_are_a_misfit() -> None:
    found = replies.read_data("n", [reply([1.0])], ["a"], {"a": "t"})
    assert found.misfits == {"a"}
    assert found.problems == {"a": "n::a: 1 values for 3 times of the timeline 't'"}


def test_a_timeline_described_by_a_number_is_told_and_the_field_is_there() -> None:
    listing = replies.read_fields("n", [{"x": {"timeline": "7"}}, {"7": 5}])
    assert listing.fields == [Field("x", timeline="7")]
    assert listing.problems == ["n::x: its timeline is described by int, not a dictionary"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"source": 5}, "its source is int, not text"),
        ({"limits": [1, 2]}, "it has limits that are list, not a dictionary"),
        ({"limits": {"alarm": {"high": "2"}}}, "it has a limit that is str, not a finite number"),
        ({"limits": {"warning": {"low": 2}, "alarm": {"low": 3}}}, "it has limits in the wrong order"),
        ({"limits": {}}, "it has limits without a number in them"),
        ({"silent_after": -1}, "its silent_after is no number of seconds"),
        ({"kept_for": 0}, "its kept_for is no number of seconds"),
        ({"complete_since": "yesterday"}, "its complete_since is no time"),
    ],
)
def test_nonsense_that_a_field_says_of_itself_costs_only_itself(said, told) -> None:
    listing = replies.read_fields("n", [{"x": {"units": "K", **said}}, {}])
    assert listing.fields == [Field("x", units="K", timeline="x")]
    assert [problem.startswith(f"n::x: {told}") for problem in listing.problems] == [True]


def test_of_fields_of_one_source_the_first_has_it() -> None:
    listing = replies.read_fields("n", [{"x": {"source": "s"}, "y": {"source": "s"}}, {}])
    assert [field.source for field in listing.fields] == ["s", None]
    assert listing.problems == ["n::y: its source is that of x"]


def test_a_listing_keeps_none_of_the_texts_it_was_read_from_and_each_text_once() -> None:
    # As from the wire: equal texts are different objects, which lie between all the rest of the reply.
    name, units = ("".join(letters) for letters in ("first", "kelvin"))
    other = "".join("kelvin")
    listed = {name: {"units": units, "timeline": "t"}, "second": {"units": other, "timeline": "t"}}
    first, second = replies.read_fields("n", [listed, {"t": {"interval": 1.0}}]).fields
    assert (first.name, first.units, second.units) == ("first", "kelvin", "kelvin")
    assert first.name is not name
    assert first.units is not units
    assert first.units is second.units
    assert first.timeline is second.timeline


def test_a_listing_of_good_fields_has_no_problems() -> None:
    sent = [
        {"x": {"description": "d", "timeline": "t", "type": "bool", "units": "K"}},
        {"t": {"interval": 5, "field": ["x"]}},
    ]
    assert replies.read_fields("n", sent) == replies.Listing([Field("x", "d", "K", "bool", "t", 5.0)], [])


def test_what_the_last_part_says_of_what_is_final_holds() -> None:
    parts = [reply([1.0, 2.0], [1.0, 2.0], finalized_until=2.0), reply([3.0], [3.0], finalized_until=3.5)]
    for told, until in ((parts, 3.5), (parts[::-1], 2.0), ([*parts, reply([4.0], [4.0])], None)):
        series, problem = read(*told)
        assert (series.finalized_until, problem) == (until, "")


def test_a_value_that_was_missing_from_the_start_is_not_told_as_lost() -> None:
    told = "values that cannot be shown, left out: 2"
    series, problem = read(reply([10**400, None, -(10**400)]))
    assert (np.isnan(series.values).all(), problem.partition(": ")[2]) == (True, told)
    series, problem = read(reply([[1], None, {"a": 1}]))
    assert (series.values.tolist(), problem.partition(": ")[2]) == ([None, None, None], told)


@pytest.mark.parametrize("sent", [None, {}, [], [{}], [{}, {}, {}], [{}, 3], [3, {}], "ab"])
def test_a_listing_is_two_dictionaries_or_none_at_all(sent) -> None:
    with pytest.raises(NodeError, match=r"^n.get_fields answered \w+, not \[fields, timelines\]$"):
        replies.read_fields("n", sent)


def test_fields_without_a_name_or_a_description_cost_only_themselves() -> None:
    listing = replies.read_fields("n", [{"": {}, 5: {}, "\ud800": {}, "x": 3, "y": {}}, {}])
    assert listing.fields == [Field("y", timeline="y")]
    nameless = "n has a field whose name is no text"
    assert listing.problems == [nameless] * 3 + ["n::x is described by int, not a dictionary"]


def test_what_a_field_says_of_itself_is_read() -> None:
    said = {
        "type": "string", "source": "f.x", "limits": {"warning": {"high": 2}},
        "silent_after": 0.5, "kept_for": 0.25, "complete_since": 7,
    }  # fmt: skip
    listing = replies.read_fields("n", [{"x": said, "y": {"type": "number", "source": ""}}, {}])
    x, y = listing.fields
    assert (x.type, x.source, x.limits.warning_high) == ("string", "f.x", 2.0)
    assert (x.silent_after, x.kept_for, x.complete_since) == (0.5, 0.25, 7.0)
    assert (y.type, y.source, listing.problems) == ("number", None, [])


@pytest.mark.parametrize(
    ("field", "timeline", "told"),
    [
        ({"type": "int"}, {}, "its type is none of number, string, bool"),
        ({"type": 5}, {}, "its type is none of number, string, bool"),
        ({"timeline": 5}, {}, "its timeline is int, not text"),
        ({}, {"interval": "5"}, "the interval of its timeline is not a number of seconds"),
        ({}, {"interval": True}, "the interval of its timeline is not a number of seconds"),
        ({}, {"interval": float("inf")}, "the interval of its timeline is not a number of seconds"),
        ({"silent_after": "5"}, {}, "its silent_after is no number of seconds"),
        ({"kept_for": 10**400}, {}, "its kept_for is no number of seconds"),
    ],
)
def test_nonsense_is_told_and_read_as_nothing(field, timeline, told) -> None:
    listing = replies.read_fields("n", [{"x": field}, {"x": timeline}])
    assert listing.fields == [Field("x", timeline="x")]
    assert listing.problems == [f"n::x: {told}"]


def test_the_size_of_nested_things_is_counted_to_the_byte() -> None:
    assert replies.size_bytes(1.5) == 8
    assert replies.size_bytes(b"abc") == 3 + 8
    assert replies.size_bytes([1.0, "xy"]) == 64 + 2 * 8 + (2 + 8)
    assert replies.size_bytes({"a": [1.0, 2, None]}) == 64 + (1 + 8) + (64 + 3 * 8 + 8)


def test_a_name_is_shown_in_three_hundred_characters() -> None:
    assert replies.shown("x" * 301) == "x" * 300
    assert replies.shown("a\ud800b") == "a?b"


def test_whole_numbers_among_text_stay_whole_as_far_as_clients_hold_them() -> None:
    sent = ["x", 200, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 1.5, True]
    series, _ = read(reply(sent, [float(n) for n in range(8)]))
    assert series.values.tolist() == [*sent[:5], -(2.0**63), *sent[6:]]
    assert [type(v) for v in series.values[1:6]] == [int, int, int, float, float]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (bytes(12), "12 bytes are no column of 8-byte numbers"),
        ("text", "values are str, not a list"),
        (5, "values are int, not a list"),
    ],
)
def test_what_is_no_column_is_told(values, told) -> None:
    assert read(reply(values)) == (None, f"n::a: {told}")


def test_times_that_are_no_numbers_are_told() -> None:
    assert read(reply([1.0, 2.0], ["1", "2"]))[1] == "n::a: the times of the timeline 't' are not numbers"


def test_a_field_follows_the_timeline_that_names_it_or_that_it_was_listed_with_or_the_only_one() -> None:
    two = {"t": {"t": [1.0]}, "u": {"t": [5.0], "fields": ["a"]}, 7: {"t": [9.0]}}
    for timelines, listed, t in (
        (two, "t", 5.0),
        ({7: {"t": [9.0]}, "t": {"t": [1.0]}, "u": {"t": [5.0]}}, "u", 5.0),
        ({"t": {"t": [1.0]}}, "elsewhere", 1.0),
    ):
        sent = {"data": {"a": [2.0], "other": 5}, "timeline": timelines}
        found = replies.read_data("n", [sent], ["a"], {"a": listed})
        assert (found.problems, found.series["a"].t.tolist()) == ({}, [t])
    sent = {"data": {"a": [2.0]}, "timeline": {"t": {"t": [1.0]}, "u": {"t": [5.0]}}}
    found = replies.read_data("n", [sent], ["a"], {})
    assert found.problems == {"a": "n::a: the reply does not say which of its 2 timelines the field follows"}
    assert found.misfits == frozenset()


def test_packed_parts_are_one_column_of_numbers() -> None:
    parts = [reply(np.array(v).tobytes(), np.array(v).tobytes()) for v in ([1.0, 2.0], [3.0])]
    series, problem = read(*parts)
    assert (series.t.tolist(), series.values.tolist(), problem) == (T, T, "")
    series, _ = read(parts[0], reply([None], [3.0]))
    assert series.values.dtype == np.float64
    assert np.isnan(series.values).tolist() == [False, False, True]


def test_what_is_lost_in_all_parts_is_counted_together() -> None:
    _, problem = read(reply([10**400], [1.0]), reply(["x", b"y", b"z"], [2.0, 3.0, 1e13]))
    assert problem == (
        "n::a: values that cannot be shown, left out: 3; samples at times that no clock shows, left out: 1"
    )


def test_a_sample_at_the_farthest_time_counts() -> None:
    series, problem = read(reply([1.0, 2.0], [-1e12, 1e12]))
    assert (series.t.tolist(), problem) == ([-1e12, 1e12], "")


def test_samples_of_one_time_stay_in_the_order_in_which_they_came() -> None:
    series, _ = read(reply([3.0, 1.0, 2.0], [2.0, 1.0, 1.0]))
    assert series.values.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("wrong", [True, float("nan"), "7", 10**400])
def test_what_is_no_time_is_no_end_of_what_is_final(wrong) -> None:
    assert read(reply(T, finalized_until=wrong))[0].finalized_until is None
    assert read(reply(T, finalized_until=2))[0].finalized_until == 2.0

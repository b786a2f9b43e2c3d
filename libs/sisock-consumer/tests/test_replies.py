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

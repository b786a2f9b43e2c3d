"""The parser of OCS messages."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock_data_feed.feed import DTYPES, Parsed, field_name, parse
from sisock_data_feed.topics import Address

FEED = {"agent_address": "observatory.LSA22YE", "feed_name": "temperatures", "record": True}


def message(data: dict[str, Any], timestamps: object = (1.0, 2.0), **more: Any) -> list[Any]:
    return [{"temps": {"block_name": "temps", "timestamps": timestamps, "data": data, **more}}, FEED]


def only_block(parsed: Parsed) -> tuple[list[float], dict[Any, list[Any]]]:
    (block,) = parsed.blocks
    return block.t.tolist(), {channel: values.tolist() for channel, values in block.columns.items()}


def test_a_message_becomes_columns_with_their_types() -> None:
    parsed = parse(message({"T": [1.5, 2], "count": [1, 2], "on": [True, False], "state": ["ok", "bad"]}))
    assert parsed.problems == {}
    assert parsed.address == Address("LSA22YE", "temperatures")
    assert only_block(parsed) == (
        [1.0, 2.0],
        {
            ("T", "number"): [1.5, 2.0],
            ("count", "number"): [1.0, 2.0],
            ("on", "bool"): [1, 0],
            ("state", "string"): ["ok", "bad"],
        },
    )


def test_the_known_address_counts_more_than_the_messages_own() -> None:
    assert parse(message({"T": [1, 2]}), Address("a", "b")).address == Address("a", "b")


def test_unknown_keys_and_the_agents_tags_are_ignored() -> None:
    tags = {"T": {"_field": "temperature"}}
    assert only_block(parse(message({"T": [1, 2]}, influxdb_tags=tags, prefix="x", new=1)))[0] == [1.0, 2.0]


def test_a_single_sample_may_come_as_plain_values() -> None:
    block = {"block_name": "temps", "timestamp": 3.0, "data": {"T": 4, "state": "ok"}}
    assert only_block(parse([{"temps": block}, FEED])) == (
        [3.0],
        {("T", "number"): [4.0], ("state", "string"): ["ok"]},
    )


def test_nan_and_infinities_are_values() -> None:
    _, columns = only_block(parse(message({"T": [math.inf, math.nan]})))
    assert columns["T", "number"][0] == math.inf
    assert math.isnan(columns["T", "number"][1])


def test_a_channel_that_mixes_numbers_and_strings_has_a_column_of_each() -> None:
    _, columns = only_block(parse(message({"T": [1.5, "overload"]})))
    assert columns["T", "string"] == [None, "overload"]
    assert columns["T", "number"][0] == 1.5
    assert math.isnan(columns["T", "number"][1])


def test_bools_among_numbers_are_numbers() -> None:
    assert only_block(parse(message({"T": [True, 2.5]})))[1] == {("T", "number"): [1.0, 2.5]}


def test_a_bool_that_is_missing_leaves_the_others_bools() -> None:
    assert only_block(parse(message({"on": [True, None]})))[1] == {("on", "bool"): [1, -1]}


@pytest.mark.parametrize("huge", [10**400, -(10**400)])
def test_an_integer_that_no_float_holds_is_missing_and_said(huge: int) -> None:
    parsed = parse(message({"n": [huge, 1], "T": [1.5, 2.5]}))
    columns = only_block(parsed)[1]
    assert math.isnan(columns["n", "number"][0])
    assert (columns["n", "number"][1], columns["T", "number"]) == (1.0, [1.5, 2.5])
    assert parsed.problems == {"value": "channel 'n' has the value int of 1329 bits, which no float holds"}


def test_times_are_sorted_and_each_is_there_once_with_its_last_value() -> None:
    parsed = parse(message({"T": [3, 1, 2, 9]}, timestamps=[3.0, 1.0, 2.0, 1.0]))
    assert only_block(parsed) == ([1.0, 2.0, 3.0], {("T", "number"): [9.0, 2.0, 3.0]})


def test_a_missing_value_does_not_replace_one_that_is_there_at_the_same_time() -> None:
    data = {"T": [5, None, 7, 8], "s": ["a", "b", None, "c"], "on": [None, True, False, None]}
    t, columns = only_block(parse(message(data, timestamps=[2.0, 2.0, 1.0, 1.0])))
    assert t == [1.0, 2.0]
    assert columns == {("T", "number"): [8.0, 5.0], ("s", "string"): ["c", "b"], ("on", "bool"): [0, 1]}


@pytest.mark.parametrize(
    "bad", [math.nan, math.inf, -math.inf, 1e303, 1.7e12, 10**400, None, "noon", -5, -1e303, 0]
)
def test_a_row_without_a_unix_time_is_left_out(bad: object) -> None:
    parsed = parse(message({"T": [1, 2, 3]}, timestamps=[10.0, bad, 30.0]))
    assert only_block(parsed) == ([10.0, 30.0], {("T", "number"): [1.0, 3.0]})
    assert list(parsed.problems) == ["times"]


def test_a_channel_of_the_wrong_length_is_left_out() -> None:
    parsed = parse(message({"short": [1], "T": [1, 2]}))
    assert list(only_block(parsed)[1]) == [("T", "number")]
    assert parsed.problems == {"length": "channel 'short' has 1 values for 2 times"}


def test_a_value_that_is_none_of_the_types_is_missing() -> None:
    parsed = parse(message({"T": [1, {"deep": 2}]}))
    assert math.isnan(only_block(parsed)[1]["T", "number"][1])
    assert parsed.problems == {"value": "channel 'T' has the value dict of 1"}


def test_blocks_of_different_lengths_share_a_message() -> None:
    fast = {"timestamps": [1.0, 2.0, 3.0], "data": {"a": [1, 2, 3]}}
    slow = {"timestamps": [1.5], "data": {"b": [1]}}
    parsed = parse([{"fast": fast, "slow": slow}, FEED])
    assert [(block.name, len(block.t)) for block in parsed.blocks] == [("fast", 3), ("slow", 1)]


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        7,
        "text",
        [],
        [{}],
        [{}, {}, {}],
        [[], FEED],
        [{"temps": 3}, FEED],
        [{"temps": {"data": []}}, FEED],
    ],
)
def test_nonsense_is_named_and_nothing_else(nonsense: object) -> None:
    parsed = parse(nonsense)
    assert parsed.blocks == []
    assert len(parsed.problems) == 1


@pytest.mark.parametrize(
    ("told", "problems"),
    [
        (None, {"shape": "the message is NoneType, not a pair of blocks and feed"}),
        ([{}], {"shape": "the message is list of 1, not a pair of blocks and feed"}),
        ("x" * 50, {"shape": f"the message is str {'x' * 40!r}, not a pair of blocks and feed"}),
        (b"ab", {"shape": "the message is bytes b'ab', not a pair of blocks and feed"}),
        ([[1, 2, 3], FEED], {"shape": "the message's blocks are list of 3, not a mapping"}),
        ([{}, {}], {"shape": "the message's feed is dict of 0, which has no agent_address and feed_name"}),
        ([{}, 7], {"shape": "the message's feed is int, which has no agent_address and feed_name"}),
        ([{"temps": 2.5}, FEED], {"block": "block str 'temps' is 2.5"}),
        ([{7: {}}, FEED], {"block": "block int is dict of 0"}),
        ([{"temps": {}}, FEED], {"block": "block 'temps' has data that are None, not a mapping"}),
        (message({"": [1, 2], "T": [1, 2]}), {"name": "block 'temps' has a channel named str ''"}),
        (message({" ": [1, 2], 5: [1, 2], "T": [1, 2]}), {"name": "block 'temps' has a channel named int"}),
        (message({"T": [1, 2, 3]}), {"length": "channel 'T' has 3 values for 2 times"}),
        (message({"T": [1, 2]}, [0, -1]), {"times": "block 'temps' has 2 of 2 times that are no UNIX times"}),
        (message({"T": [[1, 2], "ok"]}), {"value": "channel 'T' has the value list of 2"}),
        (message({}), {}),
        ([{}, FEED], {}),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(told: object, problems: dict[str, str]) -> None:
    assert parse(told).problems == {
        kind: why.replace("NoneType", "None") if kind == "shape" else why for kind, why in problems.items()
    }


@pytest.mark.parametrize(
    ("agent", "name", "address"),
    [
        ("observatory.a", "x", Address("a", "x")),
        ("observatory.a.b", "x", Address("a.b", "x")),
        ("observatoryx.a", "x", None),
        ("observatory.a", "", None),
        ("observatory.a", None, None),
        (7, "x", None),
    ],
)
def test_only_a_feed_of_an_agent_of_ours_has_an_address(agent: Any, name: Any, address: Any) -> None:
    feed = {"agent_address": agent, "feed_name": name}
    assert parse([message({"T": [1, 2]})[0], feed]).address == address


def test_the_last_moment_that_is_a_time_is_that_of_the_year_9999() -> None:
    parsed = parse(message({"T": [1, 2]}, [253_402_300_799.5, 253_402_300_800.0]))
    assert only_block(parsed) == ([253_402_300_799.5], {("T", "number"): [1.0]})
    assert parsed.problems == {"times": "block 'temps' has 1 of 2 times that are no UNIX times"}


def test_two_equal_times_are_one_row() -> None:
    assert only_block(parse(message({"T": [1, 2]}, [5.0, 5.0]))) == ([5.0], {("T", "number"): [2.0]})


def test_bools_beside_texts_and_beside_numbers() -> None:
    t = [1.0, 2.0, 3.0]
    assert only_block(parse(message({"T": [True, "x", False]}, t)))[1] == {
        ("T", "bool"): [1, -1, 0],
        ("T", "string"): [None, "x", None],
    }
    assert only_block(parse(message({"T": [True, "x", 2]}, t)))[1]["T", "string"] == [None, "x", None]
    numbers = only_block(parse(message({"T": [True, "x", 2]}, t)))[1]["T", "number"]
    assert (numbers[0], math.isnan(numbers[1]), numbers[2]) == (1.0, True, 2.0)


def test_half_a_character_becomes_a_question_mark_everywhere() -> None:
    block = {"timestamps": [1.0], "data": {"T\ud83d": ["on\ud83d"]}}
    feed = {"agent_address": "observatory.a\ud83d", "feed_name": "ü\ud83d"}
    parsed = parse([{"b\ud83d": block}, feed])
    assert parsed.address == Address("a?", "ü?")
    assert parsed.blocks[0].name == "b?"
    assert only_block(parsed)[1] == {("T?", "string"): ["on?"]}


@pytest.mark.parametrize("feed", [{**FEED, "feed_name": "heartbeat"}, {**FEED, "record": False}])
def test_feeds_that_are_not_recorded_are_not_read(feed: dict[str, Any]) -> None:
    parsed = parse([{"acq": 1}, feed])
    assert parsed.unrecorded
    assert parsed.problems == {}


def test_a_fields_name_is_the_channels_in_lower_case_without_blanks() -> None:
    assert field_name("Channel 05 T") == "channel_05_t"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)
likely = st.fixed_dictionaries(
    {"data": st.dictionaries(st.text(max_size=4), anything | st.lists(anything, max_size=4), max_size=4)},
    optional={"timestamps": st.lists(st.floats() | anything, max_size=4) | anything, "timestamp": anything},
)


@given(
    st.tuples(st.dictionaries(st.text(max_size=4), likely | anything, max_size=3) | anything, anything)
    | anything
)
def test_whatever_comes_only_columns_that_keep_the_rules_go_on(whatever: object) -> None:
    for block in parse(whatever, Address("a", "b")).blocks:
        assert len(block.t)
        assert block.columns
        assert (block.t > 0).all()
        assert (block.t < 2.6e11).all()
        assert (np.diff(block.t) > 0).all()
        for (channel, kind), values in block.columns.items():
            assert channel.strip()
            channel.encode()
            assert values.dtype == np.dtype(DTYPES[kind])
            assert values.shape == block.t.shape
            if kind == "string":
                json.dumps(values.tolist()).encode()
                assert all(value is None or isinstance(value, str) for value in values)


good_rows = st.lists(
    st.tuples(st.integers(1, 10**9), st.floats()), min_size=1, max_size=20, unique_by=lambda row: row[0]
)


@given(good_rows, st.dictionaries(st.text(max_size=4), anything, max_size=3))
def test_good_channels_come_out_unharmed_whatever_is_beside_them(
    rows: list[tuple[int, float]], beside: dict[str, Any]
) -> None:
    t, values = zip(*rows, strict=True)
    parsed = parse(message({**beside, "good": list(values)}, timestamps=list(t)))
    got_t, columns = only_block(parsed)
    want = sorted(rows)
    assert got_t == [row[0] for row in want]
    np.testing.assert_array_equal(columns["good", "number"], [row[1] for row in want])

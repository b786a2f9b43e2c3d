"""Bins as nodes send them: what is read of good ones, and which are none."""

from typing import Any

import numpy as np
import pytest
from sisock.errors import NodeError
from sisock_consumer.bins import read_bins

T = [10.0, 20.0]
NUMBERS: dict[str, Any] = {
    "count": [2.0, 1.0],
    "sum": [3.0, 5.0],
    "min": [1.0, 5.0],
    "max": [2.0, 5.0],
    "first": [1.0, 5.0],
    "first_t": [10.5, 20.0],
    "last": [2.0, 5.0],
    "last_t": [11.0, 20.0],
}
TEXT = {**NUMBERS, "first": ["on", "off"], "last": ["off", "off"]}


def part(columns: dict[str, Any], t: list[float] = T, name: str = "a") -> dict[str, Any]:
    data = {f"{name}/{key}": values for key, values in columns.items()}
    return {
        "data": data,
        "timeline": {f"{name}/bins": {"t": t, "finalized_until": 15.0, "field": list(data)}},
    }


def without(columns: dict[str, Any], *gone: str) -> dict[str, Any]:
    return {key: values for key, values in columns.items() if key not in gone}


def test_bins_of_numbers_have_every_column_as_it_was_sent() -> None:
    bins, problems = read_bins("n", [part(NUMBERS)], ["a"])
    assert problems == {}
    assert bins["a"].t.tolist() == T
    assert {key: getattr(bins["a"], key).tolist() for key in NUMBERS} == NUMBERS
    assert bins["a"].finalized_until == 15.0


@pytest.mark.parametrize(
    "columns",
    [
        without(TEXT, "sum", "min", "max"),
        TEXT,
        {**NUMBERS, "last": ["off", 5.0]},
        {**NUMBERS, "first": ["off", 5.0]},
        without(NUMBERS, "min"),
    ],
)
def test_bins_that_are_not_all_numbers_have_no_sum_and_no_extremes(columns: dict[str, Any]) -> None:
    bins, problems = read_bins("n", [part(columns)], ["a"])
    assert problems == {}
    assert (bins["a"].sum, bins["a"].min, bins["a"].max) == (None, None, None)
    assert bins["a"].first.tolist() == columns["first"]
    assert bins["a"].count.tolist() == [2.0, 1.0]


@pytest.mark.parametrize("key", ["count", "first", "first_t", "last", "last_t"])
def test_bins_without_one_of_the_columns_that_all_have_are_none(key: str) -> None:
    assert read_bins("n", [part(without(NUMBERS, key))], ["a"]) == ({}, {"a": "n::a: bins that are none"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": ["2", "1"]},
        {"count": [2.0, None]},
        {"sum": [float("nan"), 5.0]},
        {"last_t": [11.0, None]},
        {"max": [True, False]},
    ],
)
def test_bins_with_a_column_that_is_not_all_numbers_are_none(wrong: dict[str, Any]) -> None:
    assert read_bins("n", [part(NUMBERS | wrong)], ["a"]) == ({}, {"a": "n::a: bins that are none"})


def test_a_first_or_last_value_may_be_none_of_the_numbers() -> None:
    bins, problems = read_bins("n", [part(NUMBERS | {"first": [None, 5.0]})], ["a"])
    assert (problems, np.isnan(bins["a"].first[0]), bins["a"].sum.tolist()) == ({}, True, [3.0, 5.0])


def test_two_bins_of_one_time_are_none() -> None:
    assert read_bins("n", [part(NUMBERS, [10.0, 10.0])], ["a"])[1] == {"a": "n::a: bins that are none"}


def test_columns_of_different_bins_are_none() -> None:
    sent = part(without(NUMBERS, "max"))
    sent["data"]["a/max"], sent["timeline"]["other"] = [2.0], {"t": [10.0], "field": ["a/max"]}
    assert read_bins("n", [sent], ["a"]) == ({}, {"a": "n::a: bins that are none"})


def test_a_field_whose_columns_cannot_be_read_costs_itself_alone() -> None:
    sent = part(NUMBERS | {"last_t": [11.0]})
    good = part(NUMBERS, name="b")
    sent = {key: sent[key] | good[key] for key in sent}
    bins, problems = read_bins("n", [sent], ["a", "b", "c"])
    assert list(bins) == ["b"]
    assert problems == {"a": "n::a/last_t: 1 values for 2 times of the timeline 'a/bins'"}


def test_what_is_no_reply_is_told_as_the_nodes() -> None:
    with pytest.raises(NodeError, match=r"^n: the reply is NoneType"):
        read_bins("n", [None], ["a"])

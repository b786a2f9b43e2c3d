"""Bins: which lengths there are, and which columns are made of them."""

import math
from datetime import timedelta

import numpy as np
import pytest
from sisock.node import Bins, Series
from sisock_client import ClientError
from sisock_client.bins import binned, of_bins, of_node, summed


def test_a_bin_is_a_microsecond_at_least_and_not_endless() -> None:
    for width in (1e-6, timedelta(microseconds=1), 4e11):
        assert binned(width, "mean") is not None
    shortest = binned(1e-6, "mean")
    assert shortest is not None
    assert (shortest.grid.width, shortest.parameters) == (1, {"bin": "0.001ms", "of": "mean"})
    for wrong in (0.9e-6, 0.0, -60.0, math.inf, math.nan, False, "5 minutes", b"5m"):
        with pytest.raises(ClientError, match="is no length of time: give 30s"):
            binned(wrong, "mean")


def test_each_statistic_is_asked_for_once_in_the_order_of_their_names() -> None:
    wanted = binned(" 2 h ", "max, min,max")
    assert wanted is not None
    assert (wanted.width_s, wanted.of) == (7200.0, ("max", "min"))
    assert of_bins({"n::a": "K"}, wanted) == {"n::a/max": "K", "n::a/min": "K"}
    assert binned("1m", ("count",)) is not None
    for wrong in ("", "mean,", "Mean", ()):
        with pytest.raises(ClientError, match=r"is none of mean, min, max, first, last, count, sum, spread$"):
            binned("1m", wrong)


def test_of_texts_there_is_what_texts_have() -> None:
    one = np.array([60.0])
    texts = Bins("t", one, np.array([2]), np.array(["a"]), one, np.array(["b"]), one + 1)
    everything = binned("1m", "mean,min,max,first,last,count,sum,spread")
    assert everything is not None
    found = of_node("n", {"t": texts}, everything)
    assert {name: [column.tolist() for column in columns] for name, columns in found.items()} == {
        "n::t/first": [[60.0], ["a"]], "n::t/last": [[60.0], ["b"]], "n::t/count": [[60.0], [2]],
    }  # fmt: skip


def test_samples_become_the_bins_that_they_lie_in_and_none_where_there_are_none() -> None:
    wanted = binned("10s", "mean")
    assert wanted is not None
    t = np.array([9.9, 10.0, 19.9, 40.0])
    found = summed({"a": Series("a", t, np.arange(4.0)), "b": Series("b", t[:0], t[:0])}, wanted)
    assert found["a"].t.tolist() == [0.0, 10.0, 40.0]
    assert found["a"].count.tolist() == [1, 2, 1]
    assert "b" not in found or not len(found["b"].t)

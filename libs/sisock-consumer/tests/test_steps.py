"""Times that came as an even rhythm are the column that they stand for; nonsense costs its fields alone."""

import itertools
from typing import Any

import numpy as np
import pytest
from sisock.steps import Run
from sisock_consumer import replies
from sisock_consumer.steps import joined

DAY = np.arange(1500000000.0, 1500086400.0, 60.0)


def part(begin: int, end: int, first: float = 1500000000.0, step: float = 60.0) -> dict[str, Any]:
    """Samples of a field, as a part of a reply has them."""
    values = np.arange(float(begin), float(end)).tobytes()
    t = {"first": first, "step": step, "from": begin, "count": end - begin}
    return {"data": {"a": values}, "timeline": {"t": {"t": t, "finalized_until": None, "field": ["a"]}}}


@pytest.mark.parametrize("cuts", [[0, 1440], [0, 1, 700, 1440], list(range(0, 1441, 360))])
def test_parts_of_a_rhythm_are_one_column(cuts) -> None:
    parts = [part(*some) for some in itertools.pairwise(cuts)]
    series, problems = replies.merge(parts, ["a"], {})
    assert problems == {}
    assert series["a"].t.tobytes() == DAY.tobytes()
    assert series["a"].values.tolist() == list(range(1440))


def test_rhythms_and_columns_may_follow_each_other() -> None:
    bytes_too = part(720, 1000)
    bytes_too["timeline"]["t"]["t"] = DAY[720:1000].tobytes()
    other = part(0, 440, first=float(DAY[1000]))
    series, problems = replies.merge([part(0, 720), bytes_too, other], ["a"], {})
    assert problems == {}
    assert series["a"].t.tobytes() == DAY.tobytes()


def test_a_time_is_multiplied_and_then_added() -> None:
    series, _ = replies.merge([part(0, 2000, 1500000000.1, 0.1)], ["a"], {})
    assert series["a"].t.tolist() == [1500000000.1 + k * 0.1 for k in range(2000)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 10**12},
        {"count": 2**53},
        {"count": -1},
        {"count": True},
        {"count": 2.0},
        {"from": -1},
        {"from": 2**60},
        {"first": float("nan")},
        {"first": 10**400},
        {"first": "1500000000"},
        {"first": True},
        {"first": 2e15},
        {"step": -2e15},
        {"from": 2**53},
        {"step": float("inf")},
        {"step": 1e300},
        {"step": None},
    ],
)
def test_a_rhythm_that_is_none_costs_its_fields_alone(wrong) -> None:
    sent = part(0, 1440)
    sent["timeline"]["t"]["t"] |= wrong
    sent["data"]["b"], sent["timeline"]["other"] = DAY.tobytes(), {"t": DAY.tobytes(), "field": ["b"]}
    series, problems = replies.merge([sent], ["a", "b"], {})
    assert series["b"].t.tobytes() == DAY.tobytes()
    assert problems == {"a": "1440 values for 0 times of the timeline 't'"}


def test_times_at_which_no_clock_stands_are_left_out_of_a_rhythm_too() -> None:
    sent = part(0, 1440)
    sent["timeline"]["t"]["t"]["first"] = 1e14
    series, problems = replies.merge([sent], ["a"], {})
    assert len(series["a"].t) == 0
    assert problems == {"a": "samples at times that no clock shows, left out: 1440"}


def test_a_rhythm_stands_for_as_many_times_as_there_are_values() -> None:
    t = {"first": 5.0, "step": 2.0, "from": 1, "count": 3}
    for values in ([1.0, 2.0, 3.0], np.arange(3.0).tobytes()):
        sent = {"data": {"a": values}, "timeline": {"t": {"t": t}}}
        assert replies.merge([sent], ["a"], {})[0]["a"].t.tolist() == [7.0, 9.0, 11.0]
    sent = {"data": {"a": [1.0, 2.0]}, "timeline": {"t": {"t": t}}}
    assert replies.merge([sent], ["a"], {})[1] == {"a": "2 values for 0 times of the timeline 't'"}


def test_times_may_be_far_from_each_other_and_from_zero() -> None:
    t = {"first": -(10.0**12), "step": 1e12, "from": 0, "count": 3}
    sent = {"data": {"a": [1.0, 2.0, 3.0]}, "timeline": {"t": {"t": t}}}
    assert replies.merge([sent], ["a"], {})[0]["a"].t.tolist() == [-1e12, 0.0, 1e12]


def test_samples_that_follow_each_other_are_one_run_and_others_are_not() -> None:
    one = Run(5.0, 2.0, 0, 3)
    assert joined([one, Run(5.0, 2.0, 3, 4)]) == [Run(5.0, 2.0, 0, 7)]
    for other in (Run(5.0, 2.0, 4, 4), Run(6.0, 2.0, 3, 4), Run(5.0, 3.0, 3, 4), b"12345678"):
        assert joined([one, other]) == [one, other]
        assert joined([other, one]) == [other, one]

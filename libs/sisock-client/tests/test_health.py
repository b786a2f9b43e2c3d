"""When a series counts as silent, fed with literal times."""

import numpy as np
import pytest
from sisock.errors import NodeError
from sisock.node import Field
from sisock_client import health
from sisock_client.health import State, look, patience_s

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("times", "interval", "patience"),
    [
        (np.arange(100.0), None, 15.0),
        (np.arange(0.0, 900.0, 10.0), None, 50.0),
        (np.concatenate([np.arange(n, n + 3) for n in range(0, 300, 30)]), None, 140.0),
        (np.append(np.arange(100.0), 400.0), None, 15.0),
        (np.cumsum([0] + [4] * 10 + [20] + [4] * 3 + [300]), None, 100.0),
        (np.array([1.0, 2.0]), None, 60.0),
        (np.arange(10.0), None, 60.0),
        (np.arange(11.0), None, 15.0),
        (np.array([0.0, 20.0, 60.0]), None, 100.0),
        (np.array([0.0, 60.0]), 20.0, 100.0),
        (np.array([5.0]), 60.48, 302.4),
    ],
    ids=[
        "each second",
        "each ten",
        "bursts each half minute",
        "one outage",
        "one outage and a pause",
        "too few",
        "nine pauses",
        "ten pauses",
        "of two pauses the shorter",
        "of one pause none",
        "as its node says",
    ],
)
def test_patience_follows_the_usual_pause(times: np.ndarray, interval: float | None, patience: float) -> None:
    assert patience_s(times.astype(float), interval) == pytest.approx(patience)


class Node:
    """Fields with literal ages of their samples, in seconds."""

    def __init__(self, **ages: list[float]) -> None:
        self.ages = ages
        self.asked: list[tuple[list[str], float, bool]] = []
        self.shared = {"b2": "b"}

    def fields(self, node: str) -> list[Field]:
        if node == "broken":
            raise NodeError("it is on fire")
        return [Field(name, timeline=self.shared.get(name, name)) for name in self.ages]

    def times(self, node: str, fields, start: float, end: float, *, few: bool):
        self.asked.append(([field.name for field in fields], end - start, few))
        t = [NOW - np.array(self.ages[field.name], float) for field in fields]
        return [one[(start <= one) & (one < end)] for one in t]


SECONDS = list(range(100, 0, -1))


@pytest.mark.parametrize(
    ("ages", "live", "state", "sentence"),
    [
        ({}, True, State.OPEN, "n: it answers and has no fields, or none yet"),
        ({"a": SECONDS, "b": [*SECONDS[:50], 9]}, True, State.GOOD, "n: its last sample is 1 s old"),
        ({"a": SECONDS, "b": SECONDS[:80]}, True, State.WRONG,
         "n: silent: b for 21 s; is what it listens to running?"),
        ({"a": SECONDS, "b": SECONDS[:80]}, False, State.OPEN,
         "n: silent: b for 21 s; if it serves live data, look at what feeds it"),
        ({"a": SECONDS, "b": []}, True, State.GOOD, "n: its last sample is 1 s old"),
        ({"a": [7200.0]}, True, State.WRONG,
         "n: its last sample is 2 h old, though it serves live data: is what it listens to running?"),
        ({"a": [7199.0, 5000.0], "b": [7100.0]}, False, State.GOOD,
         "n: it answers; its last sample is 83 min old (an archive, perhaps)"),
        ({"a": []}, False, State.GOOD, "n: it answers; no sample within the last day (an archive, perhaps)"),
        ({"a": [90000.0]}, True, State.WRONG, "n: no sample within the last day, though it serves live data: "
         "is what it listens to running?"),
    ],
)  # fmt: skip
def test_a_node_fares_as_its_samples_tell(ages, live: bool, state: State, sentence: str) -> None:
    found = look(Node(**ages), "n", live=live, now=NOW)
    assert (found.state, found.sentence) == (state, sentence)


def test_each_timeline_is_asked_for_once_and_only_some_of_them() -> None:
    node = Node(b=[], b2=[], **{f"c{i}": [] for i in range(20)})
    look(node, "n", live=False, now=NOW)
    names = ["b2", *(f"c{i}" for i in range(15))]
    assert node.asked == [(names, 900.0, False), (names, 86400.0, True)]


def test_what_a_node_says_is_wrong_is_said() -> None:
    found = look(Node(), "broken", live=False, now=NOW)
    assert (found.state, found.sentence) == (State.WRONG, "broken: it is on fire")


def test_ages_are_told_in_units_that_people_use() -> None:
    told = [health._age(s) for s in (0.4, 119.0, 120.0, 7199.0, 7200.0, 172_799.0, 172_800.0)]
    assert told == ["0 s", "119 s", "2 min", "120 min", "2 h", "48 h", "2 d"]

"""What `Tail` shows from look to look, of samples that come fast, slowly, late, or never."""

from collections.abc import Sequence

import numpy as np
import pytest
from sisock_client import ClientError, Samples, UnknownFieldError
from sisock_client.tail import Tail, lines

FAST, SLOW = "a::fast", "b::slow"


class Bridge:
    """Fields whose samples a test adds; it answers as the real one does."""

    def __init__(self) -> None:
        self.samples: dict[str, list[float]] = {FAST: [], SLOW: []}
        self.away = False
        self.asked: list[list[str]] = []

    def get(self, fields: str | Sequence[str], start: float, end: float) -> Samples:
        if self.away:
            raise ClientError("the bridge cannot be reached")
        names = [fields] if isinstance(fields, str) else list(fields)
        self.asked.append(names)
        unknown = [f"there is no field {name!r}" for name in names if name not in self.samples]
        if len(unknown) == len(names):
            raise UnknownFieldError("; ".join(unknown))
        columns, notices = {}, unknown
        for name in names:
            t = np.array([t for t in self.samples.get(name, []) if start <= t < end])
            columns[name] = (t, t % 10)
            if not len(t) and name in self.samples:
                notices.append(f"{name} is silent")
        return Samples(columns, notices=notices)


class Lines(Tail):
    """Its samples as they are printed."""

    def look(self) -> list[str]:
        return lines(super().look())


def tail(bridge: Bridge, *names: str) -> Lines:
    return Lines(bridge, names, 1000.0, clock=lambda: 1100.0)


def test_a_fast_field_does_not_hide_the_late_samples_of_a_slow_one() -> None:
    bridge = Bridge()
    bridge.samples[FAST] = [1001.0, 1002.0, 1003.0]
    following = tail(bridge, FAST, SLOW)
    assert following.look() == [f"1970-01-01T00:16:4{t}.000Z  {FAST}  {t}.0" for t in (1, 2, 3)]
    bridge.samples[SLOW] = [1001.5]
    bridge.samples[FAST] += [1004.0]
    assert following.look() == [
        f"1970-01-01T00:16:41.500Z  {SLOW}  1.5",
        f"1970-01-01T00:16:44.000Z  {FAST}  4.0",
    ]
    assert following.look() == []


def test_a_field_that_nobody_knows_ends_the_first_look_with_a_sentence() -> None:
    with pytest.raises(UnknownFieldError, match="no field 'nosuch::x'"):
        tail(Bridge(), "nosuch::x").look()
    beside = tail(Bridge(), FAST, "nosuch::x")
    beside.look()
    assert "there is no field 'nosuch::x'" in beside.news()


def test_a_node_that_goes_later_is_said_once_and_waited_for() -> None:
    bridge = Bridge()
    following = tail(bridge, FAST)
    following.look()
    bridge.away = True
    following.look()
    assert following.news() == ["the bridge cannot be reached"]
    following.look()
    assert following.news() == []
    del bridge.samples[FAST]
    bridge.away = False
    assert following.look() == []
    assert following.news() == [f"there is no field '{FAST}'"]
    bridge.samples[FAST] = [1005.0]
    assert following.look() == [f"1970-01-01T00:16:45.000Z  {FAST}  5.0"]


def test_lines_are_in_the_order_of_their_times_whatever_their_values() -> None:
    bridge = Bridge()
    bridge.samples[FAST], bridge.samples[SLOW] = [1009.0, 1011.0], [1010.0]
    looked = [line.split()[0][17:19] for line in tail(bridge, FAST, SLOW).look()]
    assert looked == ["49", "50", "51"]


def test_a_sample_of_a_clock_that_is_a_little_ahead_is_shown() -> None:
    bridge = Bridge()
    bridge.samples[FAST] = [1100.5, 1102.0]
    assert len(tail(bridge, FAST).look()) == 1


def test_fields_whose_samples_are_as_old_are_asked_for_together_and_a_silent_one_alone() -> None:
    bridge = Bridge()
    bridge.samples = {"a::one": [1050.0], "a::two": [1051.0], "a::silent": []}
    following = tail(bridge, *bridge.samples)
    following.look()
    assert bridge.asked == [["a::one", "a::two", "a::silent"]]
    bridge.samples["a::one"].append(1052.0)
    bridge.samples["a::two"].append(1051.5)
    bridge.asked.clear()
    assert [line.split()[1:] for line in following.look()] == [["a::two", "1.5"], ["a::one", "2.0"]]
    assert bridge.asked == [["a::silent"], ["a::one", "a::two"]]


def test_of_an_expression_each_field_is_followed_from_then_on() -> None:
    class Expressions(Bridge):
        def get(self, fields: str | Sequence[str], start: float, end: float) -> Samples:
            names = [fields] if isinstance(fields, str) else list(fields)
            found = super().get([FAST if name == "a::.*" else name for name in names], start, end)
            self.asked[-1] = names
            return found

    bridge = Expressions()
    bridge.samples[FAST] = [1001.0]
    following = tail(bridge, "a::.*", SLOW)
    assert [line.split()[1:] for line in following.look()] == [[FAST, "1.0"]]
    bridge.samples[FAST].append(1002.0)
    assert [line.split()[1:] for line in following.look()] == [[FAST, "2.0"]]
    assert bridge.asked == [["a::.*", SLOW], [SLOW, FAST]]

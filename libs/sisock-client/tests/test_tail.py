"""What `Tail` shows from look to look, of samples that come fast, slowly, late, or never."""

from collections.abc import Sequence

import numpy as np
import pytest
from sisock_client import ClientError, Samples, UnknownFieldError
from sisock_client.tail import Tail

FAST, SLOW = "a::fast", "b::slow"


class Bridge:
    """Fields whose samples a test adds; it answers as the real one does."""

    def __init__(self) -> None:
        self.samples: dict[str, list[float]] = {FAST: [], SLOW: []}
        self.away = False

    def get(self, fields: str | Sequence[str], start: float, end: float) -> Samples:
        if self.away:
            raise ClientError("the bridge cannot be reached")
        [name] = [fields] if isinstance(fields, str) else fields
        if name not in self.samples:
            raise UnknownFieldError(f"there is no field {name!r}")
        t = np.array([t for t in self.samples[name] if start <= t < end])
        return Samples({name: (t, t % 10)}, notices=[] if len(t) else [f"{name} is silent"])


def tail(bridge: Bridge, *names: str) -> Tail:
    return Tail(bridge, names, 1000.0, clock=lambda: 1100.0)


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

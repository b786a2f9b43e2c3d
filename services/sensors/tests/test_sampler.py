"""Sampling into the ring."""

import threading

import numpy as np
import pytest
from sisock_sensors.node import SensorsNode
from sisock_sensors.reading import Reading, distinct
from sisock_sensors.sampler import Sampler
from sisock_testing import assert_contract


def reading(name: str, value: float) -> Reading:
    return Reading(name, name, "C", value)


def counting(name: str = "a"):
    """A source whose value grows by one with each sample."""
    values = iter(range(10_000))
    return lambda: [reading(name, float(next(values)))]


def test_the_last_samples_are_served() -> None:
    sampler = Sampler([counting()], samples=4)
    for i in range(10):
        sampler.sample(2.5 * i)
    [series] = sampler.read(["a"], 0, 1e9)
    assert series.t.tolist() == [15.0, 17.5, 20.0, 22.5]
    assert series.values.tolist() == [6.0, 7.0, 8.0, 9.0]


def test_intervals_are_half_open() -> None:
    sampler = Sampler([counting()])
    for t in (1.0, 2.0, 3.0):
        sampler.sample(t)
    [series] = sampler.read(["a"], 1.0, 3.0)
    assert series.t.tolist() == [1.0, 2.0]


def test_nothing_is_served_before_the_first_sample() -> None:
    sampler = Sampler([counting()])
    assert sampler.fields(0, 1e9) == []
    assert sampler.read(["a"], 0, 1e9) == []


def test_it_is_told_when_there_are_other_fields_than_before() -> None:
    present = [reading("a", 1.0)]
    sampler = Sampler([lambda: list(present)], samples=2)
    assert [sampler.sample(1.0), sampler.sample(2.0)] == [True, False]
    present[:] = [reading("b", 1.0)]
    # "a" is forgotten when none of its values is left.
    assert [sampler.sample(3.0), sampler.sample(4.0), sampler.sample(5.0)] == [True, True, False]
    # The clock was set back before all that there is, and the other chip is back.
    present[:] = [reading("a", 1.0)]
    assert sampler.sample(0.5)


def test_a_chip_that_vanishes_leaves_gaps_and_is_forgotten() -> None:
    present = [reading("a", 1.0), reading("b", 2.0)]
    sampler = Sampler([lambda: list(present)], samples=3)
    sampler.sample(1.0)
    present.pop()
    sampler.sample(2.0)
    [series] = sampler.read(["b"], 0, 10)
    np.testing.assert_array_equal(series.values, [2.0, np.nan])
    assert [field.name for field in sampler.fields(2, 10)] == ["a"]
    sampler.sample(3.0)
    sampler.sample(4.0)
    assert [field.name for field in sampler.fields(0, 10)] == ["a"]
    assert sampler.read(["b"], 0, 10) == []


def test_a_chip_that_comes_back_is_served_with_its_gap() -> None:
    present = [reading("a", 1.0), reading("b", 2.0)]
    sampler = Sampler([lambda: list(present)])
    sampler.sample(1.0)
    back = present.pop()
    sampler.sample(2.0)
    present.append(back)
    sampler.sample(3.0)
    [series] = sampler.read(["b"], 0, 10)
    np.testing.assert_array_equal(series.values, [2.0, np.nan, 2.0])


def test_units_and_descriptions_are_those_of_the_reading() -> None:
    sampler = Sampler([lambda: [Reading("fan", "a fan", "RPM", 900.0)]])
    sampler.sample(1.0)
    [field] = sampler.fields(0, 10)
    assert (field.units, field.description, field.interval) == ("RPM", "a fan", 2.5)


def test_a_clock_that_is_set_back_takes_the_samples_of_the_future_with_it() -> None:
    sampler = Sampler([counting()])
    for t in (10.0, 12.5, 1000.0, 1002.5, 15.0, 17.5):
        sampler.sample(t)
    [series] = sampler.read(["a"], 0, 1e9)
    assert series.t.tolist() == [10.0, 12.5, 15.0, 17.5]
    assert series.values.tolist() == [0.0, 1.0, 4.0, 5.0]


def test_a_clock_that_is_set_back_before_everything_begins_anew() -> None:
    present = [reading("a", 1.0), reading("b", 2.0)]
    sampler = Sampler([lambda: list(present)])
    sampler.sample(1000.0)
    present.pop()
    sampler.sample(1.0)
    assert [field.name for field in sampler.fields(0, 1e9)] == ["a"]
    [series] = sampler.read(["a", "b"], 0, 1e9)
    assert series.t.tolist() == [1.0]


def test_reading_while_sampling_gives_whole_columns() -> None:
    present = [reading(f"f{i}", 1.0) for i in range(40)]
    sampler = Sampler([lambda: present[:: 1 + len(sampler.fields(0, 1e9)) % 2]], samples=5)
    done = threading.Event()

    def sample() -> None:
        for i in range(500):
            sampler.sample(float(i))
        done.set()

    thread = threading.Thread(target=sample)
    thread.start()
    while not done.is_set():
        for series in sampler.read([field.name for field in sampler.fields(0, 1e9)], 0, 1e9):
            assert len(series.t) == len(series.values) <= 5
    thread.join()


def test_equal_names_are_told_apart() -> None:
    assert distinct(["fan", "fan", "fan_2", "fan"]) == ["fan", "fan_2", "fan_2_2", "fan_3"]


@pytest.mark.parametrize("samples", [30, 200])
def test_the_contract_is_kept_with_gaps_and_when_the_ring_is_full(samples: int) -> None:
    ticks = iter(range(1000))

    def gappy() -> list[Reading]:
        tick = next(ticks)
        return [reading("steady", float(tick % 7))] + [reading("gappy", float(tick))] * (tick % 5 > 1)

    sampler = Sampler([gappy], samples)
    for i in range(100):
        sampler.sample(1000 + 2.5 * i)
    assert_contract(SensorsNode(sampler, lambda: 0.0), 0, 1e9)

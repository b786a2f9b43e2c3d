"""Sampling into the ring."""

import numpy as np
from sisock_sensors.chips import Reading
from sisock_sensors.host import Host
from sisock_sensors.sampler import Sampler


def reading(name: str, value: float) -> Reading:
    return Reading(name, name, "C", value)


def test_the_last_samples_are_served() -> None:
    values = iter(range(100))
    sampler = Sampler([lambda: [reading("a", float(next(values)))]], samples=4)
    for i in range(10):
        sampler.sample(2.5 * i)
    [series] = sampler.read(["a"], 0, 1e9)
    assert series.t.tolist() == [15.0, 17.5, 20.0, 22.5]
    assert series.values.tolist() == [6.0, 7.0, 8.0, 9.0]


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


def test_units_and_descriptions_are_those_of_the_reading() -> None:
    sampler = Sampler([lambda: [Reading("fan", "a fan", "RPM", 900.0)]])
    sampler.sample(1.0)
    [field] = sampler.fields(0, 10)
    assert (field.units, field.description, field.interval) == ("RPM", "a fan", 2.5)


def test_any_host_has_load_memory_and_disks_and_rates_from_the_second_reading_on() -> None:
    now = iter([1.0, 3.0])
    host = Host(lambda: next(now))
    first = {r.name: r.value for r in host.read()}
    assert {"host_load_1m", "host_cpu", "host_memory_used", "host_disk_used_root"} <= set(first)
    assert 0 < first["host_memory_used"] < 100
    second = {r.name: r.value for r in host.read()}
    assert {"host_network_received", "host_network_sent"} <= set(second) - set(first)
    assert second["host_network_received"] >= 0

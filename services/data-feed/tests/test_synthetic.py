"""The stand-in for an OCS agent."""

import numpy as np
from sisock_data_feed.feed import parse
from sisock_data_feed.synthetic import message, temperatures
from sisock_data_feed.topics import Address


def test_its_messages_are_those_of_ocs(address: Address) -> None:
    t = 1.7e9 + np.arange(10) / 10
    parsed = parse(message(address, t, 2, "1"))
    assert parsed.problems == {}
    assert parsed.address == address
    temps, status = parsed.blocks
    assert list(temps.columns) == [("Channel_01_T", "number"), ("Channel_02_T", "number")]
    assert list(status.columns) == [("heater_on", "bool"), ("state", "string")]
    np.testing.assert_array_equal(temps.t, t)


def test_its_temperatures_are_the_same_each_time() -> None:
    t = 1.7e9 + np.arange(1000.0)
    kelvin = temperatures(t, 3)
    np.testing.assert_array_equal(kelvin, temperatures(t, 3))
    assert abs(kelvin - 0.3).max() < 0.02
    assert kelvin.std() > 0.001

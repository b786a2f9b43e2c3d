"""Bounded columns."""

import numpy as np
import pytest
from sisock_sensors.ring import Ring


def test_the_oldest_rows_are_overwritten() -> None:
    ring = Ring(3)
    for i in range(5):
        ring.append(float(i), {"a": i * 10.0})
    assert ring.times().tolist() == [2.0, 3.0, 4.0]
    assert ring.column("a").tolist() == [20.0, 30.0, 40.0]


def test_a_field_that_comes_late_has_no_value_before() -> None:
    ring = Ring(3)
    ring.append(1.0, {"a": 1.0})
    ring.append(2.0, {"b": 2.0})
    np.testing.assert_array_equal(ring.column("a"), [1.0, np.nan])
    np.testing.assert_array_equal(ring.column("b"), [np.nan, 2.0])


def test_a_ring_of_no_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity=0"):
        Ring(0)

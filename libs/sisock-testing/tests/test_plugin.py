"""What the plugin does to every run."""

import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(max_examples=10)
@given(st.integers().map(lambda n: time.sleep(0.2) or n))
def test_a_property_may_be_slow_on_a_busy_machine(number: int) -> None:
    assert settings.default.deadline is None
    assert HealthCheck.too_slow in settings.default.suppress_health_check

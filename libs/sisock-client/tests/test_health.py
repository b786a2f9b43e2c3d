"""When a series counts as silent, fed with literal times."""

import numpy as np
import pytest
from sisock_client.health import patience_s


@pytest.mark.parametrize(
    ("times", "interval", "patience"),
    [
        (np.arange(100.0), None, 15.0),
        (np.arange(0.0, 900.0, 10.0), None, 50.0),
        (np.concatenate([np.arange(n, n + 3) for n in range(0, 300, 30)]), None, 140.0),
        (np.append(np.arange(100.0), 400.0), None, 15.0),
        (np.array([1.0, 2.0]), None, 60.0),
        (np.array([5.0]), 60.48, 302.4),
    ],
    ids=["each second", "each ten", "bursts each half minute", "one outage", "too few", "as its node says"],
)
def test_patience_follows_the_usual_pause(times: np.ndarray, interval: float | None, patience: float) -> None:
    assert patience_s(times.astype(float), interval) == pytest.approx(patience)

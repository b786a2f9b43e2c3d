"""Waiting before the next try."""

from sisock.backoff import Backoff


def test_waits_grow_up_to_a_bound_and_are_never_quite_the_same() -> None:
    wait = Backoff(first_s=0.25, most_s=2.0, factor=1.5)
    for attempt, rule in ((0, 0.25), (1, 0.375), (2, 0.5625), (6, 2.0), (10**6, 2.0)):
        waits = [wait(attempt) for _ in range(50)]
        assert rule <= min(waits) < max(waits) < rule + 1

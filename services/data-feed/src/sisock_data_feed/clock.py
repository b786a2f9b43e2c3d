"""The host's time without its jumps: samples are kept by what passes, not by what somebody sets."""

import threading
from collections.abc import Callable

import structlog

JUMP_S = 1.0
"""What a clock may be off from one look to the next without having been set."""

PATIENCE_S = 600.0
"""A clock that was set, and stays so for that long, is believed."""


class PatientClock:
    """UNIX seconds that go on by what passes, when the host's clock is set; they follow it later.

    Parameters
    ----------
    wall : callable
        The host's clock, UNIX seconds.
    passing : callable
        Seconds that only ever go on, from any beginning.
    log : structlog logger
        Hears once that the clock was set, and once that it is right again or is followed.
    """

    def __init__(
        self,
        wall: Callable[[], float],
        passing: Callable[[], float],
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._wall = wall
        self._passing = passing
        self._log = log
        self._lock = threading.Lock()
        self._offset = wall() - passing()
        self._jumped: float | None = None

    def __call__(self) -> float:
        """The present."""
        with self._lock:
            passing = self._passing()
            offset = self._wall() - passing
            by = offset - self._offset
            if abs(by) <= JUMP_S:
                self._offset = offset
                if self._jumped is not None:
                    self._jumped = None
                    self._log.info("clock.right_again")
            elif self._jumped is None:
                self._jumped = passing
                self._log.warning("clock.set", by_s=round(by, 1), followed_in_s=PATIENCE_S)
            elif passing - self._jumped > PATIENCE_S:
                self._offset, self._jumped = offset, None
                self._log.warning("clock.followed", by_s=round(by, 1))
            return passing + self._offset

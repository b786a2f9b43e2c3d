"""How long to wait before the next try: longer each time, up to a bound, and never all at once.

Twisted has the same in `twisted.application.internet`, which takes half a megabyte and loads state machines.
"""

import random
from dataclasses import dataclass

MOST_ATTEMPTS = 100
"""From there on waiting does not grow, and no power overflows."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds to wait before a try, by its number.

    Parameters
    ----------
    first_s : float
        Of the try with number 0, without what is added by chance.
    most_s : float
        As above.
    factor : float
        How much longer each wait is than the one before.
    """

    first_s: float
    most_s: float
    factor: float

    def __call__(self, attempt: int) -> float:
        """Seconds, up to one more than the rule says: who lost the same peer does not return at once."""
        wait_s = min(self.first_s * self.factor ** min(MOST_ATTEMPTS, attempt), self.most_s)
        return wait_s + random.random()  # noqa: S311 (nobody guesses it)

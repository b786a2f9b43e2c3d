"""What is wrong is said once: trouble when it begins and when its reason changes, and each of many things."""

import threading
from collections.abc import Callable, Hashable

MOST_SAID = 10_000


class Trouble:
    """One kind of trouble.

    Parameters
    ----------
    say : callable
        A logger's method, `log.warning` say.
    event : str

    Attributes
    ----------
    why : str
        What was said of it last; empty when it is over.
    """

    def __init__(self, say: Callable[..., object], event: str) -> None:
        self._say = say
        self._event = event
        self.why = ""

    def tell(self, why: str, **fields: object) -> None:
        """It is wrong because of `why`: say so, with further fields, unless that was said last."""
        if why != self.why:
            self.why = why
            self._say(self._event, why=why, **fields)

    def over(self) -> bool:
        """It is right again; whether it was wrong."""
        was, self.why = bool(self.why), ""
        return was


class Once:
    """Which of many things have been said; from any thread.

    Parameters
    ----------
    most : int
        Beyond so many nothing is new any more, so that nobody fills a log or our memory.
    """

    def __init__(self, most: int = MOST_SAID) -> None:
        self._most = most
        self._said: set[tuple[Hashable, ...]] = set()
        self._lock = threading.Lock()

    def is_new(self, *key: Hashable) -> bool:
        """Whether this was not said before; from now on it was."""
        with self._lock:
            if key in self._said or len(self._said) >= self._most:
                return False
            self._said.add(key)
            return True

    def forget(self, gone: Callable[[tuple[Hashable, ...]], bool]) -> None:
        """What is gone is new when it is there again."""
        with self._lock:
            self._said = {key for key in self._said if not gone(key)}

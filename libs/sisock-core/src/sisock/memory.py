"""Memory that is used no more goes back to the machine, also where the C library would keep it for later.

What is large and short-lived (a list of 20,000 fields is some 20 MB while it is read) leaves holes between
what stays. glibc gives them back only when it is told to.
"""

import ctypes
import sys
from typing import Any

MANY = 2_000
"""A list of so many fields is large."""

LATER_S = 2.0
"""By then it was read, or sent."""


class Holes:
    """Gives free memory back, a moment after something large was made.

    Parameters
    ----------
    reactor : IReactorTime
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._due: Any = None

    def left_by(self, listed: int) -> None:
        """So many fields were listed; in the reactor thread."""
        if listed >= MANY and (self._due is None or not self._due.active()):
            self._due = self._reactor.callLater(LATER_S, give_back)

    def stop(self) -> None:
        """Give nothing back any more."""
        if self._due is not None and self._due.active():
            self._due.cancel()


def give_back() -> bool:
    """Give free pages back; whether there were any, False also where the C library cannot."""
    # Whoever writes CBOR asks each dictionary for "items" by a text of its own. Python keeps some thousand of
    # them in this cache, and each a megabyte from being given back.
    sys._clear_type_cache()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(ctypes.c_size_t(0)))

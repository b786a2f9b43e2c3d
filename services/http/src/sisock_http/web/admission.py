"""How many requests for data are answered at once, and until when each must be.

A request that would have to wait for others is refused at once, so that whoever sent it learns of it
while it still matters; one that is let in has one deadline for all that is done for it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sisock_http.problems import BusyError

T = TypeVar("T")


class Admission:
    """Lets requests in.

    Parameters
    ----------
    reactor : IReactorTime
    deadline_s : float
        Seconds that a request has, from its arrival.
    at_once : int
        Most requests that are answered at the same time.
    """

    def __init__(self, reactor: Any, deadline_s: float, at_once: int) -> None:
        self._reactor = reactor
        self._deadline_s = deadline_s
        self._at_once = at_once
        self._inside = 0

    async def run(self, work: Callable[[float], Awaitable[T]]) -> T:
        """Do the work of a request.

        Parameters
        ----------
        work : callable
            Is given the reactor's time at which the request must have its answer.

        Raises
        ------
        BusyError
            If there is no room; nothing was begun.
        """
        if self._inside >= self._at_once:
            raise BusyError(f"{self._inside} requests are being answered, which is all there is room for")
        self._inside += 1
        try:
            return await work(self._reactor.seconds() + self._deadline_s)
        finally:
            self._inside -= 1

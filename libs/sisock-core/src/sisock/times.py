"""Sisock times: positive is a UNIX time, zero or negative counts back from now.

A request's two times are made absolute once, against one reading of the clock, so that a
range keeps its length however long the request takes.
"""

import math
import time

from sisock.errors import ContractError

FARTHEST_S = 1e12
"""No clock will show a time farther from 1970 than this (seconds, some 31,700 years)."""


def sisock_to_unix_time(t: float, now: float | None = None) -> float:
    """Convert a sisock time to a UNIX time.

    Parameters
    ----------
    t : float
        If positive, a UNIX time; if zero or negative, ``-t`` seconds ago.
    now : float, optional
        The present, UNIX seconds; read from the clock when not given.

    Returns
    -------
    float
        UNIX seconds.
    """
    if t > 0:
        return t
    return (time.time() if now is None else now) + t


def absolute(start: object, end: object, now: float) -> tuple[float, float]:
    """Make both ends of a request's half-open interval absolute.

    Parameters
    ----------
    start, end : float
        Sisock times, as they came over the wire.
    now : float
        The present, UNIX seconds.

    Returns
    -------
    tuple of float
        `start` and `end` in UNIX seconds, at most `FARTHEST_S` away from 1970: no author need expect more.

    Raises
    ------
    ContractError
        If one of them is not a finite number.
    """
    times = []
    for label, t in (("start", start), ("end", end)):
        if isinstance(t, bool) or not isinstance(t, int | float) or not abs(t) < math.inf:
            raise ContractError(f"{label}={t!r} is not a sisock time (a finite number of seconds)")
        # Before it is a float: an integer may be one that no float holds.
        bounded = float(max(-FARTHEST_S, min(t, FARTHEST_S)))
        times.append(max(-FARTHEST_S, sisock_to_unix_time(bounded, now)))
    return times[0], times[1]

"""Times as people give them: ISO 8601, UNIX seconds, ``now-6h``, seconds ago, or a datetime."""

import math
import re
from datetime import UTC, datetime
from typing import Any

from sisock_client.errors import ClientError

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31557600.0}
_RELATIVE = re.compile(r"now(?:([-+])(\d+(?:\.\d+)?)([smhdwy]))?")

Moment = str | float | datetime
"""What is taken for a time; pandas' Timestamp is a datetime."""


def unix_time(value: Any, now: float) -> float:
    """Read a time.

    Parameters
    ----------
    value : str, number or datetime
        A number of zero or less is that many seconds ago; a time that names no zone is UTC.
    now : float
        The present, UNIX seconds.

    Returns
    -------
    float
        UNIX seconds.

    Raises
    ------
    ClientError
        If it is no time.
    """
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    number = value
    if isinstance(value, str):
        text = value.strip()
        found = _RELATIVE.fullmatch(text)
        if found:
            sign, amount, unit = found.groups()
            return now + (float(f"{sign}{amount}") * _UNITS_S[unit] if sign else 0.0)
        try:
            number = float(text)
        except ValueError:
            try:
                return unix_time(datetime.fromisoformat(text), now)
            except (ValueError, OverflowError):
                number = None
    if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number):
        return now + number if number <= 0 else float(number)
    raise ClientError(
        f"{value!r} is not a time: give ISO 8601, UNIX seconds, now-6h, or -3600 for an hour ago"
    )

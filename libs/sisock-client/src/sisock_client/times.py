"""Times as people give and read them: ISO 8601, UNIX seconds, ``now-6h``, or what Python has for them."""

import math
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from sisock_client.errors import ClientError

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31557600.0}
_RELATIVE = re.compile(r"now(?:([-+])(\d+(?:\.\d+)?)([smhdwy]))?")

_SECOND = np.timedelta64(1_000_000, "us")

Moment = str | float | date | timedelta | np.datetime64 | np.timedelta64
"""What is taken for a time; a datetime is a date, and pandas' Timestamp and Timedelta are of these, too."""


def unix_time(value: Any, now: float) -> float:
    """Read a time.

    Parameters
    ----------
    value : str, number, date, datetime, timedelta, datetime64 or timedelta64
        A number of zero or less is that many seconds ago, and so is a timedelta, whatever its sign; a date is
        its midnight; a time that names no zone is UTC.
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
    number: Any = _number(value, now)
    if number is None and isinstance(value, str):
        number = _read(value.strip(), now)
    if number is not None and math.isfinite(number):
        return float(number)
    raise ClientError(
        f"{value!r} is not a time: give ISO 8601, UNIX seconds, now-6h, -3600 for an hour ago, or a datetime"
    )


def _number(value: Any, now: float) -> float | None:
    """UNIX seconds of what is no text; NaN where it is a time that is none (NaT)."""
    number: float | None = None
    if value is None or type(value).__name__ == "NaTType":  # pandas' is a datetime that is not like one
        number = None
    elif isinstance(value, datetime):
        number = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    elif isinstance(value, date):
        number = datetime.combine(value, time(), UTC).timestamp()
    elif isinstance(value, np.datetime64):
        number = float((value - np.datetime64(0, "s")) / _SECOND)
    elif isinstance(value, timedelta):
        number = now - abs(value.total_seconds())
    elif isinstance(value, np.timedelta64):  # before integers, which it claims to be
        number = now - abs(float(value / _SECOND))
    elif isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        number = now + float(value) if value <= 0 else float(value)
    return number


def _read(text: str, now: float) -> float | None:
    found = _RELATIVE.fullmatch(text)
    if found:
        sign, amount, unit = found.groups()
        return now + (float(f"{sign}{amount}") * _UNITS_S[unit] if sign else 0.0)
    try:
        return _number(float(text), now)
    except ValueError:
        pass
    try:
        return _number(datetime.fromisoformat(text), now)
    except (ValueError, OverflowError):
        return None


def microseconds(t: npt.NDArray[np.float64]) -> npt.NDArray[np.datetime64]:
    """UNIX seconds as moments, to the microsecond: the finest that float64 holds in our time.

    Parameters
    ----------
    t : (n,) float64
        UNIX seconds.

    Returns
    -------
    (n,) datetime64[us]
    """
    return np.rint(t * 1e6).astype(np.int64).view("datetime64[us]")


def iso(t: npt.NDArray[np.float64]) -> list[str]:
    """``2017-07-14T00:00:00.000Z`` for each time: milliseconds, or microseconds where one of them has some.

    Parameters
    ----------
    t : (n,) float64
        UNIX seconds.
    """
    moments = microseconds(t)
    unit = "us" if (moments.view(np.int64) % 1000).any() else "ms"
    text: list[str] = np.datetime_as_string(moments.astype(f"datetime64[{unit}]"), timezone="UTC").tolist()
    return text

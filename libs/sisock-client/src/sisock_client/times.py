"""Times as people give and read them: as `sisock_consumer.moments` has it, or what Python has for them."""

import math
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sisock_consumer import moments

from sisock_client.errors import ClientError

_SECOND = np.timedelta64(1_000_000, "us")

Moment = str | float | date | timedelta | np.datetime64 | np.timedelta64
"""What is taken for a time; a datetime is a date, and pandas' Timestamp and Timedelta are of these, too."""


def unix_time(value: Any, now: float) -> float:
    """Read a time.

    Parameters
    ----------
    value : str, number, date, datetime, timedelta, datetime64 or timedelta64
        A text or a number is read as `sisock_consumer.moments` says; a timedelta is that long ago, whatever
        its sign; a date is its midnight; a time that names no zone is UTC.
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
    try:
        number = moments.from_text(value, now) if isinstance(value, str) else _number(value, now)
    except ValueError as error:
        raise ClientError(f"{value!r} {error}") from None
    if number is not None and math.isfinite(number):
        return float(number)
    raise ClientError(f"{value!r} is not a time: give {moments.GRAMMAR}, or a datetime")


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
        number = moments.from_number(float(value), now)
    return number


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

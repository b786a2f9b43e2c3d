"""Times and lengths of time as Grafana and addresses have them; the grammar is `sisock_consumer.moments`."""

import math
import re
from typing import Any

from sisock.times import FARTHEST_S
from sisock_consumer import moments

from sisock_http.problems import RequestError

_INTERVAL = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|[smhdwMy])\s*", re.ASCII)
_MILLISECONDS = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def unix_time(value: Any, name: str) -> float:
    """Read a time as Grafana sends it.

    Parameters
    ----------
    value : str or number
        ISO 8601 (UTC if it names no zone), or milliseconds since 1970.
    name : str
        Field of the request, for the error.

    Returns
    -------
    float
        UNIX seconds, fractions kept.

    Raises
    ------
    RequestError
        If it is neither.
    """
    number: float | None = None
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        number = value / 1e3
    elif isinstance(value, str) and _MILLISECONDS.fullmatch(value.strip()):
        number = float(value) / 1e3
    elif isinstance(value, str):
        number = moments.from_iso(value)
    if number is None:
        raise RequestError(f"{name}={value!r} is not a time (ISO 8601, or milliseconds since 1970)")
    if not abs(number) <= FARTHEST_S:
        raise RequestError(f"{name}={value!r} is no time that a clock will show")
    return number


def moment(text: str, name: str, now: float) -> float:
    """Read a time as people write it in an address; `name` is the parameter, for the error.

    Raises
    ------
    RequestError
        If it is none.
    """
    try:
        return moments.from_text(text, now)
    except ValueError as error:
        raise RequestError(f"{name}={text!r} {error}") from None


def interval_seconds(value: Any, name: str = "interval") -> float | None:
    """Read an interval such as ``30s`` or ``1y``; None if there is none."""
    if value is None or value == "":
        return None
    match = _INTERVAL.fullmatch(value) if isinstance(value, str) else None
    if match is None or float(match[1]) <= 0:
        raise RequestError(
            f"{name}={value!r} is not a length of time such as 500ms, 30s, 5m, 2h, 1d, 1w, 1M or 1y"
        )
    return float(match[1]) * moments.UNITS_S[match[2]]

"""Times and lengths of time as people and Grafana write them, to UNIX seconds."""

import math
import re
from datetime import UTC, datetime
from typing import Any

from sisock_http.problems import RequestError

UNITS_S = {
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "M": 2629800.0,
    "y": 31557600.0,
}
EARLIEST_MILLISECONDS = 1e11
"""A plain number from here on counts milliseconds (it would be the year 5138 in seconds, and is 1973)."""

FARTHEST_S = 1e12
_INTERVAL = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|[smhdwMy])\s*", re.ASCII)
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", re.ASCII)
_RELATIVE = re.compile(r"now(?:\s*([-+])\s*(\d+(?:\.\d+)?)(ms|[smhdwMy]))?", re.ASCII)


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
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return _bounded(value / 1e3, value, name)
    if isinstance(value, str):
        if re.fullmatch(r"-?\d+(\.\d+)?", value.strip(), re.ASCII):
            return _bounded(float(value) / 1e3, value, name)
        moment = _iso(value)
        if moment is not None:
            return moment
    raise RequestError(f"{name}={value!r} is not a time (ISO 8601, or milliseconds since 1970)")


def moment(text: str, name: str, now: float) -> float:
    """Read a time as people write it in an address.

    Parameters
    ----------
    text : str
        ISO 8601 (UTC if it names no zone); UNIX seconds; milliseconds since 1970; ``now-6h``; or ``-3600``,
        which counts back from now.
    name : str
        The parameter, for the error.
    now : float
        The present, UNIX seconds.

    Returns
    -------
    float
        UNIX seconds, fractions kept.

    Raises
    ------
    RequestError
        If it is none of these.
    """
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped):
        number = float(stripped)
        if number <= 0:
            return _bounded(now + number, text, name)
        return _bounded(number / 1e3 if number >= EARLIEST_MILLISECONDS else number, text, name)
    relative = _RELATIVE.fullmatch(stripped)
    if relative:
        sign, count, unit = relative.groups()
        offset = float(count) * UNITS_S[unit] if count else 0.0
        return _bounded(now - offset if sign == "-" else now + offset, text, name)
    found = _iso(stripped)
    if found is not None:
        return found
    raise RequestError(
        f"{name}={text!r} is not a time (ISO 8601, UNIX seconds, milliseconds since 1970, "
        "'now-6h', or '-3600' for an hour ago)"
    )


def interval_seconds(value: Any, name: str = "interval") -> float | None:
    """Read an interval such as ``30s`` or ``1y``; None if there is none."""
    if value is None or value == "":
        return None
    match = _INTERVAL.fullmatch(value) if isinstance(value, str) else None
    if match is None or float(match[1]) <= 0:
        raise RequestError(
            f"{name}={value!r} is not a length of time such as 500ms, 30s, 5m, 2h, 1d, 1w, 1M or 1y"
        )
    return float(match[1]) * UNITS_S[match[2]]


def _iso(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _bounded(seconds: float, value: Any, name: str) -> float:
    if not abs(seconds) <= FARTHEST_S:
        raise RequestError(f"{name}={value!r} is no time that a clock will show")
    return seconds

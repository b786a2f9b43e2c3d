"""Moments as people write them: one grammar for the bridge, the client and the page.

It is written down in docs/consumers.md; ``moments.json`` in sisock-testing has examples, which the
page's own reader in JavaScript is held to, too. Times on the wire are `sisock.times`.
"""

import math
import re
from datetime import date

from sisock.times import FARTHEST_S

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
DAY_S = 86400.0
EARLIEST_MILLISECONDS = 1e11
"""A plain number from here on counts milliseconds (it would be the year 5138 in seconds, and is 1973)."""

EARLIEST_S = 1e-3
"""The first moment that can be asked for: to a data node, zero and less count back from now."""

GRAMMAR = (
    "ISO 8601, '06:00', 'yesterday 06:00', UNIX seconds, milliseconds since 1970, 'now-6h', "
    "or '-3600' for an hour ago"
)

_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", re.ASCII)
_RELATIVE = re.compile(r"(?:now)? *([-+]) *(\d+(?:\.\d+)?) *(ms|[smhdwMy])", re.ASCII)
_DAY = r"(\d{4})(-?)(\d\d)\2(\d\d)"
_HOUR = r"(\d\d)(?::?(\d\d)(?::?(\d\d(?:[.,]\d+)?))?)?"
_ISO = re.compile(rf"{_DAY}(?:[T ]{_HOUR}(Z|([-+])(\d\d)(?::?(\d\d))?)?)?", re.ASCII)
_CLOCK = re.compile(
    r"(?:(today|yesterday)(?: +|$))?(?:(\d\d):(\d\d)(?::(\d\d))?(Z|([-+])(\d\d)(?::?(\d\d))?)?)?", re.ASCII
)
_EPOCH = date(1970, 1, 1).toordinal()


def from_text(text: str, now: float) -> float:
    """Read a moment.

    Parameters
    ----------
    text : str
        ISO 8601 (UTC if it names no zone); ``06:00``, the last time that it was so; ``yesterday`` or ``today
        06:00``; UNIX seconds; milliseconds since 1970; ``now-6h`` or ``-6h``; or ``-3600``, which counts back
        from now.
    now : float
        The present, UNIX seconds.

    Returns
    -------
    float
        UNIX seconds, fractions kept.

    Raises
    ------
    ValueError
        If it is none of these; the message goes on from what was given: "is not a time ...".
    """
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped):
        return from_number(float(stripped), now)
    if stripped == "now":
        return _bounded(now)
    relative = _RELATIVE.fullmatch(stripped)
    if relative:
        sign, count, unit = relative.groups()
        return _bounded(now + float(f"{sign}{count}") * UNITS_S[unit])
    found = _from_clock(stripped, now) if stripped else None
    if found is None:
        found = from_iso(stripped)
    if found is None:
        raise ValueError(f"is not a time ({GRAMMAR})")
    return found


def from_number(number: float, now: float) -> float:
    """Read a moment that is a number: UNIX seconds, milliseconds since 1970, or seconds back from now.

    Raises
    ------
    ValueError
        If no clock will ever show it.
    """
    if number <= 0:
        return _bounded(now + number)
    return _bounded(number / 1e3 if number >= EARLIEST_MILLISECONDS else number)


def from_iso(text: str) -> float | None:
    """UNIX seconds of a day, or a time of a day, as ISO 8601 writes it; None if it is neither.

    That is ``2017-07-14``, ``2017-07-14T06:00`` and ``20170714T060000.25Z``, the T perhaps a space; hours
    may stand alone, and a zone is ``Z``, ``+02``, ``+02:00`` or ``+0200``, UTC if there is none.
    """
    found = _ISO.fullmatch(text.strip())
    if not found:
        return None
    year, _, month, day, hour, minute, second, _, sign, zone_hour, zone_minute = found.groups(default="0")
    if found[5] is None and not found[2]:
        return None  # eight digits are a number
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH
    except ValueError:
        return None
    seconds = float(second.replace(",", "."))
    if max(int(hour), int(zone_hour)) >= 24 or max(int(minute), int(zone_minute)) >= 60 or seconds >= 60:
        return None
    ahead_s = (3600 * int(zone_hour) + 60 * int(zone_minute)) * (-1 if sign == "-" else 1)
    return days * 86400 + int(hour) * 3600 + int(minute) * 60 - ahead_s + seconds


def _from_clock(text: str, now: float) -> float | None:
    """UNIX seconds of a time of day, the last one that there was, or of one today or yesterday."""
    found = _CLOCK.fullmatch(text)
    if not found:
        return None
    hour, minute, second, zone_hour, zone_minute = (int(found[i] or 0) for i in (2, 3, 4, 7, 8))
    if max(hour, zone_hour) >= 24 or max(minute, second, zone_minute) >= 60:
        return None
    ahead_s = (3600 * zone_hour + 60 * zone_minute) * (-1 if found[6] == "-" else 1)
    midnight = (now + ahead_s) // DAY_S * DAY_S - ahead_s
    t = midnight + 3600 * hour + 60 * minute + second
    return t - DAY_S if found[1] == "yesterday" or (not found[1] and t > now) else t


def _bounded(seconds: float) -> float:
    if math.isnan(seconds) or abs(seconds) > FARTHEST_S:
        raise ValueError("is no time that a clock will show")
    return seconds

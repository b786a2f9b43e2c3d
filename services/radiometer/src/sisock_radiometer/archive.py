"""The radiometer's files: what a name tells, and how a file is read.

``PWV/PWV_UCSC_<year>-<DDD>.txt``, and ``PWV_UCSC_<DDD>-<year>.txt`` in 2018 up to day 201 (CONTRACT
section 5): one header line, then ``day_of_year pwv ...``, the day as a number, UTC, 1.0 being January
1 at 00:00.
"""

import calendar
import re
import time

import numpy as np
from sisock_archive.dated_files import Place
from sisock_archive.text_columns import TextColumns, parse_columns

FOLDER = "PWV"
SERIES = "pwv"
INTERVAL_S = 60.48
DAY_S = 86400.0
_NAMES = (
    re.compile(r"PWV_UCSC_(?P<year>\d{4})-(?P<day>\d{3})\.txt"),
    re.compile(r"PWV_UCSC_(?P<day>\d{3})-(?P<year>\d{4})\.txt"),
)


def new_year(year: int) -> int:
    """UNIX time of January 1 at 00:00 UTC."""
    return calendar.timegm((year, 1, 1, 0, 0, 0))


def _year_and_day(name: str) -> tuple[int, int] | None:
    for pattern in _NAMES:
        if match := pattern.fullmatch(name):
            return int(match["year"]), int(match["day"])
    return None


def place(name: str) -> Place | None:
    """What a file's name tells: its day. None for a file of another kind."""
    found = _year_and_day(name)
    if found is None or not (found[0] >= 1970 and 1 <= found[1] <= 366):
        return None
    start = new_year(found[0]) + (found[1] - 1) * DAY_S
    return Place(SERIES, start, start + DAY_S)


def parse(where: Place, content: bytes) -> TextColumns:
    """Times and water vapour (mm) of a file; a line that is still being written is left for later.

    Notes
    -----
    A file of December 31 may run past midnight, where the day begins again at 1, and one of January 1
    may begin before it: such lines belong to the year next to the file's own.
    """
    parsed = parse_columns(content, header_lines=1, more=True, whole_lines=True)
    day, pwv = parsed.columns
    good = (day >= 1.0) & (day < 367.0)
    skipped = parsed.skipped + int(len(day) - np.count_nonzero(good))
    day, pwv = day[good], pwv[good]
    year = time.gmtime(where.start).tm_year
    first = new_year(year)
    t = first + (day - 1.0) * DAY_S
    if where.end >= new_year(year + 1):
        t[day < 2.0] += new_year(year + 1) - first
    if where.start == first:
        t[day >= 365.0] -= first - new_year(year - 1)
    return TextColumns((t, pwv), skipped)

"""The tables `feeds` and `fields` of deployed sites, for files that our own tables do not hold (yet).

The predecessor's scanner filled them; nothing but SELECT is needed. They tell which files to open, not what
lies where in them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sisock_g3.database import Database, marks
from sisock_g3.summary import SECOND

ZONE_SLACK = 15 * 3600 * SECOND
"""The predecessor wrote its machine's local time: a file may hold a range if it does in any zone."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_FURTHEST = 8_000 * 366 * 86_400

_ROWS = "FROM feeds d JOIN fields x ON x.feed_id = d.id"
_UNREAD = " LEFT JOIN sisock_files s ON s.path = d.path AND s.filename = d.filename"
_OVERLAP = "(x.start IS NULL OR x.`end` IS NULL OR (x.start < %s AND x.`end` >= %s))"


def datetime_text(ticks: int) -> str:
    """A time as DATETIME(6), in UTC."""
    seconds = min(max(ticks / SECOND, -62_000_000_000), _FURTHEST)
    # SQLite compares the text: each year has four digits, which strftime does not see to.
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(" ", "microseconds")


class Deployed:
    """What the deployed tables say of files that are not in ours.

    Parameters
    ----------
    database : Database
    beside : bool
        Whether our tables are there, too: files that these hold are then passed over.
    """

    def __init__(self, database: Database, *, beside: bool) -> None:
        self._query = database.query
        self._from, self._where = (_ROWS + _UNREAD, "s.id IS NULL") if beside else (_ROWS, "1 = 1")

    def any(self) -> bool:
        """Whether there is any such file."""
        return bool(self._query(f"SELECT 1 {self._from} WHERE {self._where} LIMIT 1"))

    def fields(self, begin: int | None = None, end: int | None = None) -> list[tuple[str, str]]:
        """Description and field of all that may have samples in ``[begin, end)`` (ticks), or ever."""
        statement = f"SELECT DISTINCT d.description, x.field {self._from} WHERE {self._where}"
        if begin is None or end is None:
            rows = self._query(statement)
        else:
            rows = self._query(f"{statement} AND {_OVERLAP}", _around(begin, end))
        return sorted((description, field) for description, field in rows)

    def files(self, description: str, fields: Sequence[str], begin: int, end: int) -> list[Path]:
        """Files that may have samples of a provider's fields in ``[begin, end)`` (ticks)."""
        rows = self._query(
            f"SELECT DISTINCT d.path, d.filename {self._from} WHERE {self._where} AND {_OVERLAP} "
            f"AND d.description = %s AND x.field IN {marks(fields)}",
            [*_around(begin, end), description, *fields],
        )
        return sorted(Path(path, filename) for path, filename in rows)

    def newest(self, description: str, field: str, most: int) -> list[Path]:
        """The files that were noted last of those that have a field."""
        rows = self._query(
            f"SELECT d.path, d.filename {self._from} WHERE {self._where} "
            "AND d.description = %s AND x.field = %s ORDER BY d.id DESC LIMIT %s",
            [description, field, most],
        )
        return [Path(path, filename) for path, filename in rows]


def _around(begin: int, end: int) -> list[str]:
    return [datetime_text(end + ZONE_SLACK), datetime_text(begin - ZONE_SLACK)]

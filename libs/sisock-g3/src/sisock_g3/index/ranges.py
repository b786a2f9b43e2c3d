"""What the index has of a field in a range of time: spans, frames, bins. Times are ticks.

A span is what one file has of one field, a chunk what it has of one provider; each begins at its `t0` and
ends at its `t1`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sisock_g3 import blobs
from sisock_g3.database import Database
from sisock_g3.index.fields import ArchiveField
from sisock_g3.index.files import Indexed
from sisock_g3.summary import Bins

OVERLAP = "t1 >= %s AND t1 <= %s AND t0 < %s"
"""Rows of spans or chunks that overlap a range; its values are those of `overlap`."""

_OF_FIELD = f"FROM sisock_spans WHERE field_id = %s AND {OVERLAP}"
_IN_ORDER = f"{_OF_FIELD} ORDER BY t1"


def overlap(begin: int, end: int, longest: int) -> list[int]:
    """Values of `OVERLAP` for ``[begin, end)``.

    Rows are found by their end, which is their key: one that begins before `end` ends at most `longest`,
    the length of the longest, behind it.
    """
    return [begin, end + longest, end]


def _values(field: ArchiveField, begin: int, end: int) -> list[int]:
    return [field.field_id, *overlap(begin, end, field.longest)]


def bounds(database: Database, field: ArchiveField, begin: int, end: int) -> tuple[int, int] | None:
    """Part of ``[begin, end)`` outside of which a field has no samples; None if it has none."""
    values = _values(field, begin, end)
    some = database.query(f"SELECT t0 {_IN_ORDER} LIMIT 1", values)
    if not some:
        return None
    # One that ends later may begin before, but then it ends not much later.
    latest = min(values[2], some[0][0] + field.longest)
    ((first,),) = database.query(f"SELECT MIN(t0) {_OF_FIELD}", [field.field_id, begin, latest, end])
    last = database.query(f"SELECT t1 {_IN_ORDER} DESC LIMIT 1", values)
    return max(begin, first), min(end, last[0][0] + 1)


def has_samples(database: Database, field: ArchiveField, begin: int, end: int) -> bool:
    """Whether a field has a file whose samples overlap ``[begin, end)``."""
    if not field.field_id:
        return False
    return bool(database.query(f"SELECT 1 {_IN_ORDER} LIMIT 1", _values(field, begin, end)))


def count(database: Database, field: ArchiveField, begin: int, end: int) -> int:
    """How many samples the files have that overlap ``[begin, end)``."""
    ((samples,),) = database.query(f"SELECT SUM(samples) {_OF_FIELD}", _values(field, begin, end))
    return int(samples or 0)


def finest(database: Database, field: ArchiveField, begin: int, end: int) -> list[Bins] | None:
    """Bins of the finest width of the files that overlap a range; None if a file has no summaries."""
    rows = database.query(f"SELECT samples, bins {_IN_ORDER}", _values(field, begin, end))
    if any(samples and not blob for samples, blob in rows):
        return None
    return [blobs.unpack_bins(blob) for _, blob in rows]


def tiles(
    database: Database, field: ArchiveField, level: int, first: int, last: int
) -> list[tuple[int, Bins]]:
    """The tiles of a level that are made, of those numbered `first` to `last`."""
    rows = database.query(
        "SELECT tile, bins FROM sisock_tiles "
        "WHERE field_id = %s AND level = %s AND tile >= %s AND tile <= %s ORDER BY tile",
        [field.field_id, level, first, last],
    )
    return [(number, blobs.unpack_bins(blob)) for number, blob in rows]


def chunks(
    database: Database, field: ArchiveField, begin: int, end: int
) -> Iterator[tuple[Indexed, npt.NDArray[np.void]]]:
    """The files that a field's provider has frames of in a range, and the records of these."""
    rows = database.query(
        "SELECT f.path, f.filename, f.size, f.mtime_ns, f.indexed, f.tail, c.records "
        "FROM sisock_chunks c JOIN sisock_files f ON f.id = c.file_id "
        f"WHERE c.provider_id = %s AND {OVERLAP} ORDER BY c.t0, c.file_id",
        [field.provider_id, *overlap(begin, end, field.longest)],
    )
    for path, filename, size, mtime_ns, indexed, tail, blob in rows:
        yield Indexed(Path(path, filename), size, mtime_ns, indexed, tail), blobs.unpack_records(blob)

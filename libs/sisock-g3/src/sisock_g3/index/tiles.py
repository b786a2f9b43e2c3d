"""Makes the coarser summaries, level by level, once the time that they cover is over.

A tile that is stale is not in its table: readers then use finer bins, so that nothing is ever wrong,
only slower, until it is made.
"""

from sisock_g3 import blobs, summary
from sisock_g3.database import Database, Row, marks
from sisock_g3.index.ranges import OVERLAP, overlap
from sisock_g3.summary import DAY, LEVELS, Level

GRACE = DAY
"""Ticks that the archive must have gone on beyond a tile before it is made."""


def newest(database: Database) -> int | None:
    """Last tick of the archive; None if it is empty."""
    # MAX over all rows would read them all; one look per provider does not.
    rows = database.query("SELECT id FROM sisock_providers")
    ends = [
        found[0][0]
        for (provider_id,) in rows
        if (
            found := database.query("SELECT MAX(t1) FROM sisock_chunks WHERE provider_id = %s", [provider_id])
        )
        and found[0][0] is not None
    ]
    return max(ends, default=None)


def due(database: Database) -> list[tuple[int, Level, int]]:
    """Tiles that can be made now: provider, level and number, finer levels first."""
    end = newest(database)
    if end is None:
        database.execute("DELETE FROM sisock_stale")
        return []
    found = []
    for level in LEVELS:
        last = (end - GRACE) // level.tile
        rows = database.query(
            "SELECT provider_id, tile FROM sisock_stale WHERE level = %s AND tile < %s "
            "ORDER BY provider_id, tile",
            [level.number, last],
        )
        found += [(provider_id, level, tile) for provider_id, tile in rows]
    return found


def make(database: Database, provider_id: int, level: Level, tile: int) -> None:
    """Make one tile of every field of a provider; to be done inside of a transaction."""
    begin, end = level.tile * tile, level.tile * (tile + 1)
    factor = level.width // (LEVELS[level.number - 2].width if level.number > 1 else summary.FINEST_WIDTH)
    rows = (
        _finest(database, provider_id, begin, end)
        if level.number == 1
        else _finer(database, provider_id, level, begin, end)
    )
    parts: dict[int, list[summary.Bins]] = {}
    for field_id, bins in rows:
        parts.setdefault(field_id, []).append(blobs.unpack_bins(bins))
    made = []
    for field_id, found in parts.items():
        merged = summary.merge(summary.join(found), factor)
        inside = merged[(merged["bin"] * level.width >= begin) & (merged["bin"] * level.width < end)]
        if len(inside):
            made.append([field_id, level.number, tile, blobs.pack_bins(inside)])
    database.executemany(
        "INSERT INTO sisock_tiles (field_id, level, tile, bins) VALUES (%s, %s, %s, %s)", made
    )
    database.execute(
        "DELETE FROM sisock_stale WHERE provider_id = %s AND level = %s AND tile = %s",
        [provider_id, level.number, tile],
    )


def _finest(database: Database, provider_id: int, begin: int, end: int) -> list[Row]:
    ((longest,),) = database.query("SELECT longest FROM sisock_providers WHERE id = %s", [provider_id])
    fields = _fields(database, provider_id)
    return database.query(
        "SELECT field_id, bins FROM sisock_spans "
        f"WHERE field_id IN {marks(fields)} AND {OVERLAP} ORDER BY field_id, t0, file_id",
        [*fields, *overlap(begin, end, longest)],
    )


def _finer(database: Database, provider_id: int, level: Level, begin: int, end: int) -> list[Row]:
    below = LEVELS[level.number - 2]
    fields = _fields(database, provider_id)
    return database.query(
        "SELECT field_id, bins FROM sisock_tiles "
        f"WHERE field_id IN {marks(fields)} AND level = %s AND tile >= %s AND tile < %s "
        "ORDER BY field_id, tile",
        [*fields, below.number, begin // below.tile, end // below.tile],
    )


def _fields(database: Database, provider_id: int) -> list[int]:
    """Ids of a provider's fields, to be named in a query: MariaDB plans a join badly here."""
    rows = database.query("SELECT id FROM sisock_fields WHERE provider_id = %s", [provider_id])
    return [number for (number,) in rows]

"""The fields of an archive, as the index lists them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sisock_g3.database import Database, marks
from sisock_g3.refusals import NotPreparedError

_FIELDS = (
    "SELECT f.id, f.provider_id, p.description, f.field, f.name, f.kind, p.longest "
    "FROM sisock_fields f JOIN sisock_providers p ON p.id = f.provider_id"
)


@dataclass(frozen=True, slots=True)
class ArchiveField:
    """One field: `name` as listed, `field` as the files have it, `longest` chunk of its provider (ticks).

    `field_id` and `provider_id` are 0 for a field that only the deployed tables have.
    """

    field_id: int
    provider_id: int
    description: str
    field: str
    name: str
    kind: str
    longest: int


def is_prepared(database: Database) -> bool:
    """Whether our tables are there, all of them."""
    try:
        return bool(database.query("SELECT version FROM sisock_schema LIMIT 1"))
    except NotPreparedError:
        return False


def every(database: Database) -> list[ArchiveField]:
    """All fields that our tables have."""
    return [ArchiveField(*row) for row in database.query(_FIELDS)]


def numbered(database: Database, numbers: Sequence[int]) -> dict[int, ArchiveField]:
    """The fields that have these numbers now."""
    rows = database.query(f"{_FIELDS} WHERE f.id IN {marks(numbers)}", numbers)
    return {row[0]: ArchiveField(*row) for row in rows}

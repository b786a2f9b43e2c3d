"""Which fields the index has, by the names that dashboards use."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sisock_g3.database import Database
from sisock_g3.names import raw

FRESH_S = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One field: `name` as listed, `field` as the files have it, `longest` chunk of its provider (ticks)."""

    field_id: int
    provider_id: int
    name: str
    field: str
    kind: str
    longest: int


class Catalogue:
    """The fields of the index, read again when they are a second old.

    Parameters
    ----------
    clock : callable
        Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._by_name: dict[str, Entry] = {}
        self._by_raw_name: dict[str, Entry] = {}

    def entries(self, database: Database) -> Iterable[Entry]:
        """Every field."""
        with self._lock:
            self._refresh(database)
            return self._by_name.values()

    def find(self, database: Database, names: Sequence[str]) -> dict[str, Entry]:
        """Those of the names that there are; also by the names that so3g uses."""
        with self._lock:
            self._refresh(database)
            found = {}
            for name in names:
                entry = self._by_name.get(name) or self._by_raw_name.get(name)
                if entry is not None:
                    found[name] = entry
            return found

    def _refresh(self, database: Database) -> None:
        if self._clock() - self._read_at < FRESH_S:
            return
        rows = database.query(
            "SELECT f.id, f.provider_id, f.name, f.field, f.kind, p.longest, p.description "
            "FROM sisock_fields f JOIN sisock_providers p ON p.id = f.provider_id"
        )
        self._by_name = {row[2]: Entry(*row[:6]) for row in rows}
        self._by_raw_name = {raw(row[6], row[3]): self._by_name[row[2]] for row in rows}
        self._read_at = self._clock()

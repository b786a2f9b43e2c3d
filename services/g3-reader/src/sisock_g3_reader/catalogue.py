"""Which fields there are, by the names that dashboards use: those of our index, and of files it lacks.

Until our scanner has gone over a predecessor's database (and while it does), the deployed tables tell of the
rest. What is known is asked anew often, and never trusted for the numbers of rows, which are used again.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sisock_g3.database import Database, marks
from sisock_g3.decoding import NUMBER
from sisock_g3.deployed import Deployed
from sisock_g3.names import listed, raw
from sisock_g3.refusals import NotPreparedError

from sisock_g3_reader.files import Files

FRESH_S = 1.0
DEPLOYED_COST = 20.0
"""So many times as long as it took to read them, the deployed tables are left alone: they lack an index."""

MOST_LOOKED_INTO = 3
_FIELDS = (
    "SELECT f.id, f.provider_id, p.description, f.field, f.name, f.kind, p.longest "
    "FROM sisock_fields f JOIN sisock_providers p ON p.id = f.provider_id"
)


@dataclass(frozen=True, slots=True)
class Entry:
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


class Catalogue:
    """The fields, read again when they are a second old.

    Parameters
    ----------
    clock : callable
        Seconds, monotonic.
    files : Files
        To look up the kinds of fields that only the deployed tables have.
    log : structlog logger
    """

    def __init__(self, clock: Callable[[], float], files: Files, log: structlog.stdlib.BoundLogger) -> None:
        self._clock = clock
        self._files = files
        self._log = log
        self._lock = threading.Lock()
        self._read_at = self._deployed_at = float("-inf")
        self._ours: list[Entry] = []
        self._unread: list[tuple[str, str]] = []
        self._kinds: dict[tuple[str, str], str] = {}
        self._by_name: dict[str, Entry] = {}
        self._by_raw_name: dict[str, Entry] = {}
        self._prepared = self._told = False

    def unread(self, database: Database) -> Deployed | None:
        """Files that only the deployed tables tell of; None once there are none."""
        with self._lock:
            self._refresh(database)
            return Deployed(database, beside=self._prepared) if self._unread else None

    def entries(self, database: Database) -> list[Entry]:
        """Every field."""
        with self._lock:
            self._read_at = float("-inf")
            self._refresh(database)
            return list(self._by_name.values())

    def find(self, database: Database, names: Sequence[str]) -> dict[str, Entry]:
        """Those of the names that there are; also by the names that so3g uses."""
        with self._lock:
            self._refresh(database)
            found = self._found(names)
            if not self._still(database, found):
                self._read_at = float("-inf")
                self._refresh(database)
                found = self._found(names)
            return found

    def kind(self, entry: Entry, unread: Deployed | None) -> str:
        """Kind of a field; what the deployed tables do not tell is looked up in the files."""
        if entry.field_id or unread is None:
            return entry.kind
        key = entry.description, entry.field
        if key not in self._kinds:
            for path in unread.newest(*key, MOST_LOOKED_INTO):
                held = self._files.held(path)
                found = held.kinds.get(entry.description, {}).get(entry.field) if held else None
                if found is not None:
                    self._kinds[key] = found
                    break
        return self._kinds.get(key, NUMBER)

    def _found(self, names: Sequence[str]) -> dict[str, Entry]:
        entries = {name: self._by_name.get(name) or self._by_raw_name.get(name) for name in names}
        return {name: entry for name, entry in entries.items() if entry is not None}

    def _still(self, database: Database, found: dict[str, Entry]) -> bool:
        """Whether entries are as the database has them now: a row's number may be another field's."""
        ours = {entry.field_id: entry for entry in found.values() if entry.field_id}
        if not ours:
            return True
        rows = database.query(f"{_FIELDS} WHERE f.id IN {marks(list(ours))}", list(ours))
        return {row[0]: Entry(*row) for row in rows} == ours

    def _refresh(self, database: Database) -> None:
        if self._clock() - self._read_at < FRESH_S:
            return
        self._prepared = _is_prepared(database)
        self._ours = [Entry(*row) for row in database.query(_FIELDS)] if self._prepared else []
        if not self._prepared or self._clock() >= self._deployed_at:
            self._refresh_deployed(database)
        self._by_name = {entry.name: entry for entry in self._ours}
        self._by_raw_name = {raw(entry.description, entry.field): entry for entry in self._ours}
        for description, field in self._unread:
            if raw(description, field) not in self._by_raw_name:
                name = listed(description, field)
                name = raw(description, field) if name in self._by_name else name
                entry = Entry(0, 0, description, field, name, NUMBER, 0)
                self._by_name[name] = self._by_raw_name[raw(description, field)] = entry
        self._read_at = self._clock()

    def _refresh_deployed(self, database: Database) -> None:
        began = self._clock()
        if began < self._deployed_at < float("inf"):
            return
        deployed = Deployed(database, beside=self._prepared)
        self._unread = deployed.fields() if deployed.any() else []
        took = self._clock() - began
        self._deployed_at = self._clock() + max(FRESH_S, DEPLOYED_COST * took)
        if not self._unread and self._prepared:
            # Our scanner has been everywhere, and goes on: nobody else adds files.
            self._deployed_at = float("inf")
        elif self._unread and not self._told:
            self._told = True
            self._log.warning(
                "index.unscanned",
                why="files that sisock-g3-file-scanner has not read are read through for each question: "
                "a scan makes it fast",
            )


def _is_prepared(database: Database) -> bool:
    """Whether our tables are there, all of them."""
    try:
        return bool(database.query("SELECT version FROM sisock_schema LIMIT 1"))
    except NotPreparedError:
        return False

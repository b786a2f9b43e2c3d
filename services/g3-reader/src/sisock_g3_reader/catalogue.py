"""Which fields there are, by the names that dashboards use: those of our index, and of files it lacks.

Until our scanner has gone over a predecessor's database (and while it does), the deployed tables tell of the
rest. What is known is asked anew often, and never trusted for the numbers of rows, which are used again.
"""

import threading
from collections.abc import Callable, Sequence

import structlog
from sisock_g3.database import Database
from sisock_g3.decoding import NUMBER
from sisock_g3.deployed import Deployed
from sisock_g3.index import fields
from sisock_g3.index.fields import ArchiveField
from sisock_g3.names import listed, raw

from sisock_g3_reader.files import Files

FRESH_S = 1.0
DEPLOYED_COST = 20.0
"""So many times as long as it took to read them, the deployed tables are left alone: they lack an index."""

MOST_LOOKED_INTO = 3


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
        self._ours: list[ArchiveField] = []
        self._unread: list[tuple[str, str]] = []
        self._kinds: dict[tuple[str, str], str] = {}
        self._by_name: dict[str, ArchiveField] = {}
        self._by_raw_name: dict[str, ArchiveField] = {}
        self._prepared = self._told = False

    def unread(self, database: Database) -> Deployed | None:
        """Files that only the deployed tables tell of; None once there are none."""
        with self._lock:
            self._refresh(database)
            return Deployed(database, beside=self._prepared) if self._unread else None

    def every(self, database: Database) -> list[ArchiveField]:
        """Every field."""
        with self._lock:
            self._read_at = float("-inf")
            self._refresh(database)
            return list(self._by_name.values())

    def find(self, database: Database, names: Sequence[str]) -> dict[str, ArchiveField]:
        """Those of the names that there are; also by the names that so3g uses."""
        with self._lock:
            self._refresh(database)
            found = self._found(names)
            if not self._still(database, found):
                self._read_at = float("-inf")
                self._refresh(database)
                found = self._found(names)
            return found

    def kind(self, field: ArchiveField, unread: Deployed | None) -> str:
        """Kind of a field; what the deployed tables do not tell is looked up in the files."""
        if field.field_id or unread is None:
            return field.kind
        key = field.description, field.field
        if key not in self._kinds:
            for path in unread.newest(*key, MOST_LOOKED_INTO):
                held = self._files.held(path)
                found = held.kinds.get(field.description, {}).get(field.field) if held else None
                if found is not None:
                    self._kinds[key] = found
                    break
        return self._kinds.get(key, NUMBER)

    def _found(self, names: Sequence[str]) -> dict[str, ArchiveField]:
        found = {name: self._by_name.get(name) or self._by_raw_name.get(name) for name in names}
        return {name: one for name, one in found.items() if one is not None}

    def _still(self, database: Database, found: dict[str, ArchiveField]) -> bool:
        """Whether fields are as the database has them now: a row's number may be another field's."""
        ours = {one.field_id: one for one in found.values() if one.field_id}
        if not ours:
            return True
        return fields.numbered(database, list(ours)) == ours

    def _refresh(self, database: Database) -> None:
        if self._clock() - self._read_at < FRESH_S:
            return
        self._prepared = fields.is_prepared(database)
        self._ours = fields.every(database) if self._prepared else []
        if not self._prepared or self._clock() >= self._deployed_at:
            self._refresh_deployed(database)
        self._by_name = {one.name: one for one in self._ours}
        self._by_raw_name = {raw(one.description, one.field): one for one in self._ours}
        for description, field in self._unread:
            if raw(description, field) not in self._by_raw_name:
                name = listed(description, field)
                name = raw(description, field) if name in self._by_name else name
                one = ArchiveField(0, 0, description, field, name, NUMBER, 0)
                self._by_name[name] = self._by_raw_name[raw(description, field)] = one
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

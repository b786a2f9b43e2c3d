"""Writes what files hold into the tables: each file at once, or not at all.

Files and directories are not opened here.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sisock_g3 import blobs, names, summary
from sisock_g3.database import Database, Row, marks
from sisock_g3.decoding import TEXT, widest
from sisock_g3.deployed import datetime_text
from sisock_g3.file_content import FieldContent, ProviderContent
from sisock_g3.index.files import Known, ReadFile, Seen, state_of
from sisock_g3.summary import LEVELS

SPARE_PROV_ID = 1_000_000
"""Stands in `feeds` for a provider whose number another one has in the same file (in another session)."""


@dataclass(slots=True)
class _Rows:
    """Rows of several files, to be inserted together."""

    deployed: list[list[Any]] = dataclasses.field(default_factory=list)
    described: dict[str, None] = dataclasses.field(default_factory=dict)
    chunks: list[list[Any]] = dataclasses.field(default_factory=list)
    spans: list[list[Any]] = dataclasses.field(default_factory=list)


class Index:
    """The index of an archive.

    Parameters
    ----------
    database : Database
        Its tables are made (`sisock_g3.tables.prepare`).

    Notes
    -----
    Remembers what it wrote: after a statement failed, make a new one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._providers: dict[str, int] = {}
        self._fields: dict[tuple[int, str], tuple[int, str, str]] = {}
        self._names: set[str] = set()
        self._longest: dict[int, int] = {}
        self._stale: set[tuple[int, int, int]] = set()
        self.load()

    def load(self) -> None:
        """Read what is remembered of the database."""
        query = self._database.query
        rows = query("SELECT id, description, longest FROM sisock_providers")
        self._providers = {description: number for number, description, _ in rows}
        self._longest = {number: longest for number, _, longest in rows}
        fields = query("SELECT id, provider_id, field, name, kind FROM sisock_fields")
        self._fields = {(row[1], row[2]): (row[0], row[3], row[4]) for row in fields}
        self._names = {row[3] for row in fields}
        self._stale = {(p, n, tile) for p, n, tile in query("SELECT * FROM sisock_stale")}

    def files(self) -> dict[tuple[str, str], Known]:
        """Every file of the index, by directory and name."""
        rows = self._database.query(
            "SELECT path, filename, id, size, mtime_ns, indexed, tail, state, cut, reported FROM sisock_files"
        )
        return {(row[0], row[1]): _known(row[2:]) for row in rows}

    def orphans(self, present: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Files of the predecessor's that are in no table of ours and not on disk."""
        rows = self._database.query("SELECT DISTINCT path, filename FROM feeds")
        return {(path, filename) for path, filename in rows} - present

    def write(self, files: Sequence[ReadFile]) -> dict[tuple[str, str], Known]:
        """Write files, all in one transaction; gives them as the index has them then."""
        with self._database.transaction():
            rows = _Rows()
            written = {file.seen.key: self._write(file, rows) for file in files}
            self._insert(rows)
            if any(file.replaces is not None for file in files):
                self._drop_unused_fields()
        return written

    def remove(self, keys: Iterable[tuple[str, str]]) -> None:
        """Forget files, all in one transaction."""
        with self._database.transaction():
            for path, filename in keys:
                found = self._database.query(
                    "SELECT id FROM sisock_files WHERE path = %s AND filename = %s", [path, filename]
                )
                for (file_id,) in found:
                    self._forget(file_id)
                self._forget_feeds(path, filename)
            self._drop_unused_fields()

    def mark(self, known: Known, seen: Seen, *, cut: bool, reported: bool) -> Known:
        """Note that a file was looked at, and found to hold nothing new."""
        self._database.execute(
            "UPDATE sisock_files SET size = %s, mtime_ns = %s, cut = %s, reported = %s WHERE id = %s",
            [seen.size, seen.mtime_ns, cut, reported, known.file_id],
        )
        return dataclasses.replace(known, size=seen.size, mtime_ns=seen.mtime_ns, cut=cut, reported=reported)

    def _write(self, file: ReadFile, rows: _Rows) -> Known:
        execute, seen = self._database.execute, file.seen
        if file.replaces is not None:
            self._forget(file.replaces.file_id)
        content = file.content
        state = state_of(content)
        problem = "; ".join(filter(None, [content.told(), content.problem]))
        values = [seen.size, seen.mtime_ns, content.end, file.tail, state]
        values += [content.cut, file.reported, problem]
        if file.continues is None:
            file_id = execute(
                "INSERT INTO sisock_files "
                "(size, mtime_ns, indexed, tail, state, cut, reported, problem, path, filename) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [*values, *seen.key],
            )
        else:
            file_id = file.continues.file_id
            execute(
                "UPDATE sisock_files SET size = %s, mtime_ns = %s, indexed = %s, tail = %s, state = %s, "
                "cut = %s, reported = %s, problem = %s WHERE id = %s",
                [*values, file_id],
            )
        self._gather_providers(file, file_id, rows)
        return Known(
            file_id,
            seen.size,
            seen.mtime_ns,
            content.end,
            file.tail,
            state,
            content.cut,
            file.reported,
        )

    def _gather_providers(self, file: ReadFile, file_id: int, rows: _Rows) -> None:
        """Gather frames, spans and the deployed tables' rows of each provider."""
        feeds = self._feeds(file)
        for description, provider in file.content.providers.items():
            provider_id = self._provider(description)
            if file.continues is not None:
                provider = self._continued(provider_id, file_id, provider)  # noqa: PLW2901
            records = provider.records
            t0, t1 = int(records["t0"].min()), int(records["t1"].max())
            self._widen(provider_id, t1 - t0)
            blob = blobs.pack_records(records)
            rows.chunks.append([provider_id, t1, file_id, t0, int(records["n"].sum()), blob])
            for field, found in provider.fields.items():
                field_id, name = self._field(provider_id, description, field, found.kind)
                bins = blobs.pack_bins(found.bins)
                rows.spans.append([field_id, found.t1, file_id, found.t0, found.kind, found.samples, bins])
                times = datetime_text(found.t0), datetime_text(found.t1)
                rows.deployed.append([feeds[description], field, *times])
                rows.described[name] = None
            self._make_stale(provider_id, provider)

    def _insert(self, rows: _Rows) -> None:
        many = self._database.executemany
        # MariaDB takes names for the same that differ in case only: one of them has to do there.
        many(
            "INSERT IGNORE INTO fields (feed_id, field, start, `end`) VALUES (%s, %s, %s, %s)", rows.deployed
        )
        described = [[name] for name in rows.described]
        many("INSERT IGNORE INTO description (description) VALUES (%s)", described)
        many(
            "INSERT INTO sisock_chunks (provider_id, t1, file_id, t0, samples, records) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            rows.chunks,
        )
        many(
            "INSERT INTO sisock_spans (field_id, t1, file_id, t0, kind, samples, bins) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s)",
            rows.spans,
        )

    def _feeds(self, file: ReadFile) -> dict[str, int]:
        """Rows of `feeds` of a file, by description; made where they are missing."""
        path, filename = file.seen.key
        query, execute = self._database.query, self._database.execute
        rows = query(
            "SELECT id, prov_id, description FROM feeds WHERE path = %s AND filename = %s", [path, filename]
        )
        ids = {prov_id: number for number, prov_id, _ in rows}
        taken: dict[int, str] = {}
        if file.continues is not None:
            taken = {prov_id: description for _, prov_id, description in rows}
        for description, provider in file.content.providers.items():
            for prov_id in provider.prov_ids:
                number = prov_id
                while taken.get(number, description) != description:
                    number += SPARE_PROV_ID
                taken[number] = description
        gone = [[number] for prov_id, number in ids.items() if prov_id not in taken]
        self._database.executemany("DELETE FROM fields WHERE feed_id = %s", gone)
        self._database.executemany("DELETE FROM feeds WHERE id = %s", gone)
        scanned = not file.content.cut
        known = [
            (description, scanned, ids[prov_id])
            for prov_id, description in taken.items()
            if prov_id in ids and description in file.content.providers
        ]
        for row in known:
            execute("UPDATE feeds SET description = %s, scanned = %s WHERE id = %s", row)
        if known:
            numbers = [row[2] for row in known]
            execute(f"DELETE FROM fields WHERE feed_id IN {marks(numbers)}", numbers)
        self._database.executemany(
            "INSERT INTO feeds (filename, path, prov_id, description, scanned) VALUES (%s, %s, %s, %s, %s)",
            [
                [filename, path, prov_id, description, scanned]
                for prov_id, description in taken.items()
                if prov_id not in ids
            ],
        )
        feeds: dict[str, int] = {}
        for number, description in query(
            "SELECT id, description FROM feeds WHERE path = %s AND filename = %s ORDER BY id",
            [path, filename],
        ):
            if description in file.content.providers:
                feeds.setdefault(description, number)
        return feeds

    def _provider(self, description: str) -> int:
        if description not in self._providers:
            number = self._database.execute(
                "INSERT INTO sisock_providers (description) VALUES (%s)", [description]
            )
            self._providers[description] = number
            self._longest[number] = 0
        return self._providers[description]

    def _field(self, provider_id: int, description: str, field: str, kind: str) -> tuple[int, str]:
        key = provider_id, field
        known = self._fields.get(key)
        if known is None:
            name = names.listed(description, field)
            if name in self._names:
                name = names.raw(description, field)
            number = self._database.execute(
                "INSERT INTO sisock_fields (provider_id, field, name, kind) VALUES (%s, %s, %s, %s)",
                [provider_id, field, name, kind],
            )
            known = self._fields[key] = number, name, kind
            self._names.add(name)
        elif widest({known[2], kind}) != known[2]:
            known = self._fields[key] = known[0], known[1], widest({known[2], kind})
            self._database.execute("UPDATE sisock_fields SET kind = %s WHERE id = %s", [known[2], known[0]])
        return known[0], known[1]

    def _fields_of(self, provider_id: int) -> list[int]:
        return [known[0] for (provider, _), known in self._fields.items() if provider == provider_id]

    def _widen(self, provider_id: int, length: int) -> None:
        if length > self._longest[provider_id]:
            self._longest[provider_id] = length
            self._database.execute(
                "UPDATE sisock_providers SET longest = %s WHERE id = %s", [length, provider_id]
            )

    def _continued(self, provider_id: int, file_id: int, provider: ProviderContent) -> ProviderContent:
        """Put what the index has of a file that grew together with what was added; takes it out."""
        query, execute = self._database.query, self._database.execute
        at = [provider_id, file_id]
        rows = query("SELECT records FROM sisock_chunks WHERE provider_id = %s AND file_id = %s", at)
        records = np.concatenate([*(blobs.unpack_records(row[0]) for row in rows), provider.records])
        execute("DELETE FROM sisock_chunks WHERE provider_id = %s AND file_id = %s", at)
        fields = dict(provider.fields)
        for field, kind, t0, t1, samples, bins in query(
            "SELECT f.field, s.kind, s.t0, s.t1, s.samples, s.bins FROM sisock_fields f "
            "JOIN sisock_spans s ON s.field_id = f.id WHERE f.provider_id = %s AND s.file_id = %s",
            at,
        ):
            old = FieldContent(kind, t0, t1, samples, blobs.unpack_bins(bins))
            fields[field] = _both(old, fields[field]) if field in fields else old
        known = self._fields_of(provider_id)
        execute(
            f"DELETE FROM sisock_spans WHERE file_id = %s AND field_id IN {marks(known)}", [file_id, *known]
        )
        return ProviderContent(provider.prov_ids, records, fields)

    def _make_stale(self, provider_id: int, provider: ProviderContent) -> None:
        bins = summary.join([found.bins for found in provider.fields.values() if len(found.bins)])
        self._stale_tiles(provider_id, bins)

    def _stale_tiles(self, provider_id: int, bins: summary.Bins) -> None:
        """Take out the tiles that some bins fall into, and note that they are to be made."""
        for level in LEVELS:
            for tile in level.tiles(bins, summary.FINEST_WIDTH):
                key = provider_id, level.number, tile
                if key in self._stale:
                    continue
                self._stale.add(key)
                self._database.execute(
                    "INSERT IGNORE INTO sisock_stale (provider_id, level, tile) VALUES (%s, %s, %s)", key
                )
                fields = self._fields_of(provider_id)
                self._database.execute(
                    "DELETE FROM sisock_tiles "
                    f"WHERE field_id IN {marks(fields)} AND level = %s AND tile = %s",
                    [*fields, level.number, tile],
                )

    def _forget(self, file_id: int) -> None:
        """Take a file out of our tables."""
        query, execute = self._database.query, self._database.execute
        gone: dict[int, list[summary.Bins]] = {}
        for provider_id, bins in query(
            "SELECT f.provider_id, s.bins FROM sisock_spans s JOIN sisock_fields f ON f.id = s.field_id "
            "WHERE s.file_id = %s",
            [file_id],
        ):
            gone.setdefault(provider_id, []).append(blobs.unpack_bins(bins))
        for provider_id, bins in gone.items():
            self._stale_tiles(provider_id, summary.join(bins))
        for table, column in (
            ("sisock_spans", "file_id"),
            ("sisock_chunks", "file_id"),
            ("sisock_files", "id"),
        ):
            execute(f"DELETE FROM {table} WHERE {column} = %s", [file_id])

    def _forget_feeds(self, path: str, filename: str) -> None:
        at = [path, filename]
        rows = self._database.query("SELECT id FROM feeds WHERE path = %s AND filename = %s", at)
        self._database.executemany("DELETE FROM fields WHERE feed_id = %s", rows)
        self._database.execute("DELETE FROM feeds WHERE path = %s AND filename = %s", at)

    def _drop_unused_fields(self) -> None:
        """Fields and providers that no file holds any more leave the lists."""
        rows = self._database.query(
            "SELECT f.id, f.name FROM sisock_fields f "
            "WHERE NOT EXISTS (SELECT 1 FROM sisock_spans s WHERE s.field_id = f.id)"
        )
        many = self._database.executemany
        many("DELETE FROM description WHERE description = %s", [[name] for _, name in rows])
        many("DELETE FROM sisock_tiles WHERE field_id = %s", [[number] for number, _ in rows])
        many("DELETE FROM sisock_fields WHERE id = %s", [[number] for number, _ in rows])
        unused = self._database.query(
            "SELECT id FROM sisock_providers p "
            "WHERE NOT EXISTS (SELECT 1 FROM sisock_chunks c WHERE c.provider_id = p.id)"
        )
        many("DELETE FROM sisock_stale WHERE provider_id = %s", unused)
        many("DELETE FROM sisock_providers WHERE id = %s", unused)
        if rows or unused:
            self.load()


def _known(row: Row) -> Known:
    file_id, size, mtime_ns, indexed, tail, state, cut, reported = row
    return Known(file_id, size, mtime_ns, indexed, tail, state, bool(cut), bool(reported))


def _both(old: FieldContent, new: FieldContent) -> FieldContent:
    kind = widest({old.kind, new.kind})
    bins = summary.empty() if kind == TEXT else summary.merge(summary.join([old.bins, new.bins]))
    ends = min(old.t0, new.t0), max(old.t1, new.t1)
    return FieldContent(kind, *ends, old.samples + new.samples, bins)

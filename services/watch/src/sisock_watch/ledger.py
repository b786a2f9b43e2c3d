"""What happened, on disk: states of each field, events, notes. SQLite, written by one thread in batches.

Readers have connections of their own (WAL), in whatever thread they are. Knows nothing of nodes and samples.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import structlog
from sisock.errors import ConfigError
from sisock.writer import Writer

COMMIT_INTERVAL_S = 0.3
ALIVE_INTERVAL_S = 5.0
PURGE_INTERVAL_S = 3600.0
MOST_WAITING = 400_000
MOST_EVENTS = 1_000_000
MOST_TEXT = 2_000
BUSY_S = 5.0
CACHE_KIB = 256
"""What SQLite keeps of the file while it writes; the system has the rest."""


STATES = ("unknown", "fresh", "late", "silent", "warning", "alarm")
"""Stored as their place in here, which must not change."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS name (
    id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, target TEXT NOT NULL, seen REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS state (
    name INTEGER NOT NULL, t REAL NOT NULL, state INTEGER NOT NULL, PRIMARY KEY (name, t)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY, t REAL NOT NULL, what TEXT NOT NULL, target TEXT NOT NULL,
    why TEXT NOT NULL, before TEXT NOT NULL, author TEXT NOT NULL, until REAL
);
CREATE INDEX IF NOT EXISTS event_t ON event (t);
CREATE TABLE IF NOT EXISTS alive (only_one INTEGER PRIMARY KEY, t REAL NOT NULL);
"""

_EVENTS = """
SELECT id, t, what, target, why, before, author, until FROM event
WHERE (t >= ? OR until >= ?) AND t < ? AND id > ?
    AND (? = '' OR instr(lower(target || ' ' || why || ' ' || author), ?))
    AND (? = 0 OR what IN (SELECT value FROM json_each(?)))
ORDER BY t DESC, id DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, or that somebody noted down; `until` when it ended, if it lasted."""

    t: float
    what: str
    target: str = ""
    why: str = ""
    before: str = ""
    author: str = ""
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """Fields are known: target of each identity; `seen` when they were listed last, UNIX seconds."""

    targets: Mapping[str, str]
    seen: float


@dataclass(frozen=True, slots=True)
class Stated:
    """A field is in another state since `t`."""

    identity: str
    t: float
    state: str


Item = Event | Named | Stated


class Ledger:
    """The history of states and events, in one file.

    Parameters
    ----------
    file : Path
        Its directory is made if it is missing.
    kept_s : float
        For so long is everything kept.
    clock : callable
        The present, UNIX seconds.
    log : structlog logger

    Raises
    ------
    ConfigError
        If the file cannot be used.
    """

    def __init__(
        self, file: Path, kept_s: float, clock: Callable[[], float], log: structlog.stdlib.BoundLogger
    ) -> None:
        self._file = file
        self._kept_s = kept_s
        self._clock = clock
        self._purged = float("-inf")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self.known, self.ended = self._begin()
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"STATE_DB={str(file)!r} cannot be used: {error}") from error
        self._writer: Writer[Item] = Writer(
            "ledger", file, partial(_connect, file), self._write, log,
            interval_s=COMMIT_INTERVAL_S, most_waiting=MOST_WAITING, idle_s=ALIVE_INTERVAL_S,
        )  # fmt: skip

    def _begin(self) -> tuple[dict[str, str], float | None]:
        """What earlier runs knew, and when they ended; all is unknown from then on."""
        database = _connect(self._file)
        try:
            row = database.execute("SELECT t FROM alive").fetchone()
            ended = None if row is None else float(row[0])
            with database:
                if ended is not None:
                    database.execute(
                        "INSERT OR IGNORE INTO state (name, t, state) SELECT id, max(?, "
                        "coalesce((SELECT max(t) FROM state WHERE name = id) + 0.001, 0)), 0 FROM name",
                        (ended,),
                    )
                database.execute("DELETE FROM name WHERE seen < ?", (self._clock() - self._kept_s,))
            known = dict(
                database.execute("SELECT identity, target FROM name ORDER BY seen DESC LIMIT 100000")
            )
        finally:
            database.close()
        return known, ended

    def put(self, items: Iterable[Item]) -> None:
        """Store things soon. Never waits."""
        for item in items:
            self._writer.put(item)

    def close(self) -> None:
        """Store what waits, then stop."""
        self._writer.close()

    def _write(self, database: sqlite3.Connection, batch: Sequence[Item]) -> None:
        now = self._clock()
        with database:
            for item in batch:
                if isinstance(item, Named):
                    database.executemany(
                        "INSERT INTO name (identity, target, seen) VALUES (?, ?, ?) "
                        "ON CONFLICT (identity) DO UPDATE SET target = excluded.target, seen = excluded.seen",
                        ((*names, item.seen) for names in item.targets.items()),
                    )
                elif isinstance(item, Event):
                    database.execute(
                        "INSERT INTO event (t, what, target, why, before, author, until) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?)",
                        (item.t, item.what, item.target, item.why, item.before, item.author, item.until),
                    )
                else:
                    self._write_state(database, item)
            database.execute("INSERT OR REPLACE INTO alive (only_one, t) VALUES (1, ?)", (now,))
            if abs(now - self._purged) >= PURGE_INTERVAL_S:
                self._purged = now
                purge(database, now - self._kept_s)

    def _write_state(self, database: sqlite3.Connection, item: Stated) -> None:
        # The file finds a name's number quickly; a copy here would be 2 MB for 20,000.
        written = database.execute(
            "INSERT OR REPLACE INTO state (name, t, state) SELECT id, ?, ? FROM name WHERE identity = ?",
            (item.t, STATES.index(item.state), item.identity),
        )
        if not written.rowcount:
            database.execute(
                "INSERT INTO name (identity, target, seen) VALUES (?, ?, ?)",
                (item.identity, item.identity, self._clock()),
            )
            self._write_state(database, item)

    def states(
        self, identities: Sequence[str], start: float, end: float
    ) -> dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
        """Times and states (places in `STATES`) of changes in ``[start, end)``, and the last before."""
        found = {}
        database = _reader(self._file)
        try:
            for identity in identities:
                rows = database.execute(
                    "SELECT t, state FROM state WHERE name = (SELECT id FROM name WHERE identity = ?) "
                    "AND t < ? AND t >= coalesce((SELECT max(t) FROM state WHERE name = "
                    "(SELECT id FROM name WHERE identity = ?) AND t <= ?), 0) ORDER BY t",
                    (identity, end, identity, start),
                ).fetchall()
                if rows:
                    t, codes = zip(*rows, strict=True)
                    found[identity] = np.array(t, np.float64), np.array(codes, np.int64)
        finally:
            database.close()
        return found

    def events(
        self,
        start: float,
        end: float,
        *,
        search: str = "",
        what: Sequence[str] = (),
        after: int = 0,
        most: int = 1000,
    ) -> list[dict[str, Any]]:
        """Events in ``[start, end)``, or that reach into it, by time; of many the last `most`."""
        database = _reader(self._file)
        try:
            rows = database.execute(
                _EVENTS,
                (
                    start,
                    start,
                    end,
                    after,
                    search.lower(),
                    search.lower(),
                    len(what),
                    json.dumps(list(what)),
                    most,
                ),
            ).fetchall()
        finally:
            database.close()
        keys = ("id", "t", "what", "target", "why", "before", "author", "until")
        return [dict(zip(keys, row, strict=True)) for row in reversed(rows)]


def purge(database: sqlite3.Connection, before: float) -> None:
    """Forget what is older, but the state that a field was in then."""
    database.execute(
        "DELETE FROM state WHERE t < ? AND t < "
        "(SELECT max(other.t) FROM state AS other WHERE other.name = state.name AND other.t <= ?)",
        (before, before),
    )
    database.execute("DELETE FROM state WHERE name NOT IN (SELECT id FROM name)")
    database.execute(
        "DELETE FROM event WHERE t < ? OR id <= (SELECT max(id) FROM event) - ?", (before, MOST_EVENTS)
    )


def with_rests(
    t: npt.NDArray[np.float64],
    codes: npt.NDArray[np.int64],
    start: float,
    end: float,
    step: float,
    least: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Changes in ``[start, end)``, and between them the state at each multiple of `step`: a state lasts.

    Without them a field that has been well for a day would have no sample in any panel of an hour. They
    depend on nothing but the history, so that intervals that follow each other have each once. Where `step`
    is more than the `least` that there is, the first and the last sample are those of the least.
    """
    if not len(t) or end <= start:
        return t[:0], codes[:0]
    begin = max(start, float(t[0]))
    rests = np.arange(np.ceil(begin / step) * step, end, step)
    if step > least:
        ends = np.array([np.ceil(begin / least), np.ceil(end / least) - 1]) * least
        rests = np.union1d(rests, ends[ends >= begin])
    rests = rests[rests < end]
    inside = (t >= start) & (t < end)
    all_t = np.union1d(t[inside], rests)
    return all_t, codes[t.searchsorted(all_t, side="right") - 1]


def _connect(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=BUSY_S)
    try:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"cache_size=-{CACHE_KIB}"):
            database.execute(f"PRAGMA {pragma}").fetchall()
        database.executescript(_SCHEMA)
        if "until" not in {row[1] for row in database.execute("PRAGMA table_info(event)")}:
            # A file of before there were notes of a range.
            database.execute("ALTER TABLE event ADD COLUMN until REAL")
    except BaseException:
        database.close()
        raise
    return database


def _reader(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)


def condensed(events: Sequence[Event], feed_of: Callable[[str], str], most: int = 5) -> list[Event]:
    """Events, those of one kind and feed at the same moment as one if they are more than `most`."""
    groups: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        groups.setdefault((event.what, feed_of(event.target)), []).append(event)
    shorter: list[Event] = []
    for (what, feed), members in groups.items():
        if len(members) <= most:
            shorter += members
        else:
            first = members[0]
            shorter.append(Event(first.t, what, feed, f"{len(members)} fields: {first.why}", first.before))
    return sorted(shorter, key=lambda event: event.t)


def clipped(text: Any, most: int = MOST_TEXT) -> str:
    """A text that somebody sent, at most so long."""
    return str(text)[:most]

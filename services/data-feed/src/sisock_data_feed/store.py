"""What was heard, on disk, so that it is there again after a kill -9: SQLite, one row a block.

Rows are written by a thread of their own, a few transactions a second, so that at most that much
is lost. A store that cannot be used is said once and done without; samples are then in memory only.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import structlog
from sisock.writer import Writer

from sisock_data_feed.feed import DTYPES, Block, Channel, Column
from sisock_data_feed.topics import Address

COMMIT_INTERVAL_S = 0.2
PURGE_INTERVAL_S = 10.0
MOST_WAITING = 4096
"""Blocks that may wait for the disk; when it is slower than that, the newest are not stored."""

_WAL_BYTES = 16 * 1024 * 1024

_SCHEMA = """
CREATE TABLE IF NOT EXISTS layout (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS block (
    id INTEGER PRIMARY KEY, received REAL NOT NULL, layout INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS block_received ON block (received);
"""


class Store:
    """The blocks that were received in the last `buffer_time` seconds, in one file.

    Parameters
    ----------
    directory : Path
        Made if it is missing.
    name : str
        Of the data node; the file is ``<name>.sqlite``.
    buffer_time : float
        Seconds.
    log : structlog logger
    pause : callable, optional
        Waits for so many seconds; what the thread does between two tries.

    Notes
    -----
    In WAL mode with ``synchronous=NORMAL`` a committed transaction survives the death of the
    process; only the death of the whole machine may take the last ones along, and never damages
    the file. The exclusive lock keeps a second process away from it, and goes when we die.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        buffer_time: float,
        log: structlog.stdlib.BoundLogger,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._pause = pause
        self.file = directory / f"{quote(name, safe='')}.sqlite"
        self._buffer_time = buffer_time
        self._log = log
        self._writer: Writer[tuple[float, Block]] | None = None
        self._layouts: dict[str, int] = {}
        self._purged = float("-inf")

    def open(self, restore: Callable[[float, Block], None]) -> int:
        """Hand over what is stored, oldest first, then begin to store.

        Parameters
        ----------
        restore : callable
            Called with the time of reception (UNIX seconds) and the block.

        Returns
        -------
        int
            How many blocks were handed over.
        """
        restored = 0
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            try:
                restored = self._restore(restore)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                broken = self.file.with_suffix(".broken")
                self.file.replace(broken)
                # A log of the damaged file is none of the new one's, whatever SQLite makes of it.
                for leftover in ("-wal", "-shm"):
                    self.file.with_name(self.file.name + leftover).unlink(missing_ok=True)
                self._log.error("store.damaged", why=str(error), kept_as=str(broken))
        except (OSError, sqlite3.Error) as error:
            self._log.warning(
                "store.unusable", file=str(self.file), why=str(error), then="samples are in memory only"
            )
            return restored
        self._writer = Writer(
            "store", self.file, self._begin, self._write, self._log,
            interval_s=COMMIT_INTERVAL_S, most_waiting=MOST_WAITING, pause=self._pause,
        )  # fmt: skip
        return restored

    def _restore(self, restore: Callable[[float, Block], None]) -> int:
        database = _connect(self.file)
        restored = 0
        try:
            layouts = {key: _Layout(text) for key, text in database.execute("SELECT id, text FROM layout")}
            newest = database.execute("SELECT max(received) FROM block").fetchone()[0] or 0.0
            rows = database.execute(
                "SELECT received, layout, body FROM block WHERE received >= ? ORDER BY id",
                (newest - self._buffer_time,),
            )
            for received, layout, body in rows:
                try:
                    restore(received, layouts[layout].unpack(body))
                except (KeyError, ValueError) as error:
                    raise sqlite3.DatabaseError(f"a stored block cannot be read: {error}") from error
                restored += 1
        finally:
            database.close()
        return restored

    def put(self, received: float, block: Block) -> None:
        """Store a block soon. Never waits."""
        if self._writer is not None:
            self._writer.put((received, block))

    def close(self) -> None:
        """Store what waits, then stop."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _begin(self) -> sqlite3.Connection:
        self._layouts = {}
        return _connect(self.file)

    def _write(self, database: sqlite3.Connection, batch: Sequence[tuple[float, Block]]) -> None:
        if not batch:
            return
        newest = max(received for received, _ in batch)
        # Before: what fails then is tried again, and nothing is called lost that is stored.
        if abs(newest - self._purged) >= PURGE_INTERVAL_S:
            self._purge(database, newest - self._buffer_time)
            self._purged = newest
        with database:
            database.executemany(
                "INSERT INTO block (received, layout, body) VALUES (?, ?, ?)",
                [(received, self._layout(database, block), pack(block)) for received, block in batch],
            )

    def _purge(self, database: sqlite3.Connection, before: float) -> None:
        with database:
            database.execute("DELETE FROM block WHERE received < ?", (before,))
            database.execute("DELETE FROM layout WHERE id NOT IN (SELECT DISTINCT layout FROM block)")
        self._layouts = {}
        _give_back(database)

    def _layout(self, database: sqlite3.Connection, block: Block) -> int:
        text = json.dumps([block.address.target, block.address.feed, block.name, [*block.columns]])
        key = self._layouts.get(text)
        if key is None:
            database.execute("INSERT OR IGNORE INTO layout (text) VALUES (?)", (text,))
            key = self._layouts[text] = int(
                database.execute("SELECT id FROM layout WHERE text = ?", (text,)).fetchone()[0]
            )
        return key


def _connect(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=1.0)
    try:
        # The page layout has to be chosen before the first table, the lock before WAL.
        for pragma in (
            "auto_vacuum=INCREMENTAL", "locking_mode=EXCLUSIVE", "journal_mode=WAL",
            "synchronous=NORMAL", f"journal_size_limit={_WAL_BYTES}",
        ):  # fmt: skip
            database.execute(f"PRAGMA {pragma}").fetchall()
        database.executescript(_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database


def _give_back(database: sqlite3.Connection) -> None:
    """Shrink the file when most of it is free; less is soon used again."""
    free = database.execute("PRAGMA freelist_count").fetchone()[0]
    if free > database.execute("PRAGMA page_count").fetchone()[0] // 2:
        # One page a step, and `execute` takes one step of what has no columns.
        database.executescript(f"PRAGMA incremental_vacuum({free // 2})")


class _Layout:
    """What the columns of a stored block are."""

    def __init__(self, text: str) -> None:
        target, feed, self._name, channels = json.loads(text)
        self._address = Address(target, feed)
        self._channels: list[Channel] = [(channel, kind) for channel, kind in channels]

    def unpack(self, body: bytes) -> Block:
        rows = int.from_bytes(body[:4], "little")
        offset = 4 + 8 * rows
        t = np.frombuffer(body, "<f8", rows, 4)
        columns: dict[Channel, Column] = {}
        for channel in self._channels:
            if channel[1] == "string":
                size = int.from_bytes(body[offset : offset + 4], "little")
                texts = json.loads(body[offset + 4 : offset + 4 + size])
                columns[channel] = _strings(texts, rows)
                offset += 4 + size
            else:
                dtype = np.dtype(DTYPES[channel[1]]).newbyteorder("<")
                columns[channel] = np.frombuffer(body, dtype, rows, offset)
                offset += dtype.itemsize * rows
        return Block(self._address, self._name, t, columns)


def _strings(texts: Any, rows: int) -> Column:
    column = np.empty(rows, dtype=object)
    column[:] = texts
    return column


def pack(block: Block) -> bytes:
    """Write a block's columns, little-endian: how many rows (4 bytes), times, then each column.

    Numbers and bools as they are in memory, strings as a length (4 bytes) and a JSON list.
    """
    return b"".join(_packed(block))


def _packed(block: Block) -> Iterator[bytes]:
    yield len(block.t).to_bytes(4, "little")
    yield block.t.astype("<f8", copy=False).tobytes()
    for (_, kind), values in block.columns.items():
        if kind == "string":
            text = json.dumps(values.tolist()).encode()
            yield len(text).to_bytes(4, "little")
            yield text
        else:
            yield values.astype(np.dtype(DTYPES[kind]).newbyteorder("<"), copy=False).tobytes()

"""A thread that writes what it is handed to a SQLite file, a few transactions a second.

Whoever hands something over never waits for the disk. Knows nothing of what is written.
"""

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from sisock.trouble import Trouble

RETRY_INTERVAL_S = 10.0

Item = TypeVar("Item")


class Writer(Generic[Item]):
    """Writes until it is closed. A file that cannot be written is tried again, and said once.

    Parameters
    ----------
    name : str
        Of the thread, and what its events begin with: ``<name>.failed``, ``.behind`` and ``.back``.
    file : Path
        For the log.
    connect : callable
        Opens the file: in the thread, at first and after each failure.
    write : callable
        Writes a batch. In the thread; when the file cannot be written, or cannot hold what it is given
        (half a character, a whole number of 65 bits), that costs the batch.
    log : structlog logger
    interval_s : float
        Seconds between two batches, so that at most that much is lost when the process is killed.
    most_waiting : int
        Things that may wait for the disk; when it is slower than that, the newest are not written.
    idle_s : float, optional
        When nothing came for so long, an empty batch is written.
    pause : callable, optional
        Waits for so many seconds; what the thread does between two tries.
    """

    def __init__(
        self,
        name: str,
        file: Path,
        connect: Callable[[], sqlite3.Connection],
        write: Callable[[sqlite3.Connection, Sequence[Item]], None],
        log: structlog.stdlib.BoundLogger,
        *,
        interval_s: float,
        most_waiting: int,
        idle_s: float | None = None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._name, self._file, self._log = name, file, log
        self._connect, self._write = connect, write
        self._interval_s, self._idle_s, self._most_waiting = interval_s, idle_s, most_waiting
        self._queue: queue.Queue[Item | None] = queue.Queue(most_waiting)
        self._closing = threading.Event()
        self._pause = pause or self._closing.wait
        self._failing = Trouble(log.error, f"{name}.failed")
        self._behind = Trouble(log.error, f"{name}.behind")
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Write something soon. Never waits."""
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self._behind.tell(f"{self._most_waiting} things wait for the disk: what comes now is not stored")

    def close(self) -> None:
        """Write what waits, then stop; a disk that hangs is waited for no longer than ten seconds."""
        # A thread that pauses, after a failure for ten seconds, goes on at once.
        self._closing.set()
        try:
            self._queue.put(None, timeout=1.0)
        except queue.Full:
            return
        self._thread.join(10)

    def _run(self) -> None:
        database: sqlite3.Connection | None = None
        going = True
        while going:
            batch, going = self._next_batch()
            pause_s = self._interval_s
            try:
                if database is None:
                    database = self._connect()
                self._write(database, batch)
            except (OSError, sqlite3.Error, ValueError, OverflowError) as error:
                self._failing.tell(str(error), file=str(self._file), not_stored=len(batch))
                if database is not None:
                    database.close()
                database = None
                pause_s = RETRY_INTERVAL_S
            else:
                if any([self._failing.over(), self._behind.over()]):
                    self._log.info(f"{self._name}.back")
            if going:
                self._pause(pause_s)
        if database is not None:
            database.close()

    def _next_batch(self) -> tuple[list[Item], bool]:
        """Wait for something; all that is there, and whether more may come."""
        batch: list[Item] = []
        try:
            item = self._queue.get(timeout=self._idle_s)
            while item is not None:
                batch.append(item)
                item = self._queue.get_nowait()
        except queue.Empty:
            return batch, True
        return batch, False

"""The archive's files as they are now: whether one is what was indexed, and what lies in one that was not.

Knows nothing of requests and of the database.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import structlog
from sisock.metrics import Cache
from sisock.trouble import Once
from sisock_archive.lru import ByteLru
from sisock_g3 import file_content, fingerprint
from sisock_g3.fingerprint import Mark, mark
from sisock_g3.index.files import Indexed

HELD_BYTES = 2_000
"""What an entry costs beside its records."""


class Complaints:
    """Says of each file once what is wrong with it.

    Parameters
    ----------
    log : structlog logger
    """

    def __init__(self, log: structlog.stdlib.BoundLogger) -> None:
        self._log = log
        self._said = Once()

    def tell(self, path: Path, why: str) -> None:
        """Say it, unless that was done."""
        if self._said.is_new(path, why):
            self._log.warning("file.unreadable", path=str(path), why=why)


@dataclass(frozen=True, slots=True)
class Held:
    """What a file holds, of each provider by description: records of its frames, kinds of its fields."""

    mark: Mark
    records: Mapping[str, npt.NDArray[np.void]]
    kinds: Mapping[str, Mapping[str, str]]

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        return HELD_BYTES + sum(records.nbytes for records in self.records.values())


class Files:
    """Looks at files, and reads through those that are not indexed.

    Parameters
    ----------
    cache_bytes : int
        Most bytes that are kept of files that were read through.
    complaints : Complaints
    """

    def __init__(self, cache_bytes: int, complaints: Complaints) -> None:
        self._complaints = complaints
        self._held: ByteLru[Held] = ByteLru(cache_bytes, lambda held: held.size_bytes)
        self._same: ByteLru[bool] = ByteLru(cache_bytes // 8, lambda _: 200)
        self._turn = threading.Lock()

    @property
    def caches(self) -> dict[str, Cache]:
        """What is kept, by name."""
        return {"unread_files": self._held, "file_marks": self._same}

    @property
    def size_bytes(self) -> int:
        """Memory that is in use."""
        return self._held.size_bytes + self._same.size_bytes

    def unchanged(self, indexed: Indexed) -> Mark | None:
        """The mark of a file that is as it was indexed, or has grown; None if it is another one, or gone."""
        try:
            found = mark(indexed.path.stat())
            if self._is_same(found, indexed):
                return found
        except OSError as error:
            self._complaints.tell(indexed.path, str(error))
            return None
        self._complaints.tell(indexed.path, "not the file that was indexed: it waits for the next scan")
        return None

    def _is_same(self, found: Mark, indexed: Indexed) -> bool:
        untouched = found[2:4] == (indexed.size, indexed.mtime_ns)
        if file_content.is_compressed(indexed.path):
            return untouched
        if not untouched and found[2] < indexed.end:
            return False
        key = (found, indexed.end, indexed.tail)
        return self._same.get(key, lambda: fingerprint.tail(indexed.path, indexed.end) == indexed.tail)

    def size(self, path: Path) -> int:
        """Bytes that have to be read to know what a file holds; 0 if that is known, or the file is gone."""
        try:
            found = mark(path.stat())
        except OSError:
            return 0
        return 0 if found in self._held else found[2]

    def held(self, path: Path) -> Held | None:
        """What a file holds, read through once; None if it cannot be read."""
        try:
            found = mark(path.stat())
            # One at a time: others are answered in between.
            return self._held.get(found, lambda: self._read(path, found))
        except (OSError, MemoryError, ValueError) as error:
            self._complaints.tell(path, str(error))
            return None

    def _read(self, path: Path, found: Mark) -> Held:
        with self._turn:
            read = file_content.read(path, summaries=False)
        if why := "; ".join(filter(None, [read.told(), "" if read.cut else read.problem])):
            self._complaints.tell(path, why)
        return Held(
            found,
            {description: provider.records for description, provider in read.providers.items()},
            {
                description: {name: field.kind for name, field in provider.fields.items()}
                for description, provider in read.providers.items()
            },
        )

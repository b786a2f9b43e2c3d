"""One pass over the archive: what is new or changed is read and written, what is gone is forgotten."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from sisock.trouble import Once
from sisock_g3 import names
from sisock_g3.database import Database
from sisock_g3.file_content import FileContent
from sisock_g3.fingerprint import tail
from sisock_g3.index import tiles
from sisock_g3.index.files import Known, ReadFile, Seen, before
from sisock_g3.index.writing import Index

from sisock_g3_file_scanner import tree
from sisock_g3_file_scanner.jobs import Job, read_all
from sisock_g3_file_scanner.measures import Measures
from sisock_g3_file_scanner.progress import Progress

COMMIT_S = 0.5
COMMIT_FILES = 32
SETTLED_NS = 60 * 10**9
"""A file that ends inside of a frame and has not been written to for so long will not be finished."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a pass did."""

    files: int = 0
    frames: int = 0
    removed: int = 0
    tiles: int = 0


class Scanner:
    """Keeps an index true to a directory.

    Parameters
    ----------
    database : Database
        Its tables are made.
    top : Path
        The directory.
    log : structlog logger
    processes : int
        How many read files at the same time.
    summaries : bool
        Whether to summarize the fields.
    once : bool
        Whether there is no later pass, so that a cut file is reported now.
    stopping : callable
        Whether to stop soon.
    measures : Measures, optional
        Is told how far it is.
    """

    def __init__(
        self,
        database: Database,
        top: Path,
        log: structlog.stdlib.BoundLogger,
        *,
        processes: int = 1,
        summaries: bool = True,
        once: bool = False,
        stopping: Callable[[], bool] = lambda: False,
        measures: Measures | None = None,
    ) -> None:
        self._database = database
        self._top = top
        self._log = log
        self._processes = processes
        self._summaries = summaries
        self._once = once
        self._stopping = stopping
        self._measures = measures
        self._index = Index(database)
        self._known = self._index.files()
        self._orphans_sought = False
        self._said = Once()

    def scan(self) -> Outcome:
        """Go over the whole tree.

        Raises
        ------
        DatabaseAwayError
            If the database does not answer; make a new scanner when it does.
        """
        listing = tree.walk(self._top, self._log)
        for event, path in listing.unfit:
            self._tell(event, path, path=path)
        return self._update(listing.files, removing=listing)

    def look_again(self, files: Sequence[Seen]) -> Outcome:
        """Go over some files only, those that are being written."""
        return self._update(files)

    def growing(self) -> list[tuple[str, str]]:
        """Files that may still be written to: the newest of the two directories that were written to last."""
        newest: dict[str, tuple[int, str]] = {}
        for (path, filename), known in self._known.items():
            written = (known.mtime_ns, filename)
            newest[path] = max(newest.get(path, written), written)
        latest = sorted(newest.items(), key=lambda item: item[1][0])[-2:]
        return [(path, filename) for path, (_, filename) in latest]

    def _update(self, files: Sequence[Seen], removing: tree.Listing | None = None) -> Outcome:
        changed = [seen for seen in files if tree.has_changed(seen, self._known.get(seen.key))]
        self._settle(files)
        frames, done = 0, 0
        batch: list[ReadFile] = []
        began = time.monotonic()
        progress = Progress(self._log, len(changed), sum(seen.size for seen in changed), self._measures)
        for seen, file in self._read(changed):
            progress.step(seen.size)
            if file is not None:
                batch.append(file)
                frames += file.content.frames
                done += 1
            if len(batch) >= COMMIT_FILES or time.monotonic() - began > COMMIT_S:
                self._write(batch)
                batch, began = [], time.monotonic()
            if self._stopping():
                break
        self._write(batch)
        progress.close()
        removed = self._remove(removing) if removing is not None else 0
        return Outcome(done, frames, removed, self._make_tiles())

    def _read(self, changed: Sequence[Seen]) -> Iterator[tuple[Seen, ReadFile | None]]:
        """Read files that changed; None for one that is gone by now, or holds nothing new."""
        continues: list[Known | None] = []
        jobs = []
        for seen in changed:
            known = self._known.get(seen.key)
            try:
                grown = known if known is not None and tree.has_grown(seen, known) else None
            except OSError:
                grown = None
            continues.append(grown)
            start = grown.indexed if grown else 0
            jobs.append(Job(seen.full, start, before(grown) if grown else None, seen.size))
        for number, content in read_all(jobs, self._processes, summaries=self._summaries):
            seen, grown = changed[number], continues[number]
            known = self._known.get(seen.key)
            if content.problem == "it vanished":
                yield seen, None
                continue
            self._leave_out_long_names(seen, content)
            reported = self._report(jobs[number], seen, content, grown)
            if grown is not None and content.end == grown.indexed:
                marked = self._index.mark(grown, seen, cut=content.cut, reported=reported)
                self._known[seen.key] = marked
                yield seen, None
                continue
            try:
                checksum = tail(seen.full, content.end)
            except OSError:
                yield seen, None
                continue
            yield seen, ReadFile(seen, content, checksum, grown, None if grown else known, reported)

    def _leave_out_long_names(self, seen: Seen, content: FileContent) -> None:
        """Say of fields that the index has no room for, and go on without them."""
        for description, provider in list(content.providers.items()):
            for field in list(provider.fields):
                if not names.fits(description, field):
                    del provider.fields[field]
                    name = names.raw(description, field)
                    self._tell("field.name_too_long", name, path=str(seen.full), name=name)
            if not provider.fields:
                del content.providers[description]

    def _tell(self, event: str, of: str, **fields: str) -> None:
        """Say something once for as long as the scanner lives."""
        if self._said.is_new(event, of):
            self._log.warning(event, **fields)

    def _report(self, job: Job, seen: Seen, content: FileContent, known: Known | None) -> bool:
        """Say once what is wrong with a file; whether its problem has been said."""
        fresh = bool(content.problem) and not (known is not None and known.reported)
        unsettled = content.cut and not self._once and time.time_ns() - seen.mtime_ns < SETTLED_NS
        problem = content.problem if fresh and not unsettled else ""
        if why := "; ".join(filter(None, [content.told(job.before), problem])):
            self._log.warning("file.damaged", path=str(seen.full), why=why, indexed_bytes=content.end)
        return bool(content.problem) and not (fresh and unsettled)

    def _settle(self, files: Sequence[Seen]) -> None:
        """Report files that ended inside of a frame when last read, and have not been finished since."""
        for seen in files:
            known = self._known.get(seen.key)
            if known is None or not known.cut or known.reported or tree.has_changed(seen, known):
                continue
            if self._once or time.time_ns() - seen.mtime_ns >= SETTLED_NS:
                why = "the file ends inside of a frame"
                self._log.warning("file.damaged", path=str(seen.full), why=why, indexed_bytes=known.indexed)
                self._known[seen.key] = self._index.mark(known, seen, cut=True, reported=True)

    def _write(self, batch: Sequence[ReadFile]) -> None:
        if batch:
            self._known.update(self._index.write(batch))

    def _remove(self, listing: tree.Listing) -> int:
        present = {seen.key for seen in listing.files}
        gone = set(self._known) - present
        if not self._orphans_sought:
            gone |= self._index.orphans(present)
        if gone and not present:
            # An empty or missing directory is a mount that is not there rather than a deleted archive.
            self._log.warning("archive.empty", path=str(self._top), files_kept=len(gone))
            return 0
        certain = sorted(key for key in gone if listing.covers(key[0]))
        if certain:
            self._index.remove(certain)
            for key in certain:
                self._known.pop(key, None)
        self._orphans_sought = True
        return len(certain)

    def _make_tiles(self) -> int:
        if not self._summaries:
            return 0
        made = 0
        due = tiles.due(self._database)
        for first in range(0, len(due), COMMIT_FILES):
            with self._database.transaction():
                for provider_id, level, tile in due[first : first + COMMIT_FILES]:
                    tiles.make(self._database, provider_id, level, tile)
                    made += 1
            if self._stopping():
                break
        if made:
            self._index.load()
        return made

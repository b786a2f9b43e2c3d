"""What lies in a directory tree, and what of it has to be read.

A file that is as it was costs a stat. Nothing is known here of the database or of what files hold.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sisock_g3.fingerprint import tail
from sisock_g3.index.files import Known, Seen
from sisock_g3.names import LONGEST

SUFFIXES = (".g3", ".g3.gz")


@dataclass(slots=True)
class Listing:
    """What a walk found.

    `unread` are directories that could not be listed, and top ones that are gone; `unfit` are files whose
    names the index cannot hold, with the event that says so.
    """

    files: list[Seen] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    unfit: list[tuple[str, str]] = field(default_factory=list)

    def covers(self, path: str) -> bool:
        """Whether a file of this directory, if it was not seen, is gone for certain."""
        return not any(path == top or path.startswith(top.rstrip("/") + "/") for top in self.unread)


def walk(top: Path, log: structlog.stdlib.BoundLogger) -> Listing:
    """List the .g3 files below a directory, in the order of their names."""
    listing = Listing()
    pending = [str(top).rstrip("/") or "/"]
    while pending:
        directory = pending.pop()
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError as error:
            log.warning("directory.unreadable", path=directory, why=str(error))
            listing.unread.append(directory)
            continue
        pending += [entry.path for entry in reversed(entries) if entry.is_dir()]
        for entry in entries:
            if not entry.name.endswith(SUFFIXES) or not entry.is_file():
                continue
            if event := unfit(directory, entry.name):
                listing.unfit.append((event, entry.path))
            elif seen := look(Path(directory), entry.name):
                listing.files.append(seen)
    return listing


def unfit(directory: str, filename: str) -> str:
    """Which event says that the index cannot hold a file's name; empty if it can."""
    if max(len(directory), len(filename)) > LONGEST:
        return "file.name_too_long"
    try:
        (directory + filename).encode()
    except UnicodeEncodeError:
        return "file.name_not_utf8"
    return ""


def look(directory: Path, filename: str) -> Seen | None:
    """One file as it is now; None if it is gone, or the index cannot hold its name."""
    if unfit(str(directory), filename):
        return None
    try:
        status = Path(directory, filename).stat()
    except OSError:
        return None
    return Seen(str(directory), filename, status.st_size, status.st_mtime_ns)


def has_changed(seen: Seen, known: Known | None) -> bool:
    """Whether a file is new or not as it was."""
    return known is None or (seen.size, seen.mtime_ns) != (known.size, known.mtime_ns)


def has_grown(seen: Seen, known: Known) -> bool:
    """Whether a changed file begins as it did, so that only its end has to be read."""
    return 0 < known.indexed <= seen.size and tail(seen.full, known.indexed) == known.tail

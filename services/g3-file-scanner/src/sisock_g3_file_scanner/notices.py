"""What the kernel says of the archive's files (inotify, through watchdog), gathered until somebody asks.

Notices come only from local file systems; where there are none, that is said once, and asked again later.
What is done about them is not known here.
"""

import os
import threading
from pathlib import Path

import structlog
from sisock.trouble import Trouble
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from sisock_g3_file_scanner import tree


class Notices(FileSystemEventHandler):
    """Gathers what the kernel says of .g3 files, and sets an event.

    Parameters
    ----------
    directory : Path
        Its whole tree is watched.
    log : structlog logger

    Attributes
    ----------
    event : threading.Event
    """

    def __init__(self, directory: Path, log: structlog.stdlib.BoundLogger) -> None:
        self.event = threading.Event()
        self._directory = directory
        self._lock = threading.Lock()
        self._written: set[Path] = set()
        self._whole = False
        self._observer = Observer()
        self._unavailable = Trouble(log.warning, "notices.unavailable")

    def watch(self) -> None:
        """Begin to watch, if that has not succeeded yet; what changes from now on is noticed."""
        if self._observer.is_alive():
            return
        try:
            self._observer.schedule(self, str(self._directory), recursive=True)
            self._observer.start()
        except OSError as error:
            self._observer = Observer()
            self._unavailable.tell(str(error))

    def stop(self) -> None:
        """Watch no more."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join(5.0)

    def on_any_event(self, event: FileSystemEvent) -> None:
        """See `watchdog.events`."""
        path = os.fsdecode(event.src_path)
        ours = any(name.endswith(tree.SUFFIXES) for name in (path, os.fsdecode(event.dest_path or "")))
        whole = event.event_type in ("moved", "deleted") or event.is_directory
        known = event.event_type in ("created", "modified", "moved", "deleted")
        # A directory's own modification only repeats what is said of its files.
        if (
            not known
            or not (ours or event.is_directory)
            or (event.is_directory and event.event_type == "modified")
        ):
            return
        with self._lock:
            self._whole = self._whole or whole
            if not whole:
                self._written.add(Path(path))
        self.event.set()

    def take(self) -> set[Path] | None:
        """Files that were written since the last time; None if all must be looked at."""
        with self._lock:
            self.event.clear()
            written, self._written = self._written, set()
            whole, self._whole = self._whole, False
        return None if whole else written

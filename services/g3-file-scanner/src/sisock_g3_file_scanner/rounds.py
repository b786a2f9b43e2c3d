"""Scans for as long as it is told to: at every interval, and at once when a file is written.

The database being away is waited for; whatever else it refuses ends the process. Notices of the kernel
come only from local file systems; the files that are being written are therefore looked at every few
seconds, too.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from sisock.runner import Health
from sisock.trouble import Trouble
from sisock_g3.database import Database
from sisock_g3.refusals import DatabaseAwayError, DatabaseBusyError
from sisock_g3.tables import prepare

from sisock_g3_file_scanner import tree
from sisock_g3_file_scanner.config import Config
from sisock_g3_file_scanner.measures import GLANCE, ROUND, Measures
from sisock_g3_file_scanner.notices import Notices
from sisock_g3_file_scanner.scan import Outcome, Scanner

GLANCE_S = 2.0
FIRST_RETRY_S, LONGEST_RETRY_S = 0.5, 15.0
QUIET_S = 0.2
"""Notices come in bursts; this is how long one is waited out."""


class Rounds:
    """The scanner as a process.

    Parameters
    ----------
    config : Config
    log : structlog logger
    measures : Measures, optional
        Counts what is scanned.
    """

    def __init__(
        self, config: Config, log: structlog.stdlib.BoundLogger, measures: Measures | None = None
    ) -> None:
        self._measures = measures or Measures()
        self._config = config
        self._log = log
        self._database = Database(config)
        self._stopped = threading.Event()
        self._notices = Notices(config.data_directory, log)
        self._health = Health(config.health_file)
        self._away = Trouble(log.warning, "database.away")
        self._busy = Trouble(log.warning, "database.busy")
        self._scanner: Scanner | None = None
        self._once = False

    def stop(self) -> None:
        """End soon; to be called from anywhere."""
        self._stopped.set()
        self._notices.event.set()

    def run(self, *, once: bool = False) -> None:
        """Scan until `stop`, or once.

        Raises
        ------
        G3Error
            If the database refuses what is asked: nothing that waiting would mend.
        """
        self._once = once
        try:
            if once:
                self._persist(lambda scanner: scanner.scan(), ROUND)
            else:
                self._go_on()
        finally:
            self._health.set(False)
            self._notices.stop()
            self._database.close()

    def _go_on(self) -> None:
        next_scan = time.monotonic()
        while not self._stopped.is_set():
            written: set[Path] | None = set()
            if self._notices.event.wait(min(GLANCE_S, max(0.0, next_scan - time.monotonic()))):
                self._stopped.wait(QUIET_S)
                written = self._notices.take()
            if self._stopped.is_set():
                break
            if written is None or time.monotonic() >= next_scan:
                # Watching comes first: what changes during the scan, or right after it, is looked at next.
                self._notices.watch()
                self._persist(lambda scanner: scanner.scan(), ROUND)
                next_scan = time.monotonic() + self._config.scan_interval_s
            else:
                files = frozenset(written)
                self._persist(lambda scanner, files=files: self._glance(scanner, files), GLANCE)  # type: ignore[misc]

    def _glance(self, scanner: Scanner, written: frozenset[Path]) -> Outcome:
        """Look at the files that are written to, and at those that may be."""
        keys = {(str(path.parent), path.name) for path in written} | set(scanner.growing())
        seen = [tree.look(Path(path), filename) for path, filename in sorted(keys)]
        return scanner.look_again([one for one in seen if one is not None])

    def _persist(self, work: Callable[[Scanner], Outcome], kind: str) -> None:
        """Do something with the database; wait for it as long as it is away."""
        retry_s = FIRST_RETRY_S
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                outcome = work(self._scanner or self._make_scanner())
            except (DatabaseAwayError, DatabaseBusyError) as error:
                self._scanner = None
                busy = isinstance(error, DatabaseBusyError)
                if not self._away.why and not self._busy.why:  # once, however the refusals differ
                    (self._busy if busy else self._away).tell(str(error))
                self._measures.database_away("busy" if busy else "away")
                self._health.set(False)
                self._stopped.wait(retry_s)
                retry_s = min(LONGEST_RETRY_S, retry_s * 2)
                continue
            if any([self._away.over(), self._busy.over()]):
                self._log.info("database.back")
            self._health.set(True)
            took_s = time.monotonic() - began
            self._measures.done(kind, time.time(), took_s, outcome.files, outcome.frames)
            if outcome.files or outcome.removed or outcome.tiles or self._once:
                self._log.info(
                    "scan.done",
                    files=outcome.files,
                    frames=outcome.frames,
                    removed=outcome.removed,
                    tiles=outcome.tiles,
                    seconds=round(took_s, 3),
                )
            return

    def _make_scanner(self) -> Scanner:
        prepare(self._database)
        self._scanner = Scanner(
            self._database,
            self._config.data_directory.absolute(),
            self._log,
            processes=self._config.processes or os.cpu_count() or 1,
            summaries=self._config.summaries,
            once=self._once,
            stopping=self._stopped.is_set,
            measures=self._measures,
        )
        return self._scanner

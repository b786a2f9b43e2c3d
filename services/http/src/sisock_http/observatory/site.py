"""The site's file, as it is now: looked at every few seconds, in a thread; the last good one counts.

What it says of which field is `sisock_http.observatory.described`.
"""

from collections.abc import Callable
from typing import Any

import structlog
from sisock.blocking import in_thread
from sisock_site import Site, SiteFile
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import LoopingCall

LOOK_S = 5.0


class SiteWatch:
    """Reads the site's file again when it changes, and says in the log what is wrong with it.

    Parameters
    ----------
    reactor : IReactorThreads, IReactorTime
    log : structlog logger
    file : SiteFile
    changed : callable
        Is called when the file says something else.
    """

    def __init__(
        self,
        reactor: Any,
        log: structlog.stdlib.BoundLogger,
        file: SiteFile,
        changed: Callable[[], object],
    ) -> None:
        self._reactor = reactor
        self._log = log
        self._file = file
        self._changed = changed
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor

    @property
    def site(self) -> Site:
        """What the file says."""
        return self._file.site

    @property
    def problems(self) -> list[str]:
        """What is wrong with the file as it is now, in sentences; then what it said before goes on."""
        return list(self._file.problems)

    def start(self) -> None:
        """Read the file, before anybody needs it, and go on looking."""
        if news := self._file.look():
            news.tell(self._log)
        self._looking.start(LOOK_S, now=False)

    def stop(self) -> None:
        """Look no more."""
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> Any:
        return ensureDeferred(self._look_in_thread())

    async def _look_in_thread(self) -> None:
        news = await in_thread(self._reactor, self._file.look)
        if news is None:
            return
        news.tell(self._log)
        if news.changed:
            self._changed()

"""The site's file on the disk: read when somebody asks for a look, the last good one kept.

Who looks, how often and in which thread is the caller's business; there is no clock here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sisock_site.problems import MOST_BYTES, SiteError
from sisock_site.site import EMPTY, Site, parse


class Log(Protocol):
    """A log of events, as structlog's."""

    def info(self, event: str) -> object:
        """Write an event down."""

    def warning(self, event: str, *, why: str) -> object:
        """Write down something to look after."""


@dataclass(frozen=True, slots=True)
class News:
    """What a look found that was not so at the last one.

    Parameters
    ----------
    changed : bool
        Whether `SiteFile.site` is another one now.
    problems : tuple of str
        Sentences about what is wrong with the file, for the log; empty if it is well.
    """

    changed: bool
    problems: tuple[str, ...] = ()

    def tell(self, log: Log) -> None:
        """Write it down."""
        for sentence in self.problems:
            log.warning("site.wrong", why=sentence)
        if self.changed:
            log.info("site.read")


class SiteFile:
    """A site's file, which may change or be missing.

    Parameters
    ----------
    path : Path or None
        None: there is none, and never will be.

    Attributes
    ----------
    site : Site
        The last good one; `sisock_site.EMPTY` until there is one.
    problems : tuple of str
        What is wrong with the file as it is now.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: bytes | str | None = None
        self.site: Site = EMPTY
        self.problems: tuple[str, ...] = ()

    def look(self) -> News | None:
        """Read the file if it is not as it was; None if there is nothing new. Blocks for the disk."""
        if self._path is None:
            return None
        try:
            with self._path.open("rb") as file:
                seen: bytes | str = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            seen = "" if self._seen in (None, "") else "is gone: what it said last goes on"
        except OSError as error:
            seen = f"cannot be read: {error.strerror}"
        if seen == self._seen or (self._seen is None and seen == ""):
            return None
        self._seen = seen
        try:
            site = self._read(seen)
        except SiteError as error:
            self.problems = tuple(f"{self._path}: {problem}" for problem in error.problems)
            return News(changed=False, problems=self.problems)
        self.problems = ()
        self.site = site
        return News(changed=True)

    @staticmethod
    def _read(seen: bytes | str) -> Site:
        if isinstance(seen, str):
            raise SiteError([seen])
        if len(seen) > MOST_BYTES:
            raise SiteError([f"it has more than {MOST_BYTES} bytes"])
        try:
            return parse(seen.decode())
        except UnicodeDecodeError as error:
            raise SiteError([f"it is no UTF-8: byte {error.start}"]) from None

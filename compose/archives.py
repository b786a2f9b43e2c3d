"""The demo's synthetic archives, as `[tool.sisock.demo]` says: what writes them, and how often."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sisock_ci.services import Service

MINUTE_S = 60


@dataclass(frozen=True)
class Archive:
    """One archive: `words` behind ``python`` write what of it lies in days and hours."""

    name: str
    words: tuple[str, ...]
    each_s: int
    directory: str

    def command(self, now: dt.datetime, days: int, hours: int) -> list[str]:
        """What writes the last days, or hours, up to now, today among them."""
        first = now.date() - dt.timedelta(days=days - 1)
        return [word.format(first=first, days=days, hours=hours) for word in self.words]


def archives(services: Iterable[Service]) -> Iterator[Archive]:
    """Those that services name."""
    for service in services:
        demo = service.demo
        if "archive" in demo:
            each_s = int(demo.get("archive_each_s", MINUTE_S))
            directory = demo["environment"]["DATA_DIRECTORY"]
            yield Archive(service.name, tuple(demo["archive"]), each_s, directory)

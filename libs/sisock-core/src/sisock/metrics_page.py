"""The page that Prometheus reads, on twisted.web; `sisock.metrics` loads it where a port is wanted."""

from collections.abc import Callable
from typing import Any

from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site


class _Page(Resource):
    """The registry, at ``/metrics`` and any other path."""

    isLeaf = True  # noqa: N815 (twisted.web's name)

    def __init__(self, write: Callable[[], bytes], content_type: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._write = write
        self._content_type = content_type

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 (twisted.web's name)
        """Write all series."""
        request.setHeader(b"content-type", self._content_type)
        return self._write()


class _QuietSite(Site):
    """Writes no line of log per scrape."""

    noisy = False

    def log(self, request: Request) -> None:
        """Pass over the access log."""


def make_site(reactor: Any, write: Callable[[], bytes], content_type: bytes) -> Site:
    """What answers every request with what `write` gives."""
    make: Any = _QuietSite  # twisted.web's constructor has no types
    site: Site = make(_Page(write, content_type), reactor=reactor)
    return site

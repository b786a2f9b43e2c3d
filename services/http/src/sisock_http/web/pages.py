"""The quicklook page as files: read once, compressed once, told apart by what is in them.

The page stands at ``/``; what belongs to it under ``/page/<version>/``, which browsers may keep for
ever, since another content has another version.
"""

import gzip
import hashlib
from importlib.resources import files

from sisock_http.dialects.reply import Reply

TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".LICENSE": b"text/plain; charset=utf-8",
}
INDEX = "index.html"
# Nothing from elsewhere, nothing within the text; what scripts set on elements needs no exception.
_POLICY = b"default-src 'self'; base-uri 'none'; frame-ancestors *"
_BEST = 9


class Pages:
    """The page and its files, as replies for those who understand gzip, and for others."""

    def __init__(self) -> None:
        contents = {
            file.name: file.read_bytes()
            for file in sorted(files("sisock_http").joinpath("page").iterdir(), key=lambda file: file.name)
        }
        version = hashlib.sha256(b"".join(contents.values())).hexdigest()[:12]
        index = contents.pop(INDEX).replace(b"VERSION", version.encode())
        fresh = {
            b"cache-control": b"no-cache",
            b"vary": b"accept, accept-encoding",
            b"content-security-policy": _POLICY,
        }
        kept = {b"cache-control": b"public, max-age=31536000, immutable", b"vary": b"accept-encoding"}
        self._index = _both(index, INDEX, fresh)
        self._files = {
            f"/page/{version}/{name}".encode(): _both(body, name, kept) for name, body in contents.items()
        }

    @property
    def paths(self) -> list[bytes]:
        """Paths of what belongs to the page."""
        return list(self._files)

    def index(self, compressed: bool) -> Reply:
        """The page itself."""
        return self._index[compressed]

    def file(self, path: bytes, compressed: bool) -> Reply:
        """What belongs to it."""
        return self._files[path][compressed]


def _both(body: bytes, name: str, headers: dict[bytes, bytes]) -> tuple[Reply, Reply]:
    """A file as it is, and compressed."""
    kind = next(kind for suffix, kind in TYPES.items() if name.endswith(suffix))
    headers = {**headers, b"x-content-type-options": b"nosniff"}
    pressed = gzip.compress(body, _BEST, mtime=0)
    return Reply(body, kind, headers), Reply(pressed, kind, {**headers, b"content-encoding": b"gzip"})

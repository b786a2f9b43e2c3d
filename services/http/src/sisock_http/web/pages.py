"""The quicklook page as files: read once, compressed once, told apart by what is in them.

The page stands at ``/``; what belongs to it under ``/page/<version>/``, which browsers may keep for
ever, since another content has another version. The page brings along who is here, for a first screen
without a further question.
"""

import gzip
import hashlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from sisock_http.dialects.reply import Reply
from sisock_http.encoding import as_json
from sisock_http.web.joined import joined

HTML = b"text/html; charset=utf-8"
TYPES = {
    ".html": HTML,
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".LICENSE": b"text/plain; charset=utf-8",
}
INDEX = "index.html"
ENTRY = "main"
THEMES = ("dark", "light")
LARGEST_FIRST = 120_000
"""Bytes that may be brought along; with more fields the page asks for them."""

WHO_ASKS = (
    b'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>sisock: a token is asked for</title>'
    b'<meta name="color-scheme" content="light dark"><meta name="viewport" content="width=device-width">'
    b"</head><body><h1>A token is asked for</h1>"
    b"<p>This bridge asks who you are: any user name, and your token as the password.</p>"
    b"<p>Whoever runs it makes one with <code>sisock-http token add NAME</code>.</p>"
    b'<p><a href="">Give it now</a></p></body></html>'
)
"""What a browser shows whose owner gave no token."""

# Nothing from elsewhere, nothing within the text; what scripts set on elements needs no exception.
_POLICY = b"default-src 'self'; base-uri 'none'; frame-ancestors *"
_BEST = 9
_FRESH = {
    b"cache-control": b"no-cache",
    b"vary": b"accept, accept-encoding",
    b"content-security-policy": _POLICY,
    b"x-content-type-options": b"nosniff",
}


class Pages:
    """The page and its files, as replies for those who understand gzip, and for others.

    Parameters
    ----------
    first : callable, optional
        What the page is to know from the start, as JSON; None: nothing yet.
    """

    def __init__(self, first: Callable[[], Any] = lambda: None) -> None:
        self._first = first
        contents = {
            file.name: file.read_bytes()
            for file in sorted(files("sisock_http").joinpath("page").iterdir(), key=lambda file: file.name)
        }
        version = hashlib.sha256(b"".join(contents.values())).hexdigest()[:12]
        self._index = contents.pop(INDEX).replace(b"VERSION", version.encode())
        modules = {name[:-3]: body.decode() for name, body in contents.items() if name.endswith(".js")}
        others = {name: body for name, body in contents.items() if not name.endswith(".js")}
        scripts = {f"{name}.js": text.encode() for name, text in joined(modules, ENTRY).items()}
        kept = {b"cache-control": b"public, max-age=31536000, immutable", b"vary": b"accept-encoding"}
        self._files = {
            f"/page/{version}/{name}".encode(): _both(body, name, kept)
            for name, body in (others | scripts).items()
        }

    @property
    def paths(self) -> list[bytes]:
        """Paths of what belongs to the page."""
        return list(self._files)

    def index(self, theme: str = "") -> Reply:
        """The page itself; dark or light from its first moment on, if the address says so."""
        body = self._index
        if theme in THEMES:
            body = body.replace(b'<html lang="en"', b'<html lang="en" data-theme="%s"' % theme.encode(), 1)
        told = as_json.dumps(self._first())
        # Within a page, JSON must not end the element that it stands in.
        first = told.replace(b"<", b"\\u003c") if len(told) <= LARGEST_FIRST else b"null"
        return Reply(body.replace(b"FIRST", first, 1), HTML, _FRESH)

    def file(self, path: bytes, compressed: bool) -> Reply:
        """What belongs to it."""
        return self._files[path][compressed]


def _both(body: bytes, name: str, headers: dict[bytes, bytes]) -> tuple[Reply, Reply]:
    """A file as it is, and compressed."""
    kind = next(kind for suffix, kind in TYPES.items() if name.endswith(suffix))
    headers = {**headers, b"x-content-type-options": b"nosniff"}
    pressed = gzip.compress(body, _BEST, mtime=0)
    return Reply(body, kind, headers), Reply(pressed, kind, {**headers, b"content-encoding": b"gzip"})

"""A bridge whose replies are written by a test, on a port of its own."""

import io
import json
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

T = np.array([1500000000.0, 1500000001.0])
"""Times of samples, unless a test says others."""

NOW = 1500000000.0

NODE = {"name": "n", "description": "a node", "fields": 2}
VOLT = {"field": "n::volt", "description": "a voltage", "units": "V", "type": "number", "interval": None}
TEXT = {"field": "n::text", "description": None, "units": None, "type": "string", "interval": None}


def field(name: str, state: str = "fresh", **more: Any) -> dict[str, Any]:
    """How a field is, as watch tells it."""
    return {
        "field": name, "holders": [name], "label": None, "units": "K", "state": state, "since": NOW - 7200,
        "why": "", "t": NOW - 3, "value": 1.5, **more,
    }  # fmt: skip


def node(name: str, **more: Any) -> dict[str, Any]:
    """How a node is, as watch tells it."""
    return {"name": name, "here": True, "since": NOW - 600, "why": "", **more}


def told(*fields: dict[str, Any], nodes: Sequence[dict[str, Any]] = (), **more: Any) -> dict[str, Any]:
    """A reply of ``/api/v1/state``."""
    return {
        "watch": True, "why": "", "epoch": "one", "seq": 1, "more": False, "now": NOW, "fields": list(fields),
        "nodes": list(nodes), **more,
    }  # fmt: skip


UNKNOWN = told(field("cryo::a", "unknown", why="nobody watches", t=None, value=None, since=None),
               watch=False, why="nobody watches", epoch="", seq=0, now=None)  # fmt: skip
"""That reply where nobody watches."""


def npz(**columns: Any) -> bytes:
    """Samples of fields of the node `n`, from the first of `T` on; or ``(times, values)``."""
    out = io.BytesIO()
    arrays: dict[str, Any] = {}
    for name, given in columns.items():
        t, values = given if isinstance(given, tuple) else (T[: len(given)], given)
        arrays |= {f"n::{name}": np.asarray(values), f"n::{name}/time": np.asarray(t, float)}
    np.savez(out, **arrays)
    return out.getvalue()


class LiteralBridge:
    """Gives literal replies and keeps what it was asked.

    Attributes
    ----------
    replies : dict
        Status and body by what follows ``/api/v1/`` in an address; others are not found.
    headers : dict of str
        Further ones, of replies with samples.
    asked : list
        Of each request, name and parameters.
    tokens : list
        Of each request, the header with the token, or None.
    posted : list
        What was sent as JSON.
    then : callable
        Called after each request was noted, before it is replied to.
    """

    def __init__(self) -> None:
        self.replies: dict[str, tuple[int, bytes]] = {}
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.tokens: list[str | None] = []
        self.posted: list[Any] = []
        self.then: Callable[[], None] = lambda: None
        self.say("nodes", [NODE])
        self.say("fields", [VOLT, TEXT])
        self.replies["data"] = (200, npz(volt=[1.5, 2.5]))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def say(self, name: str, what: Any, status: int = 200) -> None:
        """Reply so from now on."""
        self.replies[name] = (status, json.dumps(what).encode())

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        bridge = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                name = parts.path.removeprefix("/api/v1/")
                bridge.asked.append((name, parse_qs(parts.query)))
                bridge.tokens.append(self.headers["Authorization"])
                bridge.then()
                status, body = bridge.replies.get(name, (404, b"no such page"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                for header in bridge.headers.items() if name == "data" else ():
                    self.send_header(*header)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                bridge.posted.append(json.loads(self.rfile.read(length)))
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

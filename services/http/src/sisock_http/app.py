"""The HTTP side: routes, methods, status codes. What requests mean is in the dialects' modules."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import structlog
from sisock.blocking import in_thread
from sisock.consumer import Consumer
from twisted.internet.defer import ensureDeferred
from twisted.web.http import Request as WebRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from sisock_http import encode, simplejson
from sisock_http.catalogue import Catalogue
from sisock_http.problems import AwayError, RequestError, TooLargeError
from sisock_http.query import Asker

LARGEST_BODY = 4 * 1024 * 1024

Handler = Callable[[Any], bytes | Awaitable[bytes]]


class QuietSite(Site):
    """A site that writes no line of log per request."""

    def log(self, request: WebRequest) -> None:
        """Pass over the access log."""


class _Root(Resource):
    """Every path is the application's."""

    isLeaf = True  # noqa: N815 (twisted.web's name)

    def __init__(self, application: "Application") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._application = application

    def render(self, request: WebRequest) -> int:
        """Hand over a request; its answer is written later."""
        self._application.serve(request)
        return NOT_DONE_YET


class Application:
    """The bridge's routes.

    Parameters
    ----------
    reactor : twisted reactor
    consumer : Consumer
    catalogue : Catalogue
    asker : Asker
    log : structlog logger
    cors_origin : str
        Origin that browsers elsewhere may read us from; empty for none, ``*`` for all.
    """

    def __init__(
        self,
        reactor: Any,
        consumer: Consumer,
        catalogue: Catalogue,
        asker: Asker,
        log: structlog.stdlib.BoundLogger,
        cors_origin: str = "",
    ) -> None:
        self._reactor = reactor
        self._consumer = consumer
        self._catalogue = catalogue
        self._asker = asker
        self._log = log
        self._cors_origin = cors_origin
        self._routes: dict[bytes, tuple[Handler, tuple[bytes, ...]]] = {}
        self._add(b"/", self._root, b"GET")
        self._add(b"/healthz", lambda _: b'{"status": "alive"}', b"GET")
        self._add(b"/readyz", self._ready, b"GET")
        self._add(b"/search", self._search, b"GET", b"POST")
        self._add(b"/query", self._query, b"POST")
        self._add(b"/annotations", self._annotations, b"POST")
        keys = encode.dumps([{"type": "string", "text": "node"}])
        self._add(b"/tag-keys", lambda _: keys, b"GET", b"POST")
        self._add(b"/tag-values", self._tag_values, b"GET", b"POST")

    def site(self) -> Site:
        """The application as Twisted serves it, without a line of log per request."""
        make_site: Any = QuietSite  # twisted.web's constructor has no types
        site: Site = make_site(_Root(self), reactor=self._reactor, parsePOSTFormSubmission=False)
        site.noisy = False
        return site

    def _add(self, path: bytes, handler: Handler, *methods: bytes) -> None:
        self._routes[path] = (handler, methods)

    def serve(self, request: WebRequest) -> None:
        """Answer a request, now or later."""
        gone = {"client": False}

        def client_left(_failure: Any) -> None:
            gone["client"] = True

        def send(body: bytes) -> None:
            if not gone["client"]:
                request.write(body)
                request.finish()

        request.notifyFinish().addErrback(client_left)
        ensureDeferred(self._respond(request)).addCallback(send)

    async def _respond(self, request: WebRequest) -> bytes:
        """Find the handler; what is not there is said in JSON, too."""
        if self._cors_origin:
            request.setHeader(b"access-control-allow-origin", self._cors_origin.encode())
            request.setHeader(b"access-control-allow-headers", b"accept, content-type")
            request.setHeader(b"access-control-allow-methods", b"GET, POST, OPTIONS")
        route = self._routes.get(request.path)
        if route is None:
            return _problem(request, 404, f"there is no {request.path.decode(errors='replace')} here")
        handler, methods = route
        method = b"GET" if request.method == b"HEAD" else request.method
        if method == b"OPTIONS":
            request.setResponseCode(204)
            return b""
        if method not in methods:
            request.setHeader(b"allow", b", ".join((*methods, b"OPTIONS")))
            shown = request.method.decode(errors="replace")
            return _problem(
                request, 405, f"{shown} is not answered here, only {b', '.join(methods).decode()}"
            )
        return await self._answer(request, handler)

    async def _answer(self, request: WebRequest, handler: Handler) -> bytes:
        try:
            result = handler(_body(request))
            body = result if isinstance(result, bytes) else await result
        except RequestError as error:
            return _problem(request, error.status, str(error))
        except Exception as error:  # noqa: BLE001 (a fault of ours: told in the log, as JSON to the caller)
            self._log.error("request.failed", path=request.path.decode(errors="replace"), exc_info=error)
            return _problem(request, 500, "something went wrong here; the log of sisock-http says what")
        if len(body) >= encode.SMALLEST_COMPRESSED and b"gzip" in (
            request.getHeader(b"accept-encoding") or b""
        ):
            request.setHeader(b"content-encoding", b"gzip")
            request.setHeader(b"vary", b"accept-encoding")
            body = await in_thread(self._reactor, encode.gzip, body)
        return _send(request, body)

    def _root(self, _body: Any) -> bytes:
        self._require_router()
        return encode.dumps({"service": "sisock-http", "status": "ok"})

    def _require_router(self) -> None:
        if not self._consumer.router_here:
            raise AwayError("the router is away; this comes back by itself as soon as the router does")

    def _ready(self, _body: Any) -> bytes:
        self._require_router()
        if not self._consumer.hub_here:
            raise AwayError("the hub is away; this comes back by itself as soon as the hub does")
        if not self._catalogue.settled:
            raise AwayError("data nodes are still being asked for their fields")
        return encode.dumps({"status": "ready", "nodes": sorted(self._catalogue.entries)})

    def _search(self, body: Any) -> bytes:
        self._require_router()
        return encode.dumps(simplejson.search(self._catalogue, _object(body)))

    async def _query(self, body: Any) -> bytes:
        request, shown = simplejson.parse_query(_object(body))
        self._require_router()
        answers = await self._asker.ask(request) if request.targets else []
        if sum(len(answer.series.t) for answer in answers) > encode.LARGE_POINTS:
            return await in_thread(self._reactor, simplejson.render_query, answers, shown)
        return simplejson.render_query(answers, shown)

    def _annotations(self, body: Any) -> bytes:
        return encode.dumps(simplejson.annotations(self._catalogue.events, _object(body)))

    def _tag_values(self, body: Any) -> bytes:
        key = body.get("key") if isinstance(body, dict) else None
        names = sorted(self._catalogue.entries) if key in (None, "node") else []
        return encode.dumps([{"text": name} for name in names])


def _problem(request: WebRequest, status: int, sentence: str) -> bytes:
    request.setResponseCode(status)
    return _send(request, encode.dumps({"error": sentence}))


def _send(request: WebRequest, body: bytes) -> bytes:
    request.setHeader(b"content-type", b"application/json")
    request.setHeader(b"content-length", b"%d" % len(body))
    return body


def _body(request: WebRequest) -> Any:
    """The request's JSON; an empty object if there is none."""
    content = request.content.read(LARGEST_BODY + 1) if request.content else b""
    if len(content) > LARGEST_BODY:
        raise TooLargeError(f"the body is longer than {LARGEST_BODY} bytes")
    if not content.strip():
        return {}
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"the body is not JSON: {error}") from error


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise RequestError(f"the body is a JSON {type(body).__name__}, not an object")
    return body

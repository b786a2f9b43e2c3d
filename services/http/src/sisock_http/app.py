"""The HTTP side: routes, methods, status codes. What requests mean is in the dialects' modules."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from sisock.blocking import in_thread
from sisock.consumer import Consumer
from twisted.internet.defer import ensureDeferred
from twisted.web.http import Request as WebRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from sisock_http import encode, panel, reading, simplejson, simpod
from sisock_http.admission import Admission
from sisock_http.api import Api
from sisock_http.catalogue import Catalogue, Event
from sisock_http.pages import Pages
from sisock_http.problems import AwayError, RequestError
from sisock_http.query import Answer, Asker, empty, together
from sisock_http.reply import JSON, Reply

Result = bytes | Reply
Handler = Callable[[Any], Result | Awaitable[Result]]


Reader = Callable[[WebRequest], Any]
"""Reads from a request what its handler is given."""


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
    admission : Admission
    api : Api
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
        admission: Admission,
        api: Api,
        log: structlog.stdlib.BoundLogger,
        cors_origin: str = "",
    ) -> None:
        self._reactor = reactor
        self._consumer = consumer
        self._catalogue = catalogue
        self._asker = asker
        self._admission = admission
        self._log = log
        self._cors_origin = cors_origin
        self._pages = Pages()
        self._routes: dict[bytes, tuple[Handler, Reader, tuple[bytes, ...]]] = {}
        self._add(b"/", self._root, b"GET", reader=reading.whole)
        self._add(b"/healthz", lambda _: b'{"status": "alive"}', b"GET")
        self._add(b"/readyz", self._ready, b"GET")
        self._add(b"/search", self._search, b"GET", b"POST")
        self._add(b"/query", self._query, b"POST")
        self._add(b"/annotations", self._annotations, b"POST")
        keys = encode.dumps([{"type": "string", "text": "node"}])
        self._add(b"/tag-keys", lambda _: keys, b"GET", b"POST", reader=reading.whole)
        self._add(b"/tag-values", self._tag_values, b"GET", b"POST", reader=reading.body_or_none)
        self._add(b"/metrics", self._metrics, b"POST")
        self._add(b"/metric-payload-options", self._payload_options, b"POST")
        self._add(b"/variable", self._variable, b"POST")
        for name in ("status", "nodes", "fields", "data", "latest"):
            self._add(f"/api/v1/{name}".encode(), getattr(api, name), b"GET", reader=reading.arguments)
        self._add(b"/api/v1/openapi.json", api.openapi, b"GET", reader=reading.arguments)
        for path in self._pages.paths:
            self._add(path, self._page_file, b"GET", reader=reading.whole)

    def site(self) -> Site:
        """The application as Twisted serves it, without a line of log per request."""
        make_site: Any = QuietSite  # twisted.web's constructor has no types
        site: Site = make_site(_Root(self), reactor=self._reactor, parsePOSTFormSubmission=False)
        site.noisy = False
        return site

    def _add(self, path: bytes, handler: Handler, *methods: bytes, reader: Reader | None = None) -> None:
        self._routes[path] = (handler, reader or reading.body, methods)

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
            request.setHeader(b"access-control-expose-headers", b"sisock-notices")
            request.setHeader(b"access-control-allow-headers", b"accept, content-type")
            request.setHeader(b"access-control-allow-methods", b"GET, POST, OPTIONS")
        route = self._routes.get(request.path)
        if route is None:
            return _problem(request, 404, f"there is no {request.path.decode(errors='replace')} here")
        handler, reader, methods = route
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
        return await self._answer(request, handler, reader)

    async def _answer(self, request: WebRequest, handler: Handler, reader: Reader) -> bytes:
        try:
            result = handler(reader(request))
            if not isinstance(result, bytes | Reply):
                result = await result
        except RequestError as error:
            if error.retry_after_s:
                request.setHeader(b"retry-after", b"%d" % error.retry_after_s)
            return _problem(request, error.status, str(error))
        except Exception as error:  # noqa: BLE001 (a fault of ours: told in the log, as JSON to the caller)
            self._log.error("request.failed", path=request.path.decode(errors="replace"), exc_info=error)
            return _problem(request, 500, "something went wrong here; the log of sisock-http says what")
        reply = result if isinstance(result, Reply) else Reply(result)
        body = reply.body
        if (
            len(body) >= encode.SMALLEST_COMPRESSED
            and b"content-encoding" not in reply.headers
            and reading.takes_gzip(request)
        ):
            request.setHeader(b"content-encoding", b"gzip")
            request.setHeader(b"vary", b"accept-encoding")
            body = await in_thread(self._reactor, encode.gzip, body)
        for name, value in reply.headers.items():
            request.setHeader(name, value)
        request.setResponseCode(reply.status)
        return _send(request, body, reply.content_type)

    def _root(self, request: WebRequest) -> Result:
        """The page for a browser; for others, such as Grafana's check, whether the router is here."""
        if b"text/html" in (request.getHeader(b"accept") or b""):
            return self._pages.index(reading.takes_gzip(request))
        self._require_router()
        return Reply(encode.dumps({"service": "sisock-http", "status": "ok"}), headers={b"vary": b"accept"})

    def _page_file(self, request: WebRequest) -> Reply:
        return self._pages.file(request.path, reading.takes_gzip(request))

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
        return encode.dumps(simplejson.search(self._catalogue, reading.as_object(body)))

    async def _query(self, body: Any) -> bytes:
        return await self._admission.run(lambda until: self._panel(reading.as_object(body), until))

    async def _panel(self, body: dict[str, Any], until: float) -> bytes:
        asked = panel.parse(body, self._catalogue)
        self._require_router()
        requests = asked.requests()
        answers: dict[tuple[str, panel.Limits], Answer] = {}
        for request, found in zip(
            requests, await together(*(self._asker.ask(one, until) for one in requests)), strict=True
        ):
            answers.update(
                ((answer.target, (request.max_points, request.min_stride)), answer) for answer in found
            )
        points = sum(len(answer.series.t) for answer in answers.values())

        def render() -> bytes:
            return encode.dumps([_element(item, asked, answers, happened) for item in asked.shown])

        wants_events = any(item.style == "events" for item in asked.shown)
        happened = list(self._catalogue.events) if wants_events else []
        return await in_thread(self._reactor, render) if points > encode.LARGE_POINTS else render()

    def _metrics(self, body: Any) -> bytes:
        self._require_router()
        reading.as_object(body)
        return encode.dumps(simpod.metrics(self._catalogue))

    def _payload_options(self, body: Any) -> bytes:
        return encode.dumps(simpod.payload_options(reading.as_object(body)))

    def _variable(self, body: Any) -> bytes:
        self._require_router()
        return encode.dumps(simpod.variable(self._catalogue, reading.as_object(body)))

    def _annotations(self, body: Any) -> bytes:
        return encode.dumps(simplejson.annotations(self._catalogue.events, reading.as_object(body)))

    def _tag_values(self, body: Any) -> bytes:
        key = body.get("key") if isinstance(body, dict) else None
        names = sorted(self._catalogue.entries) if key in (None, "node") else []
        return encode.dumps([{"text": name} for name in names])


def _element(
    item: panel.Shown,
    asked: panel.Panel,
    answers: dict[tuple[str, panel.Limits], Answer],
    happened: list[Event],
) -> dict[str, Any]:
    """One target's answer in the dialect of who asked."""
    if item.style == "events":
        return simpod.events(happened, asked.start, asked.end, item)
    if not item.target:
        return simplejson.element(Answer("", empty(""), notice=panel.NO_TARGET), item)
    answer = answers[item.target, item.limits]
    if item.style == "frame" and not encode.is_number(answer.series, answer.field):
        return simpod.frame(answer, item)
    return simplejson.element(answer, item)


def _problem(request: WebRequest, status: int, sentence: str) -> bytes:
    request.setResponseCode(status)
    return _send(request, encode.dumps({"error": sentence}))


def _send(request: WebRequest, body: bytes, content_type: bytes = JSON) -> bytes:
    request.setHeader(b"content-type", content_type)
    request.setHeader(b"content-length", b"%d" % len(body))
    return body

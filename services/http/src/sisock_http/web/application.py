"""Requests to replies: finds the route, reads, answers, tells errors as JSON. Knows no path, no dialect."""

import secrets
from collections.abc import Mapping
from contextvars import copy_context
from typing import Any

import structlog
from sisock import request_id
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.web.http import CACHED, Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from sisock_http.dialects.reply import JSON, TAKEN, Reply
from sisock_http.encoding import as_json
from sisock_http.measures import Measures
from sisock_http.problems import RequestError, UnauthorizedError
from sisock_http.web.door import Door, challenges
from sisock_http.web.headers import header
from sisock_http.web.hosts import Hosts
from sisock_http.web.pages import HTML, WHO_ASKS
from sisock_http.web.pressing import pressed
from sisock_http.web.requests import takes_gzip, wants_page
from sisock_http.web.routes import Route
from sisock_http.web.tokens import READ

SMALLEST_COMPRESSED = 1_500


class QuietSite(Site):
    """A site that writes no line of log per request."""

    def log(self, request: Request) -> None:
        """Pass over the access log."""


class _Root(Resource):
    """Every path is the application's."""

    isLeaf = True  # noqa: N815 (twisted.web's name)

    def __init__(self, application: "Application") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._application = application

    def render(self, request: Request) -> int:
        """Hand over a request; its answer is written later."""
        self._application.serve(request)
        return NOT_DONE_YET


class Application:
    """Serves routes.

    Parameters
    ----------
    reactor : twisted reactor
    routes : mapping of Route
        By path.
    log : structlog logger
    door : Door
        Lets in who may.
    cors_origin : str
        Origin that browsers elsewhere may read us from; empty for none, ``*`` for all.
    hosts : Hosts
        Names under which we answer.
    frame_ancestors : str
        Who may show our pages in theirs, as a Content-Security-Policy has it; empty for anybody.
    measures : Measures, optional
        Counts requests.
    """

    def __init__(
        self,
        reactor: Any,
        routes: Mapping[bytes, Route],
        log: structlog.stdlib.BoundLogger,
        door: Door,
        cors_origin: str = "",
        hosts: Hosts | None = None,
        frame_ancestors: str = "",
        measures: Measures | None = None,
    ) -> None:
        self._reactor = reactor
        self._routes = routes
        self._log = log
        self._door = door
        self._cors_origin = cors_origin
        self._hosts = hosts or Hosts()
        self._frame_ancestors = frame_ancestors
        self._measures = measures or Measures()

    def site(self) -> Site:
        """The application as Twisted serves it, without a line of log per request."""
        make_site: Any = QuietSite  # twisted.web's constructor has no types
        site: Site = make_site(_Root(self), reactor=self._reactor, parsePOSTFormSubmission=False)
        site.noisy = False
        return site

    def serve(self, request: Request) -> None:
        """Answer a request, now or later."""
        gone = {"client": False}
        began = self._reactor.seconds()

        def client_left(_failure: Any) -> None:
            gone["client"] = True

        def send(body: bytes | None) -> None:
            if body is None:
                return
            took_s = self._reactor.seconds() - began
            self._measures.replied(self._shown(request.path), took_s)
            self._log.debug(
                "request.answered",
                path=request.path.decode(errors="replace"),
                status=request.code,
                after_s=took_s,
                request=request.responseHeaders.getRawHeaders("x-request-id", [""])[0],
            )
            if not gone["client"]:
                request.write(body)
                request.finish()

        request.notifyFinish().addErrback(client_left)
        # A context of its own: whatever is logged for this request, here or by a node, has its id.
        copy_context().run(self._begin, request).addCallback(send)

    def _begin(self, request: Request) -> Deferred[bytes | None]:
        name = request_id.usable(header(request, b"x-request-id")) or secrets.token_hex(6)
        request.setHeader(b"x-request-id", name.encode())
        with request_id.bound(name):
            return ensureDeferred(self._respond(request))

    def _shown(self, path: bytes) -> str:
        """A path as it is counted by: what nobody serves, and the page's many files, are one each."""
        if path.startswith(b"/page/"):
            return "/page"
        return path.decode() if path in self._routes else "other"

    async def _respond(self, request: Request) -> bytes | None:
        """Find the route; what is not there is said in JSON, too. None: a handler answers by itself."""
        request.setHeader(b"x-content-type-options", b"nosniff")
        if self._frame_ancestors:
            request.setHeader(b"content-security-policy", f"frame-ancestors {self._frame_ancestors}".encode())
        host = header(request, b"host")
        if not self._hosts.accept(host):
            return self._problem(
                request, 421, f"nobody is called {host!r} here: name it in ALLOWED_HOSTS if it is us", "host"
            )
        if self._cors_origin:
            request.setHeader(b"access-control-allow-origin", self._cors_origin.encode())
            request.setHeader(b"access-control-expose-headers", b"sisock-notices, sisock-nodes, x-request-id")
            request.setHeader(
                b"access-control-allow-headers", b"accept, authorization, content-type, x-request-id"
            )
            request.setHeader(b"access-control-allow-methods", b"GET, POST, OPTIONS")
        method = b"GET" if request.method == b"HEAD" else request.method
        route = self._routes.get(request.path)
        if method == b"OPTIONS" and route is not None:
            # A browser asks so before it gives a token.
            request.setResponseCode(204)
            return b""
        refused = self._refused(request, route, method)
        if refused is not None:
            return refused
        if route is None:
            shown = request.path.decode(errors="replace")
            return self._problem(request, 404, f"there is no {shown} here", "not_found")
        if method not in route.methods:
            request.setHeader(b"allow", b", ".join((*route.methods, b"OPTIONS")))
            shown = request.method.decode(errors="replace")
            return self._problem(
                request,
                405,
                f"{shown} is not answered here, only {b', '.join(route.methods).decode()}",
                "method",
            )
        return await self._answer(request, route)

    def _refused(self, request: Request, route: Route | None, method: bytes) -> bytes | None:
        """What is said to who may not ask that; None to others."""
        try:
            # A method that is not answered needs no right of its own: 405 says more than 403.
            self._door.check(request, route.right if route and method in route.methods else READ)
        except UnauthorizedError as error:
            request.responseHeaders.setRawHeaders(b"www-authenticate", challenges(request))
            page = WHO_ASKS if wants_page(request) else b""
            return self._problem(request, error.status, str(error), error.cause, page)
        except RequestError as error:
            return self._problem(request, error.status, str(error), error.cause)
        return None

    async def _answer(self, request: Request, route: Route) -> bytes | None:
        try:
            result = route.handler(route.reader(request))
            if not isinstance(result, bytes | Reply):
                result = await result
        except RequestError as error:
            if error.retry_after_s:
                request.setHeader(b"retry-after", b"%d" % error.retry_after_s)
            return self._problem(request, error.status, str(error), error.cause)
        except Exception as error:  # noqa: BLE001 (a fault of ours: told in the log, as JSON to the caller)
            self._log.error("request.failed", path=request.path.decode(errors="replace"), exc_info=error)
            return self._problem(
                request, 500, "something went wrong here; the log of sisock-http says what", "fault"
            )
        if result is TAKEN:
            return None
        reply = result if isinstance(result, Reply) else Reply(result)
        body = reply.body
        tag = reply.headers.get(b"etag")
        if tag and request.setETag(tag) is CACHED:
            request.setHeader(b"cache-control", reply.headers.get(b"cache-control", b"no-cache"))
            return b""
        if (
            len(body) >= SMALLEST_COMPRESSED
            and b"content-encoding" not in reply.headers
            and takes_gzip(request)
        ):
            request.setHeader(b"content-encoding", b"gzip")
            request.setHeader(b"vary", b"accept-encoding")
            body = await pressed(self._reactor, reply)
        for name, value in reply.headers.items():
            request.setHeader(name, value)
        request.setResponseCode(reply.status)
        return _send(request, body, reply.content_type)

    def _problem(self, request: Request, status: int, sentence: str, cause: str, page: bytes = b"") -> bytes:
        self._measures.refused(cause)
        request.setResponseCode(status)
        if page:
            return _send(request, page, HTML)
        return _send(request, as_json.dumps({"error": sentence}))


def _send(request: Request, body: bytes, content_type: bytes = JSON) -> bytes:
    request.setHeader(b"content-type", content_type)
    request.setHeader(b"content-length", b"%d" % len(body))
    return body

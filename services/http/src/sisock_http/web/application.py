"""Requests to replies: finds the route, reads, answers, tells errors as JSON. Knows no path, no dialect."""

import secrets
from collections.abc import Awaitable, Coroutine, Mapping
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
from sisock_http.web.connection import QuickRequest
from sisock_http.web.door import Door, challenges
from sisock_http.web.headers import header
from sisock_http.web.hosts import Hosts
from sisock_http.web.pages import HTML, WHO_ASKS
from sisock_http.web.pressing import pressed
from sisock_http.web.requests import takes_gzip, wants_page
from sisock_http.web.routes import Result, Route
from sisock_http.web.tokens import READ

SMALLEST_COMPRESSED = 1_500

Answer = bytes | Coroutine[Any, Any, bytes | None] | None
"""A body, now or later; None: a handler answers by itself."""


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

    def render(self, request: Any) -> int:
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
        site: Site = make_site(
            _Root(self), QuickRequest, reactor=self._reactor, parsePOSTFormSubmission=False
        )
        site.noisy = False
        return site

    def serve(self, request: QuickRequest) -> None:
        """Answer a request, now or later."""
        # A context of its own: whatever is logged for this request, here or by a node, has its id.
        copy_context().run(self._begin, request, self._reactor.seconds())

    def _begin(self, request: QuickRequest, began: float) -> None:
        name = request_id.usable(header(request, b"x-request-id")) or secrets.token_hex(6)
        request.responseHeaders.setRawHeaders(b"x-request-id", [name.encode()])
        with request_id.bound(name):
            answer = self._respond(request)
            if answer is None or isinstance(answer, bytes):
                self._send(request, began, name, answer)
            else:
                later: Deferred[bytes | None] = ensureDeferred(answer)
                later.addCallback(lambda body: self._send(request, began, name, body))

    def _send(self, request: QuickRequest, began: float, name: str, body: bytes | None) -> None:
        if body is None:
            return
        took_s = self._reactor.seconds() - began
        self._measures.replied(self._shown(request.path), took_s)
        self._log.debug(
            "request.answered",
            path=request.path.decode(errors="replace"),
            status=request.code,
            after_s=took_s,
            request=name,
        )
        if not request.left:
            request.deliver(body)

    def _shown(self, path: bytes) -> str:
        """A path as it is counted by: what nobody serves, and the page's many files, are one each."""
        if path.startswith(b"/page/"):
            return "/page"
        return path.decode() if path in self._routes else "other"

    def _respond(self, request: Request) -> Answer:
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
        return self._answer(request, route)

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

    def _answer(self, request: Request, route: Route) -> Answer:
        try:
            result = route.handler(route.reader(request))
        except Exception as error:  # noqa: BLE001 (see `_failed`)
            return self._failed(request, error)
        return (
            self._written(request, result)
            if isinstance(result, bytes | Reply)
            else self._wait(request, result)
        )

    async def _wait(self, request: Request, result: Awaitable[Result]) -> bytes | None:
        try:
            answer = self._written(request, await result)
            return answer if answer is None or isinstance(answer, bytes) else await answer
        except Exception as error:  # noqa: BLE001 (see `_failed`)
            return self._failed(request, error)

    def _failed(self, request: Request, error: Exception) -> bytes:
        """What is said to the caller; a fault of ours is told in the log."""
        if isinstance(error, RequestError):
            if error.retry_after_s:
                request.setHeader(b"retry-after", b"%d" % error.retry_after_s)
            return self._problem(request, error.status, str(error), error.cause)
        self._log.error("request.failed", path=request.path.decode(errors="replace"), exc_info=error)
        return self._problem(
            request, 500, "something went wrong here; the log of sisock-http says what", "fault"
        )

    def _written(self, request: Request, result: Result) -> Answer:
        if result is TAKEN:
            return None
        reply = result if isinstance(result, Reply) else Reply(result)
        tag = reply.headers.get(b"etag")
        if tag and request.setETag(tag) is CACHED:
            request.setHeader(b"cache-control", reply.headers.get(b"cache-control", b"no-cache"))
            return b""
        if (
            len(reply.body) >= SMALLEST_COMPRESSED
            and b"content-encoding" not in reply.headers
            and takes_gzip(request)
        ):
            request.setHeader(b"content-encoding", b"gzip")
            request.setHeader(b"vary", b"accept-encoding")
            there = reply.pressed and reply.pressed.body
            return self._whole(request, reply, there) if there else self._press(request, reply)
        return self._whole(request, reply, reply.body)

    async def _press(self, request: Request, reply: Reply) -> bytes:
        return self._whole(request, reply, await pressed(self._reactor, reply))

    @staticmethod
    def _whole(request: Request, reply: Reply, body: bytes) -> bytes:
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

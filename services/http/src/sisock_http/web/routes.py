"""Which path is answered by what: the one table of the bridge's addresses."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sisock.metrics import CONTENT_TYPE
from twisted.web.http import Request

from sisock_http.dialects.api import Api
from sisock_http.dialects.grafana import Grafana
from sisock_http.dialects.influxql.interface import Influx
from sisock_http.dialects.reply import Reply
from sisock_http.dialects.states import States
from sisock_http.web import requests
from sisock_http.web.admission import Admission
from sisock_http.web.door import ANYBODY, Door
from sisock_http.web.pages import Pages
from sisock_http.web.stream import Stream
from sisock_http.web.tokens import NOTES, READ

Result = bytes | Reply
Handler = Callable[[Any], Result | Awaitable[Result]]
Asking = Callable[[Any, float], Awaitable[Result]]
"""Answers what was read by asking nodes, until the reactor's time that it is given."""

Exposition = Callable[[], bytes]
"""Writes what Prometheus reads."""

Reader = Callable[[Request], Any]
"""Reads from a request what its handler is given."""

GET, POST = (b"GET",), (b"POST",)
EITHER = (b"GET", b"POST")


@dataclass(frozen=True, slots=True)
class Route:
    """How one path is answered."""

    handler: Handler
    methods: tuple[bytes, ...]
    reader: Reader = requests.body
    right: str = READ


def make_routes(
    grafana: Grafana,
    api: Api,
    states: States,
    stream: Stream,
    influx: Influx,
    pages: Pages,
    admission: Admission,
    door: Door,
    exposition: Exposition,
) -> dict[bytes, Route]:
    """Every path of the bridge."""

    def admitted(asking: Asking) -> Handler:
        return lambda read: admission.run(lambda until: asking(read, until))

    def root(request: Request) -> Result:
        """The page for a browser; for others, such as Grafana's check, whether the router is here."""
        if requests.wants_page(request):
            return pages.index(requests.arguments(request).given.get("theme", [""])[0])
        return grafana.check()

    def metrics(request: Request) -> Result | Awaitable[Result]:
        """Prometheus reads with GET; with POST simpod asks for what its query builder offers."""
        if request.method == b"POST":
            return grafana.metrics(requests.body(request))
        return Reply(exposition(), CONTENT_TYPE)

    def note(request: Request) -> Any:
        return requests.signed(requests.json_body(request), door.caller(request))

    def influx_query(given: requests.Form) -> Result | Awaitable[Result]:
        """What is known at once takes no place of those that have to be waited for."""
        text = given.whole
        known = influx.known(text)
        if known is not None:
            return known
        return admission.run(lambda until: influx.query(given.arguments(), until, text))

    def page_file(request: Request) -> Reply:
        return pages.file(request.path, requests.takes_gzip(request))

    return {
        b"/": Route(root, GET, requests.whole),
        b"/healthz": Route(lambda _: b'{"status": "alive"}', GET, right=ANYBODY),
        b"/readyz": Route(grafana.ready, GET, right=ANYBODY),
        b"/search": Route(grafana.search, EITHER),
        b"/query": Route(admitted(grafana.query), POST),
        b"/annotations": Route(states.annotations, POST),
        b"/tag-keys": Route(grafana.tag_keys, EITHER, requests.whole),
        b"/tag-values": Route(grafana.tag_values, EITHER, requests.body_or_none),
        b"/metrics": Route(metrics, EITHER, requests.whole),
        b"/metric-payload-options": Route(grafana.payload_options, POST),
        b"/variable": Route(grafana.variable, POST),
        b"/api/v1/status": Route(api.status, GET, requests.arguments),
        b"/api/v1/nodes": Route(api.nodes, GET, requests.arguments),
        b"/api/v1/fields": Route(admitted(api.fields), GET, requests.arguments),
        b"/api/v1/data": Route(admitted(api.data), GET, requests.arguments),
        b"/api/v1/latest": Route(admitted(api.latest), GET, requests.arguments),
        b"/api/v1/state": Route(states.state, GET, requests.arguments),
        b"/api/v1/events": Route(states.events, GET, requests.arguments),
        b"/api/v1/notes": Route(states.note, POST, note, NOTES),
        b"/api/v1/stream": Route(stream.open, EITHER, requests.whole),
        b"/api/v1/openapi.json": Route(api.openapi, GET, requests.arguments),
        b"/influx/ping": Route(influx.ping, EITHER, requests.arguments),
        b"/influx/query": Route(influx_query, EITHER, requests.form),
        **{path: Route(page_file, GET, requests.whole) for path in pages.paths},
    }

"""The bridge's own parts behind a wire of bytes: requests in, replies out; no router, no process."""

import json
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from sisock import metrics
from sisock.errors import DeadlineError, NodeAwayError
from sisock.node import Field, Series
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Listing, Reading
from sisock_consumer.target import Target
from sisock_http.asking.gather import Asker
from sisock_http.asking.keeping import Keeper
from sisock_http.asking.one_node import NodeAsker
from sisock_http.asking.tails import Tails
from sisock_http.dialects.api import Api
from sisock_http.dialects.grafana import Grafana
from sisock_http.dialects.influxql.interface import Influx
from sisock_http.dialects.kept import KeptReplies
from sisock_http.dialects.states import States
from sisock_http.measures import Measures, Presence
from sisock_http.observatory.catalogue import Catalogue
from sisock_http.observatory.watching import Watching
from sisock_http.web.admission import Admission
from sisock_http.web.application import Application
from sisock_http.web.door import Door
from sisock_http.web.pages import Pages
from sisock_http.web.routes import make_routes
from sisock_http.web.stream import Stream
from sisock_testing.still import StillReactor
from structlog.testing import capture_logs
from twisted.internet.testing import StringTransport

NOW = 1500000000.0
TIMES = [NOW - 20, NOW - 10]
KELVIN = Field("stage_1k", "1 K stage", "K", interval=10.0)


class Consumer:
    """One node that answers at once, on a router that comes and goes as the test says."""

    router_here = True
    hub_here = True

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.asked: list[tuple[str, list[str], float, float]] = []

    async def list_fields(self, *_args: Any) -> Listing:
        return Listing([KELVIN], [])

    async def get_data(self, name: str, fields: Any, start: float, end: float, **_more: Any) -> Reading:
        self.asked.append((name, list(fields), start, end))
        if self.fault:
            raise self.fault
        return Reading({one: Series(one, np.array(TIMES), np.array([1.1, 1.2])) for one in fields}, {})


@dataclass
class Reply:
    """What came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        return json.loads(self.body)["error"]


class Wire:
    """An application, asked in bytes."""

    def __init__(self, at_once: int = 8, cors_origin: str = "", kept_bytes: int = 0) -> None:
        clock, log = StillReactor(), structlog.get_logger()
        door = Door(anybody_notes=True)
        self.consumer = Consumer()
        self.catalogue = Catalogue(clock, lambda: NOW, log, self.consumer)
        self.catalogue.node_added(NodeInfo("cryostat", "thermometers"))
        consumer: Any = self.consumer
        registry = CollectorRegistry()
        measures = Measures(registry)
        registry.register(Presence(self.catalogue, SimpleNamespace(hub_here=True)))
        node_asker = NodeAsker(clock, consumer, self.catalogue, log, 4, measures)
        keeper = Keeper(clock, self.catalogue, node_asker, lambda: NOW if kept_bytes else 0.0, kept_bytes)
        asker, kept = Asker(clock, self.catalogue, keeper), KeptReplies(kept_bytes)
        watching = Watching(consumer, self.catalogue)
        api = Api(clock, consumer, self.catalogue, asker, kept, lambda: NOW)
        routes = make_routes(
            Grafana(clock, consumer, self.catalogue, asker, kept),
            api,
            States(watching, self.catalogue, lambda: NOW),
            Stream(
                clock, watching, Tails(clock, self.catalogue, asker, lambda: NOW), api.here, lambda _: True
            ),
            Influx(clock, consumer, self.catalogue, asker, lambda: NOW, ("ocs_feeds",)),
            Pages(),
            Admission(clock, 10.0, at_once),
            door,
            partial(metrics.text, registry),
        )
        self._site = Application(clock, routes, log, door, cors_origin, measures=measures).site()

    def ask(self, address: str, method: str = "GET", body: Any = None, **headers: str) -> Reply:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{method} {address} HTTP/1.1", "Host: bridge", f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        channel, transport = self._site.buildProtocol(None), StringTransport()
        channel.makeConnection(transport)
        channel.dataReceived("\r\n".join([*lines, "", ""]).encode() + content)
        head, _, rest = transport.value().partition(b"\r\n\r\n")
        first, *others = head.decode().split("\r\n")
        found = dict(line.lower().split(": ", 1) for line in others)
        return Reply(int(first.split()[1]), found, rest)


@pytest.fixture
def wire() -> Wire:
    """A bridge whose one node is online."""
    return Wire()


def test_samples_are_asked_of_their_node_and_written_as_they_were_asked_for(wire: Wire) -> None:
    reply = wire.ask("/api/v1/data?field=cryostat::stage_1k&start=-60&end=now&as=T&format=csv")
    lines = reply.body.decode().splitlines()
    assert lines == ["time,T", "2017-07-14T02:39:40.000Z,1.1", "2017-07-14T02:39:50.000Z,1.2"]
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert wire.consumer.asked == [("cryostat", ["stage_1k"], NOW - 60, NOW)]


def test_what_is_kept_is_sent_in_the_words_of_who_asks() -> None:
    wire = Wire(kept_bytes=10**7)

    def ask(to_ms: float, ref_id: object, kind: str = "timeserie") -> Reply:
        target = {"target": "cryostat::stage_1k", "type": kind, "refId": ref_id}
        return wire.ask("/query", "POST", {"range": {"from": 1, "to": to_ms}, "targets": [target]})

    replies = [ask(NOW * 1e3 + late, "A") for late in (0, 3, 7)]
    assert len(wire.consumer.asked) == 1
    assert len({reply.body for reply in replies}) == 1
    assert json.loads(ask(NOW * 1e3, "B").body)[0]["refId"] == "B"
    assert json.loads(ask(NOW * 1e3, ["odd"]).body)[0]["refId"] == ["odd"]
    assert json.loads(ask(NOW * 1e3, "A", "table").body)[0]["rows"][0] == [TIMES[0] * 1e3, 1.1]
    form = "/api/v1/data?field=cryostat::stage_1k&start=1&end=now&format="
    for name in ("csv&as=T", "csv&as=K", "json", "csv&as=T"):
        body = wire.ask(form + name).body.decode()
        assert body.startswith({"csv&as=T": "time,T", "csv&as=K": "time,K", "json": "[{"}[name])
    assert len(wire.consumer.asked) == 1
    wire.catalogue.online["cryostat"].fields["stage_1k"] = Field("stage_1k", "1 K stage", "mK")
    assert json.loads(ask(NOW * 1e3, "A").body)[0]["unit"] == "mK"


def test_a_field_is_taken_apart_once_and_named_whole_again_in_every_dialect(wire: Wire) -> None:
    whole = "cryostat::stage_1k"
    assert json.loads(wire.ask("/api/v1/fields").body)[0]["field"] == whole
    assert json.loads(wire.ask(f"/api/v1/latest?field={whole}").body)[0]["field"] == whole
    assert json.loads(wire.ask("/search", "POST", {}).body) == [whole]
    assert json.loads(wire.ask("/metrics", "POST", {}).body)[0]["value"] == whole
    asked = {"range": {"from": 1, "to": NOW * 1e3}, "targets": [{"target": whole, "type": "timeserie"}]}
    [series] = json.loads(wire.ask("/query", "POST", asked).body)
    assert (series["target"], series["title"]) == (whole, whole)
    assert series["tags"] == {"node": "cryostat", "field": "stage_1k"}


WHOLE = "cryostat::stage_1k"
PANEL = {"range": {"from": 1, "to": NOW * 1e3}, "targets": [{"target": WHOLE}]}


@pytest.mark.parametrize(
    ("address", "body"),
    [
        (f"/api/v1/data?field={WHOLE}&start=-60", None),
        (f"/api/v1/data?field={WHOLE}&start=-60&format=csv", None),
        (f"/api/v1/latest?field={WHOLE}", None),
        ("/query", PANEL),
        ("/query", PANEL | {"targets": [{"target": WHOLE, "type": "table"}]}),
        ("/query", PANEL | {"targets": [{"target": WHOLE, "type": "timeserie"}]}),
        ("/query", PANEL | {"adhocFilters": [{"key": "node", "operator": "=", "value": "cryostat"}]}),
    ],
)
def test_a_name_is_parsed_once_on_its_way_through_the_bridge(
    wire: Wire, monkeypatch, address: str, body: Any
) -> None:
    parsed = []
    parse = Target.parse
    monkeypatch.setattr(Target, "parse", lambda text: parsed.append(text) or parse(text))
    reply = wire.ask(address, "POST" if body else "GET", body)
    assert (reply.status, parsed) == (200, [WHOLE])
    assert b"1.1" in reply.body or b"1.2" in reply.body


@pytest.mark.parametrize(
    ("address", "method", "status", "sentence"),
    [
        ("/nowhere", "GET", 404, "there is no /nowhere here"),
        ("/query", "GET", 405, "GET is not answered here, only POST"),
        ("/api/v1/data", "GET", 400, "field is missing"),
        ("/api/v1/data?field=n::f&feild=x", "GET", 400, "there is no parameter 'feild' here"),
        ("/api/v1/data?field=n::f&start=soon", "GET", 400, "start='soon' is not a time"),
        ("/api/v1/data?field=n::f&start=20&end=10", "GET", 400, "start='20' is after end='10'"),
        ("/api/v1/data?field=n::f&format=xml", "GET", 400, "format='xml' is none of json, csv"),
        ("/api/v1/data?field=n::f&max_points=0", "GET", 400, "max_points='0' is not a whole number"),
        ("/api/v1/data?field=n::f&as=a&as=b", "GET", 400, "must be 1 different names"),
        ("/api/v1/nodes?start=1", "GET", 400, "there is no parameter 'start' here"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence_of_json(
    wire: Wire, address, method, status, sentence
) -> None:
    reply = wire.ask(address, method)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/json")
    assert sentence in reply.error
    assert wire.consumer.asked == []


def test_a_body_that_is_no_json_or_too_long_is_refused_in_a_sentence(wire: Wire) -> None:
    assert "the body is not JSON" in wire.ask("/query", "POST", b"{").error
    assert "the body is a JSON list, not an object" in wire.ask("/query", "POST", []).error
    long = wire.ask("/query", "POST", b" " * (4 * 1024 * 1024 + 1))
    assert (long.status, "longer than" in long.error) == (413, True)


def test_while_the_router_is_away_nothing_looks_like_no_data(wire: Wire) -> None:
    wire.consumer.router_here = wire.consumer.hub_here = False
    for address in ("/readyz", "/", "/api/v1/nodes", "/api/v1/fields", "/api/v1/data?field=a::b"):
        reply = wire.ask(address)
        assert (reply.status, "the router is away" in reply.error) == (503, True)
        assert int(reply.headers["retry-after"]) >= 1
    assert wire.ask("/healthz").status == 200
    status = json.loads(wire.ask("/api/v1/status").body)
    assert (status["router"], status["hub"], status["now"]) == (False, False, NOW)


def test_a_fault_of_ours_is_told_in_the_log_and_hides_its_inside(wire: Wire) -> None:
    wire.catalogue.online = None  # type: ignore[assignment]
    with capture_logs() as logs:
        reply = wire.ask("/api/v1/nodes")
    assert (reply.status, reply.error) == (500, "something went wrong here; the log of sisock-http says what")
    [line] = [line for line in logs if line["event"] == "request.failed"]
    assert (line["path"], line["log_level"]) == ("/api/v1/nodes", "error")


def test_a_full_bridge_refuses_questions_and_still_says_how_it_is() -> None:
    wire = Wire(at_once=0)
    reply = wire.ask("/api/v1/data?field=cryostat::stage_1k")
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert "all there is room for" in reply.error
    assert wire.ask("/api/v1/status").status == 200
    assert wire.consumer.asked == []


def test_a_field_and_a_node_that_are_not_there_are_named_in_the_notices(wire: Wire) -> None:
    reply = wire.ask("/api/v1/data?field=gone::x&field=cryostat::stage_1k")
    rows = json.loads(reply.body)
    assert [row["cryostat::stage_1k"] for row in rows] == [1.1, 1.2]
    assert json.loads(reply.headers["sisock-notices"]) == ["data node 'gone' is not online"]


def test_a_browser_gets_the_page_and_others_the_answer_of_a_data_source(wire: Wire) -> None:
    page = wire.ask("/", Accept="text/html")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert json.loads(wire.ask("/").body)["status"] == "ok"
    assert wire.ask("/", "HEAD").body == b""


def test_pages_of_other_origins_may_read_only_where_that_was_set() -> None:
    assert "access-control-allow-origin" not in Wire().ask("/healthz").headers
    reply = Wire(cors_origin="https://site.example").ask("/query", "OPTIONS")
    assert reply.status == 204
    assert reply.headers["access-control-allow-origin"] == "https://site.example"


def test_prometheus_reads_with_get_what_simpod_lists_with_post(wire: Wire) -> None:
    wire.ask("/nowhere")
    wire.ask("/elsewhere")
    wire.ask("/query", "POST", b"no JSON")
    wire.ask("/healthz", "DELETE")
    wire.ask("/healthz")
    reply = wire.ask("/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain")
    read = {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(reply.body.decode())
        for one in family.samples
    }
    assert read["sisock_http_request_seconds_count", "other"] == 2
    assert read["sisock_http_request_seconds_count", "/healthz"] == 2
    assert read["sisock_http_errors_total", "not_found"] == 2
    assert read["sisock_http_errors_total", "bad_request"] == 1
    assert read["sisock_http_errors_total", "method"] == 1
    assert read["sisock_node_online", "cryostat"] == 1
    assert read["sisock_nodes_online",] == 1
    assert read["sisock_hub_up",] == 1
    assert isinstance(json.loads(wire.ask("/metrics", "POST", {}).body), list)


def test_a_node_that_does_not_answer_is_counted_by_its_name_and_why(wire: Wire) -> None:
    wire.consumer.fault = NodeAwayError("cryostat is away")
    body = {"range": {"from": 0, "to": NOW * 1e3}, "targets": [{"target": "cryostat::stage_1k"}]}
    assert wire.ask("/query", "POST", body).status == 200
    read = wire.ask("/metrics").body.decode()
    assert 'sisock_node_errors_total{cause="away",node="cryostat"} 1.0' in read
    assert 'sisock_node_answer_seconds_count{node="cryostat"} 1.0' in read


@pytest.mark.parametrize("name", [b"Host", b"X-Request-Id", b"Authorization", b"Content-Type"])
def test_a_header_that_is_no_text_is_answered(wire: Wire, name: bytes) -> None:
    channel, transport = wire._site.buildProtocol(None), StringTransport()
    channel.makeConnection(transport)
    host = b"" if name == b"Host" else b"Host: bridge\r\n"
    channel.dataReceived(b"GET /healthz HTTP/1.1\r\n" + host + name + b": a\x98\xdf\r\n\r\n")
    assert transport.value().split(b" ", 2)[1] == b"200"


def test_a_request_has_an_id_that_a_node_is_told_of(wire: Wire) -> None:
    given = wire.ask("/api/v1/nodes", **{"X-Request-Id": "panel-7"})
    assert given.headers["x-request-id"] == "panel-7"
    made = [
        wire.ask("/api/v1/nodes", **{"X-Request-Id": "no id, this"}).headers["x-request-id"] for _ in range(2)
    ]
    assert len(set(made)) == 2
    assert all(len(one) == 12 for one in made)


def test_a_node_that_lets_deadlines_pass_is_one_line_until_it_answers_again(wire: Wire) -> None:
    def ask(end: int) -> None:
        wire.ask(f"/api/v1/data?field=cryostat::stage_1k&start=1&end={end}&format=json")

    ask(100)
    with capture_logs() as told:
        wire.consumer.fault = DeadlineError("cryostat did not answer within 10 s")
        for end in (101, 102, 103):
            ask(end)
        wire.consumer.fault = None
        ask(104)
        ask(105)
    lines = [one for one in told if one["event"] in ("node.late", "node.in_time")]
    assert [(one["event"], one["log_level"]) for one in lines] == [
        ("node.late", "warning"),
        ("node.in_time", "info"),
    ]
    assert (lines[0]["node"], lines[1]["unanswered"]) == ("cryostat", 3)


def test_every_list_of_grafanas_is_answered(wire: Wire) -> None:
    def post(address: str, body: Any = None) -> Any:
        return json.loads(wire.ask(address, "POST", body).body)

    assert json.loads(wire.ask("/readyz").body) == {"status": "ready", "nodes": ["cryostat"]}
    assert post("/search", {"target": "1k"}) == [WHOLE]
    assert post("/search", {"target": "nosuch"}) == []
    assert post("/tag-keys") == [{"type": "string", "text": "node"}]
    for body in (None, {"key": "node"}, b"no JSON"):
        assert post("/tag-values", body) == [{"text": "cryostat"}]
    assert post("/tag-values", {"key": "other"}) == []
    assert [one["value"] for one in post("/metrics", {"metric": "nosuch"})] == ["sisock::events"]
    assert post("/metric-payload-options", {"name": "join"})[0] == {
        "label": "one series of all nodes that have it", "value": "yes",
    }  # fmt: skip
    assert post("/variable", {"payload": {"target": "nodes"}}) == [
        {"__text": "cryostat", "__value": "cryostat"}
    ]
    reply = wire.ask("/")
    assert json.loads(reply.body) == {"service": "sisock-http", "status": "ok"}
    assert reply.headers["vary"] == "accept"


@pytest.mark.parametrize("address", ["/search", "/metrics", "/variable", "/query"])
def test_without_a_router_no_list_of_grafanas_looks_empty(wire: Wire, address: str) -> None:
    wire.consumer.router_here = False
    assert wire.ask(address, "POST", PANEL).status == 503


def test_events_and_targets_that_are_not_chosen_stand_beside_samples(wire: Wire) -> None:
    wire.catalogue.router_changed(here=True)
    targets = [{"target": "sisock::events"}, {"target": WHOLE, "refId": "B"}, {"target": "", "refId": "C"}]
    body = {"range": {"from": (NOW - 60) * 1e3, "to": (NOW + 1) * 1e3}, "targets": targets}
    happened, samples, empty = json.loads(wire.ask("/query", "POST", body).body)
    assert happened["schema"]["name"] == "sisock::events"
    assert happened["data"]["values"] == [
        [NOW * 1e3], [NOW * 1e3], ["cryostat online"], ["thermometers"], [["cryostat", "online"]],
    ]  # fmt: skip
    assert samples["datapoints"] == [[1.1, TIMES[0] * 1e3], [1.2, TIMES[1] * 1e3]]
    assert samples["refId"] == "B"
    assert (empty["datapoints"], empty["refId"]) == ([], "C")
    assert "no field is chosen yet" in json.dumps(empty)
    body["range"] = {"from": 0, "to": 1}
    happened, *_ = json.loads(wire.ask("/query", "POST", body).body)
    assert happened["data"]["values"] == [[], [], [], [], []]


def test_what_is_shown_of_bins_is_what_was_asked_for_each_time() -> None:
    wire = Wire(kept_bytes=10**7)

    def ask(method: str) -> Any:
        target = {"target": WHOLE, "payload": {"method": method, "resolution": "1m"}}
        body = {"range": {"from": (NOW - 600) * 1e3, "to": NOW * 1e3}, "targets": [target]}
        return json.loads(wire.ask("/query", "POST", body).body)[0]["datapoints"]

    begin = TIMES[0] // 60 * 60 * 1e3
    assert ask("mean") == [[pytest.approx(1.15), begin]]
    assert ask("count") == [[2, begin]]
    assert ask("max") == [[1.2, begin]]


def test_text_is_a_frame_with_its_times_and_its_node(wire: Wire) -> None:
    async def get_data(_name: str, fields: Any, *_range: float, **_more: Any) -> Reading:
        return Reading({one: Series(one, np.array(TIMES), np.array(["off", "on"])) for one in fields}, {})

    wire.consumer.get_data = get_data  # type: ignore[method-assign]
    [frame] = json.loads(wire.ask("/query", "POST", PANEL).body)
    assert frame["data"]["values"] == [[at * 1e3 for at in TIMES], ["off", "on"]]
    time, value = frame["schema"]["fields"]
    assert (time["type"], value["type"], value["labels"]) == ("time", "string", {"node": "cryostat"})
    assert value["config"]["description"] == "1 K stage"


def test_a_reply_that_is_long_is_whole_and_a_star_is_answered(wire: Wire) -> None:
    described = wire.ask("/api/v1/openapi.json")
    assert len(described.body) == int(described.headers["content-length"]) > 32 * 1024
    told = json.loads(described.body)
    assert told["openapi"].startswith("3.1")
    assert {} in told["security"]  # this one asks nobody for a token
    assert json.loads(wire.ask("/api/v1/status").body)["notes"] is False
    assert wire.ask("*", "OPTIONS").status in (200, 204)


def test_influxql_and_the_page_are_answered_where_they_stand(wire: Wire) -> None:
    reply = wire.ask("/influx/query?q=SHOW+DATABASES")
    assert json.loads(reply.body)["results"][0]["series"][0]["values"] == [["ocs_feeds"]]
    for theme in ("dark", "light"):
        page = wire.ask(f"/?theme={theme}", Accept="text/html")
        assert f'data-theme="{theme}"'.encode() in page.body

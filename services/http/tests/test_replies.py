"""Requests to replies, with routes of the test's own: headers, rights, sizes, ids; bytes in, bytes out."""

import gzip
import io
import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry
from sisock import load
from sisock.errors import ConfigError
from sisock_http.__main__ import main
from sisock_http.config import HttpConfig
from sisock_http.dialects.reply import TAKEN, Reply
from sisock_http.measures import Measures
from sisock_http.problems import AwayError, BusyError, RequestError, TooLargeError, UnreadableError
from sisock_http.web import requests, token_command, tokens
from sisock_http.web.application import SMALLEST_COMPRESSED, Application
from sisock_http.web.door import ANYBODY, Caller, Door, is_loopback
from sisock_http.web.hosts import Hosts
from sisock_http.web.listening import Wish
from sisock_http.web.pages import LARGEST_FIRST, Pages
from sisock_http.web.routes import Route
from sisock_http.web.stream import _resumed
from sisock_http.web.tokens import NOTES, READ, Tokens
from sisock_testing.still import StillReactor
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport

LONG = b"x" * SMALLEST_COMPRESSED


class Site:
    """An application whose one route `/a` answers what the test says."""

    def __init__(self, answer: Any = b"{}", *, right: str = READ, **settings: Any) -> None:
        self.reactor, self.registry, self.answer = StillReactor(), CollectorRegistry(), answer
        self.door = settings.pop("door", Door())
        routes = {
            b"/a": Route(self._answer, (b"GET", b"POST"), requests.whole, right),
            b"/only": Route(lambda _request: b"1", (b"GET",), requests.whole, ANYBODY),
            b"/page/v/x.js": Route(lambda _request: b"1", (b"GET",), requests.whole),
        }
        measures = Measures(self.registry)
        self.site = Application(
            self.reactor, routes, structlog.get_logger(), self.door, measures=measures, **settings
        ).site()

    def _answer(self, request: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer(request) if callable(self.answer) else self.answer

    def send(self, path: str = "/a", method: str = "GET", **headers: str) -> StringTransport:
        given = {"Host": "bridge", **{name.replace("_", "-"): value for name, value in headers.items()}}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        self.channel, transport = self.site.buildProtocol(None), StringTransport()
        self.channel.makeConnection(transport)
        self.channel.dataReceived("\r\n".join([*lines, "", ""]).encode())
        return transport

    def ask(self, *args: Any, **headers: str) -> Any:
        return read(self.send(*args, **headers))

    def counted(self, name: str, **labels: str) -> Any:
        return self.registry.get_sample_value(name, labels)


def read(transport: StringTransport) -> Any:
    head, _, body = transport.value().partition(b"\r\n\r\n")
    first, *others = head.decode().split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in others:
        name, _, value = line.partition(": ")
        headers.setdefault(name.lower(), []).append(value)
    return SimpleNamespace(status=int(first.split()[1]), headers=headers, body=body)


@pytest.mark.parametrize(
    ("error", "status", "again", "cause"),
    [
        (RequestError("no"), 400, None, "bad_request"),
        (UnreadableError("no"), 415, None, "unreadable"),
        (TooLargeError("no"), 413, None, "too_large"),
        (AwayError("no"), 503, ["2"], "away"),
        (BusyError("no"), 503, ["1"], "busy"),
    ],
)
def test_a_problem_has_its_status_and_says_when_to_try_again(error, status, again, cause) -> None:
    site = Site(error)
    reply = site.ask()
    assert (reply.status, json.loads(reply.body)) == (status, {"error": "no"})
    assert reply.headers.get("retry-after") == again
    assert site.counted("sisock_http_errors_total", cause=cause) == 1
    assert site.counted("sisock_http_request_seconds_count", path="/a") == 1


@pytest.mark.parametrize(
    ("path", "method", "status", "cause", "shown"),
    [
        ("/nowhere", "GET", 404, "not_found", "other"),
        ("/a", "PUT", 405, "method", "/a"),
        ("/only", "POST", 405, "method", "/only"),
        ("/page/v/x.js", "GET", 200, None, "/page"),
        ("/page/gone/y.js", "GET", 404, "not_found", "/page"),
    ],
)
def test_what_nobody_serves_is_said_and_counted(path, method, status, cause, shown) -> None:
    site = Site()
    reply = site.ask(path, method)
    assert reply.status == status
    assert site.counted("sisock_http_request_seconds_count", path=shown) == 1
    assert not cause or site.counted("sisock_http_errors_total", cause=cause) == 1
    if status == 405:
        allowed = "GET, POST" if path == "/a" else "GET"
        assert reply.headers["allow"] == [f"{allowed}, OPTIONS"]
        assert json.loads(reply.body)["error"] == f"{method} is not answered here, only {allowed}"


def test_every_reply_has_what_browsers_are_to_know() -> None:
    reply = Site(frame_ancestors="'self' https://a.b").ask()
    assert reply.headers["x-content-type-options"] == ["nosniff"]
    assert reply.headers["content-security-policy"] == ["frame-ancestors 'self' https://a.b"]
    assert reply.headers["content-type"] == ["application/json"]
    assert reply.headers["content-length"] == ["2"]
    plain = Site().ask().headers
    assert "content-security-policy" not in plain
    assert not [name for name in plain if name.startswith("access-control")]


def test_other_origins_are_told_what_they_may() -> None:
    headers = Site(cors_origin="*").ask().headers
    assert headers["access-control-allow-origin"] == ["*"]
    assert headers["access-control-expose-headers"] == ["sisock-notices, sisock-nodes, x-request-id"]
    assert headers["access-control-allow-headers"] == ["accept, authorization, content-type, x-request-id"]
    assert headers["access-control-allow-methods"] == ["GET, POST, OPTIONS"]


def test_a_name_that_nobody_has_here_is_misdirected() -> None:
    site = Site(hosts=Hosts(("known.example",), proxied=False))
    reply = site.ask(Host="evil.example")
    assert reply.status == 421
    assert "nobody is called 'evil.example' here: name it in ALLOWED_HOSTS" in json.loads(reply.body)["error"]
    assert site.counted("sisock_http_errors_total", cause="host") == 1
    assert site.ask(Host="known.example").status == 200


@pytest.fixture
def asking(tmp_path) -> Any:
    """A door that asks for tokens, and one of each kind."""
    file = tmp_path / "tokens.json"
    made = {name: tokens.make(file, name, [name], "2026") for name in (READ, NOTES)}
    door = Door(Tokens(file, lambda: 0.0, print), asks=True)
    return door, {name: secret.reveal() for name, secret in made.items()}


def test_who_gives_no_token_is_asked_for_one_and_one_without_the_right_is_refused(asking: Any) -> None:
    door, made = asking
    site = Site(door=door, right=NOTES)
    reply = site.ask()
    assert reply.status == 401
    assert reply.headers["www-authenticate"] == [
        'Basic realm="sisock", charset="UTF-8"', 'Bearer realm="sisock"',
    ]  # fmt: skip
    refused = site.ask(Authorization=f"Bearer {made[READ]}")
    assert (refused.status, "www-authenticate" in refused.headers) == (403, False)
    assert json.loads(refused.body)["error"] == "the token of 'read' does not allow to write notes"
    assert site.ask(Authorization=f"Bearer {made[NOTES]}").status == 200
    assert site.counted("sisock_http_errors_total", cause="unauthorized") == 1
    assert site.counted("sisock_http_errors_total", cause="forbidden") == 1


def test_what_is_nowhere_and_what_is_not_done_is_said_to_who_may_read_alone(asking: Any) -> None:
    door, made = asking
    site = Site(door=door, right=NOTES)
    for path, method, status in (("/nowhere", "GET", 404), ("/a", "PUT", 405)):
        assert site.ask(path, method).status == 401
        assert site.ask(path, method, Authorization=f"Bearer {made[READ]}").status == status
    assert site.ask("/only").status == 200
    assert site.ask("/a", "OPTIONS").status == 204
    assert site.ask("/nowhere", "OPTIONS").status == 401


@pytest.mark.parametrize(
    ("body", "accepts", "headers", "pressed"),
    [
        (LONG, "gzip, br", {}, True),
        (LONG[1:], "gzip", {}, False),
        (LONG, "br", {}, False),
        (LONG, "", {}, False),
        (LONG, "gzip", {b"content-encoding": b"own"}, False),
    ],
)
def test_a_long_body_is_compressed_for_who_takes_that(body, accepts, headers, pressed) -> None:
    site = Site(Reply(body, b"text/plain", headers))
    reply = site.ask(Accept_Encoding=accepts)
    assert (reply.headers.get("content-encoding") == ["gzip"]) is pressed
    assert site.reactor.in_threads == pressed
    assert (gzip.decompress(reply.body) if pressed else reply.body) == body
    assert reply.headers["content-length"] == [str(len(reply.body))]
    assert (reply.headers.get("vary") == ["accept-encoding"]) is pressed


def test_who_has_the_same_already_is_told_so() -> None:
    headers = {b"etag": b'W/"1"', b"cache-control": b"private, max-age=600"}
    site = Site(Reply(b"body", b"text/plain", headers, 200))
    first = site.ask()
    assert (first.status, first.body, first.headers["etag"]) == (200, b"body", ['W/"1"'])
    again = site.ask(If_None_Match='W/"1"')
    assert (again.status, again.body) == (304, b"")
    assert again.headers["cache-control"] == ["private, max-age=600"]
    assert site.ask(If_None_Match='W/"2"').status == 200


def test_a_reply_has_the_status_and_headers_that_its_handler_says() -> None:
    reply = Site(Reply(b"1", b"text/plain", {b"x-a": b"b"}, 201)).ask()
    assert (reply.status, reply.headers["x-a"], reply.headers["content-type"]) == (201, ["b"], ["text/plain"])
    head = Site(b"12").ask("/a", "HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", ["2"])


def test_an_answer_that_comes_later_is_sent_then_and_to_nobody_who_left() -> None:
    later: list[Deferred[bytes]] = []
    site = Site(lambda _request: later.append(Deferred()) or later[-1])
    first, second = site.send(), None
    assert first.value() == b""
    site.reactor.advance(2.0)
    later[0].callback(b"1")
    assert read(first).body == b"1"
    assert site.counted("sisock_http_request_seconds_sum", path="/a") == 2.0
    second = site.send()
    site.channel.connectionLost(SimpleNamespace(value=ConnectionError(), check=lambda *_: None))
    later[1].callback(b"1")
    assert second.value() == b""
    assert site.counted("sisock_http_request_seconds_count", path="/a") == 2


def test_a_handler_may_answer_by_itself() -> None:
    site = Site(lambda request: request.write(b"mine") or TAKEN)
    assert site.ask().body.startswith(b"4\r\nmine")
    assert site.counted("sisock_http_request_seconds_count", path="/a") is None


def test_an_answer_is_logged_with_its_id_and_how_long_it_took() -> None:
    with capture_logs() as logged:
        Site().ask(X_Request_Id="panel-7")
    [line] = [one for one in logged if one["event"] == "request.answered"]
    assert (line["path"], line["status"], line["request"], line["log_level"]) == (
        "/a",
        200,
        "panel-7",
        "debug",
    )


def request(content: bytes = b"", uri: bytes = b"/a", **headers: bytes) -> Any:
    given = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return SimpleNamespace(content=io.BytesIO(content), uri=uri, getHeader=given.get)


def test_a_body_is_read_up_to_four_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert requests.LARGEST_BODY == 4 * 1024 * 1024
    monkeypatch.setattr(requests, "LARGEST_BODY", 4)
    assert requests.body(request(b"[12]")) == [12]
    with pytest.raises(TooLargeError, match="the body is longer than 4 bytes"):
        requests.body(request(b"[123]"))
    with pytest.raises(TooLargeError, match="the body is longer than 4 bytes"):
        requests.form(request(b"a=123"))
    assert requests.body(request(b" \n")) == {}
    assert requests.body(SimpleNamespace(content=None)) == {}
    assert requests.body_or_none(request(b"[")) is None
    assert requests.body_or_none(request(b"[1]")) == [1]


@pytest.mark.parametrize(
    ("kind", "good"), [(b"application/JSON; charset=x", True), (b"text/plain", False), (b"", False)]
)
def test_what_changes_something_must_say_that_it_is_json(kind: bytes, good: bool) -> None:
    if good:
        assert requests.json_body(request(b"[1]", content_type=kind)) == [1]
        return
    with pytest.raises(UnreadableError, match=f"content-type='{kind.decode()}' is not application/json"):
        requests.json_body(request(b"[1]", content_type=kind))


def test_parameters_are_those_of_the_address_and_then_those_of_the_form() -> None:
    asked = request(b"b=3&c=%C3%BC", b"/a?a=1&b=2&empty=&a=x+y")
    assert requests.arguments(asked).given == {"a": ["1", "x y"], "b": ["2"], "empty": [""]}
    assert requests.form(asked).arguments().given == {
        "a": ["1", "x y"],
        "b": ["2", "3"],
        "empty": [""],
        "c": ["ü"],
    }


@pytest.mark.parametrize(
    ("given", "caller", "author"),
    [
        ({"author": "Ada"}, Caller("bot", frozenset()), "Ada"),
        ({}, Caller("bot", frozenset()), "bot"),
        ({"author": ""}, Caller("bot", frozenset()), "bot"),
        ({"author": "Ada"}, Caller("Eve", frozenset(), is_person=True), "Eve"),
        ({"author": "Ada"}, Caller(), "Ada"),
        ({}, Caller(), None),
    ],
)
def test_a_note_has_the_author_who_is_known_best(given: Any, caller: Caller, author: Any) -> None:
    assert requests.signed({"text": "x", **given}, caller).get("author") == author
    assert requests.signed([1], caller) == [1]


def test_only_this_machine_reaches_a_loopback() -> None:
    assert [is_loopback(one) for one in ("127.0.0.1", "::1", "0.0.0.0", "10.0.0.1")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_stream_that_is_resumed_says_where_it_was() -> None:
    assert _resumed(request(last_event_id=b"e:5")) == Wish(5, "e")
    assert _resumed(request()) == Wish()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("MAX_QUERIES", "1", 1), ("KEPT_BYTES", "0", 0), ("LISTEN", "::1", "::1"),
        ("ALLOW_NOTES", "Yes", True), ("REQUIRE_TOKENS", "no", False),
        ("INFLUX_DATABASES", " a, b,", ("a", "b")),
        ("ALLOWED_HOSTS", "a.b, *.c", ("a.b", "*.c")), ("FRAME_ANCESTORS", "'self' https://a", "'self' https://a"),
    ],
)  # fmt: skip
def test_settings_are_read(name: str, text: str, value: Any) -> None:
    field = {"ALLOW_NOTES": "allow_notes", "LISTEN": "listen"}.get(name, name.lower())
    assert getattr(load(HttpConfig, {name: text}), field) == value


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("MAX_QUERIES", "0", "is not a whole number of one or more"),
        ("MAX_REPLY_BYTES", "0", "is not a whole number of one or more"),
        ("KEPT_BYTES", "-1", "is not a whole number of zero or more"),
        ("LISTEN", "localhost", "is no IP address"),
        ("ALLOW_NOTES", "1", "is neither yes nor no"),
        ("INFLUX_DATABASES", ",", "names no database"),
        ("FRAME_ANCESTORS", "a,b", "is no list of origins with blanks between them"),
        ("FRAME_ANCESTORS", "ä", "is no list of origins with blanks between them"),
        ("ALLOWED_HOSTS", "a/b", "has 'a/b', which is no name of a host"),
    ],
)
def test_settings_that_are_none_are_told(name: str, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{name}={text!r} {told}")):
        load(HttpConfig, {name: text})


def test_what_is_not_set_is_as_sites_have_it() -> None:
    config = load(HttpConfig, {})
    assert (config.wamp_user, config.port, config.query_deadline_s, config.max_queries) == (
        "simonsobs", 5000, 10.0, 256,
    )  # fmt: skip
    assert (config.kept_bytes, config.max_reply_bytes) == (64 * 2**20, 256 * 2**20)
    assert (config.cors_origin, config.allowed_hosts, config.frame_ancestors) == ("", (), "'self'")
    assert (config.allow_notes, config.require_tokens, config.listen, config.site_file) == (
        False,
        None,
        "",
        None,
    )
    assert config.influx_databases == ("ocs_feeds",)


@pytest.mark.parametrize(("room", "of_a_node"), [("1", 1), ("2", 1), ("3", 1), ("256", 128)])
def test_one_node_has_half_of_the_room_and_room_for_one_at_least(room: str, of_a_node: int) -> None:
    assert load(HttpConfig, {"MAX_QUERIES": room}).most_waiting == of_a_node


def test_the_command_makes_lists_and_revokes_tokens(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("TOKENS_FILE", str(tmp_path / "tokens.json"))
    for name, rights in (("ada", []), ("bot", ["--may", "notes", "--may", "read", "--may", "notes"])):
        assert token_command.main(["token", "add", name, *rights]) == ""
        told = capsys.readouterr()
        assert re.fullmatch(r"sisock_[\w-]{43}\n", told.out)
        assert told.err.startswith(
            f"{name} may now {'write notes; ' if rights else ''}read everything. The token"
        )
    assert token_command.main(["token", "list"]) == ""
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in listed] == [["ada", "read"], ["bot", "notes,read"]]
    assert listed[0].index("read") == 25
    monkeypatch.setattr("sys.argv", ["sisock-http", "token", "list"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().out.splitlines()) == (0, listed)
    assert token_command.main(["token", "revoke", "ada"]) == ""
    assert token_command.main(["token", "revoke", "ada"]) == "there is no token 'ada': there is bot"
    assert "there is a token 'bot' already" in token_command.main(["token", "add", "bot"])
    for wrong in (["token"], ["token", "add"], ["nonsense"], ["token", "add", "x", "--may", "fly"]):
        with pytest.raises(SystemExit):
            token_command.main(wrong)


def test_the_page_brings_along_who_is_here_if_that_is_not_too_much() -> None:
    told: list[Any] = [{"a": "</script>"}]
    pages = Pages(lambda: told[0])
    body = pages.index().body
    assert b'{"a":"\\u003c/script>"}' in body
    assert b"VERSION" not in body
    assert (b"data-theme" in pages.index("dark").body, b"data-theme" in pages.index("pink").body) == (
        True,
        False,
    )
    told[0] = "x" * LARGEST_FIRST
    assert b"x" * 1000 not in pages.index().body
    told[0] = "x" * (LARGEST_FIRST - 2)
    assert b"x" * 1000 in pages.index().body


def test_files_of_the_page_are_kept_for_ever_and_come_compressed_too() -> None:
    pages = Pages()
    assert all(re.match(rb"/page/[0-9a-f]{12}/[\w.-]+$", path) for path in pages.paths)
    path = next(path for path in pages.paths if path.endswith(b".css"))
    plain, pressed = pages.file(path, False), pages.file(path, True)
    assert gzip.decompress(pressed.body) == plain.body
    assert plain.content_type == b"text/css; charset=utf-8"
    assert plain.headers[b"cache-control"] == b"public, max-age=31536000, immutable"
    assert (b"content-encoding" in plain.headers, pressed.headers[b"content-encoding"]) == (False, b"gzip")
    assert b"nosniff" in plain.headers.values()

"""Tokens: made, listed and revoked by a command, asked for where that is said, and what they allow."""

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import structlog
from playwright.sync_api import expect
from sisock import load
from sisock.errors import ConfigError
from sisock_http.__main__ import _tell
from sisock_http.config import HttpConfig
from sisock_http.problems import ForbiddenError, UnauthorizedError
from sisock_http.web import tokens
from sisock_http.web.door import ANYBODY, Door, asks, challenges
from sisock_http.web.requests import signed
from sisock_http.web.tokens import NOTES, PROXY, READ, Tokens
from sisock_testing import Stack, wait_until
from sisock_testing.stack import executable
from structlog.testing import capture_logs

MADE = "2026-11-21T18:00:00+00:00"


class Asked:
    """A request that has nothing but headers."""

    def __init__(self, **headers: str) -> None:
        self._headers = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}

    def getHeader(self, name: bytes) -> bytes | None:
        return self._headers.get(name)

    def getClientAddress(self) -> None:
        return None


def bearer(token: str, **headers: str) -> Any:
    return Asked(authorization=f"Bearer {token}", **headers)


def basic(user: str, password: str) -> Any:
    return Asked(authorization="Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tokens.json"


@pytest.mark.parametrize(("user", "is_given"), [(0, True), (1, False), (1000, False)])
def test_what_an_administrator_writes_stays_the_bridges(
    file: Path, monkeypatch: pytest.MonkeyPatch, user: int, is_given: bool
) -> None:
    changed: list[tuple[int, int]] = []
    tokens.make(file, "first", [READ], MADE)
    owner = (file.stat().st_uid, file.stat().st_gid)
    monkeypatch.setattr(tokens.os, "geteuid", lambda: user)
    monkeypatch.setattr(tokens.os, "chown", lambda _, *who: changed.append(who))
    tokens.make(file, "second", [READ], MADE)
    assert changed == [owner] * is_given


class Clock:
    """A reactor's time."""

    now = 0.0

    def seconds(self) -> float:
        return self.now


def door(file: Path, *, asked: bool = True, anybody_notes: bool = False, clock: Clock | None = None) -> Door:
    kept = Tokens(file, (clock or Clock()).seconds, lambda *_, **__: None)
    return Door(kept, asks=asked, anybody_notes=anybody_notes)


@pytest.mark.parametrize(
    ("require", "listen", "made", "asked"),
    [
        (None, "", False, False),  # the predecessor's compose file
        (None, "", True, True),
        (None, "127.0.0.1", True, False),
        (None, "::1", True, False),
        (None, "0.0.0.0", False, True),
        (None, "192.0.2.10", False, True),
        (False, "192.0.2.10", True, False),
        (True, "127.0.0.1", False, True),
    ],
)
def test_a_token_is_asked_for_where_the_site_says_so_or_opens_itself(
    require: bool | None, listen: str, made: bool, asked: bool
) -> None:
    assert asks(require, listen, made=made) is asked


@pytest.mark.parametrize("setting", [{"LISTEN": "localhost"}, {"REQUIRE_TOKENS": "perhaps"}])
def test_a_setting_of_the_door_that_is_none_is_told(setting: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        load(HttpConfig, setting)


def test_a_token_is_taken_as_bearer_or_as_the_password_of_anybody(file: Path) -> None:
    token = tokens.make(file, "grafana", [READ], MADE).reveal()
    at = door(file)
    for request in (bearer(token), basic("grafana", token), basic("", token)):
        assert at.check(request, READ).name == "grafana"
    assert at.check(Asked(), ANYBODY).name == ""


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer nonsense", "Basic !", "Basic /w==", "Basic Zm9v", "Digest x", "Bearer \u00e9"],
)
def test_nonsense_is_no_token(file: Path, authorization: str) -> None:
    tokens.make(file, "grafana", [READ], MADE)
    with pytest.raises(UnauthorizedError, match="a token is asked for"):
        door(file).check(Asked(authorization=authorization), READ)


def test_a_token_among_signs_that_are_no_base64_is_none(file: Path) -> None:
    token = tokens.make(file, "grafana", [READ], MADE).reveal()
    given = basic("u", token).getHeader(b"authorization").decode()
    with pytest.raises(UnauthorizedError):
        door(file).check(Asked(authorization=given[:12] + "!" + given[12:]), READ)


def test_notes_need_the_right_to_write_them(file: Path) -> None:
    reader = tokens.make(file, "reader", [READ], MADE).reveal()
    writer = tokens.make(file, "writer", [READ, NOTES], MADE).reveal()
    with pytest.raises(ForbiddenError, match="'reader' does not allow to write notes"):
        door(file).check(bearer(reader), NOTES)
    assert door(file).check(bearer(writer), NOTES).name == "writer"
    with pytest.raises(ForbiddenError, match="ALLOW_NOTES=yes"):
        door(file, asked=False).check(Asked(), NOTES)
    assert door(file, asked=False).check(bearer(writer), NOTES).name == "writer"
    assert door(file, asked=False, anybody_notes=True).check(Asked(), NOTES).name == ""
    with pytest.raises(UnauthorizedError):
        door(file, anybody_notes=True).check(Asked(), NOTES)


def test_what_an_old_data_source_sends_is_passed_over_where_nobody_is_asked(file: Path) -> None:
    assert door(file, asked=False).check(basic("admin", "of another time"), READ).name == ""


def test_only_a_proxy_says_for_whom_it_asks(file: Path) -> None:
    proxy = tokens.make(file, "proxy", [READ, PROXY], MADE).reveal()
    robot = tokens.make(file, "robot", [READ], MADE).reveal()
    ada = {"x_forwarded_user": "ada@example.org"}
    assert door(file).check(bearer(proxy, **ada), READ).name == "ada@example.org"
    assert door(file).check(bearer(robot, **ada), READ).name == "robot"
    told = {"text": "filled the dewar", "author": "the director"}
    assert signed(told, door(file).caller(bearer(proxy, **ada)))["author"] == "ada@example.org"
    assert signed(told, door(file).caller(bearer(robot)))["author"] == "the director"
    assert signed({"text": "x"}, door(file).caller(bearer(robot)))["author"] == "robot"
    assert "author" not in signed({"text": "x"}, door(file, asked=False).caller(Asked()))


def test_a_token_that_was_revoked_counts_no_more_while_the_bridge_runs(file: Path) -> None:
    token = tokens.make(file, "guest", [READ], MADE).reveal()
    clock = Clock()
    at = door(file, clock=clock)
    assert at.check(bearer(token), READ)
    tokens.revoke(file, "guest")
    clock.now = 0.9
    assert at.check(bearer(token), READ)
    clock.now = 1.0
    with pytest.raises(UnauthorizedError):
        at.check(bearer(token), READ)
    other = tokens.make(file, "other", [READ], MADE).reveal()
    clock.now = 4.0
    assert at.check(bearer(other), READ).name == "other"


def test_where_the_file_is_lost_or_spoilt_nobody_is_let_in(file: Path) -> None:
    token = tokens.make(file, "guest", [READ], MADE).reveal()
    clock, told = Clock(), []
    at = Door(Tokens(file, clock.seconds, lambda *_, **why: told.append(why)), asks=True, anybody_notes=False)
    file.write_text("{")
    clock.now = 2.0
    with pytest.raises(UnauthorizedError):
        at.check(bearer(token), READ)
    assert "is no file of tokens" in told[0]["why"]
    file.unlink()
    clock.now = 4.0
    with pytest.raises(UnauthorizedError):
        at.check(bearer(token), READ)


def test_no_token_is_kept_that_could_be_used(file: Path) -> None:
    token = tokens.make(file, "guest", [READ], MADE).reveal()
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["tokens"][0]["name"] == "guest"
    for name in ("guest", "two words", ""):
        with pytest.raises(ConfigError):
            tokens.make(file, name, [READ], MADE)
    with pytest.raises(ConfigError, match="there is guest"):
        tokens.revoke(file, "nobody")


def command(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [executable("sisock-http"), "token", *words],
        env={"TOKENS_FILE": str(file)}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def asking(
    sisock_stack: Stack, make_bridge: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, str, Path]]:
    """A bridge that asks for tokens, one of them, and where they are."""
    file = tmp_path_factory.mktemp("tokens") / "tokens.json"
    token = command(file, "add", "grafana").stdout.strip()
    bridge = make_bridge(sisock_stack, "asking", TOKENS_FILE=str(file))
    wait_until(lambda: bridge.status("/healthz") == 200, what="the bridge")
    yield bridge, token, file
    assert bridge.process.stop() == 0


def test_a_bridge_whose_site_made_a_token_asks_for_it(asking: tuple[Any, str, Path]) -> None:
    bridge, token, _ = asking
    refused = bridge.get("/api/v1/status")
    assert refused.status_code == 401
    assert 'Basic realm="sisock"' in refused.headers["www-authenticate"]
    assert "sisock-http token add" in refused.json()["error"]
    for path in ("/", "/metrics", "/api/v1/openapi.json", "/nothing", "/api/v1/stream"):
        assert bridge.status(path) == 401
    assert bridge.get("/api/v1/status", auth=("grafana", token)).status_code == 200
    assert bridge.get("/", auth=("", token), headers={"Accept": "text/html"}).ok
    assert bridge.get("/api/v1/status", headers={"Authorization": f"Bearer {token}"}).ok
    assert bridge.post("/api/v1/notes", {"text": "x"}, auth=("", token)).status_code == 403
    assert bridge.get("/api/v1/openapi.json", auth=("", token)).json()["security"] == [
        {"bearer": []},
        {"basic": []},
    ]
    assert token not in bridge.process.text()
    exposed = bridge.get("/metrics", auth=("", token)).text
    assert "sisock_http_tokens_asked 1.0" in exposed
    assert 'sisock_http_errors_total{cause="unauthorized"}' in exposed


def test_the_command_lists_and_revokes_while_the_bridge_runs(asking: tuple[Any, str, Path]) -> None:
    bridge, _, file = asking
    made = command(file, "add", "guest", "--may", "read", "--may", "notes")
    guest = made.stdout.strip()
    wait_until(lambda: bridge.get("/api/v1/status", auth=("", guest)).ok, 10, "the guest is let in")
    assert command(file, "list").stdout.split()[:2] == ["grafana", "read"]
    assert "read,notes" in command(file, "list").stdout
    again = command(file, "add", "guest")
    assert (again.returncode, again.stdout) == (2, "")
    assert "there is a token 'guest' already" in again.stderr
    assert command(file, "revoke", "guest").returncode == 0
    wait_until(lambda: not bridge.get("/api/v1/status", auth=("", guest)).ok, 10, "the guest is let go")


def test_a_bridge_of_an_old_compose_file_asks_nobody_and_says_so(bridge: Any) -> None:
    assert bridge.get("/api/v1/status").ok
    lines = [json.loads(line) for line in bridge.process.text().splitlines() if line.startswith("{")]
    # Others of this run wrote into the same file.
    assert {line["level"] for line in lines if line["event"] == "http.open"} == {"warning"}


@pytest.fixture
def guest(asking: tuple[Any, str, Path]) -> Iterator[str]:
    """The token of a guest, which counts until it is revoked."""
    bridge, _, file = asking
    token = command(file, "add", "visitor").stdout.strip()
    wait_until(lambda: bridge.get("/api/v1/status", auth=("", token)).ok, 10, "the visitor is let in")
    yield token
    command(file, "revoke", "visitor")


def test_a_stream_that_is_open_ends_soon_after_its_token_is_revoked(
    asking: tuple[Any, str, Path], guest: str
) -> None:
    bridge, token, file = asking
    url, deadline = f"{bridge.url}/api/v1/stream", time.monotonic() + 25
    with (
        requests.get(url, auth=("", token), stream=True, timeout=20) as kept,
        requests.get(url, auth=("", guest), stream=True, timeout=20) as heard,
    ):
        lines = heard.iter_lines()
        assert next(lines).startswith(b"event: ")
        assert command(file, "revoke", "visitor").returncode == 0
        for _ in lines:
            assert time.monotonic() < deadline, "the stream goes on"
        # The other one is still told that the bridge is here.
        others = kept.iter_lines()
        while next(others) != b": still here":
            assert time.monotonic() < deadline, "nothing more comes"
    assert bridge.post("/api/v1/stream", {}, auth=("", guest)).status_code == 401
    assert "Traceback" not in bridge.process.text()


def test_a_browser_without_a_token_is_told_in_a_page_how_to_give_one(asking: tuple[Any, str, Path]) -> None:
    bridge, _, _ = asking
    refused = bridge.get("/", headers={"Accept": "text/html"})
    assert (refused.status_code, refused.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "your token as the password" in refused.text
    ours = bridge.get("/api/v1/status", headers={"X-Requested-With": "sisock"})
    assert (ours.status_code, ours.headers["www-authenticate"]) == (401, 'Bearer realm="sisock"')


def test_a_page_whose_token_is_revoked_says_so_and_takes_another(
    asking: tuple[Any, str, Path], guest: str, make_desk: Any, axe: str
) -> None:
    bridge, token, file = asking
    desk = make_desk(bridge.url, http_credentials={"username": "visitor", "password": guest})
    with desk.page.expect_response("**/api/v1/stream"):
        desk.open()
    expect(desk.top).not_to_have_attribute("data-state", "away")
    expect(desk.page.locator("#token")).to_be_hidden()
    assert command(file, "revoke", "visitor").returncode == 0
    box = desk.page.get_by_role("dialog", name="Token")
    expect(box).to_contain_text("counts no more")
    expect(desk.top).to_have_text("not let in · nothing is known")
    assert desk.violations(axe) == []
    desk.shoot("40-token")
    box.get_by_label("Token").fill("sisock_that_is_none")
    box.get_by_role("button", name="Give it").click()
    expect(box.get_by_role("alert")).to_have_text("That token is none that counts here.")
    box.get_by_role("button", name="Later").click()
    expect(box).to_have_count(0)
    expect(desk.page.locator("#notice")).to_contain_text("counts no more")
    desk.page.locator("#token").click()
    box.get_by_label("Token").fill(token)
    box.get_by_role("button", name="Give it").click()
    expect(box).to_have_count(0)
    expect(desk.top).not_to_have_attribute("data-state", "away")
    # The browser gives it by itself from now on: for downloads, modules, and when the page is loaded again.
    assert desk.page.evaluate("fetch('api/v1/status').then((reply) => reply.status)") == 200


def test_a_file_that_holds_no_tokens_is_told_and_one_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        tokens.read(tmp_path)
    file = tmp_path / "tokens.json"
    odd = {"name": "n", "rights": ["everything"], "made": MADE, "sha256": ""}
    for content in ("{", "{}", "[]", json.dumps({"tokens": [odd]})):
        file.write_text(content)
        with pytest.raises(ConfigError, match="is no file of tokens"):
            tokens.read(file)
    with pytest.raises(ConfigError, match=r"cannot be written \(No such file or directory\): mount a volume"):
        tokens.make(Path("/proc/nosuch/tokens.json"), "n", [READ], MADE)


@pytest.mark.parametrize(
    ("asked_for", "environ", "warned"),
    [
        (False, {}, True),
        (True, {}, False),
        (False, {"REQUIRE_TOKENS": "no"}, False),
        (False, {"LISTEN": "127.0.0.1"}, False),
    ],
)
def test_a_bridge_that_lets_everybody_in_says_so_unless_that_is_meant(
    asked_for: bool, environ: dict[str, str], warned: bool
) -> None:
    config = load(HttpConfig, {"CROSSBAR_HOST": "router", "PORT": "5001", **environ})
    with capture_logs() as logs:
        _tell(structlog.get_logger(), config, Door(asks=asked_for))
    first, *others = logs
    told = "asked for" if asked_for else "not asked for"
    assert (first["event"], first["port"], first["tokens"]) == ("http.listening", 5001, told)
    assert [line["event"] for line in others] == ["http.open"] * warned


def test_a_page_of_ours_is_told_of_bearers_alone() -> None:
    request: Any = Asked(x_requested_with="sisock")
    assert challenges(request) == (b'Bearer realm="sisock"',)
    plain: Any = Asked()
    assert [one.split()[0] for one in challenges(plain)] == [b"Basic", b"Bearer"]

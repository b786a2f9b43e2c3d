"""Web pages from elsewhere on the router's ports: what a browser sends of them, and what they get."""

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from sisock_testing import Stack

CHROMIUM = "/usr/bin/chromium"
FOREIGN = "http://evil.example"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture(scope="module")
def stack(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("origins"))
    stack.start_hub(CROSSBAR_ALLOWED_ORIGINS="http://ocs-web.example.org:80")
    yield stack
    stack.stop()


def upgrade(stack: Stack, origin: str | None, *, tls: bool) -> int:
    """The router's status for a page's WebSocket."""
    unverified = ssl._create_unverified_context()
    connection = (
        http.client.HTTPSConnection("127.0.0.1", stack.tls_port, timeout=10, context=unverified)
        if tls
        else http.client.HTTPConnection("127.0.0.1", stack.ocs_port, timeout=10)
    )
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "wamp.2.json",
    }
    connection.request("GET", "/ws", headers=headers | ({"Origin": origin} if origin else {}))
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://localhost:3000", "https://evil.example:8080"])
def test_a_page_from_elsewhere_gets_no_session(stack: Stack, origin: str, tls: bool) -> None:
    assert upgrade(stack, origin, tls=tls) >= 400


@pytest.mark.parametrize("tls", [False, True])
def test_peers_that_are_no_page_and_pages_that_the_site_allows_come_in(stack: Stack, tls: bool) -> None:
    assert upgrade(stack, None, tls=tls) == 101
    assert upgrade(stack, "http://ocs-web.example.org", tls=tls) == 101


def test_a_page_whose_name_was_made_to_point_here_is_from_elsewhere_too(stack: Stack) -> None:
    assert upgrade(stack, f"http://evil.example:{stack.ocs_port}", tls=False) >= 400


@pytest.mark.parametrize(
    ("origin", "status"), [(FOREIGN, 403), ("null", 403), (None, 200), ("http://ocs-web.example.org", 200)]
)
def test_a_page_from_elsewhere_calls_no_agent_by_http(stack: Stack, origin: str | None, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stack.ocs_port, timeout=10)
    body = json.dumps({"procedure": "observatory.nobody.ops", "args": []})
    connection.request("POST", "/call", body, {"Origin": origin} if origin else {})
    reply = connection.getresponse()
    assert reply.status == status
    assert (b"no_such_procedure" in reply.read()) is (status == 200)
    connection.close()


def test_a_real_browser_publishes_no_feed_from_another_page(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>A page of somebody's.</p>")
    opens = f"""() => new Promise(done => {{
        const socket = new WebSocket("ws://127.0.0.1:{stack.ocs_port}/ws", ["wamp.2.json"]);
        socket.onopen = () => done("open"); socket.onerror = () => done("refused"); }})"""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"file://{tmp_path}/page.html")
        assert page.evaluate(opens) == "refused"
        page.goto(f"http://127.0.0.1:{stack.ocs_port}/")
        assert page.evaluate(opens) == "refused"
        browser.close()

"""The consumer in a browser, served by the router itself; and the same in Python."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from sisock_testing import Peer, Process, Stack

CHROMIUM = "/usr/bin/chromium"
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_MS = 20_000


@pytest.fixture
def weather(sisock_stack: Stack, sisock_peer: Peer) -> Iterator[Process]:
    process = sisock_stack.start_module("sisock_weather")
    sisock_peer.wait_for_node("apex_archive")
    yield process
    process.stop()


@pytest.fixture
def page(sisock_stack: Stack) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        opened = browser.new_page(ignore_https_errors=True)
        opened.set_default_timeout(PATIENCE_MS)
        opened.goto(f"https://127.0.0.1:{sisock_stack.tls_port}/consumer/index.html")
        yield opened
        browser.close()


def test_a_browser_lists_fetches_and_follows(page: Page, weather: Process, sisock_stack: Stack) -> None:
    secret = (sisock_stack.directory / ".crossbar" / "secrets" / "simonsobs").read_text()
    page.fill("#secret", secret)
    page.click("button")
    expect(page.locator("#state")).to_have_text("connected", timeout=PATIENCE_MS)
    page.locator("#nodes li", has_text="apex_archive").click()
    page.locator("#fields li").first.click()
    expect(page.locator("#samples")).to_contain_text("2017-07-13T", timeout=PATIENCE_MS)
    weather.stop()
    expect(page.locator("#events li").first).to_have_text("apex_archive went", timeout=PATIENCE_MS)
    expect(page.locator("#nodes li", has_text="apex_archive")).to_have_count(0)


def test_a_wrong_secret_is_said(page: Page) -> None:
    page.fill("#secret", "wrong")
    page.click("button")
    expect(page.locator("#state")).to_contain_text("not connected:", timeout=PATIENCE_MS)

"""A bridge on a real stack: router, hub, the weather server, an old-style node, and http."""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from sisock_testing import SERVERS, Process, Stack, wait_until
from sisock_testing.stack import free_port

BUILD = Path(__file__).parents[1] / "build"
SCREENS = BUILD / "screens"
DEADLINE_MS = 20_000
WINDOW = {"viewport": {"width": 1400, "height": 860}}
PHONE = {"viewport": {"width": 375, "height": 740}, "has_touch": True, "is_mobile": True}
LAID_DOWN = {"viewport": {"width": 740, "height": 375}, "has_touch": True, "is_mobile": True}
NODES = {"apex_archive", "clockwork", "old_thermometer", "pre_core"}
TIMEOUT_S = 20
WEB = Path(__file__).parents[1] / "web"
CHROMIUM = Path("/usr/bin/chromium")
QUIET_BROWSER = ["--no-sandbox", "--no-first-run"] + [
    f"--disable-{name}" for name in ("background-networking", "component-update", "sync", "gpu")
]


class Bridge:
    """An HTTP client of one bridge, with the process that serves it."""

    DEADLINE_S = 5  # of a question to a node, in the bridge that tests share

    def __init__(self, stack: Stack, name: str = "http", *, restart: bool = False, **environ: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: Process = stack.start(
            name, [sys.executable, "-m", "sisock_http"], restart=restart, PORT=str(self.port), **environ
        )

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=TIMEOUT_S, **kwargs)

    def post(self, path: str, body: Any, **kwargs: Any) -> requests.Response:
        if isinstance(body, str):
            return requests.post(f"{self.url}{path}", data=body, timeout=TIMEOUT_S, **kwargs)
        return requests.post(f"{self.url}{path}", json=body, timeout=TIMEOUT_S, **kwargs)

    def status(self, path: str) -> int:
        try:
            return self.get(path).status_code
        except requests.ConnectionError:
            return 0

    def nodes(self) -> set[str]:
        """Nodes whose fields the bridge knows; none while it is not ready."""
        try:
            ready, status = self.get("/readyz"), self.get("/api/v1/status")
        except requests.ConnectionError:
            return set()
        return {node["name"] for node in status.json()["nodes"] if node["fields"]} if ready.ok else set()

    def query(self, *targets: str, start: Any, end: Any, **more: Any) -> Any:
        body = {
            "range": {"from": start, "to": end},
            "targets": [{"target": target, "type": "timeserie"} for target in targets],
            **more,
        }
        reply = self.post("/query", body)
        assert reply.status_code == 200, reply.text
        return reply.json()


class Desk:
    """One browser window."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        self.context = browser.new_context(**{**WINDOW, **context})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(DEADLINE_MS)
        self.replies: list[Any] = []
        self.faults: list[str] = []
        self.complaints: list[str] = []
        self.clicks, self.closed = 0, False
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("response", lambda reply: self.replies.append(reply))  # noqa: PLW0108 (playwright marks it)
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else 0)
        self.url = url

    def open(self, view: str = "") -> "Desk":
        self.page.goto(f"{self.url}/{view and '?'}{view}")
        return self

    def tile(self, name: str) -> Locator:
        return self.page.locator(f'.tile[data-tile="{name}"]')

    def trouble(self, text: str) -> Locator:
        return self.page.locator("#troubles button", has_text=text)

    def panel(self, place: int = 0) -> Locator:
        return self.page.locator(".panel").nth(place)

    def click(self, target: Locator, **how: Any) -> None:
        """Click, and count it."""
        self.clicks += 1
        target.click(**how)

    def press(self, keys: str) -> None:
        """Press a key, and count it as a click."""
        self.clicks += 1
        self.page.keyboard.press(keys)

    def wait_for_samples(self, least: int = 1, panel: int = 0) -> None:
        drawn = "Number(document.querySelectorAll('.panel')[panel]?.dataset.samples)"
        self.page.wait_for_function(f"([panel, least]) => {drawn} >= least", arg=[panel, least])

    def wait_for_curves(self, least: int = 1) -> None:
        drawn = "least => document.querySelectorAll('.tile path[d]').length >= least"
        self.page.wait_for_function(drawn, arg=least)

    def until(self, panel: int = 0) -> float:
        """Time of the newest sample of a panel, UNIX seconds."""
        return float(self.panel(panel).get_attribute("data-until") or 0)

    @property
    def top(self) -> Locator:
        return self.page.locator("#stack")

    def shoot(self, name: str) -> None:
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENS / f"{name}.png")

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.context.close()

    def violations(self, axe: str) -> list[str]:
        """What axe-core finds in what is shown."""
        self.page.evaluate(axe)
        # What it would load before, it puts into the document as a style, which the page forbids.
        found = self.page.evaluate("axe.run(document, {preload: false})")["violations"]
        return [f"{one['id']}: {[node['html'][:160] for node in one['nodes']]}" for one in found]


@pytest.fixture(scope="module")
def make_bridge() -> type[Bridge]:
    """Start further bridges: ``make_bridge(stack, name, **environ)``."""
    return Bridge


@pytest.fixture(scope="module")
def nodes(sisock_stack: Stack) -> dict[str, Process]:
    """The data nodes beside the bridge, by the name of their process."""
    started = {name: sisock_stack.start(name, [sys.executable, str(SERVERS / f"{name}.py")])
               for name in ("clockwork", "old_style", "pre_core")}  # fmt: skip
    return {**started, "weather": sisock_stack.start_module("sisock_weather")}


@pytest.fixture(scope="module")
def bridge(sisock_stack: Stack, nodes: dict[str, Process]) -> Iterator[Bridge]:
    """The bridge, ready, with all nodes online."""
    bridge = Bridge(sisock_stack, QUERY_DEADLINE=str(Bridge.DEADLINE_S))
    wait_until(lambda: bridge.nodes() >= NODES, what="the bridge is ready")
    yield bridge
    assert bridge.process.stop() == 0
    for process in nodes.values():
        process.stop()


@pytest.fixture(scope="module")  # while it is there, no other event loop can run in this thread
def browser(sisock_processes: None) -> Iterator[Any]:
    """Debian's chromium, without a screen: one for all tests of a session."""
    expect.set_options(timeout=DEADLINE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET_BROWSER)
        yield browser
        browser.close()


@pytest.fixture
def make_desk(browser: Any) -> Iterator[Any]:
    """Open windows: ``make_desk(url, **context)``; faults in any of them fail the test."""
    opened: list[Desk] = []

    def make(url: str, **context: Any) -> Desk:
        opened.append(Desk(browser, url, **context))
        return opened[-1]

    yield make
    for desk in opened:
        desk.close()
    assert [fault for desk in opened for fault in desk.faults] == []
    assert [text for desk in opened for text in desk.complaints if "Content Security" in text] == []


@pytest.fixture
def phone() -> dict[str, Any]:
    """A window of a phone."""
    return PHONE


@pytest.fixture
def phone_laid_down() -> dict[str, Any]:
    """A window of a phone that lies on its side."""
    return LAID_DOWN


@pytest.fixture(scope="session")
def from_npm(sisock_processes: None) -> Callable[[Path], Path]:
    """Install what a folder's lock names: ``from_npm(folder)``, once for all test runs side by side."""

    def install(folder: Path) -> Path:
        place = BUILD / f"npm-{folder.name}"
        place.mkdir(parents=True, exist_ok=True)
        lock, installed = (folder / "package-lock.json").read_text(), place / "installed-lock.json"
        with (BUILD / f"{place.name}.lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            shutil.copytree(folder, place, ignore=shutil.ignore_patterns("node_modules"), dirs_exist_ok=True)
            if not installed.exists() or installed.read_text() != lock:
                installed.unlink(missing_ok=True)
                command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
                subprocess.run(command, cwd=place, check=True, capture_output=True, timeout=300)
                installed.write_text(lock)
        return place

    return install


@pytest.fixture(scope="session")
def axe(from_npm: Callable[[Path], Path]) -> str:
    """Source of axe-core, as npm has it."""
    return (from_npm(WEB) / "node_modules" / "axe-core" / "axe.min.js").read_text()

"""The overview in a real browser: is everything fine, what is silent or gone, since when and why.

On a stack of its own that is broken under it; screenshots are left in ``services/http/build/screens``.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from sisock_testing import SERVERS, Process, Stack, wait_until

HTTP = Path(__file__).parents[1]
SCREENS = HTTP / "build" / "screens"
CHROMIUM = Path("/usr/bin/chromium")
NIGHT = Path(__file__).parent / "servers" / "night.py"
DEADLINE_MS = 20_000
MOST_BYTES = 60_000
MOST_BYTES_A_SECOND = 5_000
TILES = 200
PHONE = {"viewport": {"width": 375, "height": 740}, "has_touch": True, "is_mobile": True}
NODES = {"apex_archive", "clockwork", "night"}


@pytest.fixture(scope="module")
def stack(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A router, an archive, and two live nodes of which one has its troubles."""
    stack = Stack(tmp_path_factory.mktemp("overview"))
    try:
        stack.start_hub()
        stack.start_module("sisock_weather")
        stack.start("clockwork", [sys.executable, str(SERVERS / "clockwork.py")])
        stack.start("night", [sys.executable, str(NIGHT)])
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def bridge(stack: Stack, make_bridge: Any) -> Any:
    bridge = make_bridge(stack)
    wait_until(lambda: bridge.nodes() >= NODES, what="the bridge is ready")
    return bridge


@pytest.fixture(scope="module")
def browser(sisock_processes: None) -> Iterator[Browser]:
    arguments = ["--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


class Desk:
    """One browser window on the overview."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        self._context = browser.new_context(**{"viewport": {"width": 1400, "height": 860}, **context})
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(DEADLINE_MS)
        expect.set_options(timeout=DEADLINE_MS)
        self.replies: list[Any] = []
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("response", lambda reply: self.replies.append(reply))  # noqa: PLW0108 (playwright marks it)
        self.url = url

    def open(self, view: str = "") -> "Desk":
        self.page.goto(f"{self.url}/{view and '?'}{view}")
        return self

    def tile(self, name: str) -> Locator:
        return self.page.locator(f'.tile[data-tile="{name}"]')

    def trouble(self, text: str) -> Locator:
        return self.page.locator("#troubles button", has_text=text)

    @property
    def top(self) -> Locator:
        return self.page.locator("#stack")

    def shoot(self, name: str) -> None:
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENS / f"{name}.png")

    def close(self) -> None:
        self._context.close()


@pytest.fixture
def desk(browser: Browser, bridge: Any) -> Iterator[Desk]:
    desk = Desk(browser, bridge.url)
    yield desk
    desk.close()
    assert desk.faults == []


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Source of axe-core, as npm has it."""
    work = tmp_path_factory.mktemp("axe") / "web"
    shutil.copytree(HTTP / "web", work, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(command, cwd=work, check=True, capture_output=True, timeout=200)
    return (work / "node_modules" / "axe-core" / "axe.min.js").read_text()


def violations(desk: Desk, axe: str) -> list[str]:
    desk.page.evaluate(axe)
    found = desk.page.evaluate("axe.run(document)")["violations"]
    return [f"{one['id']}: {[node['html'][:160] for node in one['nodes']]}" for one in found]


def start_watch(stack: Stack, bridge: Any, **environ: str) -> Process:
    process = stack.start_module("sisock_watch", STATE_DB="watch.sqlite", **environ)
    wait_until(lambda: bridge.get("/api/v1/state").json()["counts"]["fresh"], what="watch knows how it is")
    return process


def wait_for_curves(desk: Desk, least: int = 1) -> None:
    desk.page.wait_for_function(
        "least => document.querySelectorAll('.tile path[d]').length >= least", arg=least
    )


def test_a_silent_sensor_is_named_with_since_and_why_though_nobody_watches(desk: Desk) -> None:
    desk.open()
    row = desk.trouble("night · dead")
    expect(row).to_contain_text(re.compile(r"▲ silent.*0\.1149 V.*since \d\d:\d\d: nothing came for 3\d min"))
    expect(desk.page.locator("#watching")).to_contain_text("nobody watches")
    expect(desk.tile("night").locator(".word")).to_have_text("▲ silent")
    expect(desk.top).to_contain_text(re.compile(r"\d+ live · 1 silent"))
    expect(desk.page).to_have_title(re.compile(r"^\d+ ▲ sisock$"))
    assert desk.page.locator("#icon").get_attribute("href").endswith("icon-red.svg")  # type: ignore[union-attr]
    assert desk.page.request.get(desk.page.locator("#icon").evaluate("link => link.href")).ok
    wait_for_curves(desk)
    desk.shoot("20-overview")


def test_a_trouble_is_opened_with_one_click_and_back_leads_to_the_overview(desk: Desk) -> None:
    desk.open()
    desk.trouble("night · dead").click()
    expect(desk.page).to_have_url(re.compile(r"p=night::dead"))
    expect(desk.page.locator(".chip")).to_contain_text("dead")
    expect(desk.page.locator("#overview")).to_be_hidden()
    desk.page.go_back()
    expect(desk.page.locator("#overview")).to_be_visible()
    desk.tile("night").click()
    expect(desk.page.locator(".panel")).to_have_count(5)
    desk.page.click("#to-overview")
    expect(desk.page.locator(".panel")).to_have_count(0)
    desk.page.keyboard.press("o")
    expect(desk.page.locator(".panel")).to_have_count(5)


def test_an_empty_explore_page_has_an_address_of_its_own(desk: Desk) -> None:
    desk.open("page=explore")
    expect(desk.page.locator("#overview")).to_be_hidden()
    expect(desk.page.locator("#live")).to_be_visible()
    desk.page.click("#to-overview")
    expect(desk.page.locator("#live")).to_be_hidden()
    desk.page.click("#to-explore")
    expect(desk.page).to_have_url(re.compile(r"\?page=explore$"))


def test_with_the_bridge_dead_nothing_is_said_to_be_fresh(
    browser: Browser, stack: Stack, make_bridge: Any
) -> None:
    doomed = make_bridge(stack, "doomed")
    wait_until(lambda: doomed.nodes() >= NODES, what="the bridge is ready")
    desk = Desk(browser, doomed.url).open()
    expect(desk.trouble("night · dead")).to_be_visible()
    doomed.process.kill()
    expect(desk.top).to_have_text("server away · nothing is known")
    expect(desk.page).to_have_title("? sisock")
    expect(desk.page.locator("#troubles button")).to_have_count(0)
    words = desk.page.locator(".tile .word").all_inner_texts()
    assert (len(words), set(words)) == (3, {"? not known"})
    assert set(desk.page.locator(".tile .value").all_inner_texts()) == {"\N{EN DASH}"}
    desk.shoot("24-bridge-dead")
    desk.close()
    assert desk.faults == []


def test_a_fault_in_the_page_does_not_end_its_looks_at_the_server(browser: Browser, bridge: Any) -> None:
    desk = Desk(browser, bridge.url).open()
    expect(desk.trouble("night · dead")).to_be_visible()
    desk.page.evaluate("document.getElementById('notice').id = 'lost'")
    wait_until(lambda: desk.page.evaluate("1") and len(desk.faults) > 4, what="the page has had its faults")
    desk.page.evaluate("document.getElementById('lost').id = 'notice'")
    with desk.page.expect_response(re.compile("/api/v1/status")):
        pass
    desk.close()


def test_the_first_screen_is_light_and_allows_no_style_from_elsewhere(desk: Desk, bridge: Any) -> None:
    desk.open()
    expect(desk.trouble("night · dead")).to_be_visible()
    page = [reply for reply in desk.replies if "/api/" not in reply.url]
    total = sum(reply.request.sizes()["responseBodySize"] for reply in page)
    print(f"first screen: {total} bytes in {len(page)} files")
    assert len(page) > 10
    assert total <= MOST_BYTES
    assert "unsafe" not in bridge.get("/", headers={"Accept": "text/html"}).headers["content-security-policy"]


def test_on_a_phone_tiles_are_one_column_and_troubles_are_wide_enough(browser: Browser, bridge: Any) -> None:
    desk = Desk(browser, bridge.url, **PHONE).open()
    expect(desk.trouble("night · dead")).to_be_visible()
    wait_for_curves(desk)
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= 375
    lefts = "tiles => tiles.map(tile => tile.getBoundingClientRect().left)"
    assert len(set(desk.page.locator(".tile").evaluate_all(lefts))) == 1
    for target in desk.page.locator("#troubles button, .tile, .tabs a").all():
        box = target.bounding_box()
        assert box
        assert box["height"] >= 44
    desk.shoot("22-overview-phone")
    desk.close()
    assert desk.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_the_overview(browser: Browser, bridge: Any, axe: str, scheme: Any) -> None:
    desk = Desk(browser, bridge.url, color_scheme=scheme).open()
    expect(desk.trouble("night · dead")).to_be_visible()
    wait_for_curves(desk)
    desk.shoot(f"21-overview-{scheme}")
    assert violations(desk, axe) == []
    desk.close()


def test_a_killed_node_is_lost_since_then_and_its_fields_are_one_trouble(
    desk: Desk, stack: Stack, bridge: Any, axe: str
) -> None:
    gone = stack.start("doomed_node", [sys.executable, str(NIGHT)], NAME="doomed_node", CALM="yes")
    wait_until(lambda: "doomed_node" in bridge.nodes(), what="the node is online")
    desk.open()
    expect(desk.tile("doomed_node").locator(".word")).to_have_text("● fresh")
    gone.kill()
    expect(desk.top).to_contain_text(re.compile(r"1 node lost since \d\d:\d\d"))
    expect(desk.trouble("doomed_node")).to_have_count(1)
    expect(desk.trouble("doomed_node")).to_contain_text(re.compile(r"✕ node lost.*7 fields.*since \d\d:\d\d"))
    expect(desk.tile("doomed_node").locator(".word")).to_have_text("✕ gone")
    desk.shoot("23-node-lost")
    assert violations(desk, axe) == []


@pytest.fixture(scope="module")
def calm(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory, make_bridge: Any) -> Iterator[Any]:
    """A stack without any trouble, its bridge, and nobody who watches."""
    stack = Stack(tmp_path_factory.mktemp("calm"))
    try:
        stack.start_hub()
        stack.start("calm", [sys.executable, str(NIGHT)], NAME="calm", CALM="yes")
        bridge = make_bridge(stack)
        wait_until(lambda: bridge.nodes() >= {"calm"}, what="the bridge is ready")
        yield stack, bridge
    finally:
        stack.stop()


def test_that_all_is_well_is_said_only_while_somebody_watches(calm: Any, browser: Browser, axe: str) -> None:
    stack, bridge = calm
    desk = Desk(browser, bridge.url).open()
    heading = desk.page.locator("#trouble h2")
    expect(desk.top).to_have_text("7 live")
    expect(desk.top).to_have_attribute("data-state", "part")
    expect(heading).to_have_text("No trouble that is known")
    watch = start_watch(stack, bridge)
    expect(heading).to_have_text("No trouble")
    expect(desk.top).to_have_attribute("data-state", "well")
    expect(desk.page).to_have_title("sisock")
    desk.shoot("25-all-well")
    assert violations(desk, axe) == []
    watch.kill()
    expect(heading).to_have_text("No trouble that is known")
    expect(desk.page.locator("#watching")).to_contain_text("nobody watches")
    desk.close()
    assert desk.faults == []


def test_watch_says_since_when_and_why_to_a_page_that_comes_later(calm: Any, browser: Browser) -> None:
    stack, bridge = calm
    watch = start_watch(stack, bridge)
    gone = stack.start("gone_node", [sys.executable, str(NIGHT)], NAME="gone_node", CALM="yes")
    search = {"search": "gone_node::stage", "state": "fresh"}
    wait_until(
        lambda: bridge.get("/api/v1/state", params=search).json()["fields"], what="watch knows the node"
    )
    gone.kill()
    wait_until(lambda: "gone_node" not in bridge.nodes(), what="the bridge knows that it went")
    desk = Desk(browser, bridge.url).open()
    row = desk.trouble("gone_node")
    expect(row).to_contain_text(re.compile(r"✕ node lost.*since \d\d:\d\d: "))
    expect(desk.top).to_contain_text("1 node lost since")
    expect(desk.page.locator("#events button", has_text="gone_node").first).to_contain_text(
        re.compile("offline|not known")
    )
    desk.shoot("26-watched")
    desk.page.locator("#events button", has_text="calm").first.click()
    expect(desk.page).to_have_url(re.compile(r"from=20"))
    desk.close()
    assert desk.faults == []
    watch.kill()


def test_two_hundred_tiles_cost_little(calm: Any, browser: Browser, tmp_path: Path) -> None:
    stack, bridge = calm
    many = stack.start("many", [sys.executable, str(NIGHT)], NAME="many", CALM="yes", MORE=str(TILES))
    wait_until(lambda: "many" in bridge.nodes(), what="the node is online")
    site = tmp_path / "site.toml"
    groups = [f'[[groups]]\nname = "Stage {i}"\nfields = ["many::more_{i}"]\n' for i in range(TILES)]
    site.write_text("\n".join(groups))
    watch = start_watch(stack, bridge, SITE_FILE=str(site))
    desk = Desk(browser, bridge.url, viewport={"width": 1920, "height": 3000})
    desk.open()
    wait_for_curves(desk, TILES)
    network = desk.page.context.new_cdp_session(desk.page)
    received: list[float] = []
    network.on("Network.dataReceived", lambda event: received.append(event["encodedDataLength"]))
    network.send("Network.enable")
    begun = time.monotonic()
    desk.page.wait_for_timeout(20_000)
    rate = sum(received) / (time.monotonic() - begun)
    print(f"{TILES} tiles: {rate:.0f} bytes/s")
    desk.shoot("27-many")
    assert received
    assert rate < MOST_BYTES_A_SECOND
    assert desk.page.locator(".tile").count() >= TILES
    desk.close()
    assert desk.faults == []
    watch.kill()
    many.kill()

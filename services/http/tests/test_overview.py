"""The overview in a real browser: is everything fine, what is silent or gone, since when and why.

On a stack of its own that is broken under it; screenshots are left in ``services/http/build/screens``.
"""

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import expect
from sisock_testing import SERVERS, Process, Stack, wait_until

NIGHT = Path(__file__).parent / "servers" / "night.py"
MOST_BYTES = 60_000
MOST_BYTES_A_SECOND = 5_000
TILES = 200
MINUTES = int(os.environ.get("SISOCK_PAGE_MINUTES", "0"))
"""So long two hundred tiles are left alone, with a look at the memory each minute."""

GROWN_MB = 10.0
SOME_MS = 20_000 if "SISOCK_LONG" in os.environ else 8_000
"""For which the cost of many tiles is measured."""
NODES = {"apex_archive", "clockwork", "night"}


@pytest.fixture(scope="module")
def stack(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A router, an archive, two live nodes of which one has its troubles, and watch."""
    stack = Stack(tmp_path_factory.mktemp("overview"))
    try:
        stack.start_hub()
        stack.start_module("sisock_weather")
        stack.start("clockwork", [sys.executable, str(SERVERS / "clockwork.py")])
        stack.start("night", [sys.executable, str(NIGHT)])
        stack.start_module("sisock_watch", STATE_DB="watch.sqlite")
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def bridge(stack: Stack, make_bridge: Any) -> Any:
    bridge = make_bridge(stack)
    wait_until(lambda: bridge.nodes() >= NODES, what="the bridge is ready")
    silent = {"search": "night::dead", "state": "silent"}
    wait_until(lambda: bridge.get("/api/v1/state", params=silent).json()["fields"], what="silence is found")
    return bridge


@pytest.fixture
def desk(make_desk: Any, bridge: Any) -> Any:
    return make_desk(bridge.url)


def start_watch(stack: Stack, bridge: Any, **environ: str) -> Process:
    process = stack.start_module("sisock_watch", STATE_DB="watch.sqlite", **environ)
    wait_until(lambda: bridge.get("/api/v1/state").json()["counts"]["fresh"], what="watch knows how it is")
    return process


def test_a_silent_sensor_is_named_with_since_and_why(desk: Any) -> None:
    desk.open()
    row = desk.trouble("night · dead")
    expect(row).to_contain_text(
        re.compile(r"▲ silent.*0\.1149 V.*since \d\d:\d\d: .*nothing came for 1\d{3} s")
    )
    expect(desk.page.locator("#watching")).to_have_text("")
    expect(desk.tile("night").locator(".word")).to_have_text("▲ silent")
    expect(desk.top).to_contain_text(re.compile(r"\d+ live · \d silent"))
    expect(desk.page).to_have_title(re.compile(r"^\d+ ▲ sisock$"))
    assert desk.page.locator("#icon").get_attribute("href").endswith("icon-red.svg")  # type: ignore[union-attr]
    assert desk.page.request.get(desk.page.locator("#icon").evaluate("link => link.href")).ok
    desk.wait_for_curves()
    desk.shoot("20-overview")


def test_what_is_chosen_is_plotted_beside_the_overview_and_back_closes_it(desk: Any, axe: str) -> None:
    desk.open()
    desk.trouble("night · dead").click()
    expect(desk.page).to_have_url(re.compile(r"p=night::dead&page=beside"))
    expect(desk.page.locator(".chip")).to_contain_text("dead")
    expect(desk.page.locator("#overview")).to_be_visible()
    expect(desk.trouble("night · dead")).to_have_attribute("aria-current", "true")
    overview, panels = (desk.page.locator(name).bounding_box() for name in ("#overview", "#panels"))
    assert overview["x"] + overview["width"] <= panels["x"]
    assert panels["x"] + panels["width"] <= 1400
    desk.wait_for_curves()
    desk.shoot("41-beside")
    assert desk.violations(axe) == []
    desk.tile("night").click()
    expect(desk.page.locator(".panel")).to_have_count(5)
    desk.page.go_back()
    expect(desk.page.locator(".panel")).to_have_count(0)
    expect(desk.page.locator("#overview")).to_be_visible()
    assert desk.page.url == f"{desk.url}/"


def test_plots_beside_the_overview_are_opened_and_closed_by_keys(desk: Any) -> None:
    desk.open()
    expect(desk.trouble("night · dead")).to_be_visible()
    desk.page.keyboard.press("j")
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator(".panel")).to_have_count(1)
    expect(desk.page.locator("#troubles button").first).to_be_focused()
    desk.page.keyboard.press("j")
    expect(desk.page.locator("#troubles button").nth(1)).to_be_focused()
    desk.page.keyboard.press("Escape")
    expect(desk.page.locator(".panel")).to_have_count(0)
    desk.page.keyboard.press("/")
    desk.page.keyboard.type("shield")
    desk.page.keyboard.press("Enter")
    expect(desk.page).to_have_url(re.compile("p=night::shield&page=beside"))
    desk.page.keyboard.press("Escape")
    desk.page.click("#to-explore")
    expect(desk.page.locator("#overview")).to_be_hidden()
    expect(desk.page.locator(".panel")).to_have_count(1)
    desk.page.keyboard.press("o")
    expect(desk.page.locator("#overview")).to_be_visible()
    expect(desk.page.locator(".panel")).to_have_count(0)


def test_in_a_narrow_window_what_is_chosen_is_plotted_instead_of_the_overview(
    make_desk: Any, bridge: Any
) -> None:
    desk = make_desk(bridge.url, viewport={"width": 1100, "height": 800}).open()
    desk.trouble("night · dead").click()
    expect(desk.page.locator(".chip")).to_contain_text("dead")
    expect(desk.page.locator("#overview")).to_be_hidden()
    desk.page.go_back()
    expect(desk.page.locator("#overview")).to_be_visible()


def test_an_empty_explore_page_has_an_address_of_its_own(desk: Any) -> None:
    desk.open("page=explore")
    expect(desk.page.locator("#overview")).to_be_hidden()
    expect(desk.page.locator("#live")).to_be_visible()
    desk.page.click("#to-overview")
    expect(desk.page.locator("#live")).to_be_hidden()
    desk.page.click("#to-explore")
    expect(desk.page).to_have_url(re.compile(r"\?page=explore$"))


def test_with_the_bridge_dead_nothing_is_said_to_be_fresh(
    make_desk: Any, stack: Stack, make_bridge: Any
) -> None:
    doomed = make_bridge(stack, "doomed")
    wait_until(lambda: doomed.nodes() >= NODES, what="the bridge is ready")
    desk = make_desk(doomed.url).open()
    expect(desk.trouble("night · dead")).to_be_visible()
    doomed.process.kill()
    expect(desk.top).to_have_text("server away · nothing is known")
    expect(desk.page).to_have_title("? sisock")
    expect(desk.page.locator("#troubles button")).to_have_count(0)
    expect(desk.page.locator(".tile .word").first).to_have_text("? not known")
    words = desk.page.locator(".tile .word").all_inner_texts()
    assert (len(words), set(words)) == (3, {"? not known"})
    assert set(desk.page.locator(".tile .value").all_inner_texts()) == {"\N{EN DASH}"}
    desk.shoot("24-bridge-dead")
    desk.close()


def test_a_fault_in_the_page_does_not_end_its_looks_at_the_server(make_desk: Any, bridge: Any) -> None:
    desk = make_desk(bridge.url)
    desk.page.route("**/api/v1/stream", lambda route: route.abort())
    desk.open()
    expect(desk.trouble("night · dead")).to_be_visible()
    desk.page.evaluate("document.getElementById('notice').id = 'lost'")
    wait_until(lambda: desk.page.evaluate("1") and len(desk.faults) > 2, what="the page has had its faults")
    desk.page.evaluate("document.getElementById('lost').id = 'notice'")
    with desk.page.expect_response(re.compile("/api/v1/status")):
        pass
    desk.faults.clear()


def test_the_first_screen_is_light_and_allows_no_style_from_elsewhere(desk: Any, bridge: Any) -> None:
    desk.open()
    expect(desk.trouble("night · dead")).to_be_visible()
    page = [reply for reply in desk.replies if "/api/" not in reply.url]
    total = sum(reply.request.sizes()["responseBodySize"] for reply in page)
    print(f"first screen: {total} bytes in {len(page)} files")
    assert 3 <= len(page) <= 5
    assert total <= MOST_BYTES
    policy = bridge.get("/", headers={"Accept": "text/html"}).headers["content-security-policy"]
    assert policy.split(";")[0] == "default-src 'self'"
    assert not re.search("unsafe|nonce|sha256|blob:|data:|http", policy.partition("frame-ancestors")[0])
    assert [text for text in desk.complaints if "Security" in text] == []


def test_over_a_thin_and_slow_link_the_first_screen_is_there_soon(desk: Any) -> None:
    network = desk.page.context.new_cdp_session(desk.page)
    network.send("Network.enable")
    link = {"offline": False, "latency": 300, "downloadThroughput": 125_000, "uploadThroughput": 125_000}
    network.send("Network.emulateNetworkConditions", link)
    desk.page.goto(desk.url, wait_until="commit")
    desk.page.wait_for_selector(".tile >> nth=2")
    there = desk.page.evaluate("performance.now()")
    print(f"first screen: tiles after {there / 1000:.2f} s on 1 Mbit/s and 300 ms")
    requests = [reply.url for reply in desk.replies]
    # Not a time, which a busy machine misses, but what it is made of: round trips one after the other.
    assert len([url for url in requests if "/page/" in url]) <= 4
    assert all("/api/v1/status" not in url for url in requests[:4])


def test_at_night_a_page_that_is_dark_by_hand_is_dark_from_its_first_moment(desk: Any, bridge: Any) -> None:
    page = bridge.get("/?theme=dark", headers={"Accept": "text/html"}).text
    assert '<html lang="en" data-theme="dark">' in page
    assert 'data-theme="' not in bridge.get("/?theme=odd", headers={"Accept": "text/html"}).text


def test_on_a_phone_that_is_laid_down_nothing_is_too_wide(
    make_desk: Any, bridge: Any, phone_laid_down: Any
) -> None:
    desk = make_desk(bridge.url, **phone_laid_down).open()
    expect(desk.trouble("night · dead")).to_be_visible()
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= 740
    header = desk.page.locator("header").bounding_box()
    assert header
    assert header["height"] <= 50
    desk.shoot("28-phone-laid-down")
    desk.close()


def test_on_a_phone_tiles_are_one_column_and_troubles_are_wide_enough(
    make_desk: Any, bridge: Any, phone: Any
) -> None:
    desk = make_desk(bridge.url, **phone).open()
    expect(desk.trouble("night · dead")).to_be_visible()
    desk.wait_for_curves()
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= 375
    lefts = "tiles => tiles.map(tile => tile.getBoundingClientRect().left)"
    assert len(set(desk.page.locator(".tile").evaluate_all(lefts))) == 1
    for target in desk.page.locator("#troubles button, .tile, .tabs a").all():
        box = target.bounding_box()
        assert box
        assert box["height"] >= 44
    desk.shoot("22-overview-phone")
    desk.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_the_overview(make_desk: Any, bridge: Any, axe: str, scheme: Any) -> None:
    desk = make_desk(bridge.url, color_scheme=scheme).open()
    expect(desk.trouble("night · dead")).to_be_visible()
    desk.wait_for_curves()
    desk.shoot(f"21-overview-{scheme}")
    assert desk.violations(axe) == []
    desk.close()


def test_a_killed_node_is_lost_since_then_and_its_fields_are_one_trouble(
    desk: Any, stack: Stack, bridge: Any, axe: str
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
    assert desk.violations(axe) == []


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


def test_that_all_is_well_is_said_only_while_somebody_watches(calm: Any, make_desk: Any, axe: str) -> None:
    stack, bridge = calm
    desk = make_desk(bridge.url).open()
    heading = desk.page.locator("#trouble h2")
    expect(desk.top).to_have_text("7 not watched")
    expect(desk.page.locator("#watching")).to_contain_text("nobody watches")
    expect(desk.tile("calm").locator(".word")).to_have_text("○ not watched")
    expect(desk.top).to_have_attribute("data-state", "part")
    expect(heading).to_have_text("No trouble that is known")
    watch = start_watch(stack, bridge)
    expect(heading).to_have_text("No trouble")
    expect(desk.top).to_have_attribute("data-state", "well")
    expect(desk.page).to_have_title("sisock")
    desk.shoot("25-all-well")
    assert desk.violations(axe) == []
    watch.kill()
    expect(heading).to_have_text("No trouble that is known")
    expect(desk.page.locator("#watching")).to_contain_text("nobody watches")
    desk.close()


def test_watch_says_since_when_and_why_to_a_page_that_comes_later(calm: Any, make_desk: Any) -> None:
    stack, bridge = calm
    watch = start_watch(stack, bridge)
    gone = stack.start("gone_node", [sys.executable, str(NIGHT)], NAME="gone_node", CALM="yes")
    search = {"search": "gone_node::stage", "state": "fresh"}
    wait_until(
        lambda: bridge.get("/api/v1/state", params=search).json()["fields"], what="watch knows the node"
    )
    gone.kill()
    wait_until(lambda: "gone_node" not in bridge.nodes(), what="the bridge knows that it went")
    desk = make_desk(bridge.url).open()
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
    watch.kill()


def busy() -> dict[str, float]:
    """Seconds for which the browser's processes have had a core, by what they are for."""
    found: dict[str, float] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            kind = re.search(r"--type=([\w-]+)", " ".join(process.cmdline()))
            if kind:
                found[kind[1]] = found.get(kind[1], 0.0) + sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return found


def heap_mb(session: Any) -> float:
    """What a page holds after a forced collection."""
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


@pytest.mark.timeout(180 + 90 * MINUTES)
def test_two_hundred_tiles_cost_little(calm: Any, make_desk: Any, tmp_path: Path) -> None:
    stack, bridge = calm
    many = stack.start("many", [sys.executable, str(NIGHT)], NAME="many", CALM="yes", MORE=str(TILES))
    wait_until(lambda: "many" in bridge.nodes(), what="the node is online")
    site = tmp_path / "site.toml"
    groups = [f'[[groups]]\nname = "Stage {i}"\nfields = ["many::more_{i}"]\n' for i in range(TILES)]
    site.write_text("\n".join(groups))
    watch = start_watch(stack, bridge, SITE_FILE=str(site))
    desk = make_desk(bridge.url, viewport={"width": 1920, "height": 3000})
    desk.open()
    desk.wait_for_curves(TILES)
    desk.page.wait_for_function("n => document.querySelectorAll('.tile path.before').length >= n", arg=TILES)
    network = desk.page.context.new_cdp_session(desk.page)
    received: list[float] = []
    network.on(
        "Network.dataReceived",
        lambda event: received.append(event["encodedDataLength"] or event["dataLength"]),
    )
    network.send("Network.enable")
    heaps = [heap_mb(network)]
    begun, used = time.monotonic(), busy()
    desk.page.wait_for_timeout(SOME_MS)
    for _ in range(MINUTES):
        desk.page.wait_for_timeout(60_000)
        heaps.append(heap_mb(network))
    heaps.append(heap_mb(network))
    took = time.monotonic() - begun
    rate, shares = (
        sum(received) / took,
        {kind: (s - used.get(kind, 0.0)) / took for kind, s in busy().items()},
    )
    print(
        f"{TILES} tiles: {rate:.0f} bytes/s; of a core:", *(f"{kind} {s:.1%}" for kind, s in shares.items())
    )
    print(f"heap after {took / 60:.1f} min, forced collections: {[round(one, 2) for one in heaps]} MB")
    assert abs(heaps[-1] - heaps[0]) < GROWN_MB
    desk.shoot("27-many")
    assert received
    assert rate < MOST_BYTES_A_SECOND
    assert desk.page.locator(".tile").count() >= TILES
    desk.close()
    watch.kill()
    many.kill()


def test_an_archive_stands_with_its_age_and_without_a_state(calm: Any, make_desk: Any) -> None:
    stack, bridge = calm
    watch = start_watch(stack, bridge)
    environ = {"NAME": "kept", "CALM": "yes", "UNTIL": str(time.time() - 240)}
    kept = stack.start("kept", [sys.executable, str(NIGHT)], **environ)
    wait_until(lambda: "kept" in bridge.nodes(), what="the archive is online")
    desk = make_desk(bridge.url).open()
    fresh = desk.page.locator('button[data-field="kept::stage"] .fresh')
    expect(fresh).to_have_text(re.compile(r"^1\.01\d* · [4-9] min$"))
    expect(fresh).to_have_attribute("data-tone", "grey")
    expect(desk.tile("kept").locator(".word")).to_have_text("▪ archive")
    assert "silent" not in desk.page.locator('#tree button[data-field^="kept"]').first.inner_text()
    expect(desk.trouble("kept")).to_have_count(0)
    desk.close()
    kept.stop()
    watch.kill()

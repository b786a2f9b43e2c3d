"""The quicklook page in a real browser, on a stack of its own that is broken and mended under it.

Screenshots are left in ``services/http/build/screens`` for people to look at.
"""

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sisock_testing import SERVERS, Stack, wait_until

SCREENS = Path(__file__).parents[1] / "build" / "screens"
ARCHIVE = "from=2017-07-13T00:00:00Z&to=2017-07-28T00:00:00Z"
RADIOMETER = "apex_archive::apex_radiometer"
DEADLINE_MS = 20_000
MOST_BYTES = 150_000
MEGABIT = 1_000_000 / 8
THIN_LINK_S = 6
NOTICE_S = 5
"""How soon the page has to say that something is away."""

HUB_TITLE = "sisock-hub [hub]"
SILENT_HUB_S = 20
"""The bridge asks the hub every 5 s, and gives it 5 s to answer."""


@pytest.fixture(scope="module")
def stack(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A router and two nodes that these tests may stop."""
    stack = Stack(tmp_path_factory.mktemp("page"))
    try:
        stack.start_hub()
        stack.start_module("sisock_weather")
        stack.start("clockwork", [sys.executable, str(SERVERS / "clockwork.py")])
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def bridge(stack: Stack, make_bridge) -> Any:
    bridge = make_bridge(stack)
    wait_until(lambda: bridge.nodes() >= {"apex_archive", "clockwork"}, what="the bridge is ready")
    return bridge


class Sight:
    """One browser window on the page: what it asked for, and what went wrong in it."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        self._context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **context})
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(DEADLINE_MS)
        self.url = url
        self.asked: list[dict[str, list[str]]] = []
        self.replies: list[Any] = []
        self.faults: list[str] = []
        self.page.on("request", self._remember)
        self.page.on("response", lambda reply: self.replies.append(reply))  # noqa: PLW0108 (playwright marks it)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def _remember(self, request: Any) -> None:
        if "/api/v1/data" in request.url:
            self.asked.append(parse_qs(urlsplit(request.url).query))

    def open(self, view: str = "") -> "Sight":
        self.page.goto(f"{self.url}/{view and '?'}{view}")
        expect(self.field(RADIOMETER)).to_be_attached()
        return self

    def field(self, name: str) -> Locator:
        return self.page.locator(f'button[data-field="{name}"]')

    def samples(self, panel: int = 0) -> int:
        return int(self.page.locator(".panel").nth(panel).get_attribute("data-samples") or 0)

    def wait_for_samples(self, least: int = 1, most: int = 10**9, panel: int = 0) -> None:
        drawn = "Number(document.querySelectorAll('.panel')[panel]?.dataset.samples)"
        wait = f"([panel, least, most]) => {drawn} >= least && {drawn} <= most"
        self.page.wait_for_function(wait, arg=[panel, least, most])

    def asked_span(self) -> float:
        last = self.asked[-1]
        return float(last["end"][0]) - float(last["start"][0])

    def wait_until_asked(self, times: int) -> None:
        self.page.wait_for_function("1")  # lets the browser tell what it has done
        wait_until(lambda: self.page.evaluate("1") and len(self.asked) >= times, 20, f"{times} requests")

    def zoom(self, begin: float, end: float) -> None:
        plot = self.page.locator(".u-over").first
        box = plot.bounding_box()
        assert box
        y = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + begin * box["width"], y)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + end * box["width"], y, steps=5)
        self.page.mouse.up()

    def stretch(self) -> None:
        """Two fingers, brought to twice their distance."""
        plot = self.page.locator(".u-over").first
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        assert box
        middle, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        fingers = self._context.new_cdp_session(self.page)
        for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80)):
            points = [{"x": middle - apart, "y": y, "id": 0}, {"x": middle + apart, "y": y, "id": 1}]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def shoot(self, name: str) -> None:
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENS / f"{name}.png")

    def close(self) -> None:
        self._context.close()


@pytest.fixture
def sight(browser: Browser, bridge: Any) -> Iterator[Sight]:
    """A window on the page, nothing opened yet; a fault in the page fails the test."""
    sight = Sight(browser, bridge.url)
    yield sight
    sight.close()
    assert sight.faults == []


def test_an_operator_searches_plots_zooms_and_sees_finer_data(sight: Sight) -> None:
    sight.open()
    sight.page.keyboard.press("/")
    sight.page.keyboard.type("radiometer")
    expect(sight.page.locator("#tree button[data-field]")).to_have_count(1)
    expect(sight.field(RADIOMETER)).to_contain_text("mm")
    sight.shoot("1-search")
    sight.page.keyboard.press("Enter")
    sight.wait_for_samples(1000)
    sight.shoot("2-plot")
    coarse = sight.asked_span() / sight.samples()
    times = len(sight.asked)
    sight.zoom(0.5, 0.52)
    sight.wait_until_asked(times + 1)
    sight.wait_for_samples(100, 1000)
    assert sight.asked_span() < 0.03 * 15 * 86400
    assert sight.asked_span() / sight.samples() == pytest.approx(60, rel=0.05)
    assert coarse > 500
    sight.shoot("3-zoomed")
    sight.page.keyboard.press("b")
    sight.wait_for_samples(1000)


def test_a_range_that_cannot_be_shown_is_said_and_asked_for_by_nobody(sight: Sight) -> None:
    sight.open(f"p={RADIOMETER}&{ARCHIVE}")
    sight.wait_for_samples(1000)
    notice, begin = sight.page.locator("#notice"), sight.page.locator("#from")
    expect(notice).to_be_hidden()
    times = len(sight.asked)
    begin.fill("2018-01-01")
    begin.press("Enter")
    expect(notice).to_contain_text("From (2018-01-01T00:00:00Z) is not before To (2017-07-28T00:00:00Z)")
    begin.fill("2017-11-31")
    begin.press("Enter")
    assert begin.evaluate("input => input.validationMessage").startswith("not a time")
    assert len(sight.asked) == times
    begin.fill("2017-07-20")
    begin.press("Enter")
    expect(notice).to_be_hidden()
    sight.wait_until_asked(times + 1)


def test_a_range_without_samples_is_no_trouble(sight: Sight) -> None:
    sight.open(f"p={RADIOMETER}&from=1990-01-01&to=1990-01-02")
    note = sight.page.locator(".panel .note")
    expect(note).to_have_text("No samples in this range.")
    ink = sight.page.evaluate("getComputedStyle(document.body).color")
    assert note.evaluate("note => getComputedStyle(note).color") == ink


def test_a_link_to_31_november_is_said_to_be_none(sight: Sight) -> None:
    sight.open(f"p={RADIOMETER}&from=2017-11-31&to=2017-12-02")
    expect(sight.page.locator("#notice")).to_have_text("From is not a time: 2017-11-31.")
    expect(sight.page.locator("#from")).to_have_value("2017-11-31")
    assert sight.asked == []


def test_live_follows_what_comes_in(sight: Sight) -> None:
    sight.open("p=clockwork::sine&from=now-1m&to=now")
    sight.wait_for_samples(50)
    sight.page.click("#live")
    until = "Number(document.querySelector('.panel').dataset.until)"
    sight.wait_for_samples(50)
    begun, asked = sight.page.evaluate(until), len(sight.asked)
    sight.page.wait_for_function(f"begun => {until} > begun + 3", arg=begun)
    assert len(sight.asked) == asked
    assert "live=1" in sight.page.url
    sight.shoot("4-live")
    sight.page.click("#live")
    expect(sight.page.locator("#live")).to_have_attribute("aria-pressed", "false")


def test_a_killed_router_is_said_at_once_and_a_new_one_is_found(
    sight: Sight, stack: Stack, bridge: Any
) -> None:
    sight.open(f"p={RADIOMETER}&{ARCHIVE}")
    sight.wait_for_samples(1000)
    notice = sight.page.locator("#notice")
    expect(notice).to_be_hidden()
    stack.processes["hub"].kill()
    expect(notice).to_contain_text("The router is away", timeout=NOTICE_S * 1000)
    sight.shoot("5-router-away")
    times = len(sight.asked)
    stack.start_hub()
    expect(notice).to_be_hidden(timeout=40_000)
    expect(sight.field(RADIOMETER)).to_be_visible()
    sight.wait_until_asked(times + 1)
    sight.wait_for_samples(1000)
    sight.shoot("6-recovered")


def test_a_hub_that_does_not_answer_is_said_while_the_router_is_here(
    sight: Sight, stack: Stack, bridge: Any
) -> None:
    keeper = psutil.Process(stack.processes["hub"].pid)
    hub = next(child for child in keeper.children() if HUB_TITLE in " ".join(child.cmdline()))
    sight.open(f"p={RADIOMETER}&{ARCHIVE}")
    sight.wait_for_samples(1000)
    notice = sight.page.locator("#notice")
    hub.suspend()
    try:
        expect(notice).to_contain_text("The hub is away", timeout=SILENT_HUB_S * 1000)
        sight.shoot("11-hub-away")
    finally:
        hub.resume()
    expect(notice).to_be_hidden(timeout=40_000)
    wait_until(lambda: bridge.nodes() >= {"apex_archive", "clockwork"}, what="all nodes are listed again")


def test_a_node_that_is_away_is_named_until_it_is_back(sight: Sight, stack: Stack, bridge: Any) -> None:
    wait_until(lambda: bridge.nodes() >= {"clockwork"}, what="the node is online")
    sight.open("p=clockwork::sine&from=now-1m&to=now")
    sight.wait_for_samples(50)
    stack.processes["clockwork"].stop()
    notice = sight.page.locator("#notice")
    expect(notice).to_have_text("Data node clockwork is away.", timeout=NOTICE_S * 1000)
    stack.start("clockwork", [sys.executable, str(SERVERS / "clockwork.py")])
    expect(notice).to_be_hidden(timeout=40_000)


def test_a_bridge_that_is_away_is_said_and_found_again(browser: Browser, stack: Stack, make_bridge) -> None:
    doomed = make_bridge(stack, "doomed")
    wait_until(lambda: doomed.nodes() >= {"apex_archive"}, what="the bridge is ready")
    sight = Sight(browser, doomed.url).open(f"p={RADIOMETER}&{ARCHIVE}")
    sight.wait_for_samples(1000)
    doomed.process.stop()
    expect(sight.page.locator("#notice")).to_contain_text("does not answer", timeout=NOTICE_S * 1000)
    again = stack.start("doomed", [sys.executable, "-m", "sisock_http"], PORT=str(doomed.port))
    expect(sight.page.locator("#notice")).to_be_hidden(timeout=40_000)
    sight.close()
    assert again.stop() == 0


def test_a_mailed_link_shows_what_its_sender_saw(sight: Sight, browser: Browser, bridge: Any) -> None:
    sight.open(f"p={RADIOMETER}&{ARCHIVE}")
    sight.wait_for_samples(1000)
    sight.field("apex_archive::apex_humidity").click(modifiers=["Shift"])
    sight.wait_for_samples(100, panel=1)
    for key in "gud":
        sight.page.keyboard.press(key)
    expect(sight.page.locator(".panel").nth(1).get_by_role("button", name="log")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(sight.page.locator("html")).to_have_attribute("data-theme", "dark")
    link = sight.page.url
    sight.shoot("7-dark-log-two-panels")
    other = Sight(browser, bridge.url)
    other.page.goto(link)
    other.wait_for_samples(100, panel=1)
    other.wait_for_samples(1000)
    expect(other.page.locator("html")).to_have_attribute("data-theme", "dark")
    log = other.page.locator(".panel").nth(1).get_by_role("button", name="log")
    expect(log).to_have_attribute("aria-pressed", "true")
    expect(other.page.locator("#zone")).to_have_value("local")
    expect(other.page.locator(".chip")).to_have_text(
        [re.compile("apex_radiometer"), re.compile("apex_humidity")]
    )
    other.close()
    assert other.faults == []


def test_panels_share_their_cursor_and_their_range(sight: Sight) -> None:
    sight.open(f"p={RADIOMETER}&p=apex_archive::apex_humidity&{ARCHIVE}")
    sight.wait_for_samples(1000)
    sight.wait_for_samples(100, panel=1)
    box = sight.page.locator(".u-over").first.bounding_box()
    assert box
    sight.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    times = sight.page.locator(".panel .at")
    expect(times.nth(0)).to_have_text(re.compile("^2017-07-20 1"))
    expect(times.nth(1)).to_have_text(re.compile("^2017-07-20 1"))
    asked = len(sight.asked)
    sight.zoom(0.2, 0.4)
    sight.wait_until_asked(asked + 2)
    first, second = sight.asked[-2:]
    assert (first["start"], first["end"]) == (second["start"], second["end"])
    assert {first["field"][0], second["field"][0]} == {RADIOMETER, "apex_archive::apex_humidity"}


def test_the_samples_can_be_downloaded_as_csv(sight: Sight) -> None:
    sight.open(f"p={RADIOMETER}&{ARCHIVE}")
    sight.wait_for_samples(1000)
    with sight.page.expect_download() as download:
        sight.page.get_by_role("button", name="More of this panel").click()
        sight.page.get_by_role("link", name="CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == f"time,{RADIOMETER}"
    assert len(lines) > 21_000, lines[:3]


def test_the_page_is_small_and_asks_no_other_host(sight: Sight, bridge: Any) -> None:
    sight.open(f"p={RADIOMETER}&{ARCHIVE}")
    sight.wait_for_samples(1000)
    assert {urlsplit(reply.url).netloc for reply in sight.replies} == {f"127.0.0.1:{bridge.port}"}
    page = [reply for reply in sight.replies if "/api/" not in reply.url]
    assert len(page) > 8
    total = sum(reply.request.sizes()["responseBodySize"] for reply in page)
    assert total < MOST_BYTES
    assert all(reply.header_value("content-encoding") == "gzip" for reply in page)


def test_a_plot_comes_soon_over_a_thin_link(sight: Sight) -> None:
    network = sight.page.context.new_cdp_session(sight.page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 100, "downloadThroughput": MEGABIT, "uploadThroughput": MEGABIT},
    )
    begun = time.monotonic()
    sight.open(f"p={RADIOMETER}&{ARCHIVE}")
    sight.wait_for_samples(1000)
    assert time.monotonic() - begun < THIN_LINK_S


def test_the_page_is_used_from_the_keyboard(sight: Sight) -> None:
    sight.open()
    keyboard = sight.page.keyboard
    keyboard.press("/")
    keyboard.type("apex")
    for key in ("ArrowDown", "ArrowDown"):
        keyboard.press(key)
    expect(sight.field("apex_archive::apex_pressure")).to_be_focused()
    keyboard.press("Enter")
    sight.wait_for_samples(100)
    keyboard.press("Escape")
    span = sight.asked_span()
    times = len(sight.asked)
    for key in ("+", "]", "-"):
        keyboard.press(key)
        times += 1
        sight.wait_until_asked(times)
    assert sight.asked_span() == pytest.approx(span)
    keyboard.press("n")
    expect(sight.page.locator(".panel")).to_have_count(2)
    expect(sight.page.locator("#search")).to_be_focused()
    keyboard.press("Escape")
    keyboard.press("?")
    expect(sight.page.locator("#keys")).to_be_visible()
    sight.shoot("9-keys")
    keyboard.press("Escape")
    expect(sight.page.locator("#keys")).to_be_hidden()


def test_text_is_drawn_by_its_words_beside_numbers(browser: Browser, stack: Stack, bridge: Any) -> None:
    stack.start("old_style", [sys.executable, str(SERVERS / "old_style.py")])
    wait_until(lambda: "old_thermometer" in bridge.nodes(), what="the node is online")
    sight = Sight(browser, bridge.url).open(
        "p=old_thermometer::state,old_thermometer::t1&from=now-30m&to=now"
    )
    sight.wait_for_samples(300)
    sight.page.mouse.move(700, 250)
    expect(sight.page.locator(".chip").first).to_contain_text("on")
    sight.shoot("10-text")
    sight.close()
    assert sight.faults == []
    stack.processes["old_style"].stop()


def test_the_page_is_readable_on_a_phone(browser: Browser, bridge: Any) -> None:
    sight = Sight(browser, bridge.url, viewport={"width": 375, "height": 740}, has_touch=True, is_mobile=True)
    sight.open(f"p={RADIOMETER}&{ARCHIVE}")
    sight.wait_for_samples(500)
    assert sight.page.evaluate("document.documentElement.scrollWidth") <= 375
    sight.shoot("8-phone")
    sight.page.tap("#menu")
    expect(sight.field("clockwork::sine")).to_be_visible()
    sight.page.tap("#finer")
    expect(sight.page).to_have_url(re.compile("from=2017-07-16T18"))
    sight.wait_until_asked(2)
    span, times = sight.asked_span(), len(sight.asked)
    sight.stretch()
    sight.wait_until_asked(times + 1)
    assert sight.asked_span() == pytest.approx(span / 2, rel=0.02)
    sight.close()
    assert sight.faults == []


def test_grafanas_check_of_the_same_address_stays_json(bridge: Any) -> None:
    for accept in ("application/json, text/plain, */*", "*/*", ""):
        reply = bridge.get("/", headers={"Accept": accept})
        assert (reply.status_code, reply.json()["status"]) == (200, "ok")
    reply = bridge.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in reply.headers["content-security-policy"]


def test_the_page_comes_while_the_router_is_away(stack: Stack, make_bridge, tmp_path: Path) -> None:
    lonely = make_bridge(stack, "lonely", CROSSBAR_TLS_PORT="1")
    wait_until(lambda: lonely.status("/healthz") == 200, what="it is alive")
    reply = lonely.get("/", headers={"Accept": "text/html"})
    assert (reply.status_code, "<title>sisock" in reply.text) == (200, True)
    status = lonely.get("/api/v1/status").json()
    assert (status["router"], status["hub"], status["nodes"]) == (False, False, [])
    assert lonely.get("/api/v1/nodes").status_code == 503
    lonely.process.stop()


@pytest.fixture
def night(stack: Stack, bridge: Any) -> Iterator[Any]:
    """A node with small numbers, silence, and a clock that is ahead; it may be stopped."""
    process = stack.start("night", [sys.executable, str(Path(__file__).parent / "servers" / "night.py")])
    wait_until(lambda: "night" in bridge.nodes(), what="the node is online")
    yield process
    process.stop()


def test_ticks_are_never_equal_and_each_unit_has_a_panel_of_its_own(sight: Sight, night: Any) -> None:
    sight.open()
    for name in ("pressure", "stage", "shield", "leak", "gain"):
        sight.field(f"night::{name}").click()
    sight.page.goto(sight.page.url.replace("from=now-1h", "") + "&from=now-10m&to=now")
    for panel in range(4):
        sight.wait_for_samples(300, panel=panel)
    expect(sight.page.locator(".panel")).to_have_count(4)
    assert sight.page.locator(".chip").all_inner_texts()[1].startswith("stage")
    for area in sight.page.locator(".plot").all():
        for labels in json.loads(area.get_attribute("data-ticks") or "").values():
            assert len(set(labels)) == len(labels) > 1, labels
    sight.shoot("12-units")


def test_a_panel_of_a_link_with_many_units_is_taken_apart(sight: Sight, night: Any) -> None:
    sight.open("p=night::pressure,night::stage,night::leak,night::gain&from=now-10m&to=now")
    expect(sight.page.locator(".panel")).to_have_count(4)
    sight.open("p=night::pressure,night::stage&from=now-10m&to=now")
    sight.wait_for_samples(300)
    expect(sight.page.locator(".panel")).to_have_count(1)
    sight.shoot("13-two-axes")


def test_where_nobody_watches_ages_are_said_and_no_states(sight: Sight, night: Any) -> None:
    sight.open()
    dead = sight.field("night::dead").locator(".fresh")
    expect(dead).to_have_text(re.compile(r"^0\.1149 · 3\d min$"))
    expect(dead).to_have_attribute("data-tone", "grey")
    expect(sight.field("night::ahead")).to_contain_text("s ahead")
    expect(sight.page.locator("#stack")).to_contain_text("not watched")
    assert "silent" not in sight.page.locator("body").inner_text()
    sight.shoot("14-not-watched")


def test_silence_is_said_beside_the_field_and_on_top_as_watch_says_it(
    sight: Sight, stack: Stack, bridge: Any, night: Any
) -> None:
    watch = stack.start_module("sisock_watch", STATE_DB="watch.sqlite")
    sight.open()
    expect(sight.field("night::dead")).to_contain_text(re.compile(r"▲ 0\.1149 · silent 3\d min"))
    expect(sight.field("night::ahead")).to_contain_text("s ahead")
    expect(sight.page.locator("#stack")).to_contain_text("1 silent")
    expect(sight.page.locator("#stack")).to_have_attribute("data-state", "trouble")
    sight.shoot("14-trouble")
    watch.stop()
    wait_until(lambda: "watch" not in bridge.nodes(), what="watch is gone")


def test_a_killed_node_stays_listed_as_gone_and_keeps_its_curve(sight: Sight, night: Any) -> None:
    sight.open("p=night::stage&from=now-10m&to=now&live=1")
    sight.wait_for_samples(300)
    night.kill()
    expect(sight.page.locator("#tree .folder.gone")).to_contain_text("gone since")
    expect(sight.field("night::stage")).to_contain_text("gone")
    expect(sight.page.locator("#stack")).to_contain_text("1 node lost")
    expect(sight.page.locator(".chip")).to_contain_text("not updated")
    sight.wait_for_samples(300)
    sight.shoot("15-gone")


def test_with_the_bridge_dead_values_are_shown_as_not_known(
    browser: Browser, stack: Stack, make_bridge
) -> None:
    doomed = make_bridge(stack, "doomed_too")
    wait_until(lambda: doomed.nodes() >= {"clockwork"}, what="the bridge is ready")
    sight = Sight(browser, doomed.url).open()
    expect(sight.field("clockwork::sine")).to_contain_text(re.compile(r"\d · archive"))
    doomed.process.kill()
    expect(sight.field("clockwork::sine")).to_contain_text("not known")
    sight.shoot("16-bridge-dead")
    sight.close()


def test_while_the_hub_is_away_nobody_is_said_to_be_offline(
    browser: Browser, stack: Stack, make_bridge
) -> None:
    keeper = psutil.Process(stack.processes["hub"].pid)
    hub = next(child for child in keeper.children() if HUB_TITLE in " ".join(child.cmdline()))
    hub.suspend()
    try:
        late = make_bridge(stack, "late")
        wait_until(lambda: late.status("/") in (200, 503), what="it is alive")
        sight = Sight(browser, late.url)
        sight.page.goto(f"{late.url}/")
        expect(sight.page.locator("#notice")).to_contain_text("away")
        expect(sight.page.locator("#tree")).to_have_text("Who is online is not known.")
        sight.close()
        late.process.stop()
    finally:
        hub.resume()

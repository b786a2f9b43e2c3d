"""The page for everybody: what axe-core finds in its menus, on paper, and under a finger.

Screenshots are left in ``services/http/build/screens``.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from sisock_testing import Stack, wait_until

NIGHT = Path(__file__).parent / "servers" / "night.py"
SHOWN = r"""() => [...document.querySelectorAll("body *")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .map((one) => [one.className || one.tagName, getComputedStyle(one).color])
  .map(([name, colour]) => [name, colour.match(/[\d.]+/g).slice(0, 3).map(Number)])"""
DARKEST_OF_THREE = 160
"""On paper no colour of a text is lighter than that, 0 to 255, in its mean."""

DRAWN = """() => {
  const canvas = document.querySelector(".plot canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, 60 * devicePixelRatio, canvas.height);
  let [least, any] = [255, 0];
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 200) [least, any] = [Math.min(least, data[i]), any + 1];
  }
  return [least, any];
}"""
"""How dark the darkest pixel beside a plot is, where the labels of its axis stand, and how many there are."""


@pytest.fixture(scope="module")
def stack(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A node with its troubles, and watch."""
    stack = Stack(tmp_path_factory.mktemp("reading"))
    try:
        stack.start_hub()
        stack.start("night", [sys.executable, str(NIGHT)])
        stack.start_module("sisock_watch", STATE_DB="watch.sqlite")
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def bridge(stack: Stack, make_bridge: Any) -> Any:
    bridge = make_bridge(stack)
    wait_until(lambda: bridge.nodes() >= {"night", "watch"}, what="the bridge is ready")
    silent = {"search": "night::dead", "state": "silent"}
    wait_until(lambda: bridge.get("/api/v1/state", params=silent).json()["fields"], what="silence is found")
    return bridge


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_menu_layouts_and_bars_of_states_can_be_read_by_everybody(
    make_desk: Any, bridge: Any, axe: str, scheme: Any
) -> None:
    desk = make_desk(bridge.url, color_scheme=scheme)
    desk.open("p=night::stage,night::shield&from=now-5m&to=now")
    desk.wait_for_samples(300)
    desk.panel().get_by_role("button", name="More of this panel").click()
    expect(desk.page.locator("#panel-menu")).to_be_visible()
    assert desk.violations(axe) == []
    desk.shoot(f"43-menu-{scheme}")
    desk.page.keyboard.press("Escape")
    desk.page.keyboard.press("s")
    desk.page.get_by_label("Name").fill("stage tonight")
    desk.page.get_by_label("Name").press("Enter")
    expect(desk.page.get_by_role("button", name="stage tonight", exact=True)).to_be_visible()
    assert desk.violations(axe) == []
    desk.shoot(f"44-layouts-{scheme}")
    desk.page.keyboard.press("Escape")
    names = [one["field"] for one in bridge.get("/api/v1/fields", params={"node": "watch"}).json()]
    bars = [name for name in names if re.search("night.*(dead|stage|ahead)", name)]
    assert len(bars) == 3
    desk.open("&".join(f"p={','.join(bars)}" for _ in range(1)) + "&from=now-5m&to=now")
    desk.wait_for_samples(3)
    assert desk.violations(axe) == []
    desk.shoot(f"45-bars-{scheme}")
    desk.close()


@pytest.mark.parametrize("view", ["", "p=night::stage&p=night::pressure&from=now-5m&to=now"])
def test_on_paper_a_dark_page_is_black_on_white_and_has_no_buttons(
    make_desk: Any, bridge: Any, view: str
) -> None:
    desk = make_desk(bridge.url, color_scheme="dark").open(view)
    if view:
        desk.wait_for_samples(300, panel=1)
    else:
        expect(desk.trouble("night · dead")).to_be_visible()
        desk.wait_for_curves()
    expect(desk.page.locator("html")).to_have_attribute("data-theme", "dark")
    desk.page.emulate_media(media="print")
    expect(desk.page.locator("html")).to_have_attribute("data-theme", "light")
    for hidden in ("nav", ".tabs", "#theme", "#live", "#zone", "#menu"):
        expect(desk.page.locator(hidden)).to_be_hidden()
    for button in desk.page.locator("button:not(.tile):not(li button)").all():
        expect(button).to_be_hidden()
    expect(desk.top).to_be_visible()
    assert desk.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    texts = desk.page.evaluate(SHOWN)
    assert len(texts) > 5
    assert [name for name, colour in texts if sum(colour) / 3 > DARKEST_OF_THREE] == []
    if view:
        least, marks = desk.page.evaluate(DRAWN)
        assert (least < 40, marks > 50) == (True, True)
    desk.shoot(f"46-print-{'plots' if view else 'overview'}")
    desk.page.emulate_media(media="screen")
    expect(desk.page.locator("html")).to_have_attribute("data-theme", "dark")
    desk.close()


@pytest.mark.parametrize("where", ["in the middle", "at the upper edge"])
def test_what_a_finger_reads_stands_where_it_hides_nothing(
    make_desk: Any, bridge: Any, phone: Any, where: str
) -> None:
    desk = make_desk(bridge.url, **phone).open("p=night::stage,night::shield&from=now-5m&to=now")
    desk.wait_for_samples(300)
    box = desk.page.locator(".u-over").bounding_box()
    assert box
    x = box["x"] + box["width"] * 0.6
    y = box["y"] + (box["height"] / 2 if where == "in the middle" else 12)
    finger = desk.context.new_cdp_session(desk.page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    bubble = desk.page.locator(".bubble")
    expect(bubble).to_be_visible()
    expect(bubble).to_contain_text(re.compile(r"20\d\d-.*stage 1\.01\d* K.*shield 1\.01\d* K", re.DOTALL))
    told = bubble.bounding_box()
    header = desk.page.locator("header").bounding_box()
    assert told
    assert header
    assert told["y"] >= header["y"] + header["height"]
    assert told["x"] >= 0
    assert told["x"] + told["width"] <= 375
    beside = told["x"] + told["width"] < x - 20 or told["x"] > x + 20
    assert told["y"] + told["height"] < y - 20 or (where != "in the middle" and beside)
    desk.shoot(f"47-bubble-{where.replace(' ', '-')}")
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(bubble).to_be_hidden()
    desk.close()

"""The page behind a real nginx: one that hands its stream on, one that cuts it, one that holds it back."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from sisock_testing import Stack, wait_until
from sisock_testing.stack import free_port

NIGHT = Path(__file__).parent / "servers" / "night.py"
CUT_AFTER_S = 3
WAYS = {
    "hands_on": "",
    "cuts": f"proxy_read_timeout {CUT_AFTER_S}s;",
    "holds_back": "proxy_ignore_headers X-Accel-Buffering; proxy_buffering on; proxy_buffers 8 1m; "
    "proxy_buffer_size 1m; proxy_busy_buffers_size 2m; postpone_output 1000000;",
}
CONF = """
daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/temp; fastcgi_temp_path {at}/f;
  uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{bridge}; proxy_set_header Host 127.0.0.1; }}
    location /api/v1/stream {{ proxy_pass http://127.0.0.1:{bridge}; proxy_set_header Host 127.0.0.1; {way} }}
  }}
}}
"""


@pytest.fixture(scope="module")
def observatory(
    sisock_processes: None, tmp_path_factory: pytest.TempPathFactory, make_bridge: Any
) -> Iterator[Any]:
    stack = Stack(tmp_path_factory.mktemp("proxies"))
    try:
        stack.start_hub()
        stack.start("night", [sys.executable, str(NIGHT)])
        bridge = make_bridge(stack)
        wait_until(lambda: bridge.nodes() >= {"night"}, what="the bridge is ready")
        yield bridge
    finally:
        stack.stop()


@pytest.fixture
def behind(request: pytest.FixtureRequest, observatory: Any, make_desk: Any, tmp_path: Path) -> Iterator[Any]:
    """A window on the page behind an nginx of some way."""
    port = free_port()
    conf = tmp_path / "nginx.conf"
    way = WAYS[request.param]
    conf.write_text(CONF.format(at=tmp_path, port=port, bridge=observatory.port, way=way))
    nginx = subprocess.Popen(["/usr/sbin/nginx", "-c", conf], stderr=subprocess.DEVNULL)
    try:
        wait_until((tmp_path / "nginx.pid").exists, what="nginx listens")
        yield make_desk(f"http://127.0.0.1:{port}")
    finally:
        nginx.terminate()
        nginx.wait(10)


def asked(desk: Any, path: str) -> int:
    """How often the page has asked for something."""
    desk.page.evaluate("1")
    return len([reply for reply in desk.replies if f"/api/v1/{path}" in reply.url])


@pytest.mark.parametrize("behind", ["hands_on"], indirect=True)
def test_behind_a_proxy_that_hands_a_stream_on_nothing_is_asked_for_again(behind: Any) -> None:
    behind.open("p=night::stage&from=now-2m&to=now&live=1")
    behind.wait_for_samples(60)
    begun, times = behind.until(), asked(behind, "data")
    wait_until(lambda: behind.until() > begun + 5, 60, "samples come")
    assert asked(behind, "data") == times


@pytest.mark.parametrize("behind", ["holds_back"], indirect=True)
def test_behind_a_proxy_that_holds_a_stream_back_a_live_plot_asks(behind: Any) -> None:
    behind.open("p=night::stage&from=now-2m&to=now&live=1")
    behind.wait_for_samples(60)
    begun, times = behind.until(), asked(behind, "data")
    wait_until(lambda: behind.until() > begun + 5, 60, "samples come")
    assert asked(behind, "data") > times
    expect(behind.page.locator("#notice")).to_be_hidden()


@pytest.mark.parametrize("behind", ["cuts"], indirect=True)
def test_behind_a_proxy_that_cuts_streams_tiles_are_asked_for(behind: Any) -> None:
    behind.open()
    expect(behind.tile("night")).to_be_visible()
    wait_until(lambda: asked(behind, "stream") >= 3, 60, "three streams were cut")
    wait_until(lambda: asked(behind, "latest?") >= 4, 60, "it asks")
    streams = asked(behind, "stream")
    age = "document.querySelector('button[data-field=\"night::gain\"] .fresh').textContent"
    wait_until(lambda: " · " in behind.page.evaluate(age), 30, "values are there")
    assert asked(behind, "stream") == streams

"""Under which names the bridge answers, and what it tells browsers to be careful with."""

from pathlib import Path
from typing import Any

import pytest
from sisock import load
from sisock.errors import ConfigError
from sisock_http.config import HttpConfig
from sisock_http.web.hosts import Hosts, known_hosts
from sisock_testing import Stack

NO_FILE = Path("nothing")


@pytest.mark.parametrize(
    "host",
    [
        None,
        "localhost:5000",
        "127.0.0.1:5000",
        "[::1]:5000",
        "[::ffff:192.0.2.1]:5000",
        "192.0.2.10",
        "sisock-http:5000",
        "sisock_grafana_http:5000",
        "mountain.local:5000",
        "monitor.example.org",
    ],
)
def test_sites_and_their_proxies_are_answered_without_a_setting(host: str | None) -> None:
    assert Hosts().accept(host)


@pytest.mark.parametrize("host", ["evil.example:5000", "localhost.evil.example:5000", "EVIL.example.:5000"])
def test_a_name_that_was_made_to_point_here_is_refused(host: str) -> None:
    assert not Hosts().accept(host)


def test_on_the_webs_own_port_a_name_without_a_port_proves_nothing() -> None:
    assert not known_hosts((), 80, NO_FILE, "here").accept("evil.example")


def test_a_site_that_names_its_hosts_has_those_and_no_others() -> None:
    hosts = known_hosts(("Monitor.example.org", "*.mountain.example"), 5000, NO_FILE, "here")
    assert hosts.accept("monitor.EXAMPLE.org:5000")
    assert hosts.accept("a.mountain.example")
    assert not hosts.accept("evil.example")


def test_names_that_the_routers_certificate_has_are_the_sites_own(sisock_stack: Stack) -> None:
    hosts = known_hosts((), 5000, sisock_stack.directory / ".crossbar" / "server_cert.pem", "a.b")
    assert {"localhost", "sisock-crossbar"} <= set(hosts.named)
    assert hosts.accept("a.b:5000")


@pytest.mark.parametrize(
    "setting", [{"ALLOWED_HOSTS": "http://a.b"}, {"ALLOWED_HOSTS": "a.b:80"}, {"FRAME_ANCESTORS": "a; b"}]
)
def test_a_setting_that_is_none_is_told(setting: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        load(HttpConfig, setting)


def test_a_page_whose_name_was_made_to_point_here_reads_nothing(bridge: Any) -> None:
    reply = bridge.get("/api/v1/nodes", headers={"Host": f"evil.example:{bridge.port}"})
    assert reply.status_code == 421
    assert "ALLOWED_HOSTS" in reply.json()["error"]
    assert "apex_archive" not in reply.text


def test_a_proxy_may_hand_over_its_own_name(bridge: Any) -> None:
    assert bridge.get("/api/v1/nodes", headers={"Host": "monitor.example.org"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/nodes", "/nothing"])
def test_browsers_are_told_to_guess_no_types_and_to_frame_nothing(bridge: Any, path: str) -> None:
    headers = bridge.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "frame-ancestors 'self'"

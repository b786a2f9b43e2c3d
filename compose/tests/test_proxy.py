"""The documented proxy: real nginx with TLS before a real bridge that asks for tokens."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from sisock_hub.prepare import self_signed
from sisock_testing import Stack, wait_until
from sisock_testing.stack import executable, free_port

COMPOSE = Path(__file__).parents[1]
NAME = "monitor.example.org"
MAIN = """
daemon off; pid {folder}/nginx.pid; error_log stderr; worker_processes 1; user {user};
events {{}}
http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
include {folder}/site.conf; }}
"""


class SignIn(BaseHTTPRequestHandler):
    """Stands in for oauth2-proxy: knows people by a cookie."""

    def do_GET(self) -> None:
        person = re.search(r"session=(\w+)", self.headers.get("Cookie", ""))
        self.send_response(202 if person else 401)
        if person:
            self.send_header("X-Auth-Request-User", person[1])
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Site:
    """A stack, its bridge, and nginx before it."""

    def __init__(self, stack: Stack, folder: Path, oauth_port: int) -> None:
        self.bridge, self.port = free_port(), free_port()
        tokens = {"TOKENS_FILE": str(folder / "tokens.json")}
        made = subprocess.run(
            [executable("sisock-http"), "token", "add", "proxy", "--may=read", "--may=notes", "--may=proxy"],
            env={**os.environ, **tokens}, capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        self.token = made.stdout.strip()
        stack.start(
            "http", [sys.executable, "-m", "sisock_http"],
            PORT=str(self.bridge), ALLOWED_HOSTS=NAME, REQUIRE_TOKENS="yes", **tokens,
        )  # fmt: skip
        certificate, key = self_signed([NAME, "127.0.0.1"])
        (folder / "cert.pem").write_bytes(certificate)
        (folder / "key.pem").write_bytes(key)
        self.certificate = folder / "cert.pem"
        filled = {
            "PORT": f"127.0.0.1:{self.port}", "NAME": NAME, "CERTIFICATE": folder / "cert.pem",
            "KEY": folder / "key.pem", "BRIDGE": f"127.0.0.1:{self.bridge}",
            "OAUTH": f"127.0.0.1:{oauth_port}",
            "TOKEN": self.token,
        }  # fmt: skip
        text = (COMPOSE / "proxy" / "sisock.conf.template").read_text()
        text = re.sub(r"\$\{PROXY_(\w+)\}", lambda found: str(filled[found[1]]), text)
        (folder / "site.conf").write_text(text)
        user = "root" if os.geteuid() == 0 else "nobody"
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
        nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
        stack.start("nginx", [nginx, "-c", str(folder / "nginx.conf")])

    def ask(self, path: str, person: str = "", **kwargs: Any) -> requests.Response:
        """Ask through nginx, as a browser does whose person has signed in."""
        headers = {
            "Host": NAME,
            **({"Cookie": f"session={person}"} if person else {}),
            **kwargs.pop("headers", {}),
        }
        method = "POST" if "json" in kwargs else "GET"
        return requests.request(
            method, f"https://127.0.0.1:{self.port}{path}", headers=headers, timeout=20,
            verify=str(self.certificate), allow_redirects=False, **kwargs,
        )  # fmt: skip


@pytest.fixture(scope="module")
def site(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("proxy")
    stack = Stack(folder)
    sign_in = ThreadingHTTPServer(("127.0.0.1", 0), SignIn)
    threading.Thread(target=sign_in.serve_forever, daemon=True).start()
    try:
        stack.start_hub()
        stack.start("watch", [sys.executable, "-m", "sisock_watch"], STATE_DB="watch.sqlite")
        site = Site(stack, folder, sign_in.server_port)

        def ready() -> bool:
            try:
                told = site.ask("/api/v1/status", "ada")
            except requests.ConnectionError:
                return False
            return told.ok and "watch" in {node["name"] for node in told.json()["nodes"]}

        wait_until(ready, what="the proxy and the bridge")
        yield site
    finally:
        stack.stop()
        sign_in.shutdown()
        sign_in.server_close()


def test_who_has_not_signed_in_is_sent_to_do_so(site: Site) -> None:
    reply = site.ask("/api/v1/nodes")
    assert reply.status_code == 302
    assert reply.headers["location"].endswith("/oauth2/sign_in?rd=/api/v1/nodes")
    forged = site.ask("/api/v1/nodes", headers={"X-Forwarded-User": "ada", "X-Auth-Request-User": "ada"})
    assert forged.status_code == 302


def test_who_has_signed_in_sees_the_page_and_reads(site: Site) -> None:
    assert b"<!doctype html>" in site.ask("/", "ada", headers={"Accept": "text/html"}).content.lower()
    other = {"Authorization": "Bearer of-the-oauth-provider"}
    assert [node["name"] for node in site.ask("/api/v1/nodes", "ada", headers=other).json()] == ["watch"]


def test_a_notes_author_is_who_signed_in_whatever_the_browser_says(site: Site) -> None:
    note = {"text": "filled the dewar", "author": "the director"}
    reply = site.ask("/api/v1/notes", "ada", json=note, headers={"X-Forwarded-User": "the director"})
    assert (reply.status_code, reply.json()["author"]) == (201, "ada")


def test_changes_come_through_the_proxy_while_they_happen(site: Site) -> None:
    with site.ask("/api/v1/stream", "ada", stream=True) as reply:
        first = next(reply.iter_lines(chunk_size=1))
    assert reply.headers["content-type"] == "text/event-stream"
    assert first


def test_past_the_proxy_nobody_gets_in_without_a_token(site: Site) -> None:
    url = f"http://127.0.0.1:{site.bridge}/api/v1/nodes"
    assert requests.get(url, headers={"X-Forwarded-User": "ada"}, timeout=20).status_code == 401
    assert requests.get(url, auth=("grafana", site.token), timeout=20).status_code == 200

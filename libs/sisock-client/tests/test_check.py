"""``sisock check`` from every place that people look from, at stacks that are well and at others."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from sisock_hub.prepare import self_signed
from sisock_testing import SERVERS as OLD
from sisock_testing import Stack, wait_until
from sisock_testing.stack import free_port

SERVERS = Path(__file__).parent / "servers"
Look = Callable[..., "subprocess.CompletedProcess[str]"]


class Site:
    """A stack that these tests may break, and its bridge."""

    def __init__(self, folder: Path) -> None:
        self.stack = Stack(folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.crossbar = folder / ".crossbar"

    def start_bridge(self) -> None:
        self.stack.start_module("sisock_http", PORT=str(self.port))

    def status(self) -> dict[str, object]:
        try:
            told: dict[str, object] = requests.get(f"{self.url}/api/v1/status", timeout=2).json()
        except requests.RequestException:
            return {}
        return told

    def wait_for(self, *names: str) -> None:
        wait_until(
            lambda: {node["name"] for node in self.status().get("nodes", ())} == set(names),  # type: ignore[attr-defined]
            what=f"the bridge knows {names} and no other",
        )

    def start_thermometer(self, name: str, silent_s: int = 0) -> None:
        command = [sys.executable, str(SERVERS / "thermometer.py")]
        self.stack.start(name, command, NAME=name, SILENT=str(silent_s))

    def end(self, *names: str) -> None:
        for name in names:
            self.stack.processes.pop(name).stop()


@pytest.fixture(scope="module")
def site(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        site.stack.start_hub()
        site.start_bridge()
        wait_until(lambda: site.status().get("hub"), what="the bridge has the hub")
        yield site
    finally:
        site.stack.stop()


@pytest.fixture
def look(site: Site, tmp_path: Path) -> Look:
    """Runs ``sisock check`` in a folder, with settings of its own and no others."""

    def call(*arguments: str, folder: Path = tmp_path, **environ: str) -> "subprocess.CompletedProcess[str]":
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("WAMP_", "CROSSBAR_", "SISOCK_"))}
        return subprocess.run(
            [sys.executable, "-m", "sisock_client", *arguments, "check"],
            env={**kept, **environ},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return call


def as_component(site: Site) -> dict[str, str]:
    own = {"CROSSBAR_DIR": str(site.crossbar), "SISOCK_URL": site.url}
    return {
        "CROSSBAR_HOST": "127.0.0.1",
        "CROSSBAR_TLS_PORT": str(site.stack.tls_port),
        **own,
    }


def test_a_stack_that_is_well_is_said_to_be_from_every_place(site: Site, look: Look, tmp_path: Path) -> None:
    site.start_thermometer("thermometer")
    site.stack.start_module("sisock_weather")
    try:
        site.wait_for("thermometer", "apex_archive")
        component = look(**as_component(site))
        for part in (
            "ok     the router at 127.0.0.1",
            "ok     its certificate is the one",
            "ok     the hub answers and lists 2 data nodes",
            "ok     apex_archive: it answers; no sample within the last day (an archive, perhaps)",
            "ok     thermometer: its last sample is ",
            f"ok     the bridge at {site.url} answers and knows 2 data nodes",
            "all is well",
        ):
            assert part in component.stdout, component.stdout
        assert component.returncode == 0

        # The site guide's: no variable is set, the folder has .env and .crossbar, ports are published here.
        folder = tmp_path / "monitor"
        folder.mkdir()
        (folder / ".crossbar").symlink_to(site.crossbar)
        lines = [f"CROSSBAR_TLS_PORT={site.stack.tls_port}", f"SISOCK_HTTP_PORT={site.port}"]
        (folder / ".env").write_text("\n".join(["SISOCK_REGISTRY=registry", *lines]))
        host = look(folder=folder)
        assert f"ok     the router at localhost:{site.stack.tls_port} is reachable" in host.stdout, (
            host.stdout
        )
        assert "ok     thermometer: its last sample is " in host.stdout
        assert "all is well" in host.stdout
        assert host.returncode == 0

        laptop = look(SISOCK_URL=site.url)
        assert "looking through the bridge" in laptop.stdout
        assert "ok     thermometer: its last sample is " in laptop.stdout, laptop.stdout
        assert "ok     apex_archive: it answers" in laptop.stdout
        assert "router at" not in laptop.stdout
        assert laptop.returncode == 0
    finally:
        site.end("thermometer", "sisock_weather")


def test_a_person_who_may_not_read_secrets_looks_through_the_bridge(
    site: Site, look: Look, tmp_path: Path
) -> None:
    site.start_thermometer("thermometer")
    try:
        site.wait_for("thermometer")
        folder = tmp_path / "monitor"
        # A directory cannot be read as a file by anybody, not even by root, who these tests may be.
        (folder / ".crossbar" / "secrets" / "simonsobs").mkdir(parents=True)
        shutil.copy(site.crossbar / "server_cert.pem", folder / ".crossbar")
        done = look("--url", site.url, folder=folder, CROSSBAR_TLS_PORT=str(site.stack.tls_port))
        assert "-      no secret for the user 'simonsobs' that we may read" in done.stdout, done.stdout
        assert "ok     thermometer: its last sample is " in done.stdout
        assert done.returncode == 0
    finally:
        site.end("thermometer")


def test_a_stack_without_data_nodes_is_not_well(site: Site, look: Look) -> None:
    site.wait_for()
    component = look(**as_component(site))
    assert "WRONG  the hub answers and lists no data node: none is running, or" in component.stdout
    assert component.returncode == 1
    laptop = look(SISOCK_URL=site.url)
    assert "knows no data node" in laptop.stdout
    assert laptop.returncode == 1


def test_a_feed_that_has_been_silent_for_a_minute_and_a_half_is_said(site: Site, look: Look) -> None:
    # By the node's clock when it is asked, a little after the command has looked at its own.
    site.start_thermometer("silent", silent_s=95)
    site.start_thermometer("frozen", silent_s=7300)
    try:
        site.wait_for("silent", "frozen")
        for done in (look(**as_component(site)), look(SISOCK_URL=site.url)):
            assert "WRONG  silent: silent: kelvin for 9" in done.stdout, done.stdout
            assert "WRONG  frozen: its last sample is 2 h old, though it serves live data" in done.stdout
            assert "2 things are wrong" in done.stdout
            assert done.returncode == 1
    finally:
        site.end("silent", "frozen")


def test_an_old_server_that_works_is_well(site: Site, look: Look) -> None:
    for name in ("old_style", "pre_core"):  # the second gives two fields one timeline, but not one time
        site.stack.start(name, [sys.executable, str(OLD / f"{name}.py")])
    try:
        site.wait_for("old_thermometer", "pre_core")
        for done in (look(**as_component(site)), look(SISOCK_URL=site.url)):
            assert "ok     old_thermometer: its last sample is " in done.stdout, done.stdout
            assert "-      pre_core: silent: " in done.stdout, done.stdout
            assert "b for 13 min; if it serves live data, look at what feeds it" in done.stdout
            assert done.returncode == 0
    finally:
        site.end("old_style", "pre_core")


def test_a_certificate_that_is_not_the_routers_is_said_in_words(
    site: Site, look: Look, tmp_path: Path
) -> None:
    site.start_thermometer("thermometer")
    try:
        site.wait_for("thermometer")
        shutil.copytree(site.crossbar, tmp_path / ".crossbar", ignore=shutil.ignore_patterns("*.sock"))
        (tmp_path / ".crossbar" / "server_cert.pem").write_bytes(self_signed(["127.0.0.1"])[0])
        done = look(**{**as_component(site), "CROSSBAR_DIR": str(tmp_path / ".crossbar")})
        assert "WRONG  its certificate is not the one in" in done.stdout, done.stdout
        assert "SSL" not in done.stdout + done.stderr
        assert "ok     thermometer: its last sample is " in done.stdout
        assert "1 thing is wrong" in done.stdout

        (tmp_path / ".crossbar" / "server_cert.pem").unlink()
        done = look(**{**as_component(site), "CROSSBAR_DIR": str(tmp_path / ".crossbar")})
        assert "WRONG  its certificate is not trusted here (self-signed certificate)" in done.stdout
    finally:
        site.end("thermometer")


def test_components_that_began_with_older_secrets_come_back_by_themselves(site: Site, look: Look) -> None:
    site.start_thermometer("thermometer")
    try:
        site.wait_for("thermometer")
        old = (site.crossbar / "secrets" / "simonsobs").read_text()
        for name in ("server", "simonsobs"):
            (site.crossbar / "secrets" / name).unlink()
        hub = site.stack.processes["hub"]
        begun = hub.text().count("hub.ready")
        site.stack.start_hub()
        wait_until(lambda: hub.text().count("hub.ready") > begun, what="the hub is back")
        site.wait_for("thermometer")
        wait_until(lambda: site.status().get("hub"), what="the bridge has the hub again")
        done = look(**as_component(site))
        assert "ok     there is a secret for the user 'simonsobs'" in done.stdout, done.stdout
        assert "WRONG" not in done.stdout, done.stdout
        stale = look(**as_component(site), WAMP_SECRET=old)
        assert "WRONG  the router does not let us in" in stale.stdout, stale.stdout
        assert "Was the secret changed?" in stale.stdout
    finally:
        site.end("thermometer")

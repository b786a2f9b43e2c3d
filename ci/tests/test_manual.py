"""The compose blocks that the manuals print run on our images, beside a site's own router configuration."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from sisock_ci.services import services
from sisock_testing import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
BLOCKS = Path(__file__).parent / "manual"
NODES = {
    "components": {"apex_archive", "sensors", "apex_weather", "bluefors", "ucsc_radiometer", "g3_reader"},
    "site-setup": {"apex_archive", "LSA23JD"},
}
PORT = {"components": 5001, "site-setup": 5000}


@pytest.mark.parametrize("name", sorted(NODES))
def test_the_manuals_blocks_run(
    name: str, images: Sequence[str], registry: str, tmp_path: Path, run_compose: Any
) -> None:
    site = tmp_path / f"manual-{name}"
    site.mkdir()
    write_crossbar(tmp_path / ".crossbar")
    # The manual prints one directory in four ways.
    for place in (tmp_path / "crossbar", site / "crossbar", site / ".crossbar"):
        place.symlink_to(tmp_path / ".crossbar")
    versions = {image: s.version for s in services(ROOT) for image in (s.image, *s.also)}

    def edited(match: re.Match[str]) -> str:
        return f"image: {registry}/{match[1]}:{versions[match[1]]}"

    text = (BLOCKS / f"{name}.yaml").read_text()
    text = re.sub(r"image: grumpy\.physics\.yale\.edu/([\w-]+):\S+", edited, text)
    text = text.replace("mariadb:10.3", "mariadb:10.11")
    for folder in ("/home/koopman/data/yale", "/var/www/apex_weather", "/var/www/Skymonitor"):
        (tmp_path / folder[1:]).mkdir(parents=True)
        text = text.replace(folder, f"{tmp_path}{folder}")
    (site / "docker-compose.yml").write_text(text)
    made = subprocess.run(["docker", "network", "create", "sisock-net"], check=False, capture_output=True)
    try:
        run_compose(site, "up", "-d")
        wait_until(
            lambda: NODES[name] <= online(site, run_compose, PORT[name]),
            120,
            f"{sorted(NODES[name])} are online",
            step_s=1.0,
        )
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{run_compose(site, 'logs', '--tail=15')[-8000:]}") from None
    finally:
        run_compose(site, "down", "-v", "--timeout", "3", check=False)
        if made.returncode == 0:
            subprocess.run(["docker", "network", "rm", "sisock-net"], check=False, capture_output=True)


def online(site: Path, run_compose: Any, port: int) -> set[str]:
    """Nodes that the bridge lists."""
    container = run_compose(site, "ps", "-q", "sisock-http").strip()
    told = subprocess.run(
        ["docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    try:
        reply = requests.get(f"http://{told}:{port}/readyz", timeout=3)
    except requests.ConnectionError:
        return set()
    return set(reply.json().get("nodes", ()))


def write_crossbar(directory: Path) -> None:
    """A site's directory as its set-up left it in 2019: its configuration, a key that only root reads."""
    directory.mkdir()
    shutil.copy(ROOT / "services" / "hub" / "tests" / "site-2019" / "config.json", directory)
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=sisock_crossbar"
    files = ["-keyout", str(directory / "server_key.pem"), "-out", str(directory / "server_cert.pem")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    (directory / "server_key.pem").chmod(0o600)

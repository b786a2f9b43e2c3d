"""OCS beside a stack as the site guide has it: its own blocks, with the real OCS."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from sisock.config import load
from sisock_data_feed.config import DataFeedConfig
from sisock_testing import Stack, wait_until
from sisock_testing.ocs import install

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "site-guide.md").read_text(encoding="utf-8")
USER = 9000


def block(language: str, holding: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    [only] = [text for text in found if holding in text]
    return str(only)


@pytest.fixture
def site_config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(block("yaml", "agent-instances"))
    return loaded


@pytest.fixture
def agents() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(block("yaml", "ocs-aggregator"))["services"]
    return loaded


def test_the_blocks_agree_with_each_other(site_config: dict[str, Any], agents: dict[str, Any]) -> None:
    [(host, instances)] = site_config["hosts"].items()
    known = {agent["instance-id"]: agent["arguments"] for agent in instances["agent-instances"]}
    assert {one["environment"]["INSTANCE_ID"] for one in agents.values()} == set(known)
    assert {one["hostname"] for one in agents.values()} == {host}
    aggregator, arguments = agents["ocs-aggregator"], known["aggregator"]
    [data] = [volume for volume in aggregator["volumes"] if not volume.endswith(":ro")]
    assert data == f"${{G3_DATA}}:{arguments[arguments.index('--data-dir') + 1]}"
    assert f"useradd -u {USER} -g {USER} ocs" in block("bash", "useradd")
    assert {one["user"] for one in agents.values()} == {str(USER)}
    for dockerfile in (ROOT / "services").glob("*/Dockerfile"):
        assert f"--uid {USER} " in dockerfile.read_text()
    compose = yaml.safe_load((ROOT / "compose" / "docker-compose.yaml").read_text())["services"]
    assert all("${G3_DATA:-" in compose[name]["volumes"][-1] for name in ("g3-reader", "g3-file-scanner"))


def test_the_files_are_made_by_the_lines_of_the_guide(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run(["bash", "-euc", block("bash", "mkdir -p ocs")], cwd=tmp_path, env=environ, check=True)
    line = f"OCS_CONFIG_DIR={tmp_path}/ocs\n"
    assert (tmp_path / ".env").read_text() == line
    assert (tmp_path / ".bashrc").read_text() == f"export {line}"


@pytest.mark.timeout(600)
def test_the_real_ocs_runs_from_the_guides_config_and_all_feeds_are_served(
    sisock_stack: Stack, sisock_peer: Any, tmp_path: Path
) -> None:
    programs = install(ROOT / ".venvs", ["so3g"])
    config = tmp_path / "default.yaml"
    (tmp_path / "data").mkdir()
    config.write_text(block("yaml", "agent-instances").replace("/data]", f"{tmp_path}/data]"))
    hub = f"localhost:{sisock_stack.ocs_port}"
    client = block("bash", "ocs-client-cli").strip()
    assert "--site-hub ws://localhost:8001/ws --site-http http://localhost:8001/call" in client
    reach = ["--site-hub", f"ws://{hub}/ws", "--site-http", f"http://{hub}/call"]
    options = ["--site-file", str(config), "--site-host", "ocs-docker", *reach]
    environment = yaml.safe_load(block("yaml", 'FEED: "*"'))["environment"]
    load(DataFeedConfig, environment)
    running = [
        sisock_stack.start(
            f"guide-{name}", [str(programs / "ocs-agent-cli"), *options, "--instance-id", name]
        )
        for name in ("registry", "aggregator", "fake1")
    ]
    try:
        sisock_stack.start_module("sisock_data_feed", CROSSBAR_DIR=".crossbar", **environment)
        sisock_peer.wait_for_node("ocs")

        def served() -> bool:
            fields = [field.name for field in sisock_peer.get_fields("ocs")]
            return "fake1.false_temperatures.channel_00" in fields

        wait_until(served, 60, "the fake agent's feed is served")
        local = client.replace("localhost:8001", hub).replace("ocs-client-cli", f"{programs}/ocs-client-cli")
        local = local.replace(" --site-hub", f" --site-file {config} --site-hub", 1)

        def scanned() -> bool:
            command = ["bash", "-c", local]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            return {"registry", "aggregator", "fake1"} <= set(done.stdout.split())

        # It hears two seconds of heartbeats, in which a busy machine's agents may have none.
        wait_until(scanned, 60, "a scan sees all agents")
    finally:
        for agent in running:  # asked to stop, an agent takes six seconds
            agent.kill()
            agent.popen.wait()
        sisock_stack.processes.pop("sisock_data_feed").stop()

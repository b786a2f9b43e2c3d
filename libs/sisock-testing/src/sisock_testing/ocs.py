"""The real OCS from PyPI beside a stack, in an environment of its own: its versions are not ours.

`install` needs ``sisock-testing[ocs]``.
"""

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sisock_testing.stack import Process, Stack, wait_until

VERSION = "0.12.1"


def install(directory: Path, extras: Sequence[str] = ()) -> Path:
    """Make OCS's environment, once, and keep it; whoever wants it meanwhile waits.

    Parameters
    ----------
    directory : Path
        Where environments are kept.
    extras : sequence of str
        Further requirements, such as ``so3g`` for the aggregator.

    Returns
    -------
    Path
        Where its programs are.
    """
    environment = directory / "-".join([f"ocs-{VERSION}", *extras])
    made = environment / "made"
    python = environment / "bin" / "python"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{environment.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            # What an installation left that was ended is no environment, which uv would not clear.
            shutil.rmtree(environment, ignore_errors=True)
            _uv("venv", "--python", sys.executable, str(environment))
            _uv("pip", "install", "--python", str(python), f"ocs=={VERSION}", *extras)
            made.touch()
    return environment / "bin"


def _uv(*arguments: str) -> None:
    """Run uv, whose environments are links into its cache; what a repository overrides is not OCS's."""
    from uv import find_uv_bin  # noqa: PLC0415 (the extra `ocs` brings it)

    subprocess.run([find_uv_bin(), "--no-config", "--quiet", *arguments], check=True)


class Ocs:
    """An OCS site beside a stack: its agents, and clients that command them."""

    def __init__(self, stack: Stack, ocs_bin: Path) -> None:
        self._stack = stack
        self._bin = ocs_bin
        self._site = stack.directory / "site.yaml"

    def write_site(self, **agents: tuple[str, list[str]]) -> None:
        """Write the site config: for each instance its class and arguments."""
        port = self._stack.ocs_port
        instances = [
            {"agent-class": kind, "instance-id": instance, "arguments": arguments}
            for instance, (kind, arguments) in agents.items()
        ]
        hub = {
            "wamp_server": f"ws://127.0.0.1:{port}/ws",
            "wamp_http": f"http://127.0.0.1:{port}/call",
            "wamp_realm": "test_realm",
            "address_root": "observatory",
            "registry_address": "observatory.registry",
        }
        hosts = {"localhost": {"agent-instances": instances}}
        self._site.write_text(json.dumps({"hub": hub, "hosts": hosts}))  # JSON is YAML

    @property
    def _options(self) -> list[str]:
        return ["--site-file", str(self._site), "--site-host", "localhost"]

    def start_agent(self, instance: str) -> Process:
        """Start an agent as OCS's own containers do, and wait until it joined."""
        command = [str(self._bin / "ocs-agent-cli"), *self._options, "--instance-id", instance]
        agent = self._stack.start(f"ocs-{instance}", command)
        wait_until(lambda: "session joined" in agent.text(), what=f"the agent {instance} ({agent.log})")
        return agent

    def client(self, instance: str, expression: str) -> str:
        """Evaluate an expression with ``client``, an OCSClient of that instance."""
        script = (
            "import sys, time; from ocs.ocs_client import OCSClient\n"
            f"client = OCSClient({instance!r}, args={self._options!r})\n"
            f"print({expression})"
        )
        python = [str(self._bin / "python"), "-c", script]
        done = subprocess.run(
            python, env=self._stack.environ(), capture_output=True, text=True, timeout=30, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

"""A data node's own user, and a restart of router, hub and bridge: by the site guide's words alone."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from sisock import uris
from sisock_testing import Peer, Stack, wait_until
from sisock_testing.stack import Reactor, executable, free_port

GUIDE = (Path(__file__).parents[1] / "site-guide.md").read_text(encoding="utf-8")
SECTION = GUIDE.split("## A user for each data node\n")[1].split("\n## ")[0]
STEPS = re.findall(r"^```(bash|yaml)\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)


class Site:
    """Does what docker-compose would, with processes for containers."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.port = free_port()
        self.blocks: dict[str, dict[str, str]] = {"weather": {}}
        stack.start_hub()
        self._start_weather()
        self._start_bridge()

    def _start_weather(self) -> None:
        self.stack.start_module("sisock_weather", **self.blocks["weather"])

    def _start_bridge(self) -> None:
        mounted = str(self.stack.directory / ".crossbar" / "mounts" / "simonsobs")
        self.stack.start_module("sisock_http", PORT=str(self.port), CROSSBAR_DIR=mounted)

    def say(self, line: str) -> None:
        """One line of the guide; what is not known here is a failure."""
        program, verb, *words = line.split()
        assert program == "docker-compose"
        if verb == "exec":
            container, command, *arguments = words
            assert container == "sisock-crossbar"
            subprocess.run(
                [executable(command), *arguments],
                cwd=self.stack.directory, env=self.stack.environ(), check=True, timeout=60,
            )  # fmt: skip
        elif (verb, words) == ("up", ["-d"]):
            self._start_weather()
        else:
            assert verb == "restart"
            start = {"sisock-crossbar": self.stack.start_hub, "sisock-http": self._start_bridge}
            for name in words:
                start[name]()

    def write(self, text: str) -> None:
        """A further compose file: settings of a block, and what it sees at /app/.crossbar."""
        [(name, block)] = yaml.safe_load(text)["services"].items()
        [mount] = block["volumes"]
        seen, inside, _ = mount.split(":")
        assert inside == "/app/.crossbar"
        self.blocks[name] = {**block["environment"], "CROSSBAR_DIR": str(self.stack.directory / seen)}

    def answers(self) -> bool:
        """Whether the bridge has the archive's day."""
        query = "field=apex_archive::apex_radiometer&start=2017-07-14&end=2017-07-15&format=json"
        try:
            reply = requests.get(f"http://127.0.0.1:{self.port}/api/v1/data?{query}", timeout=20)
        except requests.ConnectionError:
            return False
        return reply.ok and len(reply.json()) == 1440


@pytest.fixture
def site(sisock_processes: None, tmp_path: Path) -> Iterator[Site]:
    stack = Stack(tmp_path)
    try:
        yield Site(stack)
    finally:
        stack.stop()


def refused(reactor: Reactor, stack: Stack) -> bool:
    """Whether the common user may not take the name, not even by force."""
    from autobahn.wamp.exception import ApplicationError
    from autobahn.wamp.types import RegisterOptions

    peer = Peer(reactor, stack.config())

    async def take() -> None:
        options = RegisterOptions(force_reregister=True)
        await peer.session.register(lambda *_: None, uris.get_data("apex_archive"), options=options)

    try:
        reactor.wait(take)
    except ApplicationError as error:
        return str(error.error) == str(ApplicationError.NOT_AUTHORIZED)
    finally:
        peer.close()
    return False


def test_router_hub_and_bridge_restart_with_a_nodes_own_user(site: Site, sisock_reactor: Reactor) -> None:
    wait_until(site.answers, what="the site answers")
    done: list[Any] = []
    for language, text in STEPS:
        if language == "yaml":
            site.write(text)
        else:
            for line in text.splitlines():
                site.say(line)
                done.append(line)
        wait_until(site.answers, what=f"the site answers after {text!r}")
    assert done[-1] == "docker-compose restart sisock-crossbar sisock-http"
    assert refused(sisock_reactor, site.stack)
    assert '"user": "apex_archive"' in site.stack.processes["sisock_weather"].text()

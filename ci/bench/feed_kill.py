"""Kill data-feed with -9, twice in a minute, while OCS's FakeDataAgent publishes; count what is lost.

The agent is the real one from PyPI, in the environment that the tests of data-feed make. A recorder
beside the server hears the same messages. Allowed to be missing: what was published while the server
was down, and what came in the last second before it was killed.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sisock import logs
from sisock.connection import Connection
from sisock_testing import Process, Stack, wait_until
from sisock_testing.stack import Peer, Reactor

OCS = Path(__file__).parents[2] / ".venvs" / "ocs-0.12.1"
TOPIC = "observatory.fake1.feeds.false_temperatures"
DURATION_S = 60.0
KILLS_S = (20.0, 40.0)
DOWN_S = 1.0
CHANNELS = 3


class Recorder:
    """Subscribed to the feed beside the server: remembers each message and when it came."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, Any]] = []
        self.here = False

    async def joined(self, session: Any, _details: Any) -> None:
        """Subscribe."""
        await session.subscribe(lambda message: self.heard.append((time.time(), message)), TOPIC)
        self.here = True

    def lost(self) -> None:
        """Hear nothing."""
        self.here = False


def ocs_environment() -> Path:
    """Programs of the real OCS."""
    if not (OCS / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", OCS], check=True)
        subprocess.run([OCS / "bin" / "python", "-m", "pip", "-q", "install", "ocs==0.12.1"], check=True)
        (OCS / "made").touch()
    return OCS / "bin"


def start_agent(stack: Stack, programs: Path) -> Process:
    """Start FakeDataAgent at 10 Hz, acquiring from its start on."""
    port = stack.ocs_port
    hub = {
        "wamp_server": f"ws://127.0.0.1:{port}/ws", "wamp_http": f"http://127.0.0.1:{port}/call",
        "wamp_realm": "test_realm", "address_root": "observatory", "registry_address": "observatory.registry",
    }  # fmt: skip
    arguments = ["--mode", "acq", "--sample-rate", "10", "--num-channels", str(CHANNELS)]
    agent = {"agent-class": "FakeDataAgent", "instance-id": "fake1", "arguments": arguments}
    site = stack.directory / "site.yaml"
    site.write_text(json.dumps({"hub": hub, "hosts": {"localhost": {"agent-instances": [agent]}}}))
    options = ["--site-file", str(site), "--site-host", "localhost", "--instance-id", "fake1"]
    return stack.start("agent", [str(programs / "ocs-agent-cli"), *options])


def start_feed(stack: Stack, peer: Peer) -> tuple[Process, float]:
    """Start the server; the process, and when it had subscribed."""
    log = stack.directory / "sisock_data_feed.log"
    before = log.read_text().count("feed.subscribed") if log.exists() else 0
    process = stack.start_module(
        "sisock_data_feed", TARGET="fake1", FEED="false_temperatures", NAME="fake1", DESCRIPTION="bench"
    )
    wait_until(lambda: process.text().count("feed.subscribed") > before, step_s=0.005, what="data-feed")
    subscribed = time.time()
    peer.wait_for_node("fake1")
    return process, subscribed


def count(recorder: Recorder, peer: Peer, outages: list[tuple[float, float]]) -> bool:
    """Print what is missing of what was published, and why; whether it is only what may be."""
    channels = [f"channel_{i:02d}" for i in range(CHANNELS)]
    series, problems = peer.get_data("fake1", channels, -3600, 0)
    if problems:
        raise RuntimeError(problems)
    kept = {c: dict(zip(series[c].t.tolist(), series[c].values.tolist(), strict=True)) for c in channels}
    published = served = down = before = lost = 0
    for came, (blocks, _feed) in recorder.heard:
        for channel, values in blocks["temps"]["data"].items():
            for t, value in zip(blocks["temps"]["timestamps"], values, strict=True):
                published += 1
                if kept[channel].get(t) == value:
                    served += 1
                elif any(killed <= came <= subscribed for killed, subscribed in outages):
                    down += 1
                elif any(killed - 1 <= came < killed for killed, _ in outages):
                    before += 1
                else:
                    lost += 1
    extra = sum(len(c) for c in kept.values()) - served
    print(
        "| published | served as published | missing: while down | a second before | else | not published |"
    )
    print("|---|---|---|---|---|---|")
    print(f"| {published} | {served} | {down} | {before} | {lost} | {extra} |")
    return lost == 0 and extra == 0


def main() -> None:
    programs = ocs_environment()
    stack, reactor = Stack(Path(tempfile.mkdtemp(prefix="sisock-bench-"))), Reactor()
    recorder = Recorder()
    try:
        stack.start_hub()
        peer = Peer(reactor, stack.config(WAMP_USER="simonsobs"))
        connection = Connection(reactor.reactor, stack.config(), recorder, logs.get(), open_port=True)
        reactor.reactor.callFromThread(lambda: connection.run().addErrback(lambda _: None))
        wait_until(lambda: recorder.here, what="the recorder hears")
        process, _ = start_feed(stack, peer)
        start_agent(stack, programs)
        wait_until(lambda: recorder.heard, what="the agent publishes")
        begun = time.time()
        outages = []
        for kill_s in KILLS_S:
            time.sleep(max(0.0, begun + kill_s - time.time()))
            process.kill()
            killed = time.time()
            process.popen.wait()
            wait_until(lambda: "fake1" not in peer.consumer.nodes, what="the node is gone")
            time.sleep(DOWN_S)
            process, subscribed = start_feed(stack, peer)
            outages.append((killed, subscribed))
        time.sleep(max(0.0, begun + DURATION_S - time.time()))
        stack.processes["agent"].kill()
        time.sleep(1)
        down = ", ".join(f"{b - a:.1f} s" for a, b in outages)
        print(f"{len(recorder.heard)} messages in {time.time() - begun:.0f} s; down for {down}\n")
        good = count(recorder, peer, outages)
        peer.close()
    finally:
        stack.stop()
        reactor.stop()
    if not good:
        sys.exit("samples are lost that must not be")


if __name__ == "__main__":
    main()

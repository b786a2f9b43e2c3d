"""``sisock top`` in a terminal, and notes, on a real bridge with a real watch, which go and come."""

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from sisock_client.__main__ import main
from sisock_testing import SERVERS, Process, Stack, wait_until
from sisock_testing.stack import free_port

ROWS, COLUMNS = 40, 120
HOME = "\x1b[H"
SEQUENCE = re.compile(r"\x1b\[[?\d;]*[A-Za-z]")


class Terminal:
    """A terminal that a command runs in."""

    def __init__(self, *command: str, **environ: str) -> None:
        self.ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.text = ""
        # Where we run may say how wide its own terminal is.
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env={**kept, "TERM": "xterm-256color", **environ},
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                self.text += os.read(self.ours, 65536).decode("utf-8", "replace")
            except OSError:  # it is closed
                return

    def frame(self) -> str:
        """What was drawn last, without colours."""
        drawn = self.text.split(HOME)
        return SEQUENCE.sub("", drawn[-2] if len(drawn) > 1 else "").replace("\r", "")

    def press(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self.theirs)
        os.close(self.ours)


@pytest.fixture(scope="module")
def bridge(sisock_stack: Stack) -> Iterator[Callable[[], Process]]:
    """Starts a bridge, each time at the same address; watch and a node that ticks are there."""
    port = free_port()
    command = [sys.executable, "-m", "sisock_http"]
    started = [
        sisock_stack.start(
            "ticker", [sys.executable, str(SERVERS / "clockwork.py")], NAME="ticker", LIVE="yes"
        ),
        sisock_stack.start_module("sisock_watch", STATE_DB="top.sqlite"),
    ]

    def start() -> Process:
        started.append(sisock_stack.start("bridge of top", command, PORT=str(port), ALLOW_NOTES="yes"))
        start.url = f"http://127.0.0.1:{port}"
        return started[-1]

    yield start
    for process in reversed(started):
        process.stop()


def is_fresh(url: str) -> bool:
    try:
        told = requests.get(f"{url}/api/v1/state", params={"search": "ticker"}, timeout=5).json()
    except requests.RequestException:
        return False
    return bool(told.get("watch")) and {one["state"] for one in told["fields"]} == {"fresh"}


def test_a_note_is_among_what_happened(bridge, capsys: pytest.CaptureFixture[str]) -> None:
    bridge()
    wait_until(lambda: is_fresh(bridge.url), 60, what="fields are fresh")
    assert (
        main(["--url", bridge.url, "note", "what", "I did", "--field", "ticker::sine", "--time", "-1m"]) == 0
    )
    assert capsys.readouterr().out.endswith("  ticker::sine  what I did\n")

    def notes() -> list[dict[str, Any]]:
        return requests.get(f"{bridge.url}/api/v1/events", params={"what": "note"}, timeout=10).json()

    [note] = wait_until(notes, 30, "it is stored")
    assert (note["why"], note["target"]) == ("what I did", "ticker::sine")
    assert 50 < time.time() - note["t"] < 200


def test_it_shows_what_is_and_never_calls_unknown_well(bridge, sisock_stack: Stack) -> None:
    running = bridge()
    wait_until(lambda: is_fresh(bridge.url), 60, what="fields are fresh")
    terminal = Terminal(sys.executable, "-m", "sisock_client", "--url", bridge.url, "top", "ticker::*")

    def shows(*texts: str) -> None:
        try:
            wait_until(lambda: all(text in terminal.frame() for text in texts), 30, what=f"it shows {texts}")
        except TimeoutError:
            pytest.fail(f"it does not show {texts}, but\n{terminal.frame()}")

    try:
        shows("No trouble that is known", "● fresh", "ticker::sine", "UTC")
        running.kill()
        shows("nothing is known since", "cannot be reached", "was fresh")
        assert "●" not in terminal.frame()
        bridge()
        shows("No trouble that is known", "● fresh")
        sisock_stack.processes["ticker"].kill()
        shows("✕ 1 node lost", "1 in trouble", "✕ gone")
        sisock_stack.processes["sisock_watch"].kill()
        shows("? nothing is known since", "nobody watches")
        assert "●" not in terminal.frame()
        terminal.press("jjk q")
        assert terminal.process.wait(15) == 1
        assert termios.tcgetattr(terminal.theirs) == terminal.before
        wait_until(lambda: "\x1b[?1049l" in terminal.text, what="the screen is as it was")
    finally:
        terminal.close()

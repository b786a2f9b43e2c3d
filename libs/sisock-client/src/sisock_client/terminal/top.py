"""``sisock top``: the overview, until somebody presses q. It is drawn each second, so that ages grow."""

import os
import queue
import re
import select
import signal
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sisock_client.errors import ClientError
from sisock_client.terminal.ear import Ear, News, Source, tell
from sisock_client.terminal.overview import Overview
from sisock_client.terminal.screen import body, head

TICK_S = 1.0
KEY = re.compile(r"\x1b\[[\d;]*[A-Za-z~]|.", re.DOTALL)
QUIT = ("q", "Q", "\x03", "\x04")
STEPS = {"j": 1, "k": -1, "\x1b[B": 1, "\x1b[A": -1}
PAGES = {" ": 1, "\x1b[6~": 1, "b": -1, "\x1b[5~": -1}
"""Keys, as terminals send them: arrows, Page Down and Page Up among them."""

WIDTH = 160
"""Of what is no terminal."""


def top(source: Source, url: str, globs: Sequence[str], *, once: bool) -> int:
    """Show it; 1 if at the end nothing is known."""
    console = Console(highlight=False)
    overview = Overview(time.time, globs)
    if once or not (console.is_terminal and sys.stdin.isatty()):
        return _printed(source, url, overview, console)
    stopped = threading.Event()
    heard: queue.SimpleQueue[News] = queue.SimpleQueue()
    ear = Ear(source, heard.put, stopped)
    threading.Thread(target=ear.listen, daemon=True).start()  # it may wait for the bridge's next word
    before = signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        with _keys() as key, Live(console=console, screen=True, auto_refresh=False) as live:
            _show(overview, url, heard, live, key, stopped)
    finally:
        stopped.set()
        signal.signal(signal.SIGTERM, before)
    return 1 if overview.why_unknown else 0


def _printed(source: Source, url: str, overview: Overview, console: Console) -> int:
    """All of it once, as plain lines."""
    try:
        Ear(source, lambda news: tell(overview, news), threading.Event()).ask()
    except ClientError as error:
        overview.lose(str(error))
    width = console.width if console.is_terminal else WIDTH
    above = head(overview, url, width)
    for line in (*above[: 2 if overview.why_unknown else 1], Text(), *body(overview, width)):
        console.print(line, soft_wrap=True)
    return 1 if overview.why_unknown else 0


def _show(
    overview: Overview,
    url: str,
    heard: "queue.SimpleQueue[News]",
    live: Live,
    key: Callable[[float], str],
    stopped: threading.Event,
) -> None:
    first = 0
    while not stopped.is_set():
        while not heard.empty():
            tell(overview, heard.get())
        size = live.console.size
        above, lines = head(overview, url, size.width), body(overview, size.width)
        room = max(1, size.height - len(above))
        first = max(0, min(first, len(lines) - room))
        live.update(Group(*above, *lines[first : first + room]), refresh=True)
        for pressed in KEY.findall(key(TICK_S)):
            if pressed in QUIT:
                return
            first += STEPS.get(pressed, 0) + PAGES.get(pressed, 0) * room


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Waits for a key, at most so many seconds; the terminal is as it was afterwards."""
    where = sys.stdin.fileno()
    before = termios.tcgetattr(where)

    def key(patience_s: float) -> str:
        ready, _, _ = select.select([where], [], [], patience_s)
        return os.read(where, 16).decode("utf-8", "replace") if ready else ""

    try:
        tty.setcbreak(where)
        yield key
    finally:
        termios.tcsetattr(where, termios.TCSADRAIN, before)

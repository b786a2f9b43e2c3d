"""How far a transfer is, on a terminal and elsewhere."""

import io
import logging
import sys

import pytest
from sisock_client.progress import telling
from sisock_testing import wait_until


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_is_waited_for_and_then_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with telling(True, later_s=0.0) as tell:
        wait_until(lambda: "waiting for the bridge" in sys.stderr.getvalue(), what="it is shown")
        tell(500_000, 2_000_000)
    shown = sys.stderr.getvalue()
    assert "0.5/2.0 MB" in shown
    assert shown.endswith("\x1b[1A\x1b[2K")  # and nothing of it stays


@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_short_and_what_nobody_wants_to_know_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with telling(wanted, later_s=3600.0 if wanted else 0.0) as tell:
        tell(1, 2)
    assert sys.stderr.getvalue() == ""


def test_elsewhere_a_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    now = [0.0]
    monkeypatch.setattr("sisock_client.progress.time.monotonic", lambda: now[0])
    with caplog.at_level(logging.WARNING), telling(True) as tell:
        for now[0] in (2.0, 6.0, 8.0, 12.0):
            tell(int(now[0] * 1e6), 24_000_000 if now[0] < 10 else 0)
    assert caplog.messages == ["6.0 MB at 1.0 MB/s, 18 s left", "12.0 MB at 1.0 MB/s"]

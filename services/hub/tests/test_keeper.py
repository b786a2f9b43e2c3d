"""How the keeper keeps its parts: small processes, in an interpreter that it may fork."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sisock_hub.keeper import Part, pause
from sisock_testing import wait_until

SCRIPT = """
import json, os, signal, sys, time
from sisock_hub.keeper import SETTLED_S, Keeper, Part

def tell(event, **fields):
    os.write(1, json.dumps([event, fields]).encode() + b"\\n")  # whole lines: several processes write

class Log:
    def note(self, event, **fields):
        tell(event, **fields)
    error = warning = note

def lives():
    tell("lives", pid=os.getpid(), parent=os.getppid())
    signal.pause()

def stays():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tell("lives", pid=os.getpid(), parent=os.getppid())
    while True:
        signal.pause()

def ends(code):
    def end():
        tell("ended", blocked=len(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
        os._exit(code)
    return end

parts = eval(sys.argv[1])
sys.exit(Keeper(parts, Log()).run())
"""


class Kept:
    """A keeper as a process, and what it and its parts tell."""

    def __init__(self, parts: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, parts], stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def told(self, event: str) -> dict[str, Any]:
        """What is told next, which must be this."""
        assert self.process.stdout is not None
        name, fields = json.loads(self.process.stdout.readline() or '["nothing more", {}]')
        assert name == event, fields
        return fields

    def rest(self) -> list[tuple[str, dict[str, Any]]]:
        """All that is told until the end."""
        assert self.process.stdout is not None
        return [tuple(json.loads(line)) for line in self.process.stdout]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def keep():
    kept: list[Kept] = []

    def start(parts: str) -> Kept:
        kept.append(Kept(parts))
        return kept[-1]

    yield start
    for one in kept:
        one.process.kill()
        one.process.communicate(timeout=20)


def gone(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # the second: it went after the file was opened
        return True
    return status.rpartition(")")[2].split()[0] in "ZX"


def test_a_part_that_was_killed_is_started_again_at_once(keep) -> None:
    kept = keep("[Part('a', lives, vital=True)]")
    first = kept.told("lives")
    assert first["parent"] == kept.process.pid
    subprocess.run(["kill", "-9", str(first["pid"])], check=True)
    assert kept.told("part.ended") == {"part": "a", "code": -9, "again_in_s": 0.0}
    second = kept.told("lives")
    assert second["pid"] != first["pid"]
    # However often it is killed: that is no fault of its configuration.
    subprocess.run(["kill", "-9", str(second["pid"])], check=True)
    assert kept.told("part.ended") == {"part": "a", "code": -9, "again_in_s": 0.25}
    third = kept.told("lives")
    assert kept.end() == 0
    assert gone(third["pid"])


def test_a_vital_part_that_fails_twice_ends_all_with_its_code(keep) -> None:
    kept = keep("[Part('b', lives), Part('a', ends(7), vital=True)]")
    told = kept.rest()
    [other] = [fields for event, fields in told if event == "lives"]
    assert [one for one in told if one[0] != "lives"] == [
        ("ended", {"blocked": 0}),
        ("part.ended", {"part": "a", "code": 7, "again_in_s": 0.0}),
        ("ended", {"blocked": 0}),
        ("part.failed", {"part": "a", "code": 7}),
    ]
    assert kept.process.wait(20) == 7
    assert gone(other["pid"])


def test_a_vital_part_that_ends_by_itself_leaves_no_good_code(keep) -> None:
    assert keep("[Part('a', ends(0), vital=True)]").process.wait(20) == 1


def test_a_part_that_is_not_vital_is_tried_again_with_pauses(keep) -> None:
    kept = keep("[Part('a', ends(7))]")
    pauses = []
    for _ in range(3):
        kept.told("ended")
        pauses.append(kept.told("part.ended")["again_in_s"])
    assert pauses == [0.0, 0.25, 0.5]
    assert kept.end(signal.SIGINT) == 0


def test_what_does_not_end_when_told_is_killed(keep) -> None:
    kept = keep("[Part('a', stays)]")
    part = kept.told("lives")
    assert kept.end() == 0
    assert kept.told("part.killed") == {"part": "a", "why": "it did not end within 1.5 s"}
    assert gone(part["pid"])


def test_parts_die_with_their_keeper(keep) -> None:
    kept = keep("[Part('a', stays)]")
    part = kept.told("lives")
    kept.end(signal.SIGKILL)
    wait_until(lambda: gone(part["pid"]), 20, "it is gone")


def test_pauses_grow_up_to_five_seconds() -> None:
    assert [pause(n) for n in (0, 1, 2, 3, 4, 6, 7, 50)] == [0.0, 0.0, 0.25, 0.5, 1.0, 4.0, 5.0, 5.0]


def test_a_part_begins_without_a_past() -> None:
    part = Part("a", sys.exit)
    assert (part.pid, part.started, part.due, part.quick_ends, part.failures) == (0, 0.0, 0.0, 0, 0)

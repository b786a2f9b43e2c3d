"""What is used no more goes back to the machine."""

import subprocess
import sys

import pytest
from sisock import memory
from twisted.internet.task import Clock

HOLES = """
from pathlib import Path
from sisock.memory import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

kept = [bytes(1000) for _ in range(60_000)]
# One in a hundred stays: no whole stretch of the heap is free, and none of it at its end.
kept = kept[99::100]
before = resident()
gave = give_back()
print(gave, before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps what is free so, and can give it back")
def test_memory_between_what_stays_goes_back_to_the_machine() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOLES], capture_output=True, text=True, check=True, timeout=60
    )
    gave, fewer = done.stdout.split()
    assert gave == "True"
    assert int(fewer) > 20e6


def test_it_is_given_back_once_after_lists_of_many_fields_and_not_after_short_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[float] = []
    clock = Clock()
    monkeypatch.setattr(memory, "give_back", lambda: given.append(clock.seconds()))
    holes = memory.Holes(clock)
    holes.left_by(memory.MANY - 1)
    clock.advance(60)
    assert not given
    for listed in (memory.MANY, 20_000):
        holes.left_by(listed)
        assert len(clock.getDelayedCalls()) == 1
    clock.advance(60)
    assert len(given) == 1
    holes.left_by(memory.MANY)
    holes.stop()
    clock.advance(60)
    assert len(given) == 1


def test_texts_by_which_a_serializer_asked_for_attributes_are_let_go() -> None:
    asked = "".join(("it", "ems"))
    getattr({}, asked)
    held = sys.getrefcount(asked)
    memory.give_back()
    assert sys.getrefcount(asked) == held - 1

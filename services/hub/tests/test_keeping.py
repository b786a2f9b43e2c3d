"""How the keeper keeps its parts, in a machine without processes: its clock, its children, its signals."""

import signal
import sys
from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

import pytest
from sisock_hub import keeper
from sisock_hub.keeper import Keeper, Part
from sisock_hub.measures import Tally

NEVER = 1e9


@dataclass
class Life:
    """How long a child lives, the code it ends with, and how long it takes to end when told."""

    lives_s: float = NEVER
    code: int = 0
    ends_s: float = 0.0


class Machine:
    """Time passes only while somebody waits; a child is dead once its time is over.

    Parameters
    ----------
    lives : mapping of str to list of Life
        Of each part, one life after the other; the last one again and again.
    told : list of (float, int)
        When which signal comes from outside.
    """

    def __init__(self, lives: dict[str, list[Life]], told: list[tuple[float, int]]) -> None:
        self.lives, self.told = lives, list(told)
        self.now, self.next_pid = 1000.0, 70
        self.children: dict[int, tuple[float, Life]] = {}
        self.strangers: list[tuple[float, int]] = []
        self.happened: list[tuple[float, Any]] = []

    def note(self, *what: Any) -> None:
        self.happened.append((round(self.now - 1000.0, 2), what))

    def fork(self, run: Any) -> int:
        lives = self.lives[run]
        life = lives.pop(0) if len(lives) > 1 else lives[0]
        self.next_pid += 1
        self.children[self.next_pid] = (self.now + life.lives_s, life)
        self.note("start", run)
        return self.next_pid

    def kill(self, pid: int, number: int) -> None:
        _, life = self.children[pid]
        self.note(signal.Signals(number).name, pid)
        if number == signal.SIGTERM:
            self.children[pid] = (self.now + life.ends_s, life)

    def monotonic(self) -> float:
        self.now += 1e-6
        return self.now

    def sigtimedwait(self, numbers: set[int], timeout_s: float) -> Any:
        assert timeout_s >= 0, "the system takes no such time"
        ends = [end for end, _ in self.children.values()] + [end for end, _ in self.strangers]
        told = self.told[0][0] + 1000.0 if self.told and len(numbers) > 1 else NEVER
        due = min([*ends, told])
        if due > self.now + timeout_s:
            self.now += timeout_s
            return None
        self.now = max(self.now, due)
        return SimpleNamespace(si_signo=self.told.pop(0)[1] if due == told else signal.SIGCHLD)

    def waitpid(self, pid: int, _options: int) -> tuple[int, int]:
        assert pid == -1, "what crossbar.io's workers leave behind is ours as process 1, in whatever group"
        known = [(end, child, life.code) for child, (end, life) in self.children.items()]
        for end, child, code in known + [(end, child, 0) for end, child in self.strangers]:
            if end <= self.now:
                self.children.pop(child, None)
                self.strangers = [one for one in self.strangers if one[1] != child]
                return child, code << 8 if code >= 0 else -code
        if known:
            return 0, 0
        raise ChildProcessError


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a keeper; gives its code, and what happened at which second."""

    def call(
        lives: dict[str, list[Life]],
        told: list[tuple[float, int]],
        vital: tuple[str, ...] = (),
        strangers: tuple[tuple[float, int], ...] = (),
    ) -> tuple[int, list[tuple[float, Any]], Tally]:
        machine = Machine(lives, told)
        machine.strangers = [(1000.0 + end, pid) for end, pid in strangers]
        log = SimpleNamespace(
            warning=lambda event, **more: machine.note(event, more.get("again_in_s", more["part"])),
            error=lambda event, **more: machine.note(event, more["code"]),
        )
        names = ("SIGCHLD", "SIGTERM", "SIGINT", "SIGUSR1", "SIGKILL", "SIG_BLOCK")
        real = {name: getattr(signal, name) for name in names}
        held = SimpleNamespace(**real, sigtimedwait=machine.sigtimedwait, pthread_sigmask=lambda *_: None)
        monkeypatch.setattr(keeper, "signal", held)
        monkeypatch.setattr(keeper, "time", SimpleNamespace(monotonic=machine.monotonic))
        monkeypatch.setattr(keeper, "fork", machine.fork)
        for name in ("waitpid", "kill"):
            monkeypatch.setattr(keeper.os, name, getattr(machine, name))
        tally = Tally(lives)
        parts = [Part(name, name, name in vital) for name in lives]  # type: ignore[arg-type]
        try:
            code = Keeper(parts, log, tally).run()  # type: ignore[arg-type]
        finally:
            monkeypatch.undo()
        return code, machine.happened, tally

    return call


def test_what_is_told_to_the_keeper_all_parts_are_told_and_live_on(run: Any) -> None:
    lives = {"a": [Life()], "b": [Life()]}
    code, happened, tally = run(lives, [(5, signal.SIGUSR1), (6, signal.SIGUSR1), (7, signal.SIGTERM)])
    assert code == 0
    assert happened == [
        (0.0, ("start", "a")),
        (0.0, ("start", "b")),
        *[(t, ("SIGUSR1", pid)) for t in (5.0, 6.0) for pid in (71, 72)],
        (7.0, ("SIGTERM", 71)),
        (7.0, ("SIGTERM", 72)),
    ]
    assert tally.parts == {"a": (1, True), "b": (1, True)}


def test_a_part_that_is_away_for_a_moment_is_told_nothing(run: Any) -> None:
    ends = Life(1, code=-9)
    told = [(2.1, signal.SIGUSR1), (2.2, signal.SIGTERM)]
    code, happened, tally = run({"a": [ends, ends, Life()], "b": [Life()]}, told)
    assert code == 0
    assert happened[2:] == [
        (1.0, ("part.ended", 0.0)),
        (1.0, ("start", "a")),
        (2.0, ("part.ended", 0.25)),
        (2.1, ("SIGUSR1", 72)),
        (2.2, ("SIGTERM", 72)),
    ]
    assert tally.parts == {"a": (2, False), "b": (1, True)}


def test_a_part_that_ends_at_once_again_and_again_is_started_with_pauses_that_a_long_life_ends(
    run: Any,
) -> None:
    quick = Life(0.5, code=1)
    lives = {"a": [quick, quick, quick, Life(10.1, code=1), quick, quick, Life()]}
    _code, happened, tally = run(lives, [(30, signal.SIGTERM)])
    ended = [(t, what[1]) for t, what in happened if what[0] == "part.ended"]
    assert ended == [(0.5, 0.0), (1.0, 0.25), (1.75, 0.5), (12.35, 0.0), (12.85, 0.0), (13.35, 0.25)]
    starts = [t for t, what in happened if what[0] == "start"]
    assert starts == [0.0, 0.5, 1.25, 2.25, 12.35, 12.85, 13.6]
    assert tally.parts == {"a": (7, True)}


@pytest.mark.parametrize(
    ("lives", "code", "after"),
    [
        ([Life(1, code=3), Life(1, code=3)], 3, 2.0),
        ([Life(1, code=0), Life(1, code=0)], 1, 2.0),
        ([Life(1, code=3), Life(20, code=3), Life(1, code=3), Life(1, code=4)], 4, 23.0),
        ([Life(1, code=3), Life(1, code=-9), Life(1, code=3), Life(1, code=5)], 5, 4.75),
        ([Life(9.9, code=3), Life(9.9, code=3)], 3, 19.8),
        ([Life(10.1, code=3)], 0, 50.0),
        ([Life(1, code=-9)], 0, 50.0),
    ],
)
def test_a_vital_part_ends_all_when_it_ends_by_itself_soon_after_its_start_twice(
    run: Any, lives: list[Life], code: int, after: float
) -> None:
    found, happened, _ = run({"a": lives, "b": [Life()]}, [(50, signal.SIGINT)], vital=("a",))
    assert found == code
    assert [what for t, what in happened if what[0] == "part.failed"] == ([("part.failed", lives[-1].code)]
                                                                          if code else [])  # fmt: skip
    assert (after, ("SIGTERM", 72)) in happened


def test_several_that_end_at_once_and_others_children_are_all_noticed(run: Any) -> None:
    lives = {name: [Life(20, code=2), Life()] for name in "abc"}
    strangers = ((3, 500), (20, 501), (25, 502))
    code, happened, _ = run(lives, [(40, signal.SIGTERM)], strangers=strangers)
    assert code == 0
    assert [(t, what[1]) for t, what in happened if what[0] == "part.ended"] == [(20.0, 0.0)] * 3
    assert [t for t, what in happened if what[0] == "start"] == [0.0] * 3 + [20.0] * 3


def test_what_does_not_end_within_a_second_and_a_half_is_killed_and_nothing_else(run: Any) -> None:
    lives = {"a": [Life(ends_s=1.4)], "b": [Life(ends_s=9)], "c": [Life(ends_s=0.3)]}
    code, happened, _ = run(lives, [(5, signal.SIGTERM)], strangers=((5.5, 500),))
    assert code == 0
    assert happened[3:] == [
        *[(5.0, ("SIGTERM", pid)) for pid in (71, 72, 73)],
        (6.5, ("part.killed", "b")),
        (6.5, ("SIGKILL", 72)),
    ]


def test_a_keeper_of_nothing_waits_until_it_is_told(run: Any) -> None:
    assert run({}, [(9000, signal.SIGTERM)])[:2] == (0, [])


def test_of_a_part_only_its_name_what_it_runs_and_whether_it_is_vital_are_told() -> None:
    assert [one.name for one in fields(Part) if one.init] == ["name", "run", "vital"]
    assert Part("a", sys.exit).vital is False

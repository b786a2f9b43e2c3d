"""Keeps the router and the hub alive: forks them, starts again what dies, ends both when told.

A fork has everything imported that this process has, so that what was killed is back in a fraction of
a second. Knows nothing of WAMP.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

import structlog

SETTLED_S = 10.0
"""What lived that long did not end because of how it was started."""

STOP_S = 1.5
"""How long the parts may take to end by themselves; Docker and our own images allow two seconds in all."""

_LONGEST_PAUSE_S = 5.0
_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}
_PR_SET_PDEATHSIG = 1


@dataclass
class Part:
    """One process that is kept.

    Parameters
    ----------
    name : str
        For the log.
    run : callable
        What the fork does; it ends the fork.
    vital : bool
        Whether all ends with its exit code if it ends by itself soon after its start, twice: its
        configuration is wrong then, and whoever started us shall see that.
    """

    name: str
    run: Callable[[], NoReturn]
    vital: bool = False
    pid: int = field(default=0, init=False)
    started: float = field(default=0.0, init=False)
    due: float = field(default=0.0, init=False)
    quick_ends: int = field(default=0, init=False)
    failures: int = field(default=0, init=False)


class Counter(Protocol):
    """Counts starts and ends, as `sisock_hub.measures.Tally` does."""

    def started(self, part: str) -> None:
        """A part was started."""

    def ended(self, part: str) -> None:
        """A part is gone."""


def hold_signals() -> None:
    """Let signals wait until `Keeper.run` takes them: what is told while we prepare is not missed."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def fork(run: Callable[[], NoReturn]) -> int:
    """Run something in a fork that is killed when this process dies; gives the fork's process id."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    # What is told before it listens must not end it.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    return run()


class Keeper:
    """The parent of a few processes.

    Parameters
    ----------
    parts : sequence of Part
    log : structlog logger
    counter : Counter, optional
        Is told who was started and who died.
    stop_s : float
        How long the parts may take to end by themselves.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        log: structlog.stdlib.BoundLogger,
        counter: Counter | None = None,
        *,
        stop_s: float = STOP_S,
    ) -> None:
        self._parts = list(parts)
        self._stop_s = stop_s
        self._log = log
        self._counter = counter

    def run(self) -> int:
        """Keep all parts alive until SIGTERM or SIGINT, or until a vital one cannot be kept.

        Returns
        -------
        int
            The exit code: 0 if we were told to end, else the vital part's.
        """
        hold_signals()
        self._start_due()
        while True:
            pauses = [part.due - time.monotonic() for part in self._parts if not part.pid]
            told = signal.sigtimedwait(_SIGNALS, max(0.0, min(pauses, default=3600.0)))
            if told is not None and told.si_signo == signal.SIGUSR1:
                self._tell_all(signal.SIGUSR1)
                continue
            if told is not None and told.si_signo != signal.SIGCHLD:
                self._end()
                return 0
            code = self._reap()
            if code is not None:
                self._end()
                return code
            self._start_due()

    def _tell_all(self, number: int) -> None:
        for part in self._parts:
            if part.pid:
                os.kill(part.pid, number)

    def _start_due(self) -> None:
        for part in self._parts:
            if not part.pid and part.due <= time.monotonic():
                self.start(part)

    def start(self, part: Part) -> None:
        """Start one of the parts now; `run` starts those that were not."""
        sys.stdout.flush()
        sys.stderr.flush()
        part.started = time.monotonic()
        if self._counter is not None:
            self._counter.started(part.name)
        part.pid = fork(part.run)

    def _reap(self) -> int | None:
        """Take note of what ended; the exit code if we cannot go on."""
        for pid, status in _ended():
            for part in self._parts:
                if part.pid == pid:
                    part.pid = 0
                    if self._counter is not None:
                        self._counter.ended(part.name)
                    code = os.waitstatus_to_exitcode(status)
                    lived_s = time.monotonic() - part.started
                    quick = lived_s < SETTLED_S
                    part.failures = part.failures + 1 if quick and code >= 0 else 0
                    if part.vital and part.failures > 1:
                        self._log.error("part.failed", part=part.name, code=code)
                        return code or 1
                    part.quick_ends = part.quick_ends + 1 if quick else 0
                    pause_s = pause(part.quick_ends)
                    part.due = time.monotonic() + pause_s
                    self._log.warning("part.ended", part=part.name, code=code, again_in_s=pause_s)
        return None

    def _end(self) -> None:
        for part in self._parts:
            if part.pid:
                os.kill(part.pid, signal.SIGTERM)
        until = time.monotonic() + self._stop_s
        while any(part.pid for part in self._parts):
            for pid, _status in _ended():
                for part in self._parts:
                    if part.pid == pid:
                        part.pid = 0
            left_s = until - time.monotonic()
            if left_s <= 0:
                break
            if any(part.pid for part in self._parts):
                signal.sigtimedwait({signal.SIGCHLD}, left_s)
        for part in self._parts:
            if part.pid:
                why = f"it did not end within {self._stop_s:g} s"
                self._log.warning("part.killed", part=part.name, why=why)
                os.kill(part.pid, signal.SIGKILL)


def pause(quick_ends: int) -> float:
    """How long to wait before the next start, in seconds, after so many ends at once one after another."""
    return min(_LONGEST_PAUSE_S, 0.25 * 2 ** (quick_ends - 2)) if quick_ends > 1 else 0.0


def _ended() -> list[tuple[int, int]]:
    """All children that have ended, with their status: as process 1 also those of others."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not pid:
            return ended
        ended.append((pid, status))

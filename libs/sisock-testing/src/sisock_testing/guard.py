"""Ends what tests started once their pytest is no more, also when that was killed with -9.

Whatever a test starts inherits an environment that names its run. A process beside pytest reads from a
pipe that only pytest holds; when that closes, it kills all that carry the name, and the sessions they
lead. It runs by its path, without site packages, and knows nothing of sisock.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

VARIABLE = "TEST_RUN"
ALONE = "TEST_WITHOUT_PROCESSES"
"""Set while a test runs that is not marked `peer`."""

_ROUNDS, _PAUSE_S = 100, 0.05
_OURS = (
    "multiprocessing.resource_tracker"  # pytest's own, where code under test has workers: it ends with pytest
)


class Guard:
    """Watches over the processes of this pytest run, from now on."""

    def __init__(self) -> None:
        self._before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = run = f"{os.getpid()}-{time.time_ns()}"
        environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, run],
            stdin=subprocess.PIPE,
            env=environ,
            start_new_session=True,  # the terminal's Ctrl-C is not for it
        )

    def close(self) -> None:
        """End what is left, and wait until it is gone."""
        if self._before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = self._before
        self._process.communicate(timeout=_ROUNDS * _PAUSE_S + 10)


def left(run: str) -> dict[int, str]:
    """Processes of a run, and what is in the sessions that they lead: id and command."""
    mark = f"{VARIABLE}={run}".encode()
    commands: dict[int, str] = {}
    sessions: dict[int, int] = {}
    marked: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or entry.name == str(os.getpid()):
            continue
        try:
            state, _parent, _group, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if state in "ZX":
                continue
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            # Some programs write over their environment: their leader's is asked, too.
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                marked.add(int(entry.name))
        except OSError:  # it ended meanwhile, or is not ours
            continue
        commands[int(entry.name)] = command.strip()
        sessions[int(entry.name)] = int(session)
    return {
        pid: command
        for pid, command in commands.items()
        if (pid in marked or sessions[pid] in marked) and _OURS not in command
    }


def _main(run: str) -> None:
    sys.stdin.buffer.read()
    for _ in range(_ROUNDS):
        still = left(run)
        if not still:
            return
        for pid, command in still.items():
            sys.stderr.write(f"tests left {pid}: {command[:100]}\n")
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    _main(sys.argv[1])

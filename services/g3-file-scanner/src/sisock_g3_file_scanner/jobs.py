"""Reads files in processes of their own, so that both cores work and a file that kills one stops nobody.

Few bytes are read in this process: starting others would take longer.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from sisock_g3 import file_content
from sisock_g3.file_content import FileContent

WORTH_PROCESSES_BYTES = 512 * 1024 * 1024
AHEAD = 4
"""Files per process that are read before the first is written."""

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Job:
    """A file to be read from `start` on; `before` is what was known there."""

    path: Path
    start: int
    before: FileContent | None
    size: int


def read(job: Job, *, summaries: bool) -> FileContent:
    """Read one file; whatever is wrong with it becomes its problem."""
    try:
        return file_content.read(job.path, job.start, job.before, summaries=summaries)
    except FileNotFoundError:
        return FileContent(job.start, job.start, problem="it vanished", cut=True)
    except (OSError, MemoryError, ValueError) as error:
        return FileContent(job.start, job.start, problem=f"{type(error).__name__}: {error}")


def read_all(jobs: Sequence[Job], processes: int, *, summaries: bool) -> Iterator[tuple[int, FileContent]]:
    """Read files; gives the number of each and what it holds, in any order."""
    if processes < 2 or sum(job.size - job.start for job in jobs) < WORTH_PROCESSES_BYTES:
        for number, job in enumerate(jobs):
            yield number, read(job, summaries=summaries)
        return
    pending = dict(enumerate(jobs))
    for number, found in _in_pool(pending, processes, summaries):
        del pending[number]
        yield number, found
    for number, job in pending.items():
        # One of these killed its process: each gets one of its own.
        alone = {number: job}
        for _, found in _in_pool(alone, 1, summaries):
            yield number, found
            break
        else:
            yield number, FileContent(job.start, job.start, problem="reading it kills the process")


def _in_pool(jobs: dict[int, Job], processes: int, summaries: bool) -> Iterator[tuple[int, FileContent]]:
    """Read files in a pool until all are read, or the pool breaks."""
    context = multiprocessing.get_context(how_to_start())
    waiting = iter(list(jobs.items()))
    running: dict[Future[FileContent], int] = {}
    with ProcessPoolExecutor(processes, context, _begin, (os.getpid(),)) as pool:

        def submit() -> None:
            for number, job in waiting:
                running[pool.submit(read, job, summaries=summaries)] = number
                if len(running) >= processes * AHEAD:
                    return

        try:
            submit()
            while running:
                done = next(as_completed(running))
                number = running.pop(done)
                found = done.result()
                submit()
                yield number, found
        except BrokenProcessPool:
            return


def how_to_start() -> str:
    """A fork has all that is imported here, and is there at once; but of several threads none may fork."""
    return "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"


def _begin(parent: int) -> None:
    """Be a process that reads: end when told, and together with who began it, however that ends."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN if number == signal.SIGUSR1 else signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

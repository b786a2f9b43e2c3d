"""Runs the lines of a Procfile in forks of one process, which has imported what they need.

Twelve interpreters that import the same 700 modules take six seconds of the processor and 55 MB each; forks
take neither again, and share what they do not change. What ends is started again, as Docker does it.
"""

import gc
import importlib
import os
import runpy
import selectors
import shlex
import signal
import string
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import NoReturn

from setproctitle import setproctitle
from sisock import logs
from sisock_hub.keeper import Keeper, Part

Pipes = Mapping[str, tuple[int, int]]
"""What each process says: where it is read, and where it is written."""

STOP_S = 10.0
READ_BYTES = 65536
LATER = (
    "cryptography.hazmat.backends.openssl.backend",
    "encodings.idna",
    "numpy.ma",
    "sisock_site.document",
    "twisted.internet.epollreactor",
)
"""What programs import when they have begun."""

REACTOR = "twisted.internet.reactor"


@dataclass(frozen=True)
class Line:
    """One process: its settings beyond those that all have, and its command."""

    name: str
    words: list[str]
    settings: dict[str, str] = field(default_factory=dict)


def read(procfile: str, environ: Mapping[str, str]) -> list[Line]:
    """Read ``name: VARIABLE=value ... program arguments``, with variables of the environment put in."""
    lines = []
    for text in procfile.splitlines():
        name, _, command = text.partition(":")
        if not command or text.startswith("#"):
            continue
        words = [string.Template(word).safe_substitute(environ) for word in shlex.split(command)]
        settings = {}
        while words and words[0].partition("=")[0].isidentifier() and "=" in words[0]:
            variable, _, value = words.pop(0).partition("=")
            settings[variable] = value
        lines.append(Line(name, words, settings))
    return lines


def scripts() -> dict[str, EntryPoint]:
    """The functions that installed commands call, by the command's name."""
    return {entry.name: entry for entry in entry_points(group="console_scripts")}


def preload(lines: Iterable[Line], commands: Mapping[str, EntryPoint]) -> None:
    """Import what the programs import, but run nothing of it."""
    for line in lines:
        if line.words[0] in commands:
            importlib.import_module(commands[line.words[0]].module)
        elif line.words[:2] == ["python", "-m"]:
            importlib.import_module(line.words[2])
    for name in LATER:
        importlib.import_module(name)
    # A fork must not share its parent's: each program chooses its own when it begins.
    if REACTOR in sys.modules:
        raise RuntimeError(f"{REACTOR} was imported before a fork")
    if threading.active_count() > 1:
        raise RuntimeError(f"a fork of several threads: {threading.enumerate()}")
    gc.collect()
    gc.freeze()


def become(words: list[str], commands: Mapping[str, EntryPoint]) -> None:
    """Be the program that these words name, in this process."""
    if words[0] in commands:
        sys.argv = words
        sys.exit(commands[words[0]].load()())
    if words[:2] == ["python", "-m"]:
        sys.argv = words[2:]
        # It was imported under its own name; now it is the program.
        sys.modules.pop(words[2], None)
        runpy.run_module(words[2], run_name="__main__", alter_sys=True)
    elif words[0] == "python":
        sys.argv = words[1:]
        sys.path[0] = str(Path(words[1]).parent)
        runpy.run_path(words[1], run_name="__main__")
    else:
        os.execvp(words[0], words)  # noqa: S606 (what the repository's own Procfile says)
    sys.exit(0)


def run_line(
    line: Line,
    environ: Mapping[str, str],
    directory: Path,
    pipes: Pipes,
    commands: Mapping[str, EntryPoint],
) -> NoReturn:
    """Become a line's program; in a fork."""
    # Ctrl-C is for who started us, which tells us.
    os.setsid()
    os.environ.clear()
    os.environ.update(environ, **line.settings)
    os.chdir(directory)
    for standard in (1, 2):
        os.dup2(pipes[line.name][1], standard)
    close(pipes)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    setproctitle(" ".join(line.words))
    become(line.words, commands)
    raise AssertionError("unreachable")


def close(pipes: Pipes) -> None:
    """Close both ends of all."""
    for ends in pipes.values():
        for end in ends:
            os.close(end)


def tell(sources: Mapping[int, str], begin: Callable[[], object]) -> None:
    """Print whatever the processes say, each line with the name of who said it, until all are gone."""
    threading.Thread(target=begin, daemon=True).start()
    width = max(map(len, sources.values()))
    rest = dict.fromkeys(sources, b"")
    with selectors.DefaultSelector() as waiting:
        for source in sources:
            waiting.register(source, selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select():
                said = os.read(key.fd, READ_BYTES)
                *whole, rest[key.fd] = (rest[key.fd] + said).split(b"\n")
                if not said:
                    waiting.unregister(key.fd)
                    whole = [rest[key.fd]] if rest[key.fd] else []
                for text in whole:
                    sys.stdout.write(f"{sources[key.fd]:{width}} | {text.decode(errors='replace')}\n")
                sys.stdout.flush()


def run(lines: list[Line], environ: Mapping[str, str], directory: Path, begin: Callable[[], object]) -> int:
    """Run all lines until told to end; the exit code.

    Parameters
    ----------
    lines : list of Line
        The first one begins before what the others need is imported.
    environ : mapping
        What all have.
    directory : Path
        Where they work.
    begin : callable
        Called in a thread of the process that prints, when it begins.
    """
    logs.configure("demo", logs.logging.INFO, libraries=False)
    setproctitle("sisock-demo")
    pipes = {line.name: os.pipe() for line in lines}
    commands = scripts()
    parts = [Part(line.name, partial(run_line, line, environ, directory, pipes, commands)) for line in lines]
    kept = Keeper(parts, logs.get(), stop_s=STOP_S)
    preload(lines[:1], commands)
    kept.start(parts[0])
    preload(lines[1:], commands)
    # Until now a pipe holds what the first one says.
    printer = os.fork()
    if not printer:
        for _, out in pipes.values():
            os.close(out)
        for number in (signal.SIGINT, signal.SIGTERM):
            # Whoever is told to end may say something of that.
            signal.signal(number, signal.SIG_IGN)
        tell({source: name for name, (source, _) in pipes.items()}, begin)
        sys.exit(0)
    code = kept.run()
    close(pipes)
    os.waitpid(printer, 0)
    return code

"""Archives that were written by so3g, and indexes of them.

In SQLite they are made in this process; in MariaDB by the real scanner, as a process beside the reader.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import structlog
from sisock.config import load
from sisock_g3.testing import make_index
from sisock_g3_reader.config import Config
from sisock_g3_reader.node import G3Reader

Index = Callable[..., Mapping[str, str]]


Made = dict[tuple[object, ...], Path]


@pytest.fixture(scope="session")
def made_before() -> Made:
    """Indexes that were made of nothing in this session, by what they are of."""
    return {}


@pytest.fixture
def scan(
    made_before: Made, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path, Mapping[str, str]], None]:
    """Indexes a directory once; an archive that was indexed before, and is as it was, from a copy."""

    def run(top: Path, environ: Mapping[str, str]) -> None:
        if "SQL_FILE" in environ:
            summaries, file = environ.get("SUMMARIES") != "no", Path(environ["SQL_FILE"])
            found = sorted((path, path.stat()) for path in top.rglob("*") if path.is_file())
            of = (summaries, *((path, status.st_mtime_ns, status.st_size) for path, status in found))
            if file.exists():
                make_index(top, environ, summaries=summaries)
                return
            if of not in made_before:
                kept = tmp_path_factory.mktemp("made") / "index.sqlite"
                make_index(top, {**environ, "SQL_FILE": str(kept)}, summaries=summaries)
                made_before[of] = kept
            shutil.copy(made_before[of], file)
            return
        command = [sys.executable, "-m", "sisock_g3_file_scanner", "--once"]
        settings = {**os.environ, "DATA_DIRECTORY": str(top), **environ}
        subprocess.run(command, env=settings, check=True, timeout=100, capture_output=True)

    return run


@pytest.fixture
def make_reader() -> Callable[..., G3Reader]:
    """Makes the node on an index."""

    def make(environ: Mapping[str, str], **settings: str) -> G3Reader:
        return G3Reader(load(Config, {**environ, **settings}), structlog.get_logger())

    return make

"""Archives that were written by so3g, and indexes of them.

In SQLite they are made in this process; in MariaDB by the real scanner, as a process beside the reader.
"""

import os
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


@pytest.fixture
def scan() -> Callable[[Path, Mapping[str, str]], None]:
    """Indexes a directory once."""

    def run(top: Path, environ: Mapping[str, str]) -> None:
        if "SQL_FILE" in environ:
            make_index(top, environ, summaries=environ.get("SUMMARIES") != "no")
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

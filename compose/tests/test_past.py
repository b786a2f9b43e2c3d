"""The demo's archives: they grow while it runs, and what was there stays as it was."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sisock_g3 import file_content
from sisock_g3.summary import SECOND

COMPOSE = Path(__file__).parents[1]
GROW = """
import datetime as dt, sys
from pathlib import Path
import past
past.grow(Path(), dt.datetime.now(dt.UTC), int(sys.argv[1]))
"""
TEXTS = ("apex_weather/targets/APEX_temperature_*.dat", "radiometer/PWV/*.txt")
G3 = "g3/1*/*.g3"
pytestmark = pytest.mark.peer


def grow(directory: Path, round_s: int) -> None:
    environ = {**os.environ, "PYTHONPATH": str(COMPOSE)}
    command = [sys.executable, "-c", GROW, str(round_s)]
    subprocess.run(command, cwd=directory, env=environ, check=True, timeout=60)


def test_each_round_writes_what_is_new_and_leaves_what_was_there(tmp_path: Path) -> None:
    until = tmp_path / "g3" / "demo" / "until"
    until.parent.mkdir(parents=True)
    until.write_text(str(int(time.time()) - 60))
    grow(tmp_path, 0)
    texts = {path: path.read_text() for glob in TEXTS for path in tmp_path.glob(glob)}
    assert {path.parent.name for path, text in texts.items() if text} == {"targets", "PWV"}
    for path, text in texts.items():
        path.write_text("".join(text.splitlines(keepends=True)[:-1]))
    files = {path: path.stat().st_mtime_ns for path in tmp_path.glob(G3)}
    grow(tmp_path, 60)
    assert all(path.read_text().startswith(text) for path, text in texts.items())
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.glob(G3)}
    began = time.time()
    grow(tmp_path, 300)
    newest = max(
        field.t1
        for path in tmp_path.glob(G3)
        for provider in file_content.read(path).providers.values()
        for field in provider.fields.values()
    )
    assert began - 6 < newest / SECOND < time.time()
    assert not list(tmp_path.rglob("*.part"))

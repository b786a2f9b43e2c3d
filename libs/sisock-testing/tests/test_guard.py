"""What tests start ends with their pytest; which tests are marked."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from sisock_testing import wait_until

pytestmark = pytest.mark.peer

STARTS = """
import os, subprocess, sys, threading, time
import pytest

SLEEPS = [sys.executable, "-c", "import time; time.sleep(1000)"]
FORKS = '''
import os, sys, time
child = os.fork()
if child:
    print(child, flush=True)
time.sleep(1000)
'''

@pytest.fixture(scope="session")
def peers(sisock_processes, tmp_path_factory):
    plain = subprocess.Popen(SLEEPS)
    apart = subprocess.Popen([sys.executable, "-c", FORKS], start_new_session=True, stdout=subprocess.PIPE)
    told = f"{plain.pid} {apart.pid} {apart.stdout.readline().decode()}"
    with open(os.environ["TOLD"] + ".part", "w") as file:
        file.write(told)
    os.rename(os.environ["TOLD"] + ".part", os.environ["TOLD"])
    apart.stdout.close()
    yield

def test_that_never_ends(peers):
    if os.environ["ENDS"] == "no":
        time.sleep(1000)

def test_that_is_quick():
    pass
"""


def start(folder: Path, *arguments: str, ends: str) -> "subprocess.Popen[str]":
    (folder / "test_it.py").write_text(STARTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "sisock_testing.pytest_plugin",
        "--basetemp=base",
        *arguments,
        "test_it.py",
    ]
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # other plugins take seconds to load
    environ = {**os.environ, **alone, "TOLD": str(folder / "told"), "ENDS": ends}
    with (folder / "out").open("w") as out:
        return subprocess.Popen(
            command, cwd=folder, env=environ, stdout=out, stderr=out, text=True, start_new_session=True
        )


def peers(folder: Path) -> list[int]:
    wait_until((folder / "told").exists, what="the peers are started")
    return [int(pid) for pid in (folder / "told").read_text().split()]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_tests_started_dies_with_their_pytest(tmp_path: Path, number: signal.Signals) -> None:
    run = start(tmp_path, ends="no")
    started = peers(tmp_path)
    assert alive(started) == started
    run.send_signal(number)
    run.wait(20)
    wait_until(lambda: not alive(started), 20, "all are gone")


def test_what_a_test_left_is_ended_and_named(tmp_path: Path) -> None:
    run = start(tmp_path, ends="yes")
    assert run.wait(60) == 0
    started = peers(tmp_path)
    assert alive(started) == []
    told = (tmp_path / "out").read_text()
    assert [f"tests left {pid}: " in told for pid in started] == [True, True, True]


def test_only_tests_whose_fixtures_start_processes_are_marked(tmp_path: Path) -> None:
    run = start(tmp_path, "--collect-only", "-m", "not peer", ends="yes")
    assert run.wait(60) == 0
    told = (tmp_path / "out").read_text()
    assert "test_that_is_quick" in told
    assert "test_that_never_ends" not in told

"""The short form of the drills and of the fuzz suites; the long ones are `make drills` and `make fuzz`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CI = Path(__file__).parents[1]


def run(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=CI, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-3000:]}"
    return done.stdout


def test_nothing_that_reads_what_others_wrote_fails_at_nonsense() -> None:
    rows = re.findall(
        r"^\| (\w+) \| 150 \| \d+ \| \d+ \| (\d+) \|", run("fuzz", "--count", "150"), re.MULTILINE
    )
    assert dict(rows) == dict.fromkeys(("http", "arguments", "replies", "feed", "dat", "pwv", "g3"), "0")


@pytest.mark.timeout(300)
def test_a_killed_feed_has_again_all_that_had_reached_it(sisock_processes: None) -> None:
    told = run("drills", "SIGKILL of feed node")
    [(asked, back, lost)] = re.findall(
        r"^\| SIGKILL of feed node \| (\d+) \| \d+ \| ([\d.]+) s \| (\d+) \|", told, re.MULTILINE
    )
    assert (int(asked) > 0, float(back) < 60, lost) == (True, True, "0")

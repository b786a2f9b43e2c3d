"""Any text as a statement is answered, or refused as InfluxDB refuses it, and costs a moment."""

import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).with_name("fuzz.py")


@pytest.mark.peer
@pytest.mark.parametrize("seed", [1, 2])
def test_no_text_is_a_fault_of_ours(seed: int) -> None:
    command = [sys.executable, str(FUZZ), "1500", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "'answered'" in done.stdout

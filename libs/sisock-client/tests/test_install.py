"""The client installed from its wheel into an empty environment: three lines to a table."""

import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).parents[3]
THREE_LINES = """
from sisock.client import Client
client = Client({url!r})
print(client.get("apex_archive::apex_windspeed", "2017-07-14", "2017-07-15").pandas().shape)
"""


@pytest.mark.timeout(300)
def test_three_lines_after_pip_install_give_a_table(url: str, tmp_path: Path) -> None:
    for package in ("sisock-core", "sisock-client"):
        command = [find_uv_bin(), "build", "--quiet", "--wheel", "--package", package, "-o", tmp_path]
        subprocess.run(command, cwd=ROOT, check=True, timeout=100)
    [wheel] = tmp_path.glob("sisock_client-*.whl")
    python = tmp_path / "empty" / "bin" / "python"
    uv = [find_uv_bin(), "--no-config", "--quiet"]  # installs from its cache what pip would unpack again
    subprocess.run([*uv, "venv", "--python", sys.executable, tmp_path / "empty"], check=True, timeout=60)
    install = ["pip", "install", "--python", python, "--find-links", tmp_path, f"{wheel}[pandas]"]
    subprocess.run([*uv, *install], check=True, timeout=200)
    script = THREE_LINES.format(url=url)
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "(1440, 1)", done.stderr

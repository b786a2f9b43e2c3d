"""The page's modules under node, and what is committed of npm's."""

import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

HTTP = Path(__file__).parents[1]
PAGE = HTTP / "src" / "sisock_http" / "page"
WEB = HTTP / "web"
pytestmark = pytest.mark.peer

FROM_NPM = ["uplot.js", "uplot.css", "uplot.LICENSE"]


@pytest.mark.parametrize("zone", ["UTC", "America/Santiago"])
def test_the_modules_do_what_their_tests_say(tmp_path: Path, zone: str) -> None:
    shutil.copytree(PAGE, tmp_path, dirs_exist_ok=True)
    shutil.copytree(HTTP / "tests" / "page", tmp_path, dirs_exist_ok=True)
    examples = files("sisock_testing").joinpath("moments.json").read_bytes()
    (tmp_path / "moments.json").write_bytes(examples)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    done = subprocess.run(
        ["node", "--test"],
        cwd=tmp_path,
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fail 0" in done.stdout


@pytest.mark.timeout(300)
def test_what_is_committed_of_npm_is_what_npm_has(tmp_path: Path, from_npm: Callable[[Path], Path]) -> None:
    build = ["npm", "run", "build", str(tmp_path)]
    subprocess.run(build, cwd=from_npm(WEB), check=True, capture_output=True, timeout=200)
    for name in FROM_NPM:
        assert (tmp_path / name).read_bytes() == (PAGE / name).read_bytes(), f"{name}: run npm run build"

"""A package's tests where it is alone: its folder elsewhere, all it needs from an index."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sisock_ci import index, processes
from sisock_ci.errors import CiError
from sisock_ci.services import Package, packages

UNLIKE = ("VIRTUAL_ENV", "PYTHONPATH", "PYTEST_ADDOPTS")


def fill(root: Path, folder: Path) -> None:
    """Put wheels of all packages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in packages(root):
        index.build(root, package, folder)
    index.relaxed_router(folder)


def environment(package: Package, url: str, work: Path, python: str, *options: str, root: Path) -> Path:
    """Copy a package's folder and make an environment that holds what it declares for its tests."""
    copy = work / package.name
    told = processes.run(["git", "ls-files", "-co", "--exclude-standard", "-z", package.folder], root)
    for file in filter(None, told.split("\0")):
        if (root / file).exists():
            to = copy / Path(file).relative_to(package.folder)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / file, to)
    processes.uv(work, "venv", "--quiet", "--python", python, work / "venv")
    index.install(work / "venv", url, [".[test]"], copy, *options)
    return copy


def try_tests(copy: Path, work: Path, arguments: Sequence[str]) -> None:
    """Run the tests of a package that is alone.

    Raises
    ------
    CiError
        If they fail.
    """
    environ = {name: value for name, value in os.environ.items() if name not in UNLIKE}
    environ["PATH"] = f"{work / 'venv' / 'bin'}{os.pathsep}{environ['PATH']}"
    command = [str(work / "venv" / "bin" / "python"), "-m", "pytest", "-q", *arguments]
    done = subprocess.run(command, cwd=copy, env=environ, check=False)  # noqa: S603 (words of ours)
    if done.returncode:
        raise CiError(f"its tests fail where it is alone (pytest ended with {done.returncode})")

"""A package's tests where it is alone: its folder elsewhere, all it needs from an index."""

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from sisock_ci import index, processes
from sisock_ci.copies import copy_tracked
from sisock_ci.errors import CiError
from sisock_ci.services import Package, needed

UNLIKE = ("VIRTUAL_ENV", "PYTHONPATH", "PYTEST_ADDOPTS")


def fill(root: Path, folder: Path, tested: Iterable[Package]) -> None:
    """Put wheels into a folder: of packages, and of those of ours that they need for their tests."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {one.distribution: one for one in tested}
    for package in tuple(wanted.values()):
        wanted |= {one.distribution: one for one in needed(root, package, tests=True)}
    for package in wanted.values():
        index.build(root, package, folder, "--wheel")
    if any(index.needs_router(package) for package in wanted.values()):
        index.relaxed_router(folder)


def environment(package: Package, url: str, work: Path, python: str, *options: str, root: Path) -> Path:
    """Copy a package's folder and make an environment that holds what it declares for its tests."""
    copy = work / package.name
    copy_tracked(root, copy, package.folder)
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

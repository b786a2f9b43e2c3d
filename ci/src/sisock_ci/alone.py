"""A package's tests where it is alone: its folder elsewhere, all it needs from an index."""

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from sisock_ci import bounds, index, processes, release
from sisock_ci.bounds import CORE
from sisock_ci.copies import copy_tracked
from sisock_ci.errors import CiError
from sisock_ci.services import Package, find_package, needed

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


def fill_older(root: Path, folder: Path, package: Package, version: str) -> None:
    """Put an older sisock-core into a folder, and what of ours was there with it for a package's tests.

    What the history holds under a version is that version: of the tree's own, wheels are taken only where
    nothing has come after it.
    """
    core = find_package(root, CORE)
    if version == core.version and not release.unreleased(root, core):
        return
    with bounds.older(root, version) as then:
        for one in (core, *needed(root, package, tests=True)):
            _build_then(then, folder, one.distribution)


def _build_then(then: Path, folder: Path, distribution: str) -> None:
    """Build a package as it was, unless that version is there; the core as it was takes its place."""
    try:
        package = find_package(then, distribution)
    except CiError:  # it was none, then
        return
    there = [*folder.glob(f"{distribution.replace('-', '_')}-{package.version}-*.whl")]
    if there and distribution != CORE:
        return
    for wheel in there:
        wheel.unlink()
    index.build(then, package, folder, "--wheel")


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
    command += ["--basetemp", str(work / "temporary")]  # pytest else removes what others left
    done = subprocess.run(command, cwd=copy, env=environ, check=False)  # noqa: S603 (words of ours)
    if done.returncode:
        raise CiError(f"its tests fail where it is alone (pytest ended with {done.returncode})")

"""Which pipelines a change touches: for `sisock-ci changed`, and for the paths of the workflows.

Patterns are those of GitHub's workflows: ``*`` is anything without a slash, ``**`` anything, and of all
that match a file the last one counts, which with a ``!`` says no.
"""

import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sisock_ci.errors import CiError
from sisock_ci.services import Package, needed, packages

ALL = ("pyproject.toml", "uv.lock", ".dockerignore")
FOLDER = ".github/workflows"
SOURCES = ("libs/*/src/**", "services/*/src/**", *ALL)
ROOMS = {
    "ci": ("*", "ci/**", ".ci/**", ".github/**", "libs/*/*", "services/*/*", "compose/**", *SOURCES),
    "compose": ("compose/**", "ci/src/**", *SOURCES),
    "docs": (
        "docs/**",
        "mkdocs.yml",
        "**/*.md",
        "compose/**",
        "services/hub/tests/*.txt",
        *SOURCES,
    ),
}
"""Folders whose tests hold many packages against each other, and what they read."""


def changed_files(root: Path, since: str) -> list[str]:
    """Files that differ from a commit, those not committed included.

    Raises
    ------
    CiError
        If git does not know the commit.
    """
    outputs = []
    for arguments in (["diff", "--name-only", since, "--"], ["ls-files", "--others", "--exclude-standard"]):
        done = subprocess.run(  # noqa: S603 (words of ours)
            ["git", "-C", str(root), *arguments],  # noqa: S607 (git, wherever it is)
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CiError(f"git knows no {since!r}: {done.stderr.strip()}")
        outputs += done.stdout.splitlines()
    return outputs


def alone(root: Path) -> list[Package]:
    """Packages that are tested where they are alone: all but sisock-ci, whose tests are of the whole."""
    return [package for package in packages(root) if package.name not in ROOMS]


def pipelines(root: Path) -> Mapping[str, tuple[str, ...]]:
    """Patterns of the files that each pipeline tests, by its name."""
    known = packages(root)
    found = {one.name: _watched(root, one, known) for one in known if one.name not in ROOMS}
    found |= {name: (*patterns, f"{FOLDER}/room.yml") for name, patterns in ROOMS.items()}
    return {name: (*patterns, f"{FOLDER}/{name}.yml") for name, patterns in found.items()}


def touched(root: Path, files: Iterable[str]) -> list[str]:
    """Names of the pipelines that test such files: packages, and folders with tests of many."""
    changed = list(files)
    known = pipelines(root)
    return [name for name, patterns in known.items() if any(matches(patterns, file) for file in changed)]


def matches(patterns: Sequence[str], file: str) -> bool:
    """Whether a file is among those that patterns tell."""
    last = [one for one in patterns if re.fullmatch(_expression(one.removeprefix("!")), file)]
    return bool(last) and not last[-1].startswith("!")


def _watched(root: Path, package: Package, known: Sequence[Package]) -> tuple[str, ...]:
    """A package's own folder, what it needs of ours for its tests but for their tests, and what all need."""
    below = sorted(one.folder for one in needed(root, package, tests=True, known=known))
    rows = [row for folder in below for row in (f"{folder}/**", f"!{folder}/tests/**")]
    return (*rows, f"{package.folder}/**", *ALL, f"{FOLDER}/package.yml")


def _expression(pattern: str) -> str:
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return "".join(words.get(part, re.escape(part)) for part in re.split(r"(\*\*/|\*\*|\*)", pattern))

"""A package's lint, whatever is amiss with the others: their faults do not hold its release up."""

import sys
from pathlib import Path

from sisock_ci import processes
from sisock_ci.services import Package


def lint(root: Path, package: Package) -> None:
    """Run the linters, with the repository's settings, on one package's files.

    Raises
    ------
    CiError
        With what they found.
    """
    sources = f"{package.folder}/src"
    for command in (
        ["ruff", "check", package.folder],
        ["ruff", "format", "--check", package.folder],
        ["mypy", sources],
    ):
        processes.run([sys.executable, "-m", *command], root)

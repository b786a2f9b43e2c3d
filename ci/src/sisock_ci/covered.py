"""How much of each package's code the tests ran through, in their own process: information, no threshold."""

import json
from pathlib import Path
from typing import NamedTuple

from sisock_ci.errors import CiError
from sisock_ci.services import Package


class Covered(NamedTuple):
    """Shares of a package's statements and branches, in percent; NaN where it has none."""

    statements: float
    branches: float


def read(report: Path) -> dict[str, dict[str, int]]:
    """Counts of each file, by its path from the repository's root.

    Parameters
    ----------
    report : Path
        What ``coverage json`` wrote.

    Raises
    ------
    CiError
        When there is no such report.
    """
    try:
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise CiError(f"{report} is no report of coverage: {error}") from error
    return {path: file["summary"] for path, file in files.items()}


def of(package: Package, counts: dict[str, dict[str, int]]) -> Covered:
    """A package's shares."""
    own = [count for path, count in counts.items() if path.startswith(f"{package.folder}/src/")]
    return Covered(
        *(
            100 * sum(count[had] for count in own) / every
            if (every := sum(count[all_] for count in own))
            else float("nan")
            for had, all_ in (("covered_lines", "num_statements"), ("covered_branches", "num_branches"))
        )
    )

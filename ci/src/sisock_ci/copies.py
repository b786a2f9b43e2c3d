"""Copies of the repository, or of a folder of it, without what git ignores."""

import shutil
from pathlib import Path

from sisock_ci import processes


def copy_tracked(root: Path, to: Path, folder: str = ".") -> None:
    """Copy what git tracks, or would, of a folder; what is not committed included."""
    told = processes.run(["git", "ls-files", "-co", "--exclude-standard", "-z", folder], root)
    for file in filter(None, told.split("\0")):
        if (root / file).exists():
            copy = to / Path(file).relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / file, copy)

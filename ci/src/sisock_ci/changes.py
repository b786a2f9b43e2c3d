"""What a change touches: a service by its own folder and its libraries, all by what all are built from."""

import subprocess
from pathlib import Path

from sisock_ci.errors import CiError
from sisock_ci.services import Package, Service, services

ALL = ("pyproject.toml", "uv.lock", ".dockerignore")


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


def built_from(package: Package) -> tuple[str, ...]:
    """Folders (with a slash at their end) and files that a package is built from."""
    return (f"{package.folder}/", *(f"{library}/" for library in package.libraries), *ALL)


def touched(root: Path, files: list[str]) -> list[Service]:
    """Services whose images such files go into."""

    def goes_into(service: Service, file: str) -> bool:
        return file.startswith(built_from(service)) and "/tests/" not in file

    return [service for service in services(root) if any(goes_into(service, file) for file in files)]

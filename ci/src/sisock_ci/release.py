"""Releases: a tag of a package's own line, and the versions that compose pulls."""

import re
import subprocess
from pathlib import Path

from sisock_ci.errors import CiError
from sisock_ci.services import Service, changelog_version, noted_versions, services


def tag(root: Path, service: Service, asked: str = "") -> str:
    """The tag of a service's release.

    Parameters
    ----------
    asked : str
        The tag that is about to be released, if there is one.

    Raises
    ------
    CiError
        If pyproject, CHANGELOG and tag do not name the same version.
    """
    wanted = f"{service.folder}/v{service.version}"
    noted = changelog_version(root, service.folder)
    if noted != service.version:
        raise CiError(
            f"{service.folder}/CHANGELOG.md begins with {noted or 'no version'}, "
            f"its pyproject.toml says {service.version}"
        )
    if asked and asked != wanted:
        raise CiError(f"the tag {asked} is not {wanted}, which {service.folder}/pyproject.toml asks for")
    return wanted


def previous(root: Path, service: Service) -> str:
    """Version that its CHANGELOG has below the present one; empty for a first release."""
    text = (root / service.folder / "CHANGELOG.md").read_text(encoding="utf-8")
    return next((v for v in noted_versions(text) if v != service.version), "")


def commit(root: Path, older: Service) -> str:
    """The commit that an older version of a service was released from.

    That is its tag or, where none was set, the last commit before its pyproject named another version.

    Raises
    ------
    CiError
        If the history here has neither.
    """
    name = f"{older.folder}/v{older.version}"
    told = _git(root, "rev-parse", "--verify", "--quiet", f"refs/tags/{name}^{{commit}}")
    if not told:
        text = f'version = "{older.version}"'
        changed = _git(root, "log", "-1", "--format=%H", f"-S{text}", "--", f"{older.folder}/pyproject.toml")
        told = changed and _git(root, "rev-parse", "--verify", "--quiet", f"{changed}^")
    if not told:
        raise CiError(f"neither a tag {name} nor a commit of that version is in the history here")
    return told


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 (words of ours)
        ["git", "-C", str(root), *arguments],  # noqa: S607 (git, wherever it is)
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def write_pins(root: Path, file: Path) -> list[str]:
    """Write every service's version into compose's env file; other lines stay as they are."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for service in services(root):
        line = f"{service.variable}={service.version}"
        pattern = re.compile(rf"^{service.variable}=")
        at = [i for i, old in enumerate(lines) if pattern.match(old)]
        if at:
            lines[at[0]] = line
        else:
            lines.append(line)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lines

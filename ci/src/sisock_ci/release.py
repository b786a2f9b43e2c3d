"""Releases: a tag of a package's own line, the names that follow it, the versions that compose pulls."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from packaging.version import InvalidVersion, Version

from sisock_ci.errors import CiError
from sisock_ci.services import Package, changelog_version, noted_versions, services


def tag(root: Path, service: Package, asked: str = "") -> str:
    """The tag of a package's release.

    Parameters
    ----------
    asked : str
        The tag that is about to be released, if there is one.

    Raises
    ------
    CiError
        If pyproject, CHANGELOG and tag do not name the same version.
    """
    wanted = service.tag
    noted = changelog_version(root, service.folder)
    if noted != service.version:
        raise CiError(
            f"{service.folder}/CHANGELOG.md begins with {noted or 'no version'}, "
            f"its pyproject.toml says {service.version}"
        )
    if asked and asked != wanted:
        raise CiError(f"the tag {asked} is not {wanted}, which {service.folder}/pyproject.toml asks for")
    return wanted


def ready(root: Path, package: Package, asked: str = "") -> str:
    """The tag of a package's release, where all says that it may be released now.

    Raises
    ------
    CiError
        If pyproject, CHANGELOG and tag do not name the same version, if the tag is not of the commit that
        is checked out, or if something here is not committed.
    """
    wanted = tag(root, package, asked)
    if unreleased(root, package):
        raise CiError(
            f"{package.folder}/CHANGELOG.md begins with 'Unreleased': give it the version that is released"
        )
    if wanted not in _git(root, "tag", "--points-at", "HEAD").split():
        raise CiError(f"the commit that is checked out has no tag {wanted}")
    if changed := _git(root, "status", "--porcelain"):
        raise CiError(f"not all is committed: {changed.splitlines()[0].strip()}")
    return wanted


def following(version: str, held: Callable[[str], str]) -> list[str]:
    """Tags of an image that go with a version: its minor version's and ``latest``, where neither goes back.

    Parameters
    ----------
    held : callable
        Gives the version that a tag is of now; empty, or no version, if none is known.
    """
    ours = Version(version)
    if ours.is_prerelease:
        return []

    def older(tag: str) -> bool:
        try:
            return Version(held(tag)) <= ours
        except InvalidVersion:
            return True

    return [tag for tag in (f"{ours.major}.{ours.minor}", "latest") if older(tag)]


def unreleased(root: Path, package: Package) -> bool:
    """Whether its CHANGELOG tells of something that is in no version yet."""
    text = (root / package.folder / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = re.search(r"^## (.*)", text, re.MULTILINE)
    return bool(heading and not noted_versions(heading[0]))


def previous(root: Path, service: Package) -> str:
    """Version that its CHANGELOG has below the present one; empty for a first release."""
    text = (root / service.folder / "CHANGELOG.md").read_text(encoding="utf-8")
    return next((v for v in noted_versions(text) if v != service.version), "")


def commit(root: Path, older: Package) -> str:
    """The commit that an older version of a package was released from.

    That is its tag or, where none was set, the last commit before its pyproject named another version; of
    the present version, the last one before its CHANGELOG told of what comes after it.

    Raises
    ------
    CiError
        If the history here has neither.
    """
    name = older.tag
    told = _git(root, "rev-parse", "--verify", "--quiet", f"refs/tags/{name}^{{commit}}")
    if not told:
        present = (root / older.folder / "pyproject.toml").read_text(encoding="utf-8")
        text, file = f'version = "{older.version}"', "pyproject.toml"
        if f"\n{text}\n" in present:
            if not unreleased(root, older):
                return _git(root, "rev-parse", "HEAD")
            text, file = "## Unreleased", "CHANGELOG.md"
        changed = _git(root, "log", "-1", "--format=%H", f"-S{text}", "--", f"{older.folder}/{file}")
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

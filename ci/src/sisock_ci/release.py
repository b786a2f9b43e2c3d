"""Releases: a tag of a package's own line, and the versions that compose pulls."""

import re
from pathlib import Path

from sisock_ci.errors import CiError
from sisock_ci.services import Service, changelog_version, services


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

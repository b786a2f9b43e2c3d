"""The packages of the repository and the images they become: one table, read from their pyproject files."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sisock_ci.errors import CiError

CORE = "libs/sisock-core"


@dataclass(frozen=True, slots=True)
class Service:
    """One service.

    Attributes
    ----------
    name : str
        Its folder below ``services/``.
    distribution, version : str
    image : str
        Name of its image, without registry.
    also : tuple of str
        Older names of the same image.
    libraries : tuple of str
        Folders of the libraries that it is built from.
    smoke : mapping of str
        Environment of its smoke test.
    """

    name: str
    distribution: str
    version: str
    image: str
    also: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    smoke: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where it lies, from the repository's root."""
        return f"services/{self.name}"

    @property
    def variable(self) -> str:
        """Name of its version in compose's env file."""
        return f"SISOCK_{self.name.upper().replace('-', '_')}_VERSION"


def find_root(start: Path) -> Path:
    """The repository that a folder is in.

    Raises
    ------
    CiError
        If it is in none.
    """
    for folder in (start, *start.parents):
        if (folder / "services").is_dir() and (folder / "uv.lock").is_file():
            return folder
    raise CiError(f"{start} is not inside of sisock's repository")


def services(root: Path) -> list[Service]:
    """Every service, by name."""
    return [_service(root, file.parent) for file in sorted(root.glob("services/*/pyproject.toml"))]


def find(root: Path, names: list[str]) -> list[Service]:
    """Services by name, by distribution or by image.

    Raises
    ------
    CiError
        If one is unknown.
    """
    known = services(root)
    found = []
    for name in names:
        matching = [s for s in known if name in (s.name, s.distribution, s.image)]
        if not matching:
            raise CiError(f"there is no service {name!r}, only {', '.join(s.name for s in known)}")
        found += matching
    return found


def changelog_version(root: Path, folder: str) -> str:
    """Version that the top heading of a package's CHANGELOG names; empty if it names none."""
    file = root / folder / "CHANGELOG.md"
    headings = noted_versions(file.read_text(encoding="utf-8"))
    return headings[0] if headings else ""


def noted_versions(changelog: str) -> list[str]:
    """Versions that a CHANGELOG has headings for, the newest first."""
    return re.findall(r"^## \[?v?(\d+\.\d+\.\d+[^\]\s]*)", changelog, re.MULTILINE)


def _service(root: Path, folder: Path) -> Service:
    data = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    try:
        project, ours = data["project"], data["tool"]["sisock"]
        image = ours["image"]
    except KeyError as error:
        raise CiError(f"{folder.relative_to(root)}/pyproject.toml has no {error}") from error
    needed = {re.split(r"[^A-Za-z0-9-]", dependency, maxsplit=1)[0] for dependency in project["dependencies"]}
    libraries = tuple(
        str(path.relative_to(root)) for path in sorted(root.glob("libs/*")) if path.name in needed
    )
    return Service(
        folder.name,
        project["name"],
        project["version"],
        image,
        tuple(ours.get("also", ())),
        libraries,
        dict(ours.get("smoke", {})),
    )

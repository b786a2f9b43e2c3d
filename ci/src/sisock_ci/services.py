"""The packages of the repository and the images they become: one table, read from their pyproject files.

What a service is stands in ``[tool.sisock]`` of its own pyproject.toml; `sisock_ci.made` makes from it
whatever else names services.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sisock_ci.errors import CiError

PYTHONS = ("3.11", "3.12")
ROLES = ("router", "bridge", "node", "indexer")


@dataclass(frozen=True, slots=True)
class Package:
    """One package of the repository: a library, a service, or sisock-ci.

    Attributes
    ----------
    name : str
        Name of its folder.
    folder : str
        Where it lies, from the repository's root.
    distribution, version, description : str
    libraries : tuple of str
        Folders of the libraries that it is built from.
    requires : tuple of str
        What it declares that it needs.
    extras : mapping
        What more it declares, by the extra's name.
    pythons : tuple of str
        Versions of Python that the pipeline tests it on.
    """

    name: str
    folder: str
    distribution: str
    version: str
    description: str = ""
    libraries: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    extras: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pythons: tuple[str, ...] = PYTHONS

    @property
    def test_requires(self) -> tuple[str, ...]:
        """What its tests need beside what it needs itself."""
        return tuple(self.extras.get("test", ()))

    @property
    def module(self) -> str:
        """The package that is imported."""
        return "sisock" if self.distribution == "sisock-core" else self.distribution.replace("-", "_")

    @property
    def tag(self) -> str:
        """The tag of its present version."""
        return f"{self.folder}/v{self.version}"


@dataclass(frozen=True, slots=True)
class Service(Package):
    """One service.

    Attributes
    ----------
    image : str
        Name of its image, without registry.
    also : tuple of str
        Older names of the same image.
    role : str
        One of `ROLES`.
    node : str
        Name of the data node that it serves; empty if it serves none.
    smoke : mapping of str
        Environment of its smoke test.
    container, compose, demo : mapping
        What its image, its block in compose and its part of the demo have beyond what all have.
    left_out : tuple of str
        Distributions that its libraries depend on, but do without in an image.
    trimmed_by : tuple of str
        Scripts of its libraries that take out of an image what is not needed there; both stand in
        ``[tool.sisock.container]`` of the libraries.
    """

    image: str = ""
    also: tuple[str, ...] = ()
    role: str = "node"
    node: str = ""
    smoke: Mapping[str, str] = field(default_factory=dict)
    container: Mapping[str, Any] = field(default_factory=dict)
    compose: Mapping[str, Any] = field(default_factory=dict)
    demo: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    trimmed_by: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """Name of its version in compose's env file."""
        return f"SISOCK_{self.name.upper().replace('-', '_')}_VERSION"

    @property
    def demo_node(self) -> str:
        """Name of its node in the demo."""
        return str(self.demo.get("node", self.node))


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
    """Every service: the router, the bridge, then the others by name."""
    found = [_service(root, file.parent) for file in sorted(root.glob("services/*/pyproject.toml"))]
    return sorted(
        found, key=lambda service: ROLES[:2].index(service.role) if service.role in ROLES[:2] else 2
    )


def libraries(root: Path) -> list[Package]:
    """Every library, by name."""
    return [Package(**_package(root, file.parent)) for file in sorted(root.glob("libs/*/pyproject.toml"))]


def packages(root: Path) -> list[Package]:
    """Every package: services, libraries, and sisock-ci."""
    return [*services(root), *libraries(root), Package(**_package(root, root / "ci"))]


def find(root: Path, names: Sequence[str]) -> list[Service]:
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


def find_package(root: Path, name: str) -> Package:
    """A package by name, by distribution or by folder.

    Raises
    ------
    CiError
        If there is none.
    """
    known = packages(root)
    for package in known:
        if name in (package.name, package.distribution, package.folder):
            return package
    raise CiError(f"there is no package {name!r}, only {', '.join(p.name for p in known)}")


def needed(
    root: Path, package: Package, *, tests: bool, known: Sequence[Package] | None = None
) -> list[Package]:
    """Packages of ours that one needs when it runs or, with tests, also when it is tested; not itself.

    Whoever asks for many of them gives those that are `known`, so that they are read once.
    """
    ours = {one.distribution: one for one in known or packages(root)}
    found: dict[str, Package] = {}
    seen: set[str] = set()
    ahead = {*package.requires, *(package.test_requires if tests else ())}
    while ahead:
        text = ahead.pop()
        seen.add(text)
        wanted = Requirement(text)
        one = ours.get(canonicalize_name(wanted.name))
        if one is None:
            continue
        if one != package:  # which may name extras of its own
            found[one.distribution] = one
            ahead.update(one.requires)
        ahead.update(text for name in wanted.extras for text in one.extras.get(name, ()))
        ahead -= seen
    return [found[name] for name in sorted(found)]


def known_versions(root: Path, package: Package) -> list[str]:
    """Versions of a package that its CHANGELOG and its pyproject name, the newest first."""
    noted = noted_versions((root / package.folder / "CHANGELOG.md").read_text(encoding="utf-8"))
    return noted if package.version in noted else [package.version, *noted]


def changelog_version(root: Path, folder: str) -> str:
    """Version that the top heading of a package's CHANGELOG names; empty if it names none."""
    file = root / folder / "CHANGELOG.md"
    headings = noted_versions(file.read_text(encoding="utf-8"))
    return headings[0] if headings else ""


def noted_versions(changelog: str) -> list[str]:
    """Versions that a CHANGELOG has headings for, the newest first."""
    return re.findall(r"^## \[?v?(\d+\.\d+\.\d+[^\]\s]*)", changelog, re.MULTILINE)


def _read(root: Path, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    data = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    try:
        return data["project"], data.get("tool", {}).get("sisock", {})
    except KeyError as error:
        raise CiError(f"{folder.relative_to(root)}/pyproject.toml has no {error}") from error


def _package(root: Path, folder: Path) -> dict[str, Any]:
    project, ours = _read(root, folder)
    try:
        return {
            "name": folder.name,
            "folder": str(folder.relative_to(root)),
            "distribution": project["name"],
            "version": project["version"],
            "description": project.get("description", ""),
            "libraries": tuple(sorted(_libraries(root, folder))),
            "requires": tuple(project.get("dependencies", ())),
            "extras": project.get("optional-dependencies", {}),
            "pythons": tuple(ours.get("pythons", PYTHONS)),
        }
    except KeyError as error:
        raise CiError(f"{folder.relative_to(root)}/pyproject.toml has no {error}") from error


def _libraries(root: Path, folder: Path) -> set[str]:
    """Folders of the libraries that a package depends on, and of those that these depend on."""
    project, _ = _read(root, folder)
    found: set[str] = set()
    for dependency in project.get("dependencies", ()):
        library = root / "libs" / re.split(r"[^A-Za-z0-9-]", dependency, maxsplit=1)[0]
        if library.is_dir():
            found |= {str(library.relative_to(root)), *_libraries(root, library)}
    return found


def _service(root: Path, folder: Path) -> Service:
    _, ours = _read(root, folder)
    file = f"{folder.relative_to(root)}/pyproject.toml"
    known = {"image", "also", "role", "node", "smoke", "container", "compose", "demo", "pythons"}
    if not ours.get("image"):
        raise CiError(f"{file} has no image in [tool.sisock]")
    if unknown := set(ours) - known:
        raise CiError(f"{file}: [tool.sisock] knows no {', '.join(sorted(unknown))}")
    if ours.get("role", "node") not in ROLES:
        raise CiError(f"{file}: role={ours['role']!r} is none of {', '.join(ROLES)}")
    if ours.get("role", "node") == "node" and not ours.get("node"):
        raise CiError(f"{file} does not say in [tool.sisock] which node it serves")
    package = _package(root, folder)
    below = {library: _read(root, root / library)[1].get("container", {}) for library in package["libraries"]}
    return Service(
        **{**ours, "also": tuple(ours.get("also", ())), **package},
        left_out=tuple(name for one in below.values() for name in one.get("left_out", ())),
        trimmed_by=tuple(f"{library}/{one['trim']}" for library, one in below.items() if "trim" in one),
    )

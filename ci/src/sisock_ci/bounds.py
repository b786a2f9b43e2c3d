"""Whether a bound on sisock-core is true: all that a package imports is in the lowest one that it allows."""

import ast
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from sisock_ci import release
from sisock_ci.errors import CiError
from sisock_ci.services import Package, find_package, known_versions

CORE = "sisock-core"


def lowest_core(root: Path, package: Package) -> str:
    """The lowest version of sisock-core that a package says it works with.

    Raises
    ------
    CiError
        If it says nothing of the core, or excludes all versions that are known.
    """
    asked = [one for one in map(Requirement, package.requires) if one.name == CORE]
    if not asked:
        raise CiError(f"{package.distribution} does not say which {CORE} it needs")
    core = find_package(root, CORE)
    allowed = [*asked[0].specifier.filter(known_versions(root, core))]
    if not allowed:
        raise CiError(f"{package.distribution} needs {asked[0]}, which no version in {CORE}'s CHANGELOG is")
    return min(allowed, key=Version)


@contextmanager
def older(root: Path, version: str) -> Iterator[Path]:
    """The repository as it was when a version of sisock-core was released."""
    commit = release.commit(root, replace(find_package(root, CORE), version=version))
    with tempfile.TemporaryDirectory(prefix="sisock-older-") as folder:
        archive = subprocess.run(  # noqa: S603 (words of ours)
            ["git", "-C", str(root), "archive", commit],  # noqa: S607 (git, wherever it is)
            capture_output=True,
            check=True,
        )
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
        then = find_package(Path(folder), CORE)
        if then.version != version:
            raise CiError(f"the history has no {CORE} {version}: {commit[:12]} has {then.version}")
        yield Path(folder)


def lacking(root: Path, package: Package) -> list[str]:
    """What a package imports of the core, and the lowest version that it allows has not.

    The repository's own version has all, what comes after it in the repository included: that is released
    under a new version before a package can be that needs it.
    """
    lowest = lowest_core(root, package)
    if lowest == find_package(root, CORE).version:
        return []
    sources = root / package.folder / "src"
    with older(root, lowest) as then:
        core = then / "libs" / CORE / "src"
        imported = {name for file in sources.rglob("*.py") for name in _imported(file)}
        return sorted(name for name in imported if not _has(core, name))


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            if node.level or (node.module or "").split(".")[0] != "sisock":
                continue
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "sisock")


def _has(sources: Path, name: str) -> bool:
    """Whether there is such a module, or a module with something of that name."""
    if _module(sources, name):
        return True
    module = _module(sources, name.rpartition(".")[0])
    if module is None:
        return False
    wanted = name.rpartition(".")[2]
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found = node.name
        elif isinstance(node, ast.Name):
            found = node.id
        elif isinstance(node, ast.alias):
            found = node.asname or node.name
        else:
            continue
        if found == wanted:
            return True
    return False


def _module(sources: Path, name: str) -> Path | None:
    place = sources / name.replace(".", "/")
    return next((one for one in (place.with_suffix(".py"), place / "__init__.py") if one.is_file()), None)

"""What tests import is what their package declares: alone, with an index, they find it."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from sisock_ci.services import Package, libraries, services

ROOT = Path(__file__).parents[2]
STARTED = re.compile(r'(?:start_module\(|"-m",)\s*"(sisock_[a-z0-9_]+)"')


def plain(name: str) -> str:
    """A distribution's name, as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def who_has() -> dict[str, set[str]]:
    """Which distributions have a module."""
    found = {module: {plain(name) for name in names} for module, names in packages_distributions().items()}
    # Members of the workspace are installed as links, which tell nothing of their modules.
    for package in (*services(ROOT), *libraries(ROOT)):
        for module in (ROOT / package.folder / "src").iterdir():
            found[module.stem] = {package.distribution}
    return found


def brought(declared: Iterable[str]) -> set[str]:
    """Distributions that a package's requirements bring, and theirs."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(text) for text in declared]
    while waiting:
        one = waiting.pop()
        key = plain(one.name), frozenset(one.extras)
        if key in seen:
            continue
        seen.add(key)
        try:
            theirs = requires(one.name) or []
        except PackageNotFoundError:  # not for this machine
            continue
        for text in theirs:
            more = Requirement(text)
            if more.marker is None or any(more.marker.evaluate({"extra": e}) for e in ("", *one.extras)):
                waiting.append(more)
    return {name for name, _ in seen}


def imported(file: Path) -> Iterator[str]:
    """Top modules that a file imports, wherever in it, and those of ours that it starts by their names."""
    text = file.read_text(encoding="utf-8")
    yield from STARTED.findall(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", [*services(ROOT), *libraries(ROOT)], ids=lambda package: package.name)
def test_a_packages_tests_import_only_what_it_declares(package: Package) -> None:
    files = list((ROOT / package.folder / "tests").rglob("*.py"))
    known = brought([*package.requires, *(text for extra in package.extras.values() for text in extra)])
    known.add(package.distribution)
    beside = {file.stem for file in files} | {file.parent.name for file in files} | sys.stdlib_module_names
    missing = {
        module: file.name
        for file in files
        for module in imported(file)
        if module not in beside and not who_has().get(module, set()) & known
    }
    assert missing == {}

"""A package is tested with the lowest core that it allows, and what it says of it is held against it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sisock_ci import bounds
from sisock_ci.errors import CiError
from sisock_ci.services import find_package, packages

ROOT = Path(__file__).parents[2]
WEATHER = "services/weather"
QUICK = "tests/test_core_that_is_there.py"

pytestmark = pytest.mark.timeout(900)


def allow(clone: Any, bound: str) -> None:
    """Have the weather server say which core it needs."""
    file = clone.directory / WEATHER / "pyproject.toml"
    file.write_text(re.sub(r'"sisock-core[^"]*"', f'"sisock-core{bound}"', file.read_text()))


def need_nothing_for_tests(clone: Any) -> None:
    """Have its tests need pytest alone: no router is built and installed three times over."""
    file = clone.directory / WEATHER / "pyproject.toml"
    little = 'test = ["pytest>=8.3", "pytest-timeout>=2.3"]'
    text, found = re.subn(r"(?ms)^test = \[.*?\]$", little, file.read_text())
    assert found == 1
    file.write_text(text)


def lone(clone: Any, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "sisock_ci", "alone", "weather", *options, "--pytest", QUICK],
        cwd=clone.directory,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_bound_that_allows_a_core_without_what_is_used_is_red_with_the_lowest_core(clone: Any) -> None:
    clone.version("libs/sisock-core", "1.7.0")
    with (clone.directory / "libs/sisock-core/src/sisock/uris.py").open("a") as out:
        out.write('\nNEW = "new"\n')
    clone.version("libs/sisock-core", "1.8.0")
    with (clone.directory / WEATHER / "src/sisock_weather/config.py").open("a") as out:
        out.write("\nfrom sisock.uris import NEW  # noqa\n")
    (clone.directory / WEATHER / QUICK).write_text(
        "from importlib.metadata import version\n\nimport sisock_weather.config\n\n\n"
        "def test_it():\n    print(version('sisock-core'))\n    assert sisock_weather.config.NEW\n"
    )
    need_nothing_for_tests(clone)
    allow(clone, ">=1.7,<2")
    newest = lone(clone)
    assert newest.returncode == 0, newest.stdout + newest.stderr
    lowest = lone(clone, "--lowest")
    assert lowest.returncode == 1
    assert "cannot import name 'NEW' from 'sisock.uris'" in lowest.stdout
    assert "not green alone: weather" in lowest.stderr
    allow(clone, ">=1.8,<2")
    mended = lone(clone, "--lowest")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "weather: its tests pass where it is alone with sisock-core==1.8.0" in mended.stdout


def test_the_lowest_core_is_the_oldest_version_that_the_bound_allows(clone: Any) -> None:
    clone.version("libs/sisock-core", "1.7.0")
    clone.version("libs/sisock-core", "1.10.0")

    def lowest(bound: str) -> str:
        allow(clone, bound)
        return bounds.lowest_core(clone.directory, find_package(clone.directory, "weather"))

    assert lowest(">=1.0,<2") == "1.0.0"
    assert lowest(">=1.6,<2") == "1.7.0"
    assert lowest(">=1.8,<2") == "1.10.0"
    with pytest.raises(CiError, match=r"sisock-core<3,>=2, which no version in sisock-core's CHANGELOG is"):
        lowest(">=2,<3")


@pytest.mark.parametrize(
    "name", [one.name for one in packages(ROOT) if any("sisock-core" in text for text in one.requires)]
)
def test_the_lowest_core_that_a_package_allows_has_all_that_it_imports(name: str) -> None:
    """Else raise the bound in its pyproject.toml to the version of the core that has it."""
    assert bounds.lacking(ROOT, find_package(ROOT, name)) == []


def test_a_bound_that_is_too_low_is_told_with_what_is_lacking(clone: Any) -> None:
    clone.version("libs/sisock-core", "1.7.0")
    with (clone.directory / "libs/sisock-core/src/sisock/uris.py").open("a") as out:
        out.write('\nNEW = "new"\n')
    (clone.directory / "libs/sisock-core/src/sisock/fresh.py").write_text('"""A new module."""\n')
    clone.version("libs/sisock-core", "1.8.0")
    with (clone.directory / WEATHER / "src/sisock_weather/config.py").open("a") as out:
        out.write("\nfrom sisock import fresh\nfrom sisock.uris import NEW, get_data\n")

    def lacking(bound: str) -> list[str]:
        allow(clone, bound)
        return bounds.lacking(clone.directory, find_package(clone.directory, "weather"))

    assert lacking(">=1.7,<2") == ["sisock.fresh", "sisock.uris.NEW"]
    assert lacking(">=1.8,<2") == []

"""How many lines a package has, and that the core stays small."""

from pathlib import Path

from sisock_ci import lines
from sisock_ci.__main__ import main
from sisock_ci.services import find_package

ROOT = Path(__file__).parents[2]
MODULE = '''"""A module.

It has a docstring.
"""

NAMES = (  # a comment beside code
    "a",
)
"""What a name means."""


def one() -> str:
    """One."""

    # a comment alone
    return """two
lines"""
'''


def test_comments_docstrings_and_blank_lines_are_no_code() -> None:
    assert lines.code(MODULE) == 6


def test_the_core_is_below_3000_lines_of_code() -> None:
    """What is not URIs, authentication or the contract has a library of its own."""
    _all, code = lines.count(ROOT, find_package(ROOT, "sisock-core"))
    assert code < 3000


def test_lines_are_told_of_the_packages_that_are_named(monkeypatch, capsys) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["lines", "sisock-core", "weather"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told] == ["sisock-core", "weather"]

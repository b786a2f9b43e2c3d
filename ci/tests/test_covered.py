"""What share of a package's code the tests ran through."""

import json
import math

import pytest
from sisock_ci import covered
from sisock_ci.__main__ import main
from sisock_ci.errors import CiError
from sisock_ci.services import Package

MODULES = {
    "libs/sisock-a/src/sisock_a/one.py": (10, 9, 4, 1),
    "libs/sisock-a/src/sisock_a/two.py": (30, 15, 0, 0),
    "libs/sisock-a/tests/test_one.py": (50, 50, 8, 8),
    "libs/sisock-ab/src/sisock_ab/one.py": (7, 7, 2, 2),
}


@pytest.fixture
def report(tmp_path):
    names = ("num_statements", "covered_lines", "num_branches", "covered_branches")
    files = {path: {"summary": dict(zip(names, counts, strict=True))} for path, counts in MODULES.items()}
    path = tmp_path / "coverage.json"
    path.write_text(json.dumps({"files": files}))
    return path


def test_shares_are_those_of_a_packages_own_sources(report) -> None:
    of_a = Package("a", "libs/sisock-a", "sisock-a", "1.0.0")
    assert covered.of(of_a, covered.read(report)) == (60.0, 25.0)


def test_of_a_package_that_nobody_ran_nothing_is_claimed(report) -> None:
    other = Package("b", "libs/sisock-b", "sisock-b", "1.0.0")
    assert all(map(math.isnan, covered.of(other, covered.read(report))))


def test_what_is_no_report_is_named(tmp_path, capsys) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    with pytest.raises(CiError, match=r"other\.json is no report of coverage"):
        covered.read(other)
    assert main(["covered", str(other)]) == 1
    assert str(other) in capsys.readouterr().err

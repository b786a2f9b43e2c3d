"""Mistakes are planted, and counted as noticed or not, in a repository of one small package."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.peer

CODE = """
def bigger(a: int, b: int) -> int:
    return a if a > b else b


def half(a: int) -> float:
    return a / 2
"""
TESTS = """
from toy.code import bigger, half


def test_the_bigger_one():
    assert (bigger(1, 2), bigger(3, 2)) == (2, 3)
"""
HALVES = """

def test_the_half():
    assert half(5) == 2.5
"""
EQUAL = """
[[equal]]
file = "libs/sisock-toy/src/toy/code.py"
before = "return a if a > b else b"
after = "return a if a >= b else b"
why = "where both are the same it does not matter which"
"""


def planted(root: Path, tests: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    package = root / "libs" / "sisock-toy"
    for file, text in (("src/toy/code.py", CODE), ("src/toy/__init__.py", ""), ("tests/test_toy.py", tests)):
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).write_text(text)
    (root / "equal.toml").write_text(EQUAL)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    options = ["--root", str(root), "--equal", str(root / "equal.toml")]
    return subprocess.run(
        [sys.executable, "-m", "mutants", "toy", *options, *arguments],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_what_no_test_notices_is_shown_and_tried_again_from_its_notes(tmp_path: Path) -> None:
    note = ["--note", str(tmp_path / "notes")]
    done = planted(tmp_path, TESTS, *note)
    assert done.returncode == 1, done.stderr
    assert "code.py:7\n- return a / 2\n+ return a * 2\n" in done.stdout
    assert "a > b" not in done.stdout
    assert "| sisock-toy | 6 | 6 | 2 | 0 | 3 | 1 | 40 % |" in done.stdout
    done = planted(tmp_path, TESTS + HALVES, "--again", str(tmp_path / "notes"))
    assert "| sisock-toy | 6 | 3 | 3 | 0 | 0 | 0 | 100 % |" in done.stdout, done.stdout + done.stderr


def test_tests_that_fail_on_sound_code_prove_nothing(tmp_path: Path) -> None:
    done = planted(tmp_path, TESTS.replace("(2, 3)", "(2, 4)"))
    assert done.returncode == 1
    assert "fail as they are" in done.stderr


def test_what_only_tests_with_peers_notice_is_counted_apart(tmp_path: Path) -> None:
    slow = "\n\nimport pytest\n\npytestmark = pytest.mark.peer\n" + TESTS + HALVES
    done = planted(tmp_path, slow)
    assert "| sisock-toy | 6 | 6 | 0 | 5 | 0 | 1 | 100 % |" in done.stdout, done.stdout + done.stderr
    quick = planted(tmp_path, TESTS, "--quick")
    assert "| sisock-toy | 6 | 6 | 2 | 0 | 3 | 1 | 40 % |" in quick.stdout, quick.stdout + quick.stderr


GREEDY = """
import os

import pytest


def test_there_is_a_bound():
    with pytest.raises(MemoryError):
        bytearray(8 << 30)


def test_nobody_else_is_there_to_be_killed():
    processes = {int(name) for name in os.listdir("/proc") if name.isdigit()}
    assert os.geteuid() != 0 or processes == {1, os.getpid()}
"""


def test_a_sharper_test_leaves_none_and_no_mistake_takes_all_memory_or_ends_others(tmp_path: Path) -> None:
    done = planted(tmp_path, TESTS + HALVES + GREEDY)
    assert "| sisock-toy | 6 | 6 | 5 | 0 | 0 | 1 | 100 % |" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0

"""Which mistakes are made of a text, and when they are made again."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    from mutants import making

    return making


def test_the_mistakes_of_a_file_are_made_again_only_when_it_changes(
    tmp_path: Path, making: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made: list[str] = []
    original = making.mutants
    monkeypatch.setattr(
        making, "mutants", lambda source, file: (made.append(source), original(source, file))[1]
    )
    for text, after in (
        ("x = a + b\n", "x = a - b"),
        ("x = a + b\n", "x = a - b"),
        ("x = a - b\n", "x = a + b"),
    ):
        (tmp_path / "a.py").write_text(text)
        assert [mutant.after for mutant in making.of_files(tmp_path, ["a.py"])] == [after]
    assert made == ["x = a + b\n", "x = a - b\n"]


def test_memory_and_what_the_type_checker_sees_are_not_tried(making: Any) -> None:
    source = "@dataclass(frozen=True, slots=True, order=True)\nclass A:\n    x: int\n"
    changed = [mutant.after for mutant in making.mutants(source, "a.py")]
    assert "@dataclass(frozen=True, slots=True, order=False)" in changed
    assert not any("slots=False" in after or "frozen=False" in after for after in changed)

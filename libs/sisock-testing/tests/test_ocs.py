"""OCS's environment: what an installation that was ended leaves is in nobody's way."""

from pathlib import Path

import pytest
from sisock_testing import ocs


def test_an_installation_that_was_ended_half_way_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tmp_path / f"ocs-{ocs.VERSION}-so3g"
    made: list[str] = []

    def uv(*arguments: str) -> None:
        if arguments[0] == "venv":
            environment.mkdir()
        made.append(arguments[0])

    (environment / "lib").mkdir(parents=True)
    monkeypatch.setattr(ocs, "_uv", uv)
    for _ in range(2):
        assert ocs.install(tmp_path, ["so3g"]) == environment / "bin"
    assert made == ["venv", "pip"]
    assert not (environment / "lib").exists()

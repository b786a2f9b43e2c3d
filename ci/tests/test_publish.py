"""Releases to a real package index: libraries first, finished where they broke off, one content a name."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from sisock_ci import index, processes
from sisock_ci.published import Index
from sisock_ci.release import following

WHEEL, SDIST = "sisock_core-7.0.0-py3-none-any.whl", "sisock_core-7.0.0.tar.gz"

pytestmark = pytest.mark.timeout(300)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_library_is_released_and_installs_from_the_index(
    clone: Any, held: Path, simple: str, tmp_path: Path
) -> None:
    clone.version("libs/sisock-core", "7.0.0")
    done = clone.release("sisock-core", simple)
    assert done.returncode == 0, done.stderr
    assert "released sisock-core 7.0.0 as libs/sisock-core/v7.0.0" in done.stdout
    assert names(held) == [WHEEL, SDIST]
    processes.uv(tmp_path, "venv", "--quiet", tmp_path / "empty")
    index.install(tmp_path / "empty", simple.removesuffix("simple/"), ["sisock-core==7.0.0"], tmp_path)
    script = "import importlib.metadata, sisock; print(importlib.metadata.version('sisock-core'))"
    assert processes.run([tmp_path / "empty/bin/python", "-c", script], tmp_path).strip() == "7.0.0"


def test_a_release_that_was_killed_is_finished_by_saying_it_again(
    clone: Any, held: Path, simple: str
) -> None:
    clone.version("libs/sisock-core", "7.0.0")
    process = subprocess.Popen(
        clone.command("sisock-core"),
        cwd=clone.directory,
        env={**os.environ, "SISOCK_INDEX": simple},
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (held / WHEEL).exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    assert WHEEL in names(held)
    (held / SDIST).unlink(missing_ok=True)  # where it was quicker than the signal
    first = (held / WHEEL).stat().st_mtime_ns
    again = clone.release("sisock-core", simple)
    assert again.returncode == 0, again.stderr
    assert f"was there: {WHEEL}" in again.stdout
    assert f"uploaded {SDIST}" in again.stdout
    assert names(held) == [WHEEL, SDIST]
    assert (held / WHEEL).stat().st_mtime_ns == first


def test_a_version_with_other_content_is_refused(clone: Any, held: Path, simple: str) -> None:
    clone.version("libs/sisock-core", "7.0.0")
    assert clone.release("sisock-core", simple).returncode == 0
    with (clone.directory / "libs/sisock-core/src/sisock/uris.py").open("a") as out:
        out.write("# a comment\n")
    clone.git("commit", "-qam", "another")
    clone.git("tag", "-f", "libs/sisock-core/v7.0.0")
    done = clone.release("sisock-core", simple)
    assert done.returncode == 1
    assert (
        f"{WHEEL} is in the package index already, with other content: give it a new version" in done.stderr
    )


def test_what_is_needed_is_released_first(clone: Any, simple: str) -> None:
    clone.version("libs/sisock-archive", "7.0.0")
    done = clone.release("sisock-archive", simple)
    assert done.returncode == 1
    assert "which the package index does not have: release libs/sisock-core first" in done.stderr


def test_a_release_is_of_a_commit_that_has_its_tag(clone: Any, simple: str) -> None:
    clone.version("libs/sisock-core", "7.0.0", tagged=False)
    assert "no tag libs/sisock-core/v7.0.0" in clone.release("sisock-core", simple).stderr
    clone.git("tag", "libs/sisock-core/v7.0.0")
    (clone.directory / "more").write_text("not committed")
    assert "not all is committed: ?? more" in clone.release("sisock-core", simple).stderr
    changelog = clone.directory / "libs/sisock-core/CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("## 7.0.0", "## Unreleased\n\n- new\n\n## 7.0.0"))
    assert "begins with 'Unreleased'" in clone.release("sisock-core", simple).stderr


def test_an_index_that_passes_names_on_to_another_has_none_of_its_own(simple: str) -> None:
    assert Index(simple, "").files("idna") == {}


@pytest.mark.parametrize(
    ("version", "held", "moved"),
    [
        ("0.3.0", {}, ["0.3", "latest"]),
        ("0.3.1", {"0.3": "0.3.0", "latest": "0.3.0"}, ["0.3", "latest"]),
        ("0.3.0", {"0.3": "0.3.0", "latest": "0.3.0"}, ["0.3", "latest"]),
        ("0.2.9", {"0.2": "0.2.8", "latest": "0.3.0"}, ["0.2"]),
        ("0.2.8", {"0.2": "0.2.9", "latest": "0.3.0"}, []),
        ("0.9.0", {"latest": "0.10.0"}, ["0.9"]),
        ("0.4.0", {"latest": "something"}, ["0.4", "latest"]),
        ("0.4.0rc1", {}, []),
    ],
)
def test_no_tag_goes_back(version: str, held: dict[str, str], moved: list[str]) -> None:
    assert following(version, lambda tag: held.get(tag, "")) == moved

"""What sisock-ci knows without an engine: services, changes, releases, pins."""

import dataclasses
import fnmatch
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from sisock_ci import changes, content, made, release
from sisock_ci.__main__ import main
from sisock_ci.errors import CiError
from sisock_ci.services import find, find_root, packages, services

ROOT = Path(__file__).parents[2]
IMAGES = {service.name: service.image for service in services(ROOT)}


def test_every_service_of_the_contract_has_the_image_that_sites_pull() -> None:
    contract = (ROOT / "docs" / "contract.md").read_text()
    promised = dict(re.findall(r"^\| ([a-z0-9-]+) \| `(sisock-[a-z0-9-]+)` \|", contract, re.MULTILINE))
    assert len(promised) == 9
    assert {name: IMAGES.get(name) for name in promised} == promised
    for service in services(ROOT):
        assert all(f"`{older}`" in contract for older in service.also)


def test_all_that_names_services_is_what_their_table_makes() -> None:
    assert made.differing(ROOT) == []


def test_versions_and_changelogs_agree() -> None:
    assert [release.tag(ROOT, service) for service in services(ROOT)]


def tracked() -> list[str]:
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [file for file in told if (ROOT / file).exists()]


def test_a_change_touches_what_is_tested_with_it() -> None:
    def names(*files: str) -> set[str]:
        return set(changes.touched(ROOT, files))

    every = set(changes.pipelines(ROOT))
    assert every == {package.name for package in packages(ROOT)} | {"compose", "docs"}
    assert names("services/sensors/src/sisock_sensors/config.py") == {"sensors", "ci", "compose", "docs"}
    assert names("services/sensors/tests/test_host.py", "docs/contract.md") == {"sensors", "docs"}
    g3 = {"sisock-g3", "g3-file-scanner", "g3-reader"}
    assert names("libs/sisock-g3/src/sisock_g3/frames.py") == g3 | {"ci", "compose", "docs"}
    assert names("libs/sisock-core/tests/test_wire.py") == {"sisock-core"}
    assert names("services/hub/tests/permissions.txt") == {"hub", "docs"}
    assert names("libs/sisock-core/src/sisock/wire.py") == every
    # Everything that runs on a router in its tests is tested with the router's changes.
    assert {"weather", "sisock-client", "sisock-testing"} <= names("services/hub/src/sisock_hub/guard.py")
    assert names("uv.lock") == every
    assert names("Makefile") == names("ci/system-packages") == {"ci"}
    assert names("compose/Procfile") == {"ci", "compose", "docs"}


def read_paths(workflow: Path) -> dict[str, list[str]]:
    """Paths of a workflow, by the event; YAML's own reading of "on" is a truth."""
    events = yaml.safe_load(workflow.read_text())[True]
    return {event: told["paths"] for event, told in events.items() if told and "paths" in told}


def runs_for(paths: list[str], file: str) -> bool:
    """GitHub's rule: the last pattern that matches decides."""
    answer = False
    for path in paths:
        pattern = path.removeprefix("!")
        if pattern.endswith("/**") and "*" not in pattern[:-3]:
            hit = file.startswith(pattern[:-2])
        elif pattern.startswith("**/"):
            hit = fnmatch.fnmatchcase(file.rsplit("/", 1)[-1], pattern[3:])
        else:
            folders = pattern.removesuffix("/**").split("/")
            parts = file.split("/")
            deep = pattern.endswith("/**")
            cut = parts[: len(folders)]
            hit = len(parts) > len(folders) if deep else len(parts) == len(folders)
            hit = hit and all(map(fnmatch.fnmatchcase, cut, folders))
        answer = not path.startswith("!") if hit else answer
    return answer


def test_every_file_is_tested_by_those_workflows_that_a_change_of_it_touches(monkeypatch) -> None:
    known = changes.pipelines(ROOT)
    monkeypatch.setattr(changes, "pipelines", lambda _root: known)  # read once, not for each file
    folder = ROOT / ".github" / "workflows"
    every = {file.stem: read_paths(file) for file in folder.glob("*.yml")}
    # What is known of the lock's distributions is no test of a file.
    told = {name: paths for name, paths in every.items() if paths and name != "audit"}
    assert set(told) == set(known)
    for file in tracked():
        touched = set(changes.touched(ROOT, [file]))
        for event in ("push", "pull_request"):
            assert {name for name, paths in told.items() if runs_for(paths[event], file)} == touched, file
        assert touched, f"no pipeline tests {file}"


def test_core_and_client_are_tested_on_python_3_11_to_3_13() -> None:
    for name in ("sisock-core", "sisock-client"):
        jobs = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())["jobs"]
        assert json.loads(jobs[name]["with"]["pythons"]) == ["3.11", "3.12", "3.13"]


def test_another_packages_lint_is_not_ones_own(clone, monkeypatch, capsys) -> None:
    if (ROOT / ".mypy_cache").is_dir():  # what mypy knows of the rest by now
        shutil.copytree(ROOT / ".mypy_cache", clone.directory / ".mypy_cache")
    faults = clone.directory / "services" / "sensors" / "src" / "sisock_sensors" / "faults.py"
    monkeypatch.chdir(clone.directory)
    for fault, told in (
        ('"""A fault."""\n\nimport os\n', "F401"),
        ('"""A fault."""\n\nX: int = ""\n', "assignment"),
    ):
        faults.write_text(fault)
        assert main(["lint", "weather"]) == 0
        capsys.readouterr()
        assert main(["lint", "sensors"]) == 1
        assert told in capsys.readouterr().err


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What images are built from, to be changed."""
    for folder in ("libs", "services"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns(*content.NOT_SENT))
    for file in ("pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("libs/sisock-testing/src/sisock_testing/stack.py", set()),
        (
            "libs/sisock-archive/src/sisock_archive/dated_files.py",
            {"apex-weather", "g3-reader", "radiometer", "weather"},
        ),
        ("libs/sisock-consumer/src/sisock_consumer/calls.py", {"http", "watch"}),
        ("libs/sisock-core/src/sisock/wire.py", set(IMAGES)),
    ],
)
def test_a_comment_changes_the_labels_of_those_images_that_hold_it(
    file: str, expected: set[str], tree: Path, monkeypatch
) -> None:
    # One folder of the tree alone is changed: the lock's part of a label is the same.
    monkeypatch.setattr("sisock_ci.content.locked", lambda _root, _service: "")
    before = {service.name: content.fingerprint(tree, service) for service in services(tree)}
    with (tree / file).open("a") as out:
        out.write("# a comment\n")
    after = {service.name: content.fingerprint(tree, service) for service in services(tree)}
    assert {name for name in before if before[name] != after[name]} == expected


def test_what_is_made_beside_the_sources_is_neither_sent_to_the_engine_nor_in_a_label(tree: Path) -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {f"**/{name}" for name in content.NOT_SENT} <= set(ignored)
    [http] = find(tree, ["http"])
    before = content.fingerprint(tree, http)
    for name in content.NOT_SENT:
        made = tree / http.folder / "web" / name / "deep"
        made.mkdir(parents=True)
        (made / "file").write_text("made")
    assert content.fingerprint(tree, http) == before


def test_the_files_whose_tests_come_first_are_there() -> None:
    long = (ROOT / "ci" / "long-tests.txt").read_text().split()
    assert [file for file in long if not (ROOT / file).is_file()] == []
    assert len(set(long)) == len(long)


def test_changes_since_a_commit_are_those_of_git(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", ".")
    git("commit", "-qm", "one")
    (tmp_path / "a").write_text("2")
    (tmp_path / "b").write_text("1")
    assert changes.changed_files(tmp_path, "HEAD") == ["a", "b"]
    with pytest.raises(CiError, match="git knows no 'nowhere'"):
        changes.changed_files(tmp_path, "nowhere")


def test_a_tag_that_is_not_the_packages_own_is_refused(tmp_path: Path) -> None:
    [http] = find(ROOT, ["http"])
    assert release.tag(ROOT, http, f"services/http/v{http.version}")
    with pytest.raises(CiError, match=r"is not services/http/v"):
        release.tag(ROOT, http, "services/http/v99.0.0")
    folder = tmp_path / "services" / "http"
    folder.mkdir(parents=True)
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 0.0.1\n")
    with pytest.raises(CiError, match=r"begins with 0\.0\.1"):
        release.tag(tmp_path, http)


def test_pins_replace_versions_and_leave_other_lines(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SQL_PASSWD=x\nSISOCK_HTTP_VERSION=0.0.0\n")
    lines = release.write_pins(ROOT, file)
    [http] = find(ROOT, ["http"])
    assert lines[:2] == ["SQL_PASSWD=x", f"SISOCK_HTTP_VERSION={http.version}"]
    assert len(lines) == 1 + len(IMAGES)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["build"], "name services, or give --all"),
        (["build", "nothing"], "there is no service 'nothing'"),
        (["changed", "--since", "nowhere"], "git knows no 'nowhere'"),
    ],
)
def test_a_failing_step_ends_in_one_sentence(arguments, sentence, monkeypatch, capsys) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sisock_ci.engine.connect", lambda: None)
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


def test_workflows_are_sound() -> None:
    folder = ROOT / ".github" / "workflows"
    bin_ = Path(sys.executable).parent
    for linter in (
        [bin_ / "check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
        [bin_ / "zizmor", "--offline", "--quiet", "--no-progress", "--min-severity", "medium"],
    ):
        done = subprocess.run(
            [*linter, *sorted(folder.glob("*.yml"))], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_outside_of_the_repository_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(CiError, match="not inside of sisock's repository"):
        find_root(tmp_path)


def test_the_release_before_the_present_one_is_found_in_the_history() -> None:
    [http] = find(ROOT, ["http"])
    older = dataclasses.replace(http, version=release.previous(ROOT, http))
    commit = release.commit(ROOT, older)
    told = subprocess.run(
        ["git", "show", f"{commit}:{http.folder}/pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f'version = "{older.version}"' in told.stdout


def test_a_version_that_never_was_has_no_commit() -> None:
    [http] = find(ROOT, ["http"])
    with pytest.raises(CiError, match=r"neither a tag services/http/v0\.0\.7 nor a commit"):
        release.commit(ROOT, dataclasses.replace(http, version="0.0.7"))

"""The documents: they build, their blocks run, and no variable is left out."""

import ast
import dataclasses
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from sisock_ci.services import find_package, needed, services
from sisock_site import parse
from sisock_testing import Stack, wait_until
from sisock_testing.stack import free_port

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("*/*/README.md"),
        *ROOT.glob("*/README.md"),
    ]
    if not path.is_relative_to(ROOT / ".venv")
)
CONFIGS = {
    service.name: f"{service.module}.config"
    for service in services(ROOT)
    if (ROOT / service.folder / "src" / service.module / "config.py").exists()
}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


INSTALLS = re.findall(r"pip install ([^`\n]+)", "\n".join(page.read_text(encoding="utf-8") for page in PAGES))


@pytest.mark.parametrize("line", sorted(set(INSTALLS)))
def test_what_is_to_be_installed_are_folders_with_all_of_ours_that_they_need(line: str) -> None:
    """No index that everybody has holds our packages."""
    names = [Path(re.sub(r"\[.*", "", word)) for word in shlex.split(line)]
    assert all(word.startswith("./") for word in shlex.split(line))
    given = [find_package(ROOT, name.name) for name in names]
    assert [str(name) for name in names] == [package.folder for package in given]
    lacking = {one.folder for package in given for one in needed(ROOT, package, tests=False)} - {
        *map(str, names)
    }
    assert lacking == set()


@pytest.mark.timeout(180)
@pytest.mark.peer
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--quiet",
            "--site-dir",
            str(tmp_path / "site"),
        ],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "site-guide" / "index.html").exists()
    told = (
        ROOT / "docs" / "components.md"
    ).read_text()  # as it is read on the web, where nothing fills it in
    for readme in [*ROOT.glob("services/*/README.md"), *ROOT.glob("libs/*/README.md")]:
        assert f"/blob/main/{readme.relative_to(ROOT)})" in told
    assert "CACHE_MB" in (tmp_path / "site" / "components" / "index.html").read_text()


@pytest.mark.parametrize("service", sorted(CONFIGS))
def test_every_variable_of_a_component_is_described(service: str) -> None:
    module = importlib.import_module(CONFIGS[service])
    configs = [value for value in vars(module).values() if dataclasses.is_dataclass(value)]
    assert configs
    told = (ROOT / "services" / service / "README.md").read_text()
    told += (ROOT / "libs" / "sisock-core" / "README.md").read_text()
    for config in configs:
        for field in dataclasses.fields(config):
            variable = field.metadata["variable"]
            assert f"`{variable}`" in told or f"`{variable}_FILE`" in told, f"{service}: {variable}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_of_shell_python_and_yaml_are_sound(page: Path) -> None:
    import yaml

    for block in blocks(page, "(?:bash|sh)"):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    for block in blocks(page, "python"):
        ast.parse(block)
    for block in blocks(page, "yaml"):
        yaml.safe_load(block)


@pytest.fixture(scope="module")
def bridge(sisock_stack: Stack) -> str:
    port = free_port()
    weather = sisock_stack.start_module("sisock_weather")
    process = sisock_stack.start_module("sisock_http", PORT=str(port))
    wait_until(lambda: "catalogue.settled" in process.text() or _ready(port), what="the bridge is ready")
    yield f"http://127.0.0.1:{port}"
    assert process.stop() == 0
    assert weather.stop() == 0


def _ready(port: int) -> bool:
    import requests

    try:
        return "apex_archive" in requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).text
    except requests.RequestException:
        return False


def test_the_clients_lines_give_a_table(bridge: str) -> None:
    for page in (ROOT / "docs" / "consumers.md", ROOT / "libs" / "sisock-client" / "README.md"):
        [block] = [block for block in blocks(page, "python") if "Client" in block]
        names: dict[str, object] = {}
        exec(block.replace("http://localhost:5000", bridge), names)
        assert names["frame"].shape == (1440, 1)  # type: ignore[attr-defined]


def test_the_pages_curl_lines_answer(bridge: str) -> None:
    lines = [
        block
        for page in (ROOT / "README.md", ROOT / "docs" / "consumers.md")
        for block in blocks(page, "bash")
        if block.startswith("curl")
    ]
    assert len(lines) == 2
    for line in lines:
        local = re.sub(r"(http://)?localhost:5000", bridge, line)
        done = subprocess.run(["bash", "-c", local], capture_output=True, text=True, timeout=20, check=True)
        assert done.stdout.count("\n") > 100 or len(done.stdout) > 10_000


@pytest.mark.parametrize("page", ["README.md", "docs/data-server.md"])
def test_the_pages_data_server_joins_a_real_router(page: str, sisock_stack: Stack, sisock_peer) -> None:
    [block, *_] = [block for block in blocks(ROOT / page, "python") if "sisock.run" in block]
    name = re.search(r'name, description = "(\w+)"', block)[1]
    folder = sisock_stack.directory
    (folder / "stage.txt").write_text("1500000000 1.1\n1500000010 1.2\n")
    script = folder / f"{name}.py"
    script.write_text(block)
    process = sisock_stack.start(f"page-{name}", [sys.executable, str(script)])
    try:
        sisock_peer.wait_for_node(name)
        field = sisock_peer.get_fields(name)[0].name
        end = 1_500_000_020
        series, problems = sisock_peer.get_data(name, [field], end - 30, end)
        assert problems == {}
        assert len(series[field].t) >= 2
    finally:
        assert process.stop() == 0


@pytest.mark.parametrize(
    "code", [code for code in blocks(ROOT / "docs" / "grafana.md", "bash") if "curl" in code]
)
def test_a_line_for_curl_in_the_page_on_grafana_is_answered(bridge: str, code: str) -> None:
    script = re.sub(r"(http://)?localhost:5000", bridge, code).replace("curl", "curl --fail --silent")
    done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert "2017-07-14T00:00:00.000Z," in done.stdout


def test_a_program_in_the_page_on_grafana_reads_what_it_is_said_to(bridge: str) -> None:
    programs = [code for code in blocks(ROOT / "docs" / "grafana.md", "python") if "localhost:5000" in code]
    assert programs
    for code in programs:
        names: dict[str, object] = {}
        exec(code.replace("http://localhost:5000", bridge), names)
        assert len(names["frame"]) == 1440  # type: ignore[arg-type]


def test_the_example_of_a_consumer_sees_who_is_there(bridge: str, sisock_stack: Stack) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "examples" / "consumer.py"), "3"],
        env=sisock_stack.environ(CROSSBAR_DIR=str(sisock_stack.directory / ".crossbar")),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    for line in ("router here", "came apex_archive", "apex_archive has apex_humidity"):
        assert line in done.stdout


def test_the_page_of_permissions_shows_what_the_hubs_test_finds_on_a_real_router() -> None:
    page = (ROOT / "docs" / "permissions.md").read_text().splitlines()
    found = (ROOT / "services" / "hub" / "tests" / "permissions.txt").read_text().splitlines()
    assert found
    assert [line for line in page if line.startswith("|")] == found


def test_the_example_of_the_documentation_is_valid_for_parser_and_schema() -> None:
    page = (ROOT / "docs" / "site.md").read_text()
    form = json.loads(files("sisock_site").joinpath("site.schema.json").read_text())
    [example] = re.findall(r'^```toml title="site.toml"\n(.*?)^```', page, re.MULTILINE | re.DOTALL)
    parse(example)
    jsonschema.validate(tomllib.loads(example), form)
    told = set(re.findall(r"`\[*(\w+)\]*`", page))
    tables = [form, *form["$defs"].values()]
    assert {key for table in tables for key in table["properties"]} <= told

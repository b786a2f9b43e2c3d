"""What comes before a command runs: help, the version, and what a shell asks on TAB."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version

import pytest
from sisock_client.__main__ import main
from sisock_client.command_line import glued, parser
from sisock_client.commands import COMMANDS
from sisock_client.vocabulary import SHELLS

HEAVY = {"numpy", "requests", "twisted", "autobahn", "matplotlib", "pandas", "tqdm", "rich", "urllib3"}
LOADED = """
import json, sys
from sisock_client.__main__ import main
try:
    main(sys.argv[1:])
finally:
    sys.stderr.write(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def words(command) -> Iterator[tuple[str, ...]]:
    for action in command._actions:
        for name, under in action.choices.items() if hasattr(action, "_name_parser_map") else ():
            further = list(words(under))
            yield from ((name, *rest) for rest in further) if further else [(name,)]


ALL = list(words(parser("")))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["plot", "--help"]])
def test_help_and_the_version_load_nothing_that_takes_long(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert HEAVY.isdisjoint(json.loads(done.stderr))


def test_who_presses_ctrl_c_ends_a_command_as_shells_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("sisock_client.commands.run", pressed)
    assert main(["nodes"]) == 130


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"sisock {version('sisock-client')}\n"


@pytest.mark.parametrize("arguments", [["--start", "-6h", "--end", "-5m"], ["--start=-6h", "--end", "-300"]])
def test_a_moment_that_is_some_time_ago_is_no_option(arguments: list[str]) -> None:
    read = parser("").parse_args(glued(["get", "a::b", *arguments]))
    assert read.start == "-6h"
    assert read.end in ("-5m", "-300")
    assert glued(["get", "--start", "--json", "-1"]) == ["get", "--start", "--json", "-1"]


def test_every_command_that_can_be_written_can_be_run() -> None:
    assert {" ".join(one) for one in ALL} == set(COMMANDS)


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_every_command_says_what_it_does(command: tuple[str, ...], capsys) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([*command, "--help"])
    told = capsys.readouterr().out
    assert told.startswith(f"usage: sisock {' '.join(command)} ")
    assert told.splitlines()[2] or told.splitlines()[3]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_is_told_how_to_complete(shell: str, capsys) -> None:
    assert main(["completion", shell]) == 0
    told = capsys.readouterr().out
    assert "sisock" in told
    assert {"bash": "complete ", "zsh": "compdef", "fish": "complete --command sisock"}[shell] in told


def completed(line: str, url: str) -> list[str]:
    """What bash offers on TAB at the end of a line."""
    script = r"""
        eval "$(sisock completion bash)"
        COMP_LINE=$1; COMP_POINT=${#1}; COMP_TYPE=9; COMP_WORDBREAKS=$' \t\n"'"'"'><=;|&(:'
        read -ra COMP_WORDS <<< "$1 "; COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _python_argcomplete sisock "" ""
        printf '%s\n' "${COMPREPLY[@]}"
    """
    environ = {
        **os.environ,
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        "SISOCK_URL": url,
    }
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", line],
        env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [word.strip() for word in done.stdout.split("\n") if word.strip()]


def test_bash_completes_commands_and_words() -> None:
    nobody = "http://127.0.0.1:1"
    assert completed("sisock ta", nobody) == ["tail"]
    assert set(completed("sisock completion ", nobody)) == set(SHELLS)
    assert completed("sisock get --ma", nobody) == ["--max-points"]


def test_bash_completes_names_of_fields_and_nodes_that_the_bridge_knows(url: str) -> None:
    # Words end at a colon in bash: what is before it stands already.
    assert completed("sisock get apex_archive::apex_w", url) == ["apex_windspeed"]
    assert completed("sisock nodes apex_ar", url) == ["apex_archive"]


def test_a_bridge_that_is_away_completes_nothing_and_says_nothing() -> None:
    assert completed("sisock get apex_archive::apex_w", "http://127.0.0.1:1") == []

"""Commands that go on until they are told to end, and others that the literal replies leave out."""

import json
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from sisock_client import ClientError, commands, site
from sisock_client.__main__ import main
from sisock_client.command_line import parser
from sisock_testing.literal_bridge import NODE, VOLT, LiteralBridge, T, npz


@pytest.fixture
def signals() -> Iterator[None]:
    """Signals are afterwards as they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_tail_prints_what_is_new_until_it_is_told_to_end(
    bridge: LiteralBridge, monkeypatch: pytest.MonkeyPatch, capsys, signals: None, number: int, as_json: bool
) -> None:
    monkeypatch.setattr(commands, "FOLLOW_S", 0.0)
    monkeypatch.setattr("sisock_client.commands.time.time", lambda: T[0] + 59.0)
    bridge.headers["Sisock-Notices"] = '["n was silent"]'
    looks = iter([[1.5, np.nan], [], "end"])

    def reply() -> None:
        if bridge.asked[-1][0] == "data":
            look = next(looks)
            bridge.replies["data"] = (200, npz(volt=[] if look == "end" else look))
            if look == "end":
                os.kill(os.getpid(), number)

    bridge.then = reply
    assert main(["tail", "n::volt", *["--json"] * as_json]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    if as_json:
        assert [json.loads(line) for line in lines] == [
            {"field": "n::volt", "t": T[0], "value": 1.5}, {"field": "n::volt", "t": T[1], "value": None},
        ]  # fmt: skip
    else:
        assert lines == [
            "2017-07-14T02:40:00.000Z  n::volt  1.5", "2017-07-14T02:40:01.000Z  n::volt  nan",
        ]  # fmt: skip
    assert told.err == "sisock: n was silent\n"
    starts = [float(one["start"][0]) for name, one in bridge.asked if name == "data"]
    assert starts == [np.nextafter(at, np.inf) for at in (T[0] - 1, T[1], T[1])]


def test_who_reads_no_further_ends_a_command_without_a_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(_: Namespace) -> int:
        raise BrokenPipeError

    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(commands, "COMMANDS", {"nodes": broken})
        monkeypatch.setattr(sys, "stdout", out)
        assert commands.run(Namespace(run="nodes")) == 0
        out.write("what the interpreter still writes")
    assert (tmp_path / "out").read_text() == ""


FIELD = {
    "field": "n::volt", "holders": ["n::volt"], "label": None, "units": "V", "state": "fresh", "since": T[0],
    "why": "x" * 100 + " end", "t": T[1], "value": 1.5,
}  # fmt: skip
TOLD = {
    "watch": True, "why": "", "epoch": "one", "seq": 1, "more": False, "now": T[1], "nodes": [],
    "fields": [FIELD, {**FIELD, "field": "other::x", "holders": []}],
}  # fmt: skip


def test_top_prints_the_fields_that_were_asked_for_once(
    bridge: LiteralBridge, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    bridge.say("state", TOLD)
    assert main(["top", "--once", "n::*"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("● 1 fresh  ")
    assert not any("other" in line or bridge.url in line for line in told)
    assert {len(line) for line in told} <= set(range(161))
    assert max(map(len, told)) == 160  # of what is no terminal

    class Narrow(Console):
        def __init__(self, **how: Any) -> None:
            super().__init__(**how, force_terminal=True, width=50)

    monkeypatch.setattr("sisock_client.terminal.top.Console", Narrow)
    assert main(["top", "--once"]) == 0
    assert "2 fresh" in capsys.readouterr().out.splitlines()[0]
    bridge.replies.clear()
    assert main(["top"]) == 1
    assert "this bridge is an old one" in capsys.readouterr().out


def test_a_sites_file_is_drafted_from_what_is_online(
    bridge: LiteralBridge, capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("sisock_site.draft.draft", lambda nodes: drawn.append(nodes) or "the file\n")
    bridge.say("nodes", [NODE, {**NODE, "name": "m"}])
    kinds = {"volt": "number", "text": "string", "flag": "bool"}
    bridge.say("fields", [
        {**VOLT, "field": f"n::{name}", "type": kind, "source": f"of {name}"} for name, kind in kinds.items()
    ])  # fmt: skip
    assert main(["site", "draft"]) == 0
    assert capsys.readouterr().out == "the file\n"
    [nodes] = drawn
    assert list(nodes) == ["n", "m"]
    assert nodes["m"] == []
    assert {one.name: one.type for one in nodes["n"]} == kinds
    first = nodes["n"][0]
    assert (first.description, first.units, first.source) == ("a voltage", "V", "of volt")


def test_without_its_package_a_sites_file_is_neither_checked_nor_drafted(
    bridge: LiteralBridge, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    for module in ("sisock_site", "sisock_site.draft"):
        monkeypatch.setitem(sys.modules, module, None)
    for step in (["check", "site.toml"], ["draft"]):
        assert main(["site", *step]) == 1
        assert capsys.readouterr().err == f"sisock: {site.NEEDS}\n"
    assert "sisock-client[site]" in site.NEEDS
    assert bridge.asked == []


def test_a_sites_file_without_a_fault_is_well(tmp_path: Path, capsys) -> None:
    (tmp_path / "site.toml").write_text("")
    assert main(["site", "check", str(tmp_path / "site.toml")]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/site.toml: all is well\n"
    assert main(["site", "check", "--json", str(tmp_path / "site.toml")]) == 0
    assert json.loads(capsys.readouterr().out) == []
    (tmp_path / "site.toml").write_text("[[fields]]\nscale = 2")
    assert main(["site", "check", str(tmp_path / "site.toml")]) == 1
    assert capsys.readouterr().out == f"{tmp_path}/site.toml: [[fields]] number 1: match is missing\n"


RANGE = {"start": "now-1h", "end": "now", "max_points": None, "bin": None, "of": "mean", "alone": False,
         "original": False}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "usual"),
    [
        ("get a::b", {"field": ["a::b"], **RANGE, "output": None}),
        (
            "plot a::b",
            {**RANGE, "output": "sisock.png", "size": None, "dpi": 200.0, "log": False, "title": None},
        ),
        ("tail a::b", {"seconds": 60.0, "json": False}),
        ("nodes", {"name": [], "json": False, "url": None, "wamp": False, "deadline": 60.0}),
        ("fields", {"field": [], "search": "", "json": False}),
        ("latest", {"field": [], "json": False}),
        ("state", {"field": [], "search": "", "state": [], "json": False}),
        ("top", {"field": [], "once": False}),
        ("note a b", {"text": ["a", "b"], "field": None, "time": None, "until": None, "author": ""}),
        ("check", {"json": False}),
        ("site check x", {"file": Path("x"), "json": False, "run": "site check"}),
        ("get a::b --json --alone --original", {"output": "json", "alone": True, "original": True}),
    ],
)
def test_what_is_not_said_is_as_help_says(command: str, usual: dict[str, Any]) -> None:
    read = vars(parser("").parse_args(command.split()))
    assert {name: read[name] for name in usual} == usual


@pytest.mark.parametrize(
    "command",
    ["get", "plot", "tail", "note", "", "site", "completion csh", "state --state odd", "site check"],
)
def test_what_is_incomplete_is_refused(command: str, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(command.split())
    assert "usage: sisock" in capsys.readouterr().err


def test_a_plots_points_are_as_many_as_were_asked_for_and_none_of_bins(
    bridge: LiteralBridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands.files, "write_plot", lambda *_: [])
    for options in ([], ["--max-points", "7"], ["--bin", "5m"]):
        main(["plot", "n::volt", *options])
    asked = [one for name, one in bridge.asked if name == "data"]
    assert [one.get("max_points") for one in asked] == [["4000"], ["7"], None]


def test_a_command_without_a_bridge_that_answers_is_one_sentence(capsys) -> None:
    with pytest.raises(ClientError):
        commands.bridge(Namespace(url="http://127.0.0.1:1", deadline=1.0)).nodes()
    assert main(["--url", "http://127.0.0.1:1", "latest"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("sisock: the bridge at http://127.0.0.1:1 cannot be reached")
    assert told.count("\n") == 1


def test_a_field_that_is_known_and_has_no_sample_ends_with_1(bridge: LiteralBridge, capsys) -> None:
    row = {"field": "n::volt", "time": None, "value": None}
    bridge.say("latest", [row])
    assert main(["latest", "n::volt"]) == 1
    assert capsys.readouterr().out.split() == ["no", "sample", "within", "30", "days", "n::volt"]
    bridge.say("latest", [row, {"field": "n::text", "time": T[0], "value": "on"}])
    assert main(["latest", "n::volt", "n::text"]) == 0

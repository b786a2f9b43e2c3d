"""The command in this process, on a bridge whose replies are written here."""

import contextlib
import json
import logging
import re
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sisock_client import ClientError, Samples, completion, states
from sisock_client.__main__ import main
from sisock_client.client import Client
from sisock_client.http import HttpSource
from sisock_testing.literal_bridge import NODE, VOLT, LiteralBridge, T, npz


def test_nodes_and_fields_are_a_line_each(bridge: LiteralBridge, capsys) -> None:
    assert main(["nodes"]) == 0
    assert capsys.readouterr().out == f"{'n':<20} {2:>5} fields  a node\n"
    assert main(["fields", "--search", "x"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{'n::volt':<50} {'V':<8} a voltage", "n::text"]
    assert bridge.asked[-1] == ("fields", {"search": ["x"]})


def test_samples_are_asked_for_as_told_and_printed_as_csv(bridge: LiteralBridge, capsys) -> None:
    asked = ["get", "n::volt", "--start", "1000", "--end", "2000", "--max-points", "7"]
    assert main(asked) == 0
    told = capsys.readouterr()
    assert told.out == "time,n::volt\n2017-07-14T02:40:00.000Z,1.5\n2017-07-14T02:40:01.000Z,2.5\n"
    assert told.err == ""
    wanted = {"field": ["n::volt"], "start": ["1000.0"], "end": ["2000.0"], "format": ["npz"]}
    assert bridge.asked[0] == ("data", {**wanted, "max_points": ["7"]})
    assert main(asked[:-2]) == 0
    assert bridge.asked[2] == ("data", wanted)


def test_json_has_units_and_no_nan(bridge: LiteralBridge, capsys) -> None:
    bridge.replies["data"] = (200, npz(volt=[1.5, np.nan]))
    assert main(["get", "n::volt", "-o", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"n::volt": {"units": "V", "t": T.tolist(), "values": [1.5, None]}}


def test_an_ending_chooses_the_format_in_any_case(bridge: LiteralBridge, tmp_path: Path, capsys) -> None:
    assert main(["get", "n::volt", "-o", "A.CSV"]) == 0
    assert (tmp_path / "A.CSV").read_text().startswith("time,n::volt\n2017-07-14T02:40:00.000Z,1.5\n")
    assert main(["get", "n::volt", "-o", "a.npz"]) == 0
    with np.load(tmp_path / "a.npz") as found:
        assert found["n::volt/time"].tolist() == T.tolist()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("npz", "npz is not for a terminal: give a file, such as -o samples.npz"),
        ("a.txt", "-o a.txt: give csv, json, npz or parquet"),
        ("there/a.csv", "there/a.csv cannot be written: there is no such directory"),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_is_asked(
    bridge: LiteralBridge, capsys, output: str, sentence: str
) -> None:
    assert main(["get", "n::volt", "-o", output]) == 1
    assert capsys.readouterr().err.startswith(f"sisock: {sentence}")
    assert bridge.asked == []


def test_a_directory_is_no_file_and_an_old_file_is_written_over(
    bridge: LiteralBridge, tmp_path: Path, capsys
) -> None:
    (tmp_path / "d.csv").mkdir()
    assert main(["get", "n::volt", "-o", "d.csv"]) == 1
    assert "it is a directory" in capsys.readouterr().err
    (tmp_path / "old.csv").write_text("old")
    assert main(["get", "n::volt", "-o", "old.csv"]) == 0
    assert "old" not in (tmp_path / "old.csv").read_text()


def test_no_samples_are_said_and_end_with_1(bridge: LiteralBridge, capsys) -> None:
    bridge.replies["data"] = (200, npz(volt=[]))
    assert main(["get", "n::volt"]) == 1
    assert capsys.readouterr().err == "sisock: there are no samples in this range\n"
    bridge.headers["Sisock-Notices"] = json.dumps(["n is silent"])
    assert main(["get", "n::volt"]) == 1
    assert capsys.readouterr().err == "sisock: n is silent\n"


def test_a_field_that_is_neither_here_nor_mentioned_is_said_beside_the_others(
    bridge: LiteralBridge, capsys
) -> None:
    bridge.replies["data"] = (200, npz(volt=[1.0], nosuch=[]))
    assert main(["get", "n::volt", "n::nosuch"]) == 0
    assert capsys.readouterr().err == "sisock: there is no field 'n::nosuch'\n"
    bridge.headers["Sisock-Notices"] = json.dumps(["n did not answer"])
    assert main(["get", "n::volt", "n::nosuch"]) == 0
    assert capsys.readouterr().err == "sisock: n did not answer\n"


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [(400, b'{"error": "too much"}', "too much"), (502, b"<html>", "status 502"), (500, b"[]", "status 500")],
)
def test_what_the_bridge_refuses_is_one_sentence(
    bridge: LiteralBridge, capsys, status: int, body: bytes, sentence: str
) -> None:
    bridge.replies["nodes"] = (status, body)
    assert main(["nodes"]) == 1
    assert capsys.readouterr().err == f"sisock: the bridge at {bridge.url}: {sentence}\n"


def test_a_reply_that_breaks_off_is_one_sentence(bridge: LiteralBridge) -> None:
    bridge.headers["Transfer-Encoding"] = "chunked"  # and then no chunk
    bridge.replies["data"] = (200, b"zz")
    with Client(bridge.url) as client, pytest.raises(ClientError, match="broke off after 0 bytes"):
        client.get("n::volt", 10.0, 11.0)


def test_one_node_alone_and_its_own_values_are_asked_for_only_by_who_wants_them(
    bridge: LiteralBridge,
) -> None:
    assert main(["get", "n::volt"]) == 0
    assert main(["get", "n::volt", "--alone", "--original"]) == 0
    asked = [(name, one.get("join"), one.get("convert")) for name, one in bridge.asked]
    assert asked == [
        ("data", None, None),
        ("fields", None, None),
        ("data", ["no"], ["no"]),
        ("fields", None, ["no"]),
    ]


@pytest.mark.parametrize(("progress", "lines"), [(True, 1), (False, 0)])
def test_a_long_download_says_how_far_it_is_where_that_was_asked_for(
    bridge: LiteralBridge, monkeypatch, caplog, progress: bool, lines: int
) -> None:
    ticking = iter(np.arange(0.0, 1000.0, 4.0).tolist())
    monkeypatch.setattr("sisock_client.progress.time.monotonic", lambda: next(ticking))
    bridge.replies["data"] = (200, b"x" * 100_000)
    source = HttpSource(bridge.url + "/", 10.0, progress=progress)
    with caplog.at_level(logging.WARNING), contextlib.suppress(ValueError, OSError):
        source.get(["n::volt"], 0.0, 1.0, None)
    source.close()
    assert len(caplog.messages) == lines
    for message in caplog.messages:
        assert re.fullmatch(r"0\.1 MB at 0\.0 MB/s, \d s left", message)


def test_what_is_no_plot_is_said_before_anything_is_asked(bridge: LiteralBridge, capsys) -> None:
    for options, sentence in (
        (["-o", "a.csv"], "-o a.csv: give a file that ends in one of ."),
        (["-o", "png"], "-o png: give a file that ends in one of"),
        (["--size", "big"], "size='big' is no size of a picture: give width and height as 7x4 (inches)"),
        (["--size", "1x1mm"], "size='1x1mm' is no size of a picture"),
        (["--dpi", "1"], "dpi=1: give 10 to 2400 pixels an inch"),
    ):
        assert main(["plot", "n::volt", *options]) == 1
        assert capsys.readouterr().err.startswith(f"sisock: {sentence}")
    assert bridge.asked == []
    bridge.replies["data"] = (200, npz(text=np.array([], dtype="U1")))
    assert main(["plot", "n::text"]) == 1
    assert "there are no samples to plot" in capsys.readouterr().err


def test_a_plot_is_as_it_was_asked_for(bridge: LiteralBridge, tmp_path: Path, capsys) -> None:
    bridge.replies["data"] = (200, npz(volt=[1.5, -2.5]))
    how = ["--size", "100x50mm", "--dpi", "254", "--log", "--title", "the title"]
    assert main(["plot", "n::volt", "--start", str(T[0]), "--end", str(T[0] + 60), *how, "-o", "x.png"]) == 0
    data = (tmp_path / "x.png").read_bytes()
    assert [int.from_bytes(data[at : at + 4], "big") for at in (16, 20)] == [1000, 500]
    assert "1 of 2 samples of n::volt are not above 0" in capsys.readouterr().err
    assert bridge.asked[0][1]["max_points"] == ["4000"]
    for name, begin in (("x.pdf", b"%PDF"), ("x.svg", b"<?xml")):
        assert main(["plot", "n::volt", *how, "-o", name]) == 0
        assert (tmp_path / name).read_bytes().startswith(begin)
    assert b"<!-- the title -->" in (tmp_path / "x.svg").read_bytes()


def status(**changes: Any) -> dict[str, Any]:
    node = {"name": "n", "problem": None, "live": False}
    return {"router": True, "hub": True, "nodes": [node], **changes}


@pytest.mark.parametrize(
    ("told", "lines", "code"),
    [
        (status(), ["ok     the bridge at URL answers and knows 1 data node",
                    "ok     n: it answers; its last sample is 2 h old (an archive, perhaps)",
                    "all is well"], 0),
        (status(router=False), ["WRONG  the bridge at URL answers, but has no router"], 1),
        (status(hub=False), ["WRONG  the bridge at URL answers, but the hub does not answer it"], 1),
        (status(nodes=[]), ["WRONG  the bridge at URL answers and knows no data node", "1 thing is wr"], 1),
        (status(nodes=[{"name": "n", "problem": "bad fields", "live": False}]),
         ["WRONG  n: the bridge says: bad fields", "1 thing is wrong"], 1),
        (status(nodes=[{"name": "n", "problem": None, "live": True}]),
         ["WRONG  n: its last sample is 2 h old, though it serves live data"], 1),
    ],
    ids=["well", "no router", "no hub", "no nodes", "a problem", "silent"],
)  # fmt: skip
def test_check_tells_what_the_bridge_says(
    bridge: LiteralBridge, monkeypatch, capsys, told: Any, lines: list[str], code: int
) -> None:
    monkeypatch.setattr("sisock_client.check.time.time", lambda: T[-1] + 7200.0)
    real, asked = HttpSource.get, []

    def in_range(source: HttpSource, names: Any, start: float, end: float, most: Any) -> Samples:
        asked.append((names, end - start, most))
        found = real(source, names, start, end, most)
        return Samples({name: (t[(t >= start) & (t < end)],) * 2 for name, (t, _) in found.items()})

    monkeypatch.setattr(HttpSource, "get", in_range)
    bridge.say("status", told)
    bridge.say("fields", [VOLT, {**VOLT, "field": "nn::other"}])
    assert main(["check"]) == code
    said = capsys.readouterr().out
    for line in lines:
        assert line.replace("URL", bridge.url) in said
    assert asked in ([], [(["n::volt"], 900.0, None), (["n::volt"], 86400.0, 1000)])


def test_check_says_that_an_old_bridge_tells_no_more(bridge: LiteralBridge, capsys) -> None:
    assert main(["check"]) == 1
    said = capsys.readouterr().out
    assert f"-      the bridge at {bridge.url} answers; it is an old one that tells no more" in said
    assert "WRONG  no data node could be looked at from here" in said


CRYO = {
    "field": "cryo::t1", "label": "1 K stage", "state": "alarm", "since": 1500000000.0,
    "why": "1.61 is above the alarm limit 1.5",
}  # fmt: skip
WATCHED = {
    "watch": True, "why": "", "counts": {"fresh": 3, "alarm": 1, "late": 0}, "fields": [CRYO],
    "nodes": [{"name": "lab", "here": False, "since": 0.0, "why": "it is not online", "expected": True}],
}  # fmt: skip


def test_state_tells_each_field_since_when_and_why(
    bridge: LiteralBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.say("state", WATCHED)
    assert main(["state", "--search", "cryo", "--state", "alarm"]) == 0
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()] == [
        "unknown 1970-01-01T00:00:00Z lab it is not online",
        "alarm 2017-07-14T02:40:00Z cryo::t1 (1 K stage) 1.61 is above the alarm limit 1.5",
    ]
    assert bridge.asked[-1] == ("state", {"search": ["cryo"], "state": ["alarm"]})


def test_state_says_that_all_is_unknown_where_nobody_watches(
    bridge: LiteralBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.say("state", {**WATCHED, "watch": False, "why": "nobody watches", "fields": [], "nodes": []})
    assert main(["state"]) == 1
    assert "how the fields are is unknown: nobody watches" in capsys.readouterr().err


def test_state_of_an_old_bridge_is_one_sentence(
    bridge: LiteralBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["state"]) == 1
    assert "this bridge is an old one" in capsys.readouterr().err


def test_the_check_tells_of_alarms_and_of_nodes_that_are_expected() -> None:
    told = [(one.state.value, one.sentence) for one in states.findings(WATCHED)]
    assert told == [
        ("ok", "watch says how fields are: 3 fresh, 1 alarm"),
        ("WRONG", "lab: the site expects it; it is not online"),
        ("WRONG", "cryo::t1: alarm since 2017-07-14T02:40:00Z: 1.61 is above the alarm limit 1.5"),
    ]
    unknown = [one.state.value for one in states.findings({"watch": False, "why": "nobody watches"})]
    assert unknown == ["-"]


def test_whoever_asks_is_told_how_far_a_long_download_is(
    bridge: LiteralBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    real = HttpSource.__init__

    def init(source: HttpSource, *arguments: Any, **how: Any) -> None:
        made.append((arguments, how))
        real(source, *arguments, **how)

    monkeypatch.setattr(HttpSource, "__init__", init)
    assert main(["--deadline", "7", "nodes"]) == 0
    assert [(arguments, how["progress"]) for arguments, how in made] == [((bridge.url, 7.0), True)]


def test_two_data_nodes_are_data_nodes(bridge: LiteralBridge, capsys: pytest.CaptureFixture[str]) -> None:
    bridge.say("status", status(nodes=[{"name": name, "problem": "bad", "live": False} for name in "ab"]))
    assert main(["check"]) == 1
    assert f"ok     the bridge at {bridge.url} answers and knows 2 data nodes\n" in capsys.readouterr().out


def test_what_is_printed_is_json_for_who_asks(
    bridge: LiteralBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.say("state", WATCHED)
    bridge.say("status", status())
    bridge.say("latest", [{"field": "n::volt", "time": 1500000001.0, "value": 2.5}])

    def told(*arguments: str) -> Any:
        main(list(arguments))
        return json.loads(capsys.readouterr().out)

    assert told("nodes", "--json") == [NODE]
    assert told("fields", "--json")[0] == {**VOLT, "source": None, "label": None}
    assert told("latest", "n::volt", "--json") == [
        {"field": "n::volt", "t": T[1], "value": 2.5, "units": "V"}
    ]
    assert told("get", "n::volt", "--json") == {
        "n::volt": {"units": "V", "t": T.tolist(), "values": [1.5, 2.5]}
    }
    assert told("state", "--json") == WATCHED
    assert {one["state"] for one in told("check", "--json")} <= {"ok", "WRONG", "-"}


def test_a_site_file_is_checked_for_programs(bridge: LiteralBridge, tmp_path: Path, capsys) -> None:
    (tmp_path / "site.toml").write_text("[[fields]]\nscale = 2")
    assert main(["site", "check", "--json", "site.toml"]) == 1
    assert json.loads(capsys.readouterr().out) == ["site.toml: [[fields]] number 1: match is missing"]


def test_the_last_sample_of_a_field_is_a_line(bridge: LiteralBridge, capsys) -> None:
    rows = [
        {"field": "n::volt", "time": 1500000001.0, "value": 2.5},
        {"field": "n::text", "time": None, "value": None},
        {"field": "n::nosuch", "time": None, "value": None},
    ]
    bridge.say("latest", rows)
    assert main(["latest", "n::volt", "n::text", "n::nosuch"]) == 0
    told = capsys.readouterr()
    assert [" ".join(line.split()) for line in told.out.splitlines()] == [
        "2017-07-14T02:40:01.000Z n::volt 2.5 V",
        "no sample within 30 days n::text",
        "no sample within 30 days n::nosuch",
    ]
    assert told.err == "sisock: there is no field 'n::nosuch'\n"
    assert main(["latest"]) == 0
    assert bridge.asked[-2] == ("latest", {"field": ["n::volt", "n::text"]})
    capsys.readouterr()
    bridge.say("latest", rows[2:])
    assert main(["latest", "n::nosuch"]) == 1
    assert capsys.readouterr().err.startswith("sisock: there is no field 'n::nosuch'")


def test_names_may_stand_for_several_fields(bridge: LiteralBridge, capsys) -> None:
    assert main(["get", "n::v*"]) == 0
    assert [one["field"] for name, one in bridge.asked if name == "data"] == [["n::volt"]]
    capsys.readouterr()
    assert main(["fields", "*::t*"]) == 0
    assert capsys.readouterr().out == "n::text\n"
    bridge.say("state", WATCHED)
    assert main(["state", "lab::*"]) == 0
    assert capsys.readouterr().out.split()[2:3] == ["lab"]
    for command, what in (("fields", "field"), ("nodes", "node"), ("state", "field")):
        assert main([command, "nosuch*"]) == 1
        assert capsys.readouterr().err == f"sisock: there is no {what} 'nosuch*'\n"


def test_many_fields_are_asked_for_in_as_many_requests_as_fit(bridge: LiteralBridge) -> None:
    names = [f"n::{'long' * 20}_{i}" for i in range(300)]
    bridge.say("fields", [{**VOLT, "field": name} for name in names])
    with Client(bridge.url) as client:
        client.get(names, 10.0, 11.0)
    asked = [one["field"] for name, one in bridge.asked if name == "data"]
    assert [name for some in asked for name in some] == names
    assert max(sum(map(len, some)) for some in asked) < 9_000
    assert len(asked) == 4


def test_a_range_may_be_counted_back_from_now(bridge: LiteralBridge, monkeypatch) -> None:
    monkeypatch.setattr("sisock_client.client.time.time", lambda: 10_000.0)
    assert main(["get", "n::volt", "--start", "-1h", "--end", "-5m"]) == 0
    assert [bridge.asked[0][1][name] for name in ("start", "end")] == [["6400.0"], ["9700.0"]]


def test_a_note_is_written_as_it_was_told(bridge: LiteralBridge, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sisock_client.commands.time.time", lambda: T[1])
    bridge.say("notes", {"id": 1, "t": T[0], "what": "note", "target": "n::volt", "why": "a spike"}, 201)
    how = ["--field", "n::volt", "--time", "-1s", "--until", "now", "--author", "me"]
    assert main(["note", "a", "spike", *how]) == 0
    assert capsys.readouterr().out == "2017-07-14T02:40:00.000Z  n::volt  a spike\n"
    times = {"time": "2017-07-14T02:40:00.000Z", "until": "2017-07-14T02:40:01.000Z"}
    assert bridge.posted == [{"text": "a spike", "target": "n::volt", "author": "me", **times}]
    assert main(["note", "--json", "a spike"]) == 0
    assert json.loads(capsys.readouterr().out)["why"] == "a spike"
    assert bridge.posted[1] == {"text": "a spike"}
    bridge.say("notes", {"id": 2, "t": T[0], "what": "note", "target": "", "why": "a    gap"}, 201)
    assert main(["note", "a    gap"]) == 0
    assert capsys.readouterr().out == "2017-07-14T02:40:00.000Z  a    gap\n"
    bridge.say("notes", {"error": "notes are not allowed"}, 403)
    assert main(["note", "x"]) == 1
    assert capsys.readouterr().err == f"sisock: the bridge at {bridge.url}: notes are not allowed\n"


def test_names_are_completed_by_what_the_bridge_knows(bridge: LiteralBridge, monkeypatch) -> None:
    here = Namespace(url=None, wamp=False)
    assert completion.names("field", "n::v", here) == ["n::volt"]
    assert completion.names("field", "", here) == ["n::volt", "n::text"]
    assert completion.names("node", "", here) == ["n"]
    assert completion.names("node", "m", here) == []
    assert completion.names("field", "", Namespace(url=None, wamp=True)) == []
    assert completion.names("field", "", Namespace(url="http://127.0.0.1:1", wamp=False)) == []

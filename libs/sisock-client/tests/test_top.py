"""The overview in a terminal: what is known, what is said of it, and how it is heard; without a terminal."""

import io
import os
import signal
import termios
import threading
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, Group
from sisock_client import ClientError
from sisock_client.terminal.ear import News, tell
from sisock_client.terminal.overview import KINDS, STALE_S, Overview
from sisock_client.terminal.screen import STYLES, age, body, head, written
from sisock_testing.literal_bridge import NOW, UNKNOWN, field, node, told


class Clock:
    def __init__(self) -> None:
        self.t = NOW

    def __call__(self) -> float:
        return self.t


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def overview(clock: Clock) -> Overview:
    return Overview(clock)


def shown(overview: Overview, width: int = 110) -> list[str]:
    return [line.plain.rstrip() for line in (*head(overview, "http://b", width), *body(overview, width))]


def test_troubles_come_first_the_worst_and_the_newest_on_top(overview: Overview) -> None:
    overview.take(told(
        field("cryo::fine"),
        field("cryo::late", "late"),
        field("cryo::old", "silent", since=NOW - 7200),
        field("cryo::new", "silent", since=NOW - 60, why="nothing came for 1 min"),
        field("cryo::hot", "alarm", label="1 K stage", why="1.61 is above the alarm limit 1.5", value=1.61),
        nodes=[node("lab", here=False, why="it went offline")],
    ))  # fmt: skip
    lines = shown(overview)
    assert lines[0].startswith("✕ 1 node lost · ▲ 1 out of limits · ▲ 2 silent · ◆ 1 late · ● 1 fresh")
    assert lines[0].endswith("2017-07-14 02:40:00 UTC")
    assert lines[2].startswith("─ 5 in trouble ─")
    assert [line.split()[:4] for line in lines[3:8]] == [
        ["✕", "gone", "lab", "(node)"],
        ["▲", "out", "of", "limits"],
        ["▲", "silent", "cryo::new", "1.5"],
        ["▲", "silent", "cryo::old", "1.5"],
        ["◆", "late", "cryo::late", "1.5"],
    ]
    assert lines[3].endswith("for 10 min: it went offline")
    assert "cryo::hot (1 K stage)" in lines[4]
    assert "1.61 K" in lines[4]
    assert "3 s  for 2 h: 1.61 is above the alarm limit 1.5" in lines[4]
    assert [line.split()[2] for line in lines[lines.index(next(filter(_is_of_fields, lines))) + 1 :]] == [
        "cryo::fine"
    ]


def _is_of_fields(line: str) -> bool:
    return line.startswith("─ Fields ")


def test_no_state_is_as_bad_as_another_however_new_it_is(overview: Overview) -> None:
    worst = ["alarm", "silent", "warning", "late"]
    fields = [field(f"cryo::{state}", state, since=NOW - 100 + i) for i, state in enumerate(worst)]
    gone = field("lab::gone", "unknown", since=NOW)
    overview.take(
        told(*fields, gone, field("a::x"), field("a::y", "unknown"), nodes=[node("lab", here=False)])
    )
    assert [row.kind.word for row in overview.rows()] == [
        "out of limits", "gone", "silent", "near a limit", "late", "not known", "fresh",
    ]  # fmt: skip


def test_without_trouble_it_says_no_more_than_is_known(overview: Overview) -> None:
    overview.take(told(field("cryo::a"), field("lab::b", "unknown")))
    lines = shown(overview)
    assert lines[0].startswith("? 1 not known · ● 1 fresh")
    assert lines[2].startswith("─ No trouble that is known ─")
    assert lines[lines.index(next(line for line in lines if line.startswith("─ Nodes"))) + 1].split() == [
        "?", "not", "known", "lab", "1", "not", "known",
    ]  # fmt: skip


def assert_nothing_is_known(overview: Overview, why: str) -> None:
    lines = shown(overview)
    assert lines[0].startswith("? nothing is known")
    assert why in lines[1]
    assert "Nothing is known now" in lines[2]
    assert {row.kind for row in overview.rows()} <= {KINDS["unknown"]}
    assert not any(word in "\n".join(lines[1:]) for word in ("● fresh", "▲", "◆"))


def test_what_nobody_tells_any_more_is_unknown(overview: Overview, clock: Clock) -> None:
    assert_nothing_is_known(overview, "not asked yet")
    overview.take(told(field("cryo::a"), nodes=[node("lab", here=False)]))
    clock.t += 10
    overview.lose("the bridge cannot be reached")
    clock.t += 50
    assert_nothing_is_known(overview, "the bridge cannot be reached")
    assert shown(overview)[0].startswith("? nothing is known since 02:40:00 ")
    assert overview.lost_nodes() == []
    [line] = [line for line in shown(overview) if "cryo::a" in line]
    assert " ".join(line.split()) == "? not known cryo::a 1.5 K 1 min was fresh"
    overview.take(told(field("cryo::a"), seq=2, now=clock.t))
    assert shown(overview)[0].startswith("✕ 1 node lost · ● 1 fresh")


def test_silence_is_not_taken_for_well(overview: Overview, clock: Clock) -> None:
    overview.take(told(field("cryo::a")))
    clock.t += STALE_S - 1
    overview.heard()
    clock.t += STALE_S - 1
    assert shown(overview)[0].startswith("● 1 fresh")
    clock.t += 2
    assert_nothing_is_known(overview, "nothing was heard for 31 s")


def test_without_a_watch_everything_is_unknown(overview: Overview) -> None:
    overview.take(UNKNOWN)
    assert_nothing_is_known(overview, "nobody watches")
    assert [row.name for row in overview.rows()] == ["cryo::a"]


def test_who_never_knew_anything_knows_of_no_moment_when_it_ended(overview: Overview) -> None:
    overview.take(UNKNOWN)
    overview.heard()
    assert shown(overview)[0].startswith("? nothing is known  ")


def test_changes_change_what_they_name_and_another_run_tells_everything_anew(overview: Overview) -> None:
    overview.take(told(field("cryo::a"), field("cryo::b")))
    overview.take(told(field("cryo::a", "alarm"), seq=3))
    overview.take(told(field("cryo::a", "late"), seq=2))
    assert [(row.name, row.kind) for row in overview.rows()] == [
        ("cryo::a", KINDS["alarm"]), ("cryo::b", KINDS["fresh"]),
    ]  # fmt: skip
    overview.take(told(field("cryo::c"), epoch="two"))
    assert [row.name for row in overview.rows()] == ["cryo::c"]


def test_ages_are_by_the_clock_of_the_stack(overview: Overview, clock: Clock) -> None:
    overview.take(told(field("cryo::a"), now=NOW + 1000))
    assert overview.rows()[0].age_s == 1003
    overview.sample("cryo::a", NOW + 990, 2.5)
    overview.sample("cryo::nosuch", NOW, 1)
    clock.t += 5
    [row] = overview.rows()
    assert (row.age_s, row.value) == (15, 2.5)
    overview.take(told(field("cryo::a", t=NOW + 1004, value=3.5), seq=2, now=NOW + 1005))
    assert overview.rows()[0].value == 3.5


def test_a_field_of_a_node_that_is_away_is_gone(overview: Overview) -> None:
    overview.take(told(field("lab::a", "unknown"), nodes=[node("lab", here=False)]))
    assert overview.rows()[0].kind == KINDS["gone"]
    lines = shown(overview)
    assert lines[2].startswith("─ 1 in trouble ─")  # the node; each of its fields is no trouble more


def test_only_what_was_asked_for_is_shown(clock: Clock) -> None:
    overview = Overview(clock, ["cryo::*"])
    overview.take(told(
        field("cryo::a"), field("g3::old", holders=["g3::old", "cryo::new"]), field("lab::b", "alarm"),
        nodes=[node("lab", here=False)],
    ))  # fmt: skip
    assert [row.name for row in overview.rows()] == ["cryo::a", "g3::old"]
    assert overview.lost_nodes() == []


def test_nothing_is_ever_green() -> None:
    assert not any("green" in style for style in STYLES.values())
    assert {kind.tone for kind in KINDS.values()} == set(STYLES)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_longer_than_the_terminal_is_wide(overview: Overview, width: int) -> None:
    long = "g3_reader::observatory.cryostat.feeds.temperatures.channel_01_t"
    overview.take(
        told(field(long, "alarm", label="温度" * 20, why="it is " * 40, value=1.23456789e-7), field("a::b"))
    )
    lines = [*head(overview, "http://bridge:5000", width), *body(overview, width)]
    assert max(cell_len(line.plain) for line in lines) <= width


@pytest.mark.parametrize(
    ("width", "long", "room"), [(100, 90, 40), (400, 90, 60), (400, 50, 50), (100, 4, 12)]
)
def test_names_have_as_much_of_a_line_as_they_need_up_to_two_fifths(
    overview: Overview, width: int, long: int, room: int
) -> None:
    overview.take(told(field(f"n::{'x' * (long - 3)}")))
    assert shown(overview, width)[-1].index("1.5 K") == 16 + room + 12


def test_why_nothing_is_known_is_read_in_eighty_columns(overview: Overview, clock: Clock) -> None:
    overview.take(told(field("cryo::a")))
    overview.lose("the bridge at http://mountain.example:5000 cannot be reached")
    lines = shown(overview, 80)
    assert lines[0].startswith("? nothing is known since ")
    assert lines[1] == "the bridge at http://mountain.example:5000 cannot be reached"


def test_each_line_is_a_line_of_the_terminal(overview: Overview) -> None:
    overview.take(told(field("cryo::a"), field("cryo::b", "alarm"), nodes=[node("lab", here=False)]))
    lines = [*head(overview, "http://b", 100), *body(overview, 100)]
    console = Console(width=100, file=io.StringIO())
    with console.capture() as drawn:
        console.print(Group(*lines))
    assert [line.rstrip() for line in drawn.get().splitlines()] == [line.plain.rstrip() for line in lines]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.4, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (200_000, "2 d"), (-3, "-3 s")],
)
def test_ages_are_as_long_as_a_glance(seconds: float | None, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (True, "true"), (1.0000004, "1"), (1.2e-7, "1.2e-07"), (12, "12"), ("on", "on")],
)
def test_values_are_short(value: Any, text: str) -> None:
    assert written(value) == text


def test_news_are_taken_for_what_they_are(overview: Overview) -> None:
    for news in (("state", told(field("a::x"))), ("samples", [("a::x", NOW + 1, 9.0)]), ("heard", None)):
        tell(overview, news)
    assert overview.rows()[0].value == 9.0
    tell(overview, ("away", "why"))
    assert overview.why_unknown == "why"


Prints = Callable[[Any], tuple[int, str]]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Prints:
    from sisock_client.terminal.top import top

    def run(said: Any) -> tuple[int, str]:
        def state(**_: Any) -> Any:
            if isinstance(said, Exception):
                raise said
            return said

        code = top(SimpleNamespace(state=state), "http://b", [], once=True)
        return code, capsys.readouterr().out

    return run


def test_behind_a_pipe_it_is_printed_once(printed: Prints) -> None:
    code, text = printed(told(field("a::x", "silent", why="why " * 3), now=NOW))
    assert (code, text.splitlines()[0].split("  ")[0]) == (0, "▲ 1 silent")
    assert "\x1b" not in text
    code, text = printed(ClientError("the bridge cannot be reached"))
    first, second, *_ = text.splitlines()
    assert (code, first.split("  ")[0]) == (1, "? nothing is known")
    assert second == "the bridge cannot be reached"


Ends = Callable[[News, list[str]], tuple[int, list[list[str]]]]


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Ends:
    """Runs it on a screen of ten lines, with what is heard and keys that are pressed; gives what it drew."""
    from sisock_client.terminal import top as module

    drawn: list[list[str]] = []

    class Drawn:
        def __init__(self, *, console: Console, screen: bool, auto_refresh: bool) -> None:
            assert (screen, auto_refresh) == (True, False)
            self.console = console

        def __enter__(self) -> "Drawn":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, lines: Group, *, refresh: bool) -> None:
            assert refresh
            drawn.append([line.plain.rstrip() for line in lines.renderables])

    def run(news: News, keys: list[str]) -> tuple[int, list[list[str]]]:
        class Heard:
            def __init__(self, _: Any, put: Callable[[News], None], stopped: threading.Event) -> None:
                put(news)

            def listen(self) -> None:
                pass

        pressed = iter(keys)
        monkeypatch.setattr(module, "Ear", Heard)
        monkeypatch.setattr(module, "_keys", lambda: nullcontext(lambda _: next(pressed)))
        return module.top(SimpleNamespace(), "http://b", [], once=False), drawn

    how = {"file": io.StringIO(), "force_terminal": True, "width": 100, "height": 10}
    monkeypatch.setattr(module, "Live", Drawn)
    monkeypatch.setattr(module, "Console", lambda *, highlight: Console(**how))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(module.time, "time", lambda: NOW)
    return run


def test_keys_move_within_what_there_is(ended: Ends, overview: Overview) -> None:
    many = told(*(field(f"n::f{i:02}") for i in range(20)))
    overview.take(many)
    lines = [line.plain.rstrip() for line in body(overview, 100)]
    moves = {
        "": 0, "j": 1, "\x1b[B": 2, "k": 1, "\x1b[A": 0, "kk": 0, " ": 8, "\x1b[6~": 16, "jj ": 18,
        "b": 10, "\x1b[5~": 2, "jxj": 4,
    }  # fmt: skip
    handler = signal.getsignal(signal.SIGTERM)
    code, drawn = ended(("state", many), [*moves, "xq"])
    assert len(lines) == 26
    assert [frame[2:] for frame in drawn] == [lines[at : at + 8] for at in (0, *moves.values())]
    assert (code, signal.getsignal(signal.SIGTERM)) == (0, handler)


def test_who_leaves_while_nothing_is_known_leaves_with_1(ended: Ends) -> None:
    code, [frame] = ended(("away", "the bridge cannot be reached"), ["q"])
    assert (code, frame[:3]) == (
        1,
        [frame[0], "the bridge cannot be reached", "─ Nothing is known now " + "─" * 77],
    )


def test_keys_come_as_they_are_pressed_and_the_terminal_is_afterwards_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sisock_client.terminal.top import _keys

    ours, theirs = os.openpty()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(fileno=lambda: theirs))
    before = termios.tcgetattr(theirs)
    with _keys() as key:
        os.write(ours, b"\x1b[A")
        assert (key(10.0), key(0.0)) == ("\x1b[A", "")
        assert not termios.tcgetattr(theirs)[3] & (termios.ICANON | termios.ECHO)
    assert termios.tcgetattr(theirs) == before
    for end in (ours, theirs):
        os.close(end)

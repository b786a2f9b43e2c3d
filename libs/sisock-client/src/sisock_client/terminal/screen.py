"""An `Overview` as lines of a terminal: troubles first, then nodes, then all other fields."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from sisock_client.terminal.overview import KINDS, TROUBLE, Kind, Overview, Row, counted

STYLES = {"red": "bold red", "amber": "yellow", "grey": "", "unknown": "dim italic"}
AWAY = "reverse"
STATE_WIDTH, VALUE_WIDTH, AGE_WIDTH = 16, 16, 8
LEAST_NAME, MOST_NAME = 12, 60
SPANS = ((60.0, 1.0, "s"), (3600.0, 60.0, "min"), (86_400.0, 3600.0, "h"), (float("inf"), 86_400.0, "d"))


def head(overview: Overview, url: str, width: int) -> list[Text]:
    """What is to be seen at a glance; why nothing is known has a line, which 80 columns can hold."""
    why, rows, lost = overview.why_unknown, overview.rows(), overview.lost_nodes()
    clock = datetime.fromtimestamp(overview.now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if why:
        until = overview.known_until
        when = f" since {_clock(until)}" if until is not None else ""
        told = Text(f"? nothing is known{when}", AWAY)
    else:
        told = Text(" · ").join(_counts(rows, lost))
    first = Text()
    first.append_text(told)
    first.truncate(max(0, width - len(clock) - 2), overflow="ellipsis")
    first.append(" " * max(1, width - cell_len(first.plain) - len(clock)))
    first.append(clock)
    below = Text(why) if why else Text(f"{url} · q ends, j and k scroll", "dim")
    return [_fitted(first, width), _fitted(below, width)]


def body(overview: Overview, width: int) -> list[Text]:
    """Everything below, as long as it may be."""
    rows, lost = overview.rows(), overview.lost_nodes()
    gone = {row.name for row in lost}
    troubles = [row for row in rows if row.kind.rank >= TROUBLE and row.node not in gone]
    others = [row for row in rows if row.kind.rank < TROUBLE]
    lines = [_title(_heading(overview, len(lost) + len(troubles)), width)]
    room = _room((*lost, *troubles), width)  # reasons have what names leave
    lines += [_line(row, overview.now, room, width) for row in (*lost, *troubles)]
    room = _room(others, width)
    if rows:
        lines += [Text(), _title("Nodes", width), *_nodes(rows, room, width)]
    if others:
        lines += [Text(), _title("Fields", width)]
        lines += [_line(row, overview.now, room, width) for row in others]
    return lines


def _room(rows: Sequence[Row], width: int) -> int:
    longest = max((cell_len(_name(row)) for row in rows), default=0)
    return max(LEAST_NAME, min(MOST_NAME, width * 2 // 5, longest))


def _heading(overview: Overview, troubles: int) -> str:
    if troubles:
        return f"{troubles} in trouble"
    return "Nothing is known now" if overview.why_unknown else "No trouble that is known"


def _counts(rows: Sequence[Row], lost: Sequence[Row]) -> Iterator[Text]:
    gone = {row.name for row in lost}
    if lost:
        word = "node" if len(lost) == 1 else "nodes"
        yield Text(f"{KINDS['gone'].shape} {len(lost)} {word} lost", STYLES["red"])
    for kind, number in counted(row for row in rows if row.node not in gone):
        yield Text(f"{kind.shape} {number} {kind.word}", STYLES[kind.tone])
    if not rows and not lost:
        yield Text("? no fields are known", STYLES["unknown"])


def _nodes(rows: Sequence[Row], room: int, width: int) -> Iterator[Text]:
    mine: dict[str, list[Row]] = {}
    for row in rows:
        mine.setdefault(row.node, []).append(row)
    for name, own in sorted(mine.items(), key=lambda one: (-one[1][0].kind.rank, one[0])):
        counts = counted(own)
        line = _state(counts[0][0])
        line.append(set_cell_size(_middle(name, room), room) + "  ")
        line.append(" · ".join(f"{number} {kind.word}" for kind, number in counts))
        yield _fitted(line, width)


def _line(row: Row, now: float, room: int, width: int) -> Text:
    line = _state(row.kind)
    name = _name(row)
    line.append(set_cell_size(_middle(name, room), room))
    value = "-" if row.value is None else f"{written(row.value)} {row.units}".strip()
    if cell_len(value) > VALUE_WIDTH:
        value = f"{value[: VALUE_WIDTH - 1]}…"
    line.append(f"{value:>{VALUE_WIDTH + 1}}{age(row.age_s):>{AGE_WIDTH + 1}}  ")
    since = f"for {age(now - row.since)}: " if row.since is not None and row.why else ""
    line.append(f"{since}{row.why}")
    return _fitted(line, width)


def _state(kind: Kind) -> Text:
    return Text(set_cell_size(f"{kind.shape} {kind.word}", STATE_WIDTH), STYLES[kind.tone])


def _title(words: str, width: int) -> Text:
    return Text(f"─ {words} ".ljust(width, "─")[:width], "bold", no_wrap=True)


def _middle(name: str, room: int) -> str:
    """A name without its middle where it is too long: of fields of a node the ends differ."""
    while cell_len(name) > room:
        at = min(len(name) // 3, room // 3)
        name = f"{name[:at]}…{name[at + 2 :].removeprefix('…')}"
    return name


def _fitted(line: Text, width: int) -> Text:
    line.no_wrap = True
    line.truncate(width, overflow="ellipsis")
    return line


def _name(row: Row) -> str:
    return f"{row.name} ({row.label})" if row.label else row.name


def _clock(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).strftime("%H:%M:%S")


def written(value: Any) -> str:
    """A value as it fits into a column."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def age(seconds: float | None) -> str:
    """A length of time, as long as a glance: ``3 s``, ``12 min``, ``2 h``, ``5 d``; ``-3 s`` is ahead."""
    if seconds is None:
        return ""
    for most, unit, word in SPANS:
        if abs(seconds) < most:
            return f"{seconds / unit:.0f} {word}"
    return ""

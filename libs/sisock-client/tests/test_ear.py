"""How the overview in a terminal is heard: by a stream of events, and by asking where that is cut."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sisock_client import ClientError, events
from sisock_client.terminal.ear import Ear, News, tell
from sisock_client.terminal.overview import Overview
from sisock_testing.literal_bridge import NOW, UNKNOWN, field, told


def test_events_are_read_however_they_are_cut() -> None:
    text = b': still here\n\nid: 7\nevent: changes\r\ndata: {"a":\ndata: 1}\n\nevent: x\n\ndata: 2\n\ndata: 3'
    whole = [("", None), ("changes", {"a": 1}), ("message", 2)]
    assert list(events.read([text])) == whole
    assert list(events.read(text[i : i + 1] for i in range(len(text)))) == whole
    assert list(events.read([b"event: x\ndata: [1,\n:\n: still\ndata: 2]\n\n"])) == [
        events.STILL_HERE, events.STILL_HERE, ("x", [1, 2]),
    ]  # fmt: skip
    with pytest.raises(ClientError, match="something else than JSON: '<html>'"):
        list(events.read([b"data: <html>\n\n"]))


class Bridge:
    """Says what a test wrote down, then stops whoever listens."""

    def __init__(self, states: list[Any], streams: list[list[News]]) -> None:
        self.states, self.streams = states, streams
        self.asked: list[Any] = []
        self.stopped = threading.Event()

    def state(
        self, search: str = "", states: Sequence[str] = (), *, since: int = 0, epoch: str = ""
    ) -> dict[str, Any] | None:
        self.asked.append((since, epoch))
        said: Any = self.states.pop(0)
        if isinstance(said, Exception):
            raise said
        return said  # type: ignore[no-any-return]

    def stream(self, wanted: dict[str, Any], silence_s: float) -> Iterator[News]:
        self.asked.append(wanted)
        yield from self.streams.pop(0)
        if not self.streams:
            self.stopped.set()
        raise ClientError("it broke off")


def heard(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> list[News]:
    monkeypatch.setattr("sisock_client.terminal.ear.AGAIN_S", (0.0,))
    found: list[News] = []
    Ear(bridge, found.append, bridge.stopped).listen()
    return found


def test_a_stream_that_breaks_is_opened_again_where_it_ended(monkeypatch) -> None:
    changed = told(field("a::x", "alarm"), seq=5)
    sample = ("samples", {"series": [[0, [NOW, NOW + 1], [1.0, 2.0]]]})
    bridge = Bridge(
        [
            told(field("a::x"), field("a::y", "unknown"), seq=4, more=True),
            told(field("a::z"), seq=4),
            told(seq=6),
        ],
        [[("status", {}), ("changes", changed), sample, ("", None)], []],
    )
    found = heard(bridge, monkeypatch)
    assert [kind for kind, _ in found] == ["state", "state", "heard", "changes", "samples", "heard", "state"]
    assert ("samples", [("a::x", NOW + 1, 2.0)]) in found
    wanted = {
        "states": {"since": 4, "epoch": "one"},
        "fields": ["a::x", "a::z"],
        "newest": True,
        "every": 2.0,
    }
    assert bridge.asked[:4] == [(0, ""), (4, "one"), wanted, (5, "one")]


def test_a_bridge_that_is_away_is_said_and_asked_again_and_an_old_one_too(monkeypatch) -> None:
    bridge = Bridge([ClientError("cannot be reached"), None, told(field("a::x"))], [[]])
    found = heard(bridge, monkeypatch)
    assert [what if kind == "away" else kind for kind, what in found] == [
        "cannot be reached", "this bridge is an old one that knows no states", "state",
    ]  # fmt: skip


def test_a_bridge_that_is_away_is_asked_after_ever_longer_pauses_up_to_three_seconds() -> None:
    pauses: list[float] = []

    class Stopped(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0.0)
            if len(pauses) == 6:
                self.set()
            return self.is_set()

    away = ClientError("cannot be reached")
    bridge = Bridge([away, away, away, away, told(field("a::x")), away], [[]])
    Ear(bridge, lambda _: None, Stopped()).listen()
    assert pauses == [2.0, 3.0, 3.0, 3.0, 1.0, 2.0]


def test_a_field_that_is_new_is_listened_for(monkeypatch) -> None:
    bridge = Bridge(
        [told(field("a::x")), told(seq=2)], [[("changes", told(field("a::new"), seq=2)), ("", None)], []]
    )
    heard(bridge, monkeypatch)
    assert bridge.asked[-1]["fields"] == ["a::x", "a::new"]


def test_a_watch_that_goes_and_comes_is_asked_for_everything(monkeypatch) -> None:
    comes_back = ("changes", told(field("a::x"), seq=5))
    bridge = Bridge(
        [told(field("a::x"), field("a::y"), seq=4), told(field("a::x"), field("a::y"), seq=5)],
        [[("unknown", UNKNOWN), ("", None), comes_back], []],
    )
    found = heard(bridge, monkeypatch)
    assert bridge.asked[2] == (0, "")
    overview = Overview(lambda: NOW)
    said: list[str] = []
    for news in found:
        tell(overview, news)
        said.append(overview.why_unknown)
    assert said == ["", "nobody watches", "nobody watches", ""]
    assert len(overview.rows()) == 2


@pytest.mark.parametrize(("lasted_s", "pauses"), [(4.9, [1.0]), (5.0, []), (5.1, [])])
def test_a_stream_that_lasted_is_opened_again_at_once(
    monkeypatch: pytest.MonkeyPatch, lasted_s: float, pauses: list[float]
) -> None:
    now = [100.0]
    waited: list[float] = []

    class Stopped(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0.0)
            return self.is_set()

    class Lasting(Bridge):
        def stream(self, wanted: dict[str, Any], silence_s: float) -> Iterator[News]:
            now[0] += lasted_s
            assert silence_s == 25.0
            return super().stream(wanted, silence_s)

    monkeypatch.setattr("sisock_client.terminal.ear.time.monotonic", lambda: now[0])
    bridge = Lasting([told(field("a::x"))], [[]])
    bridge.stopped = Stopped()
    Ear(bridge, lambda _: None, bridge.stopped).listen()
    assert waited == pauses


def test_what_comes_after_it_was_stopped_is_not_heard() -> None:
    bridge = Bridge([told(field("a::x"))], [[("", None), ("", None)]])
    found: list[News] = []

    def put(news: News) -> None:
        found.append(news)
        if news[0] == "heard":
            bridge.stopped.set()

    Ear(bridge, put, bridge.stopped).listen()
    assert [kind for kind, _ in found] == ["state", "heard"]

"""Pages that listen: what they may wish, what news to them is, and who is let go; on a clock set by hand."""

import json
from typing import Any

import numpy as np
import pytest
import structlog
from sisock import uris
from sisock.node import Limits, Series
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.target import Target
from sisock_http.asking import tails
from sisock_http.asking.question import Answer
from sisock_http.asking.tails import Tails
from sisock_http.dialects.reply import TAKEN
from sisock_http.observatory.catalogue import Catalogue, OnlineNode
from sisock_http.problems import BusyError, RequestError
from sisock_http.web import stream
from sisock_http.web.listening import Ear, Wish, wish_of
from sisock_http.web.stream import Stream
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

A, B = Target("n", "a"), Target("m", "b")
T0 = 1_500_000_000.0
LOOK_S, NOW = 1.0, 2**53


def test_what_a_page_wishes_is_read() -> None:
    assert wish_of({}) == Wish()
    body = {
        "states": {"since": 5, "epoch": "e"}, "fields": ["n::a", "m::b"], "since": [7.5, None], "every": 5,
        "newest": True,
    }  # fmt: skip
    assert wish_of(body) == Wish(5, "e", (A, B), (7.5, None), 5.0, True)
    assert wish_of({"fields": ["n::a"]}).known == (None,)
    for nothing in (None, {}, {"since": 0}, {"epoch": ""}):
        assert wish_of({"states": nothing}) == Wish()
    assert (wish_of({}).since, wish_of({}).newest, wish_of({}).every_s) == (0, False, 1.0)
    assert [wish_of({"every": every}).every_s for every in (0.1, 1, 60, 61)] == [1.0, 1.0, 60.0, 60.0]
    assert len(wish_of({"fields": ["n::a"] * 2000}).fields) == 2000


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ([], "the body is not an object"),
        ({"field": []}, "there is no 'field' in a stream, only states, fields, since, every, newest"),
        ({"states": 5}, "states is not {since"),
        ({"states": {"since": -1}}, "states is not {since"),
        ({"states": {"since": "1"}}, "states is not {since"),
        ({"states": {"epoch": 1}}, "states is not {since"),
        ({"fields": "n::a"}, "fields is not a list of at most 2000 names"),
        ({"fields": ["n::a"] * 2001}, "fields is not a list of at most 2000 names"),
        ({"fields": [5]}, "fields has 5, which is no node::field"),
        ({"fields": ["n::a"], "since": []}, "since is not a list"),
        ({"fields": ["n::a"], "since": 5}, "since is not a list"),
        ({"fields": ["n::a"], "since": [True]}, "since is not a list"),
        ({"fields": ["n::a"], "since": ["1"]}, "since is not a list"),
        ({"every": 0}, "every=0 is not a number of seconds"),
        ({"every": True}, "every=True is not a number of seconds"),
        ({"every": "1"}, "every='1' is not a number of seconds"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(body: Any, told: str) -> None:
    with pytest.raises(RequestError) as refused:
        wish_of(body)
    assert str(refused.value).startswith(told)


class Asker:
    """Answers with the samples that the test says, and remembers what was asked."""

    def __init__(self) -> None:
        self.samples: dict[Target, list[tuple[float, Any]]] = {}
        self.asked: list[Any] = []
        self.error: Exception | None = None

    async def ask(self, question: Any, until: float) -> list[Answer]:
        self.asked.append((question, until))
        if self.error:
            raise self.error
        found = []
        for target in question.targets:
            there = [one for one in self.samples.get(target, []) if question.start <= one[0] < question.end]
            t, values = [np.array([one[n] for one in there]) for n in (0, 1)]
            found.append(Answer(target, Series(target.field, t.astype(float), values)))
        return found


class Bench:
    """Tails of two nodes: `n` says when it has something new, `m` does not."""

    def __init__(self) -> None:
        self.clock, self.asker = Clock(), Asker()
        catalogue = Catalogue(self.clock, self.now, structlog.get_logger(), None)
        for name, able in (("n", {"live"}), ("m", set())):
            catalogue.online[name] = OnlineNode(NodeInfo(name, "", frozenset(able)))
        self.tails = Tails(self.clock, catalogue, self.asker, self.now)
        self.catalogue = catalogue

    def now(self) -> float:
        return T0 + self.clock.seconds()

    def look(self) -> list[Any]:
        """What is asked in a look."""
        self.asker.asked.clear()
        ensureDeferred(self.tails.look()).addErrback(lambda failure: failure.raiseException())
        return [(question.targets, question.start - T0) for question, _ in self.asker.asked]

    def new(self, target: Target, *times: float) -> None:
        self.asker.samples.setdefault(target, []).extend((T0 + t, t) for t in times)
        self.tails.updated(target.node)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_only_what_somebody_looks_at_is_asked_for(bench: Bench) -> None:
    assert bench.look() == []
    bench.tails.follow([A], 1.0)
    bench.tails.follow([A], 1.0)
    bench.new(A, -1.0)
    assert bench.look() == [((A,), -90.0)]
    [(question, until)] = bench.asker.asked
    assert (question.end, question.limits, question.join) == (T0 + 60.0, Limits(40), "newest")
    assert until == 5.0
    bench.tails.leave([A], 1.0)
    bench.clock.advance(2.0)
    bench.new(A, 1.0)
    assert len(bench.look()) == 1
    bench.tails.leave([A], 1.0)
    bench.clock.advance(2.0)
    bench.new(A, 3.0)
    assert bench.look() == []
    assert bench.tails.since(A, None) == ()


def test_a_node_that_says_what_is_new_is_asked_then_and_another_every_two_seconds(bench: Bench) -> None:
    bench.tails.follow([A, B], 1.0)
    bench.new(A, -1.0)
    assert bench.look() == [((A, B), -90.0)]
    bench.clock.advance(1.0)
    assert bench.look() == []
    bench.new(A, 0.5)
    assert bench.look() == [((A,), -1.0)]
    bench.clock.advance(1.0)
    assert bench.look() == [((B,), -88.0)]


def test_a_look_may_be_a_little_early_rather_than_a_whole_one_late(bench: Bench) -> None:
    bench.tails.follow([A], 1.0)
    bench.new(A, -1.0)
    bench.look()
    bench.new(A, 0.5)
    bench.clock.advance(0.8)
    assert bench.look() == []
    bench.clock.advance(0.11)
    assert len(bench.look()) == 1


def test_who_looks_each_five_seconds_is_not_asked_for_more_often_though_there_is_news(bench: Bench) -> None:
    bench.tails.follow([A], 5.0)
    bench.new(A, -80.0, -1.0)
    assert bench.look() == [((A,), -90.0)]
    for seconds, asked in ((4.0, []), (0.6, [((A,), -1.0)]), (25.0, [((A,), 7.0)])):
        bench.new(A, bench.clock.seconds() + 3.0)
        bench.clock.advance(seconds)
        assert bench.look() == asked


def test_who_looks_now_and_then_is_asked_for_as_often(bench: Bench) -> None:
    bench.tails.follow([B], 5.0)
    bench.look()
    for seconds, asked in ((4.0, 0), (1.0, 1), (4.9, 0)):
        bench.clock.advance(seconds)
        assert len(bench.look()) == asked
    bench.tails.follow([B], 1.0)
    assert len(bench.look()) == 1
    bench.tails.leave([B], 1.0)
    bench.clock.advance(3.0)
    assert bench.look() == []


def test_what_is_silent_does_not_make_the_others_tell_their_past(bench: Bench) -> None:
    second = Target("n", "b")
    bench.tails.follow([A, second], 1.0)
    bench.new(A, -1.0)
    bench.look()
    bench.clock.advance(1.0)
    bench.new(A, 0.5)
    assert bench.look() == [((A,), -1.0), ((second,), -89.0)]
    bench.clock.advance(200.0)
    bench.new(A, 200.5)
    assert bench.look() == [((A, second), 111.0)]


def test_samples_that_are_known_come_once_and_late_ones_not_at_all(bench: Bench) -> None:
    bench.tails.follow([A], 1.0)
    bench.new(A, -3.0, -1.0)
    bench.look()
    assert bench.tails.since(A, None) == [(T0 - 3, -3.0), (T0 - 1, -1.0)]
    assert bench.tails.since(A, T0 - 3) == [(T0 - 1, -1.0)]
    assert bench.tails.since(A, T0 - 1) == []
    bench.clock.advance(1.0)
    bench.asker.samples[A] = [(T0 - 1, 0.0), (T0 - 0.5, 5.0), (T0 + 0.5, 6.0)]
    bench.new(A)
    bench.look()
    assert bench.tails.since(A, T0 - 3) == [(T0 - 1, -1.0), (T0 - 0.5, 5.0), (T0 + 0.5, 6.0)]
    assert bench.tails.since(B, None) == ()


def test_so_many_samples_are_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.tails.follow([A], 1.0)
    bench.new(A, *(-80.0 + n / 10 for n in range(700)))
    bench.look()
    assert len(bench.tails.since(A, None)) == tails.MOST_SAMPLES == 600


def test_a_node_that_is_not_online_is_not_asked(bench: Bench) -> None:
    del bench.catalogue.online["m"]
    bench.tails.follow([B], 1.0)
    assert bench.look() == []


def test_a_page_is_told_of_each_field_what_is_new_to_it_as_often_as_it_wishes(bench: Bench) -> None:
    wishes = [Wish(0, "", (A, B), (None, T0 - 2.0), 2.0, newest) for newest in (False, True)]
    ears = [Ear(wish, bench.tails, bench.clock.seconds) for wish in wishes]
    bench.new(A, -2.0, -1.5, -1.0)
    bench.new(B, -2.0)
    bench.look()
    assert ears[0].news() == [[0, [T0 - 2, T0 - 1.5, T0 - 1], [-2.0, -1.5, -1.0]]]
    assert ears[1].news() == [[0, [T0 - 1], [-1.0]]]
    bench.clock.advance(1.7)
    bench.new(A, 1.0)
    bench.new(B, 1.5)
    bench.look()
    assert ears[0].news() == []
    bench.clock.advance(0.2)
    bench.look()
    assert ears[0].news() == [[0, [T0 + 1], [1.0]]]
    bench.clock.advance(0.2)
    bench.look()
    assert ears[0].news() == []
    bench.clock.advance(2.0)
    assert ears[0].news() == [[1, [T0 + 1.5], [1.5]]]
    for ear in ears:
        ear.close()
    assert bench.look() == []


def test_a_page_without_fields_has_no_news(bench: Bench) -> None:
    assert Ear(Wish(), bench.tails, bench.clock.seconds).news() == []


class Request:
    """A request of a page that stays open."""

    method = b"GET"

    def __init__(self, **headers: bytes) -> None:
        self.given, self.headers, self.written = headers, {}, []
        self.finished: Deferred[None] = Deferred()
        self.lost = 0
        self.producer: Any = None

    def getHeader(self, name: bytes) -> bytes | None:
        return self.given.get(name.decode().replace("-", "_"))

    def setHeader(self, name: bytes, value: bytes) -> None:
        self.headers[name] = value

    def notifyFinish(self) -> Deferred[None]:
        return self.finished

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def write(self, text: bytes) -> None:
        self.written.append(text)

    def unregisterProducer(self) -> None:
        self.producer = None

    def finish(self) -> None:
        assert self.producer is None, "a producer that is registered must not be left behind"
        self.finished.callback(None)

    def loseConnection(self) -> None:
        self.lost += 1

    def heard(self) -> list[tuple[str, Any]]:
        """What came since the last time, by kinds."""
        told, self.written = b"".join(self.written).decode(), []
        found = []
        for block in filter(None, told.split("\n\n")):
            lines = dict(line.partition(": ")[::2] for line in block.split("\n"))
            found.append((lines.get("event", ""), json.loads(lines["data"]) if "data" in lines else block))
        return found


class Teller:
    """Watch, as the test says."""

    def __init__(self) -> None:
        self.why_away = ""
        self.told = {"watch": True, "why": "", "epoch": "e", "seq": 7, "more": False, "fields": [1]}
        self.asked: list[Any] = []
        self.waiting: list[Deferred[Any]] | None = None

    async def state(self, asked: Any) -> Any:
        self.asked.append(asked)
        if self.waiting is not None:
            self.waiting.append(Deferred())
            return await self.waiting[-1]
        return dict(self.told)


class Room:
    """A stream and those who listen to it."""

    def __init__(self) -> None:
        self.bench, self.teller = Bench(), Teller()
        self.here = {"now": 1.0, "nodes": ["n"]}
        self.clock = self.bench.clock
        self.revoked: list[Any] = []
        self.stream = Stream(
            self.clock,
            self.teller,
            self.bench.tails,
            lambda: dict(self.here),
            lambda request: request not in self.revoked,
        )

    def enter(self, request: Any = None) -> Any:
        request = request or Request()
        came: list[Any] = []
        ensureDeferred(self.stream.open(request)).addBoth(lambda one: came.append(getattr(one, "value", one)))
        if isinstance(came[0], Exception):
            raise came[0]
        assert came == [TAKEN]
        return request

    def node_updated(self, name: str) -> None:
        self.stream.updated(NodeInfo(name, ""))


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_page_that_comes_hears_how_things_are_and_who_is_here(room: Room) -> None:
    page = room.enter()
    assert page.written[0].startswith(b"id: e:7\nevent: changes\ndata: {")
    assert page.heard() == [("changes", room.teller.told), ("status", room.here)]
    assert page.headers == {
        b"content-type": b"text/event-stream", b"cache-control": b"no-store", b"x-accel-buffering": b"no",
    }  # fmt: skip
    assert room.teller.asked == [{"since": NOW, "epoch": ""}, {"since": NOW, "epoch": "e"}]


def test_a_page_whose_token_was_revoked_is_let_go_at_the_next_look(room: Room) -> None:
    one, other = room.enter(), room.enter()
    room.revoked.append(one)
    room.clock.advance(LOOK_S)
    assert (one.finished.called, other.finished.called, one.lost) == (True, False, 0)
    for page in (one, other):
        page.heard()
    room.here["nodes"] = []
    room.clock.advance(LOOK_S)
    assert (one.heard(), other.heard()) == ([], [("status", room.here)])


def test_a_page_that_comes_back_hears_what_changed_since(room: Room) -> None:
    room.enter(Request(last_event_id=b"e:5"))
    assert room.teller.asked == [{"since": 5, "epoch": "e"}]
    for strange in (b"e:", b"e:x", b":5", b"5", "e:٣".encode(), b"e:1234567890123456"):
        room.teller.asked.clear()
        room.enter(Request(last_event_id=strange))
        assert room.teller.asked[0] == {"since": NOW, "epoch": ""}


def test_a_page_says_in_a_body_what_it_wishes(room: Room) -> None:
    request = Request(content_type=b"application/json")
    request.method = b"POST"
    body = json.dumps({"states": {"since": 3, "epoch": "e"}, "fields": ["n::a"]}).encode()
    request.content = type("Content", (), {"read": lambda _self, _most: body})()
    room.enter(request)
    assert room.teller.asked == [{"since": 3, "epoch": "e"}]
    room.bench.new(A, -1.0)
    room.clock.advance(1.0)
    assert request.heard()[-1] == ("samples", {"series": [[0, [T0 - 1], [-1.0]]]})


def test_a_head_is_no_listener_and_so_many_are_all_there_is_room_for(room: Room, monkeypatch) -> None:
    head = Request()
    head.method = b"HEAD"
    came: list[Any] = []
    ensureDeferred(room.stream.open(head)).addCallback(came.append)
    assert (came[0].body, came[0].content_type, room.teller.asked) == (b"", b"text/event-stream", [])
    monkeypatch.setattr(stream, "MOST_LISTENERS", 2)
    first = room.enter()
    room.enter()
    with pytest.raises(BusyError, match="2 pages listen, which is all there is room for"):
        room.enter()
    first.finished.callback(None)
    room.enter()


def test_while_watch_is_away_it_is_unknown_and_the_fields_are_left_out(room: Room) -> None:
    room.teller.told |= {"watch": False, "why": "away"}
    page = room.enter()
    assert len(room.teller.asked) == 1
    assert page.heard()[0] == ("unknown", {**room.teller.told, "fields": []})


def test_everybody_hears_of_changes_by_one_question(room: Room) -> None:
    pages = [room.enter(), room.enter()]
    for page in pages:
        page.heard()
    room.teller.asked.clear()
    room.node_updated("n")
    assert room.teller.asked == []
    room.teller.told["seq"] = 8
    room.node_updated(uris.WATCH)
    assert room.teller.asked == [{"since": 7, "epoch": "e"}]
    assert [page.heard() for page in pages] == [[("changes", room.teller.told)]] * 2
    room.node_updated(uris.WATCH)
    assert room.teller.asked[1:] == [{"since": 8, "epoch": "e"}]


def test_news_while_watch_is_asked_are_asked_for_afterwards_and_so_is_more(room: Room) -> None:
    room.enter()
    room.teller.asked.clear()
    room.teller.waiting = []
    for _ in range(3):
        room.node_updated(uris.WATCH)
    assert len(room.teller.asked) == 1
    room.teller.waiting[0].callback({**room.teller.told, "seq": 8})
    assert len(room.teller.asked) == 2
    room.teller.waiting[1].callback({**room.teller.told, "seq": 9, "more": True})
    assert len(room.teller.asked) == 3
    room.teller.waiting[2].callback({**room.teller.told, "seq": 10})
    assert [one["since"] for one in room.teller.asked] == [7, 8, 9]


def test_a_watch_that_comes_or_goes_is_noticed_within_a_second(room: Room) -> None:
    page = room.enter()
    page.heard()
    room.teller.asked.clear()
    room.clock.advance(1.0)
    assert room.teller.asked == []
    room.teller.why_away = "gone"
    room.teller.told |= {"watch": False, "why": "gone"}
    room.clock.advance(1.0)
    assert [kind for kind, _ in page.heard()] == ["unknown"]
    room.clock.advance(5.0)
    assert len(room.teller.asked) == 1


def test_who_is_here_is_told_when_that_changes_and_the_time_alone_is_no_change(room: Room) -> None:
    page = room.enter()
    page.heard()
    room.here = {"now": 2.0, "nodes": ["n"]}
    room.clock.advance(1.0)
    assert page.heard() == []
    room.here = {"now": 3.0, "nodes": ["n", "m"]}
    room.clock.advance(1.0)
    assert page.heard() == [("status", room.here)]
    room.clock.advance(1.0)
    assert page.heard() == []


def test_a_quiet_stream_says_now_and_then_that_it_is_still_there(room: Room) -> None:
    page = room.enter()
    room.node_updated(uris.WATCH)
    page.heard()
    told = []
    for _ in range(40):
        room.clock.advance(1.0)
        told.append(len(page.heard()))
    assert sum(told) == 2
    assert told.index(1) == 15


def test_a_page_that_cannot_keep_up_is_let_go(room: Room) -> None:
    slow, quick = room.enter(), room.enter()
    slow.producer.pauseProducing()
    slow.heard()
    quick.heard()
    slow.producer.resumeProducing()
    room.node_updated(uris.WATCH)
    assert (len(slow.heard()), slow.lost) == (1, 0)
    slow.producer.pauseProducing()
    room.node_updated(uris.WATCH)
    room.node_updated(uris.WATCH)
    assert (slow.heard(), slow.lost) == ([], 1)
    assert len(quick.heard()) == 3
    quick.producer.stopProducing()
    room.node_updated(uris.WATCH)
    assert quick.lost == 1


def test_without_listeners_nothing_is_asked(room: Room) -> None:
    page = room.enter()
    room.teller.asked.clear()
    page.finished.errback(ConnectionError())
    room.node_updated(uris.WATCH)
    room.clock.advance(1.0)
    assert room.clock.getDelayedCalls() == []
    assert room.teller.asked == []


def test_too_much_to_do_is_another_look_later(room: Room) -> None:
    request = Request(content_type=b"application/json")
    request.method = b"POST"
    request.content = type("Content", (), {"read": lambda _self, _most: b'{"fields": ["n::a"]}'})()
    room.enter(request)
    room.bench.asker.error = BusyError("full")
    room.bench.new(A, -1.0)
    room.clock.advance(1.0)
    assert len(room.bench.asker.asked) == 1
    room.bench.asker.error = None
    room.bench.new(A, 0.5)
    room.clock.advance(1.0)
    assert request.heard()[-1][0] == "samples"

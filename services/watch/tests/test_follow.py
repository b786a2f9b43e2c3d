"""When nodes are asked for what, on a clock that the test moves; and what watch's own procedures take."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from sisock import Bounds, ContractError, Field, Limits, Series
from sisock.errors import NodeError, TooMuchDataError
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Listing, Reading
from sisock_site import SiteFile
from sisock_watch import __main__ as command
from sisock_watch import follow
from sisock_watch import node as module
from sisock_watch.config import WatchConfig
from sisock_watch.follow import Follower
from sisock_watch.ledger import Ledger
from sisock_watch.node import WatchNode
from sisock_watch.roll import Roll
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

T0 = 1_500_000_000.0
DAY = 86_400
LIVE, REDUCES = "live", "max_points"


class Stack:
    """Nodes that note when they are asked for what, and a follower of them; `samples` are (age, value)."""

    hub_here = True

    def __init__(self, file: Path | None = None, known: dict[str, str] | None = None) -> None:
        self.reactor = Clock()
        self.fields: dict[str, list[Field] | NodeError] = {}
        self.samples: dict[str, tuple[float, float]] = {}
        self.asked: list[tuple[Any, ...]] = []
        self.listed: list[float] = []
        self.timelines: Any = None
        self.end = 0.0
        self.trouble: Exception | None = None
        self.waiting: Deferred[None] | None = None
        self.happened: list[Any] = []
        self.named: list[dict[str, str]] = []
        self.roll = Roll(T0, known or {})
        self.follower = Follower(
            self.reactor, self.now, structlog.get_logger(), self, self.roll, SiteFile(file),
            self.record,
        )  # fmt: skip
        self.follower.start()
        self.follower.router_changed(here=True)

    def record(self, happened: list[Any], named: Any) -> None:
        self.happened += happened
        self.named += [dict(named)] * bool(named)

    def now(self) -> float:
        return T0 + self.reactor.seconds()

    def add(self, *capabilities: str, fields: Sequence[Field], name: str = "tap") -> NodeInfo:
        self.fields[name] = list(fields)
        node = NodeInfo(name, "", frozenset(capabilities))
        self.follower.node_added(node)
        return node

    def goes_on(self, seconds: float) -> list[tuple[Any, ...]]:
        """What is asked meanwhile: when, which fields, since how long ago, and how many points of them."""
        self.asked.clear()
        for _ in range(round(seconds * 2)):
            self.reactor.advance(0.5)
        return self.asked

    async def list_fields(self, name: str, start: float, end: float, deadline_s: float) -> Listing:
        self.listed.append(self.reactor.seconds())
        fields = self.fields[name]
        if isinstance(fields, NodeError):
            raise fields
        return Listing(list(fields), [])

    async def get_data(
        self, name: str, fields: Sequence[str], start: float, end: float, *, timelines: Any, limits: Limits,
        **_: Any,
    ) -> Reading:  # fmt: skip
        self.timelines, self.end = timelines, end
        if self.waiting is not None:
            await self.waiting
        if self.trouble is not None:
            raise self.trouble
        ago = round(self.now() - start, 1)
        self.asked.append((self.reactor.seconds(), list(fields), ago, limits.max_points))
        found = {}
        for field in fields:
            age, value = self.samples.get(field, (1e12, 0.0))
            t = np.array([self.now() - age] if age <= ago else [])
            found[field] = Series(field, t, np.full(len(t), value))
        return Reading(found, {})


@pytest.fixture(autouse=True)
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_reactor: Any, work: Callable[..., Any], *what: Any, **how: Any) -> Any:
        return work(*what, **how)

    monkeypatch.setattr(follow, "in_thread", at_once)
    monkeypatch.setattr(module, "in_thread", at_once)


def test_a_live_node_is_asked_every_two_seconds_and_what_it_never_had_ever_farther_back() -> None:
    stack = Stack()
    stack.add(LIVE, REDUCES, fields=[Field("hot"), Field("cold")])
    assert stack.asked == [(0.0, ["hot", "cold"], 30.0, 2)]
    stack.samples["hot"] = (1.0, 5.0)
    both = ["hot", "cold"]
    assert stack.goes_on(5) == [
        (0.5, both, 3600.0, 2), (1.5, ["cold"], float(DAY), 2), (2.0, both, 30.0, 2),
        (2.5, ["cold"], 30.0 * DAY, 2), (3.5, ["cold"], 3600.0, 2), (4.0, both, 30.0, 2),
    ]  # fmt: skip
    assert str(stack.roll.board["tap::hot"].state) == "fresh"
    wide = [asked for asked in stack.goes_on(130) if asked[2] > 30]
    assert [(asked[1], asked[2]) for asked in wide] == [(["cold"], 3600.0)] * 2
    assert wide[1][0] - wide[0][0] == pytest.approx(60.0, abs=1.0)


def test_an_archive_is_asked_every_half_minute_and_one_that_cannot_reduce_for_no_more() -> None:
    stack = Stack()
    stack.add(fields=[Field("hot")])
    assert stack.asked == [(0.0, ["hot"], 90.0, None)]
    assert stack.goes_on(70) == [(30.0, ["hot"], 90.0, None), (60.0, ["hot"], 90.0, None)]


def test_a_live_field_with_limits_is_asked_for_when_its_node_says_that_it_grew() -> None:
    stack = Stack()
    limits = Bounds(alarm_high=3.0)
    quick = [Field("hot", limits=limits), Field("cold", silent_after=20.0), Field("slow", silent_after=200.0)]
    node = stack.add(LIVE, REDUCES, fields=quick)
    assert stack.asked[0] == (0.0, ["hot", "cold"], 120.0, 40)
    stack.samples = {"hot": (1.0, 5.0), "cold": (2.0, 5.0)}
    stack.goes_on(10)
    assert not [asked for asked in stack.asked if asked[3] == 40]
    stack.asked.clear()
    stack.follower.updated(node)
    # Since the older of what was heard of them last.
    assert [asked for asked in stack.asked if asked[3] == 40] == [(10.0, ["hot", "cold"], 3.5, 40)]
    assert str(stack.roll.board["tap::hot"].state) == "alarm"
    stack.follower.updated(node)
    assert len([asked for asked in stack.asked if asked[3] == 40]) == 1
    archive = Stack()
    archive.add(REDUCES, fields=quick)
    assert archive.asked[0][3] == 2


def test_names_that_are_listed_again_stay_the_texts_that_they_were() -> None:
    stack = Stack()
    stack.add(LIVE, REDUCES, fields=[Field("hot", limits=Bounds(alarm_high=3.0)), Field("cold")])
    known = stack.follower.followed["tap"]
    first = [id(name) for name in known.names]
    copies = ["".join(letters) for letters in ("cold", "hot")]
    stack.fields["tap"] = [Field(copies[0], silent_after=20.0), Field(copies[1])]
    stack.goes_on(follow.RELIST_S + 1)
    assert len(stack.listed) == 2
    assert [id(name) for name in known.names] == first
    assert [id(name) for name in known.quick] == first[1:]


@pytest.mark.parametrize(
    ("capability", "timelines"), [("packed", {}), ("x", {"hot": "water", "cold": "cold"})]
)
def test_timelines_are_kept_of_nodes_whose_answers_do_not_say_them(
    capability: str, timelines: dict[str, str]
) -> None:
    stack = Stack()
    stack.add(capability, fields=[Field("hot", timeline="water"), Field("cold")])
    assert stack.timelines == timelines


def test_a_node_of_many_fields_is_asked_for_some_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MOST_AT_ONCE", 2)
    stack = Stack()
    stack.add(LIVE, fields=[Field(name) for name in "abc"])
    assert [asked[1] for asked in [*stack.asked, *stack.goes_on(6)]][:4] == [
        ["a", "b"], ["c"], ["a", "b"], ["c"],
    ]  # fmt: skip


def test_fields_are_listed_anew_when_they_changed_after_a_while_and_soon_after_trouble() -> None:
    stack = Stack()
    node = stack.add(fields=[Field("hot")])
    stack.goes_on(302)
    assert stack.listed == [0.0, 300.5]
    stack.follower.fields_changed(node)
    stack.goes_on(1)
    assert stack.listed[2:] == [302.5]
    stack.fields["tub"] = NodeError("tub did not answer")
    stack.follower.node_added(NodeInfo("tub", ""))
    assert stack.roll.nodes["tub"].problem == "tub did not answer"
    stack.goes_on(6)
    assert stack.listed[3:] == [303.0, 308.5]
    stack.follower.node_subtracted(NodeInfo("tub", ""))
    stack.goes_on(20)
    assert stack.listed[5:] == []


def test_a_node_that_came_without_all_that_it_had_is_asked_again_after_ten_seconds() -> None:
    stack = Stack(known={"tap::hot": "tap::hot", "tap::cold": "tap::cold"})
    stack.add(fields=[Field("hot")])
    stack.goes_on(10)
    assert stack.roll.nodes["tap"].coming
    assert stack.listed == [0.0]
    stack.goes_on(20)
    assert stack.listed == [0.0, 10.5]
    assert not stack.roll.nodes["tap"].coming


def test_a_sites_file_that_changed_is_asked_of_every_field(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "site.toml")
    stack.add(fields=[Field("hot")])
    stack.goes_on(20)
    assert stack.listed == [0.0]
    (tmp_path / "site.toml").write_text('[[fields]]\nmatch = "tap::hot"\nlabel = "hot water"')
    stack.goes_on(12)
    assert len(stack.listed) == 2
    assert stack.roll.entries["tap::hot"].facts.label == "hot water"
    (tmp_path / "site.toml").write_text("nonsense")
    stack.goes_on(12)
    assert len(stack.listed) == 2


def test_a_node_that_cannot_be_asked_is_in_trouble_until_it_answers_and_one_that_went_is_none() -> None:
    stack = Stack()
    node = stack.add(LIVE, fields=[Field("hot")])
    assert stack.end == T0 + 7 * DAY
    for trouble in (NodeError("no answer"), TooMuchDataError("too much")):
        stack.trouble = trouble
        stack.goes_on(2)
        assert stack.roll.nodes["tap"].problem == str(trouble)
    stack.trouble = None
    stack.goes_on(2)
    assert stack.roll.nodes["tap"].problem == ""
    waiting: Deferred[None] = Deferred()
    stack.waiting, stack.trouble = waiting, NodeError("it ended")
    stack.goes_on(2)
    stack.follower.node_subtracted(node)
    waiting.callback(None)
    assert stack.roll.nodes["tap"].problem == ""


def test_nodes_have_ten_seconds_to_come_back_after_the_router_did() -> None:
    stack = Stack(known={"tap::hot": "tap::hot"})
    stack.goes_on(10)
    assert stack.roll.why("tap::hot", stack.now()) == "the router is away"
    stack.goes_on(1)
    assert stack.roll.why("tap::hot", stack.now()) == "tap is away"


def test_names_are_kept_when_they_are_new_and_once_a_day() -> None:
    stack = Stack()
    node = stack.add(fields=[Field("hot")])
    assert stack.named == [{"tap::hot": "tap::hot"}]
    for seconds, fields, times in ((10, ["hot"], 1), (10, ["hot", "cold"], 2), (DAY + 1, ["hot", "cold"], 3)):
        stack.fields["tap"] = [Field(name) for name in fields]
        stack.reactor.advance(seconds)
        stack.follower.fields_changed(node)
        stack.goes_on(1)
        assert len(stack.named) == times


class History:
    """Keeps what it is asked, and what is put into it."""

    def __init__(self) -> None:
        self.put_in: list[Any] = []
        self.asked: list[Any] = []

    def put(self, items: Any) -> None:
        self.put_in += items

    def events(self, start: float, end: float, **how: Any) -> list[Any]:
        self.asked.append((start, end, how))
        return []


@pytest.fixture
def history() -> History:
    return History()


@pytest.fixture
def watch(history: Any) -> WatchNode:
    return WatchNode(Clock(), lambda: T0, Roll(T0, {}), history, SiteFile(None), "run")


def test_a_note_is_of_a_moment_or_of_a_range_that_has_a_length(watch: WatchNode, history: History) -> None:
    told = watch._note(text=" a spike ", target="tap::hot", author="me")
    assert told == {
        "t": T0, "until": None, "what": "note", "target": "tap::hot", "why": "a spike", "author": "me",
    }  # fmt: skip
    assert watch._note(text="x", t=T0 - 9, until=T0 - 8)["until"] == T0 - 8
    assert [(note.t, note.until, note.why) for note in history.put_in] == [
        (T0, None, "a spike"), (T0 - 9, T0 - 8, "x"),
    ]  # fmt: skip
    for wrong in ({"until": T0}, {"t": T0, "until": T0 - 1}, {"text": " "}, {"text": "x" * 2001}):
        with pytest.raises(ContractError):
            watch._note(**{"text": "x", **wrong})
    assert len(history.put_in) == 2


def test_too_many_states_over_too_long_are_refused(
    watch: WatchNode, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_SAMPLES", 120)
    found = (np.array([T0 - 3600]), np.array([1]))
    monkeypatch.setattr(History, "states", lambda *_: {"a": found}, raising=False)
    [series] = watch.read(["a", "b"], T0 - 3600, T0 + 9, Limits())
    assert (len(series.t), set(series.values), series.finalized_until) == (60, {"fresh"}, T0 - 60)
    with pytest.raises(TooMuchDataError, match="2 states over 0 days are too many"):
        list(watch.read(["a", "b"], T0 - 3601, T0, Limits()))


def test_events_are_asked_of_a_day_around_now_unless_somebody_says(
    watch: WatchNode, history: History
) -> None:
    for given in ({}, {"start": 1, "end": 2.5, "search": "a", "what": ["note"], "after": 2**53, "most": 7}):
        ensureDeferred(watch._events(**given)).addErrback(lambda failure: pytest.fail(str(failure)))
    assert history.asked == [
        (T0 - DAY, T0 + DAY, {"search": "", "what": [], "after": 0, "most": 1000}),
        (1.0, 2.5, {"search": "a", "what": ["note"], "after": 2**53, "most": 7}),
    ]
    for wrong in ({"what": "note"}, {"what": [1]}, {"after": -1}, {"most": 5001}, {"start": True}):
        came: list[Any] = []
        ensureDeferred(watch._events(**wrong)).addErrback(came.append)
        assert came[0].check(ContractError)


def test_a_history_says_when_watch_was_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []

    class Reactor(Clock):
        def callWhenRunning(self, work: Any) -> None:
            begun.append(work)

        def addSystemEventTrigger(self, *what: Any) -> None:
            begun.append(what)

    monkeypatch.setattr(command, "the_reactor", Reactor)
    monkeypatch.setattr(command, "Consumer", lambda *_: Stack())
    monkeypatch.setattr(Stack, "watch", lambda *_: None, raising=False)
    monkeypatch.setattr(command, "require_secret", lambda _: None)
    config = WatchConfig(state_db=tmp_path / "x.sqlite")
    for _ in range(2):
        command.make_node(config).close()
    history = Ledger(tmp_path / "x.sqlite", 1e9, lambda: T0, structlog.get_logger())
    assert [event["what"] for event in history.events(0, 1e12)] == ["watch_away", "watch_here"]
    history.close()
    assert len(begun) == 4

"""How nodes are asked on behalf of a request, on a clock that the test moves."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import structlog
from prometheus_client import CollectorRegistry
from sisock import metrics
from sisock.binning import Accumulator
from sisock.errors import NodeError, TooMuchDataError
from sisock.node import Field, Grid, Limits
from sisock_consumer import replies
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.target import Target
from sisock_http.asking.gather import Asker
from sisock_http.asking.keeping import Keeper
from sisock_http.asking.latest import latest
from sisock_http.asking.one_node import STRIDE_POINTS, NodeAsker
from sisock_http.asking.question import Question
from sisock_http.measures import Measures
from sisock_http.observatory.catalogue import Catalogue, OnlineNode
from sisock_http.observatory.described import describe
from sisock_http.problems import BusyError
from sisock_http.web.admission import Admission
from sisock_site import parse
from sisock_testing.still import StillReactor
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.task import Clock

UNTIL = 10.0
LATE_S = SILENT_S = 1.0
T = [100.0, 160.0]


def reply(*names: str, t: list[float] | None = None, timeline: str = "t") -> dict[str, Any]:
    times = T if t is None else t
    values = {name: [float(i) for i in range(len(times))] for name in names}
    return {"data": values, "timeline": {timeline: {"t": times, "finalized_until": None}}}


class Consumer:
    """Answers as the test says, and remembers what was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    async def get_data(
        self, name: str, fields: Any, start: float, end: float, *, limits: Any, timelines: Any, **more: Any
    ) -> Any:
        asked = {"name": name, "fields": list(fields), "start": start, "end": end}
        self.asked.append({**asked, "min_stride": limits.min_stride, **more})
        given = self.answer(**self.asked[-1]) if callable(self.answer) else self.answer
        parts = await (given if isinstance(given, Deferred) else succeed(given))
        return replies.read_data(name, parts, fields, timelines)

    async def list_fields(self, *_args: Any) -> Any:
        raise NodeError("not asked here")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(
    clock: Clock,
    answer: Any,
    nodes: str = "n",
    *,
    able: str = "",
    most_waiting: int = 8,
    measures: Measures | None = None,
) -> Any:
    """An asker of such a consumer, with the nodes online that have fields a and b of one timeline."""
    consumer = Consumer(answer)
    catalogue = Catalogue(clock, lambda: 0.0, structlog.get_logger(), consumer)
    for name in nodes.split():
        fields = {field: Field(field, timeline="t") for field in ("a", "b")}
        catalogue.online[name] = OnlineNode(NodeInfo(name, "", frozenset(able.split())), fields, 0.0)
    node_asker = NodeAsker(clock, consumer, catalogue, structlog.get_logger(), most_waiting, measures)
    return Asker(clock, catalogue, Keeper(clock, catalogue, node_asker, lambda: 0.0, 0)), consumer, catalogue


def ask(asker: Asker, *targets: str, end: float = 1000.0, until: float = UNTIL, **more: Any) -> list[Any]:
    """Answers, or what was raised, as soon as there is something."""
    came: list[Any] = []
    asked = ensureDeferred(
        asker.ask(Question(tuple(map(Target.parse, targets)), 1.0, end, Limits(**more)), until)
    )
    asked.addCallbacks(came.append, lambda failure: came.append(failure.value))
    return came


def test_the_same_question_is_asked_once_and_answered_to_all(clock: Clock) -> None:
    waiting: Deferred[Any] = Deferred()
    asker, consumer, _ = make(clock, waiting)
    came = [ask(asker, "n::a"), ask(asker, "n::a")]
    assert len(consumer.asked) == 1
    waiting.callback([reply("a")])
    for [[answer]] in came:
        assert answer.series.t.tolist() == T


@pytest.mark.parametrize(
    "other",
    [{"end": 2000.0}, {"max_points": 7}, {"min_stride": 7.0}],
    ids=["end", "max_points", "min_stride"],
)
def test_questions_that_differ_in_one_thing_share_no_answer(clock: Clock, other) -> None:
    waiting: Deferred[Any] = Deferred()
    asker, consumer, _ = make(clock, waiting)
    ask(asker, "n::a")
    ask(asker, "n::a", **other)
    ask(asker, "n::b")
    assert len(consumer.asked) == 3


def test_an_error_is_told_to_all_who_share_the_question(clock: Clock) -> None:
    waiting: Deferred[Any] = Deferred()
    asker, _, _ = make(clock, waiting)
    came = [ask(asker, "n::a"), ask(asker, "n::a")]
    waiting.errback(NodeError("n is away"))
    assert [answer.notice for [[answer]] in came] == ["n is away", "n is away"]


def test_the_deadline_holds_for_all_tries_together(clock: Clock) -> None:
    def too_much(**_: Any) -> Any:
        clock.advance(3.6)
        raise TooMuchDataError("less")

    asker, consumer, _ = make(clock, too_much)
    [[answer]] = ask(asker, "n::a")
    assert [call["deadline_s"] for call in consumer.asked] == pytest.approx([10.0, 6.4, 2.8])
    assert answer.notice == "n did not answer in time"


def test_too_much_is_asked_again_with_an_ever_wider_stride(clock: Clock) -> None:
    def too_much(**_: Any) -> Any:
        raise TooMuchDataError("n has more data")

    for stride in (None, 5.0):
        asker, consumer, _ = make(clock, too_much)
        [[answer]] = ask(asker, "n::a", min_stride=stride)
        strides = [call["min_stride"] for call in consumer.asked]
        assert strides[0] == stride
        assert len(strides) == 4
        assert all(b == 4 * a for a, b in itertools.pairwise(strides[1:]))
        assert strides[1] == (4 * stride if stride else 999.0 / STRIDE_POINTS)
        assert answer.notice == "n has more data, at any resolution"


def test_the_last_samples_are_looked_for_within_one_deadline(clock: Clock) -> None:
    def slow(**_: Any) -> Any:
        clock.advance(3.6)
        return [{"data": {"a": []}, "timeline": {}}]

    asker, consumer, catalogue = make(clock, slow, able="max_points packed")
    done = ensureDeferred(latest(asker, catalogue, [Target("n", "a")], 1e9, UNTIL))
    [answer] = done.result
    assert [call["deadline_s"] for call in consumer.asked] == pytest.approx([10.0, 6.4, 2.8])
    assert len(answer.series.t) == 0


def test_an_error_of_ours_costs_one_node_and_is_logged_as_it_was(clock: Clock) -> None:
    def half(name: str, **_: Any) -> Any:
        if name == "bad":
            raise ZeroDivisionError("ours")
        return [reply("a")]

    asker, _, _ = make(clock, half, "good bad")
    with capture_logs() as logs:
        [[bad, good]] = ask(asker, "bad::a", "good::a")
    assert good.series.t.tolist() == T
    assert bad.notice == "bad's answer could not be used (ZeroDivisionError); the log says why"
    [line] = [line for line in logs if line["event"] == "reply.failed"]
    assert (line["node"], type(line["exc_info"])) == ("bad", ZeroDivisionError)


def test_fields_with_anothers_times_are_asked_one_by_one_and_from_then_on_at_once(clock: Clock) -> None:
    def torn(fields: list[str], **_: Any) -> Any:
        times = {"a": [100.0, 160.0, 220.0], "b": [130.0, 190.0]}
        made: dict[str, Any] = {"data": {}, "timeline": {}}
        for name in fields:
            one = reply(name, t=times[name])
            made["data"].update(one["data"])
            made["timeline"].update(one["timeline"])
        return [made]

    asker, consumer, _ = make(clock, torn)
    for asked in (["a", "b"], ["a"], ["b"]), (["a"], ["b"]):
        consumer.asked.clear()
        [[a, b]] = ask(asker, "n::a", "n::b")
        assert [call["fields"] for call in consumer.asked] == list(asked)
        assert (a.series.t.tolist(), b.series.t.tolist()) == ([100.0, 160.0, 220.0], [130.0, 190.0])
        assert (a.notice, b.notice) == ("", "")


def test_a_field_that_fits_no_times_even_alone_is_told_and_logged_once(clock: Clock) -> None:
    def misfit(fields: list[str], **_: Any) -> Any:
        made = reply(*fields)
        if "a" in fields:
            made["data"]["a"].append(9.0)
        return [made]

    asker, _, _ = make(clock, misfit)
    with capture_logs() as logs:
        for _ in range(3):
            [[a, b]] = ask(asker, "n::a", "n::b")
            assert a.notice == "n::a: 3 values for 2 times of the timeline 't'"
            assert b.series.t.tolist() == T
    [line] = [line for line in logs if line["event"] == "reply.unreadable"]
    assert (line["node"], line["why"]) == ("n", a.notice)


def test_a_node_that_packs_its_replies_is_not_asked_again_for_nonsense(clock: Clock) -> None:
    asker, consumer, _ = make(clock, [{"data": {"a": [1.0]}, "timeline": {"t": {"t": T}}}], able="packed")
    [[a, _]] = ask(asker, "n::a", "n::b")
    assert len(consumer.asked) == 1
    assert "1 values for 2 times" in a.notice


def test_what_was_left_out_of_a_series_is_its_notice(clock: Clock) -> None:
    asker, _, _ = make(clock, [reply("a", t=[100.0, 1e303])])
    [[answer]] = ask(asker, "n::a")
    assert answer.series.t.tolist() == [100.0]
    assert answer.notice == "n::a: samples at times that no clock shows, left out: 1"


def test_a_busy_node_is_refused_and_a_silent_one_is_told(clock: Clock) -> None:
    kept: list[Deferred[Any]] = []

    def never(**_: Any) -> Deferred[Any]:
        kept.append(Deferred())
        return kept[-1]

    asker, consumer, _ = make(clock, never, "n m", most_waiting=3)
    for end in range(3):
        ask(asker, "n::a", end=1000.0 + end)
    [busy] = ask(asker, "n::a", "m::a", end=5000.0)
    assert isinstance(busy, BusyError)
    assert "3 questions wait for n" in str(busy)
    clock.advance(SILENT_S)
    [[silent]] = ask(asker, "n::a", end=6000.0)
    assert silent.notice == "n has not answered for 1 s; 3 questions wait for it"
    assert [call["name"] for call in consumer.asked] == ["n", "n", "n", "m"]


def test_what_was_answered_takes_no_room_any_more(clock: Clock) -> None:
    waiting: list[Deferred[Any]] | None = None

    def answer(**_: Any) -> Any:
        if waiting is None:
            return [reply("a")]
        waiting.append(Deferred())
        return waiting[-1]

    asker, _, _ = make(clock, answer, most_waiting=2)
    for _ in range(5):
        [[answered]] = ask(asker, "n::a")
        assert answered.notice == ""
    waiting = []
    came = [ask(asker, "n::a", end=1000.0 + end) for end in range(3)]
    assert came[:2] == [[], []]
    assert isinstance(came[2][0], BusyError)


def test_who_asks_the_same_of_a_silent_node_is_told_rather_than_taking_all_room(clock: Clock) -> None:
    """People who look at one dashboard while a node stalls: their ends differ by milliseconds."""
    kept: list[Deferred[Any]] = []

    def never(**_: Any) -> Deferred[Any]:
        kept.append(Deferred())
        return kept[-1]

    asker, consumer, _ = make(clock, never, most_waiting=6)
    came = []
    for number in range(60):
        came.append(ask(asker, "n::a", end=1.5 + 0.001 * number))
        clock.advance(0.05)
    waiting = [one for one in came if not one]
    # All of the first moment may wait: a node that is just busy answers all of them at once.
    assert len(waiting) <= SILENT_S / 0.05 + 1
    assert came[-1][0][0].notice.startswith("n has not answered for ")
    assert len(consumer.asked) <= 6


def test_an_answer_long_after_its_deadline_is_refused_rather_than_told_as_the_nodes_fault(
    clock: Clock,
) -> None:
    def late(**_: Any) -> Any:
        clock.advance(UNTIL + LATE_S + 0.1)
        return [reply("a")]

    asker, _, _ = make(clock, late)
    [error] = ask(asker, "n::a")
    assert isinstance(error, BusyError)


def test_only_so_many_requests_are_answered_at_once_and_each_has_one_deadline(clock: Clock) -> None:
    admission = Admission(clock, 10.0, 2)
    waiting: list[Deferred[None]] = [Deferred(), Deferred()]
    begun: list[float] = []

    async def work(until: float) -> None:
        begun.append(until)
        await waiting[len(begun) - 1]

    first = ensureDeferred(admission.run(work))
    clock.advance(1.0)
    ensureDeferred(admission.run(work))
    refused = ensureDeferred(admission.run(work))
    assert refused.result.check(BusyError)
    refused.addErrback(lambda _: None)
    assert begun == [10.0, 11.0]
    waiting[0].errback(ZeroDivisionError())
    first.addErrback(lambda _: None)
    waiting.append(Deferred())
    ensureDeferred(admission.run(work))
    assert len(begun) == 3


def test_series_that_a_node_did_not_reduce_are_reduced_here(clock: Clock) -> None:
    times = np.arange(1000.0) + 100
    asker, _, _ = make(clock, [reply("a", t=times.tolist())])
    [[answer]] = ask(asker, "n::a", max_points=50)
    assert 40 < len(answer.series.t) <= 50
    assert (answer.series.values.min(), answer.series.values.max()) == (0, 999)


def result(asked: Any) -> list[Any]:
    """What a question came to, as soon as there is something."""
    came: list[Any] = []
    ensureDeferred(asked).addCallback(came.append)
    return came


class TestJoined:
    """A live node ``feed`` and an archive ``g3`` that hold the same source."""

    NOW = 1_700_000_000.0

    def make(
        self,
        clock: Clock,
        answer: Any,
        *,
        complete_since: float | None = 0.0,
        kept_for: float | None = 3600.0,
    ) -> Any:
        consumer = Consumer(answer)
        catalogue = Catalogue(clock, lambda: self.NOW, structlog.get_logger(), consumer)
        live = Field("t", "heard", "K", source="o.T", kept_for=kept_for, complete_since=complete_since)
        for name, able, field in (
            ("feed", "live max_points", live),
            ("g3", "max_points", Field("o.T", source="o.T")),
        ):
            catalogue.online[name] = OnlineNode(
                NodeInfo(name, "", frozenset(able.split())), {field.name: field}, 0.0
            )
            catalogue.sources.listed(name, [field])
        return (
            Asker(clock, catalogue, NodeAsker(clock, consumer, catalogue, structlog.get_logger(), 8)),
            consumer,
            catalogue,
        )

    def samples(self, name: str, fields: Any, start: float, end: float, **_: Any) -> Any:
        """One a minute: the archive up to five minutes ago, the live node for the last hour."""
        t = self.NOW - 60.0 * np.arange(2 * 1440)[::-1]
        t = t[t >= self.NOW - 3600] if name == "feed" else t[t < self.NOW - 300]
        t = t[(t >= start) & (t < end)].tolist()
        timelines = {"t": {"t": t, "finalized_until": None}} if t else {}
        return [{"data": {fields[0]: t}, "timeline": timelines}]

    def ask(self, asker: Asker, target: str, ago: float, until: float = 0.0, **more: Any) -> Any:
        question = Question((Target.parse(target),), self.NOW - ago, self.NOW - until, **more)
        [[answer]] = result(asker.ask(question, UNTIL))
        return answer

    @pytest.mark.parametrize("target", ["feed::t", "g3::o.T"])
    def test_two_days_are_one_series_under_either_name(self, clock: Clock, target: str) -> None:
        asker, consumer, _ = self.make(clock, self.samples)
        answer = self.ask(asker, target, 86400)
        assert np.diff(answer.series.t).tolist() == [60.0] * 1439
        assert (str(answer.target), answer.series.name) == (target, target.partition("::")[2])
        assert (answer.field.units, answer.notice, answer.nodes) == ("K", "", ("g3", "feed"))
        assert [asked["name"] for asked in consumer.asked] == ["g3", "feed"]

    @pytest.fixture
    def every_level(self) -> Iterator[None]:
        """Log lines of debug, too, whatever a test before has configured in this process."""
        before = structlog.get_config()
        structlog.reset_defaults()
        yield
        structlog.configure(**before)

    @pytest.mark.usefixtures("every_level")
    def test_ten_minutes_are_the_live_nodes_alone(self, clock: Clock) -> None:
        asker, consumer, _ = self.make(clock, self.samples)
        with capture_logs() as logs:
            answer = self.ask(asker, "g3::o.T", 600)
        assert (len(answer.series.t), answer.nodes) == (10, ("feed",))
        assert [asked["name"] for asked in consumer.asked] == ["feed"]
        assert [one["node"] for one in logs if one["event"] == "node.asked"] == ["feed"]

    def test_bins_of_a_live_node_that_cannot_tell_what_it_has_are_asked_for_behind_the_archives(self) -> None:
        asker, consumer, _ = self.make(StillReactor(), self.samples, complete_since=None, kept_for=None)
        hours = self.ask(asker, "feed::t", 86400, grid=Grid(3600 * 10**6)).bins
        assert hours.count.sum() == 1440
        assert [asked["name"] for asked in consumer.asked] == ["g3", "feed"]
        assert consumer.asked[1]["start"] == pytest.approx(self.NOW - 360, abs=1e-3)

    def test_who_wants_one_node_alone_gets_it(self, clock: Clock) -> None:
        asker, consumer, _ = self.make(clock, self.samples)
        answer = self.ask(asker, "g3::o.T", 600, join="no")
        assert (len(answer.series.t), answer.nodes) == (5, ())
        assert asker.kept(Question((Target("g3", "o.T"),), self.NOW - 600, self.NOW)) is None
        assert [asked["name"] for asked in consumer.asked] == ["g3"]

    def test_while_one_is_away_the_others_part_comes_with_a_notice(self, clock: Clock) -> None:
        asker, _, catalogue = self.make(clock, self.samples)
        catalogue.node_subtracted(NodeInfo("feed", ""))
        answer = self.ask(asker, "feed::t", 86400)
        assert answer.series.t[-1] == self.NOW - 360
        assert answer.notice == "data node 'feed' is not online: the newest samples may be missing"
        asker, _, catalogue = self.make(clock, self.samples)
        catalogue.node_subtracted(NodeInfo("g3", ""))
        answer = self.ask(asker, "feed::t", 86400)
        assert answer.series.t[0] == self.NOW - 3600
        assert answer.notice == "data node 'g3' is not online: older samples may be missing"

    def test_one_that_fails_costs_its_own_part(self, clock: Clock) -> None:
        def answer(name: str, **asked: Any) -> Any:
            if name == "g3":
                raise NodeError("g3 did not answer in time")
            return self.samples(name, **asked)

        asker, _, _ = self.make(clock, answer)
        found = self.ask(asker, "g3::o.T", 86400)
        assert (found.series.t[0], found.notice) == (self.NOW - 3600, "g3 did not answer in time")

    def test_a_channel_that_the_live_node_has_forgotten_is_the_archives(self, clock: Clock) -> None:
        asker, _, catalogue = self.make(clock, self.samples)
        catalogue.online["feed"].fields = {}
        catalogue.sources.listed("feed", [])
        assert len(self.ask(asker, "feed::t", 86400, 7200).series.t) == 1320

    def test_a_live_node_that_has_just_come_back_is_not_believed_what_it_said_before(
        self, clock: Clock
    ) -> None:
        asker, _, catalogue = self.make(clock, self.samples)
        catalogue.node_subtracted(NodeInfo("feed", ""))
        catalogue.node_added(NodeInfo("feed", "", frozenset(["live", "max_points"])))
        assert self.ask(asker, "feed::t", 600).nodes == ("g3", "feed")

    def test_the_last_sample_is_asked_of_the_live_node_and_of_the_archive_if_it_has_none(
        self, clock: Clock
    ) -> None:
        asker, consumer, catalogue = self.make(clock, self.samples)
        [[answer]] = result(latest(asker, catalogue, [Target("g3", "o.T")], self.NOW + 1, UNTIL))
        assert answer.series.t[-1] == self.NOW
        assert [asked["name"] for asked in consumer.asked] == ["feed"]

        def only_archive(name: str, **asked: Any) -> Any:
            return [{"data": {}, "timeline": {}}] if name == "feed" else self.samples(name, **asked)

        asker, consumer, catalogue = self.make(clock, only_archive, complete_since=None)
        [[answer]] = result(latest(asker, catalogue, [Target("feed", "t")], self.NOW + 1, UNTIL))
        assert answer.series.t[-1] == self.NOW - 360


class TestConverted:
    """A node whose field ``a`` has a scale, ``b`` a calibration table, in the site's file."""

    SITE = parse(
        """
[[fields]]
match = "n::a"
units = "K"
label = "Stage"
scale = -10.0
offset = 1.0

[[fields]]
match = "n::b"
units = "K"
calibration = [[0.5, 300.0], [1.0, 77.0], [1.6, 4.2]]
"""
    )
    MINUTE = Grid(60_000_000)

    @pytest.fixture
    def clock(self) -> Clock:
        """A clock whose threads run at once."""
        return StillReactor()

    def make(
        self, clock: Clock, able: str = "bins max_points packed", measures: Measures | None = None
    ) -> Any:
        asker, consumer, catalogue = make(clock, self.samples, able=able, measures=measures)
        consumer.get_bins = self.bins
        self.asked_bins: list[list[str]] = []
        entry = catalogue.online["n"]
        entry.take(describe(self.SITE, "n", entry.fields.values()))
        return asker, consumer, catalogue

    def samples(self, fields: Any, **_: Any) -> Any:
        return [reply(*fields, t=[100.0, 110.0, 120.0, 130.0])]

    async def bins(self, _name: str, fields: Any, *_: Any, **__: Any) -> Any:
        self.asked_bins.append(list(fields))
        t, values = np.array([100.0, 110.0, 120.0, 130.0]), np.arange(4.0)
        found = {}
        for name in fields:
            sums = Accumulator(name, self.MINUTE)
            sums.add(t, values)
            found[name] = sums.result()
        return found, {}

    def ask(self, asker: Asker, **more: Any) -> Any:
        targets = (Target("n", "a"), Target("n", "b"))
        [answers] = result(asker.ask(Question(targets, 60.0, 180.0, **more), UNTIL))
        return answers

    def test_samples_come_as_the_sites_file_has_them_shown(self, clock: Clock) -> None:
        a, b = self.ask(self.make(clock)[0])
        assert a.series.values.tolist() == [1.0, -9.0, -19.0, -29.0]
        assert (a.field.units, a.label) == ("K", "Stage")
        np.testing.assert_array_equal(b.series.values, [np.nan, 77.0, np.nan, np.nan])

    def test_who_wants_them_as_the_node_has_them_gets_that_and_the_nodes_own_units(
        self, clock: Clock
    ) -> None:
        a, b = self.ask(self.make(clock)[0], convert=False)
        assert a.series.values.tolist() == b.series.values.tolist() == [0.0, 1.0, 2.0, 3.0]
        assert (a.field.units, b.field.units) == (None, None)

    @pytest.mark.parametrize("able", ["bins max_points packed", "max_points packed"])
    def test_sums_are_those_of_converted_samples(self, clock: Clock, able: str) -> None:
        a, b = self.ask(self.make(clock, able)[0], grid=self.MINUTE)
        for answer, values in ((a, [1.0, -9.0, -19.0, -29.0]), (b, [np.nan, 77.0, np.nan, np.nan])):
            sums = Accumulator("x", self.MINUTE)
            sums.add(np.array([100.0, 110.0, 120.0, 130.0]), np.array(values))
            want = sums.result()
            assert want is not None
            for key in ("t", "count", "sum", "min", "max", "first", "first_t", "last", "last_t"):
                assert getattr(answer.bins, key).tolist() == getattr(want, key).tolist(), key

    @pytest.mark.parametrize("convert", [True, False])
    def test_bins_without_a_sample_are_no_trouble_and_what_a_node_says_is_told(
        self, clock: Clock, convert: bool
    ) -> None:
        asker, consumer, _ = self.make(clock)
        consumer.answer = [{"data": {}, "timeline": {}}]
        told: dict[str, str] = {}

        async def nothing(*_: Any, **__: Any) -> Any:
            return {}, told

        consumer.get_bins = nothing
        found = self.ask(asker, grid=self.MINUTE, convert=convert)
        assert [(answer.notice, answer.bins, len(answer.series.t)) for answer in found] == [("", None, 0)] * 2
        told["a"] = "a is broken"
        assert self.ask(asker, grid=self.MINUTE, convert=convert)[0].notice == "a is broken"

    @pytest.mark.parametrize("error", [NodeError("n is away"), TooMuchDataError("n has more data")])
    def test_a_node_that_gives_no_bins_says_why_and_it_is_counted(
        self, clock: Clock, error: Exception
    ) -> None:
        registry = CollectorRegistry()
        asker, consumer, _ = self.make(clock, measures=Measures(registry))

        async def refused(*_: Any, **__: Any) -> Any:
            raise error

        consumer.get_bins = refused
        assert self.ask(asker, grid=self.MINUTE, convert=False)[0].notice == str(error)
        [counted] = [
            one
            for family in registry.collect()
            for one in family.samples
            if one.name == "sisock_node_errors_total"
        ]
        assert counted.labels == {"node": "n", "cause": metrics.cause(error)}
        assert counted.value == 1

    def test_only_what_has_a_table_is_summed_up_from_samples(self, clock: Clock) -> None:
        asker, consumer, _ = self.make(clock)
        self.ask(asker, grid=self.MINUTE)
        assert self.asked_bins == [["a"]]
        assert [asked["fields"] for asked in consumer.asked] == [["b"]]
        a, _ = self.ask(asker, grid=self.MINUTE, convert=False)
        assert self.asked_bins[1:] == [["a", "b"]]
        assert a.bins.sum.sum() == 6.0

"""When nodes are asked for their fields again, on a clock that the test moves."""

import pytest
import structlog
from sisock.errors import NodeError
from sisock.node import Field
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Listing
from sisock_consumer.target import Target
from sisock_http.asking import latest
from sisock_http.observatory.catalogue import Catalogue
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

NODE = NodeInfo("node", "a node", frozenset({"live"}))


class Consumer:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Deferred[Listing]] = []

    async def list_fields(self, name: str, start: float, end: float, _deadline_s: float) -> Listing:
        assert (name, start, end) == (name, 1, 0), "as the predecessor asked for all fields"
        self.asked.append(Deferred())
        return await self.asked[-1]

    def answer(self, *names: str) -> None:
        self.asked[-1].callback(Listing([Field(name) for name in names], []))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


@pytest.fixture
def catalogue(clock: Clock, consumer: Consumer) -> Catalogue:
    catalogue = Catalogue(clock, lambda: 0.0, structlog.get_logger(), consumer)
    catalogue.node_added(NODE)
    consumer.answer("a")
    return catalogue


def test_a_channel_that_appears_is_listed_within_a_second(
    catalogue: Catalogue, consumer: Consumer, clock: Clock
) -> None:
    clock.advance(0.1)
    catalogue.fields_changed(NODE)
    clock.pump([0.1] * 5)
    consumer.answer("a", "b")
    assert catalogue.search("") == ["node::a", "node::b"]


def test_fields_that_change_long_after_they_were_asked_for_are_asked_for_at_once(
    catalogue: Catalogue, consumer: Consumer, clock: Clock
) -> None:
    clock.advance(60.0)
    catalogue.fields_changed(NODE)
    [later] = clock.getDelayedCalls()
    assert later.getTime() == 60.0
    clock.advance(0.0)
    assert len(consumer.asked) == 2


def test_of_many_problems_with_fields_five_are_told(
    catalogue: Catalogue, consumer: Consumer, clock: Clock
) -> None:
    clock.advance(3.0)
    catalogue.refresh("node")
    with capture_logs() as logs:
        consumer.asked[-1].callback(Listing([], [f"no {n}" for n in range(7)]))
    [line] = [line for line in logs if line["event"] == "fields.unknown"]
    assert (line["node"], line["why"]) == ("node", "no 0; no 1; no 2; no 3; no 4")


def test_what_is_asked_while_fields_change_is_asked_again(
    catalogue: Catalogue, consumer: Consumer, clock: Clock
) -> None:
    clock.advance(3.0)
    catalogue.refresh("node")
    catalogue.fields_changed(NODE)
    clock.advance(0.1)
    consumer.answer("a")
    clock.pump([0.1] * 6)
    consumer.answer("a", "b")
    assert (len(consumer.asked), catalogue.search("")) == (3, ["node::a", "node::b"])


def test_a_node_that_says_so_all_the_time_is_asked_twice_a_second(
    catalogue: Catalogue, consumer: Consumer, clock: Clock
) -> None:
    for _ in range(100):
        catalogue.fields_changed(NODE)
        clock.advance(0.1)
        if not consumer.asked[-1].called:
            consumer.answer("a")
    assert len(consumer.asked) in range(15, 22)


def test_a_node_that_has_gone_is_not_asked(catalogue: Catalogue, consumer: Consumer, clock: Clock) -> None:
    catalogue.fields_changed(NODE)
    catalogue.node_subtracted(NODE)
    catalogue.fields_changed(NODE)
    clock.advance(2.0)
    assert len(consumer.asked) == 1


def test_a_field_is_found_by_the_name_that_was_published(catalogue: Catalogue) -> None:
    catalogue.online["node"].fields["c"] = Field("c", source="observatory.cryo.feeds.temps.Channel_01_T")
    for written in ("Channel_01_T", "Channel 01 T", "channel_01_t", "feeds.temps.channel 01"):
        assert catalogue.search(written) == ["node::c"]
    assert catalogue.search("") == ["node::a", "node::c"]


def test_who_holds_a_source_is_known_from_listings_and_outlives_the_node(
    catalogue: Catalogue, consumer: Consumer
) -> None:
    filed = NodeInfo("archive", "an archive")
    catalogue.node_added(filed)
    consumer.asked[-1].callback(Listing([Field("o.T", source="o.T")], []))
    catalogue.fields_changed(NODE)
    catalogue.node_subtracted(NODE)
    catalogue.node_added(NODE)
    consumer.asked[-1].callback(Listing([Field("t", source="o.T")], []))
    catalogue.node_subtracted(filed)
    assert [str(held) for held, _ in catalogue.sources.holders(Target("node", "t"))] == [
        "archive::o.T", "node::t"
    ]  # fmt: skip


def test_nodes_are_asked_again_each_minute_and_each_five_seconds_while_they_have_nothing(
    consumer: Consumer, clock: Clock
) -> None:
    catalogue = Catalogue(clock, lambda: 7.0, structlog.get_logger(), consumer)
    catalogue.router_changed(here=True)
    assert catalogue.settled  # nobody is online
    catalogue.router_changed(here=True)
    catalogue.node_added(NODE)
    assert not catalogue.settled
    consumer.answer()
    assert catalogue.settled
    asked = []
    for second in range(1, 131):
        clock.advance(1.0)
        if not consumer.asked[-1].called:
            asked.append(second)
            consumer.answer(*["a"] * (second >= 10))
    assert asked == [5, 10, 70, 130]
    catalogue.router_changed(here=False)
    clock.pump([1.0] * 130)
    assert len(consumer.asked) == 5


def test_a_node_is_asked_every_two_seconds_at_most(
    catalogue: Catalogue, consumer: Consumer, clock: Clock
) -> None:
    for advanced, asked in ((1.9, 1), (0.1, 2), (10.0, 2)):
        clock.advance(advanced)
        catalogue.refresh("node")
        assert len(consumer.asked) == asked  # the second is not answered yet
    catalogue.refresh("nosuch")
    consumer.answer("a")
    catalogue.refresh("node")
    assert len(consumer.asked) == 2


def test_who_came_and_went_is_kept_with_when(catalogue: Catalogue) -> None:
    catalogue.node_added(NODE)
    assert [(one.t, one.title, one.tags, one.text) for one in catalogue.events] == [
        (0.0, "node online", ["node", "online"], "a node"),
    ]
    before = catalogue.changes
    catalogue.node_subtracted(NODE)
    catalogue.node_subtracted(NODE)
    assert [one.title for one in catalogue.events] == ["node online", "node offline"]
    assert catalogue.changes == before + 2
    assert (catalogue.field(Target("node", "a")), catalogue.said(Target("node", "a"))) == (None, None)
    assert (catalogue.label(Target("node", "a")), catalogue.targets(), catalogue.now()) == ("", [], 0.0)


def test_a_node_that_cannot_say_what_it_has_is_logged_once_with_at_most_five_reasons(
    catalogue: Catalogue, consumer: Consumer, clock: Clock
) -> None:
    with capture_logs() as logs:
        for problems in (["torn"] * 7, ["torn"] * 7, NodeError("it is away"), [], ["torn"]):
            clock.advance(2.0)
            catalogue.refresh("node")
            if isinstance(problems, NodeError):
                consumer.asked[-1].errback(problems)
            else:
                consumer.asked[-1].callback(Listing([Field("a")], problems))
            clock.advance(0.0)
    assert [line["why"] for line in logs if line["event"] == "fields.unknown"] == [
        "; ".join(["torn"] * 5), "it is away", "torn",
    ]  # fmt: skip
    assert catalogue.search("") == ["node::a"]
    assert catalogue.online["node"].problem == "torn"


def test_what_stays_the_same_stays_the_same_object(
    catalogue: Catalogue, consumer: Consumer, clock: Clock
) -> None:
    entry = catalogue.online["node"]
    for names, same in ((["a"], True), (["a", "b"], False)):
        fields, said = entry.fields, entry.said
        clock.advance(2.0)
        catalogue.refresh("node")
        consumer.answer(*names)
        assert (entry.fields is fields, entry.said is said) == (same, same)


def test_that_the_router_came_or_went_is_a_line(catalogue: Catalogue) -> None:
    with capture_logs() as logs:
        catalogue.router_changed(here=True)
        catalogue.router_changed(here=False)
    assert [line["event"] for line in logs] == ["router.here", "router.gone"]


@pytest.mark.parametrize(
    ("holders", "able"),
    [({}, False), ({"new": True}, True), ({"new": True, "old": False}, False), ({"old": False}, False)],
)
def test_a_last_sample_is_asked_for_by_number_if_all_who_hold_it_can_count(
    clock: Clock, consumer: Consumer, holders: dict[str, bool], able: bool
) -> None:
    catalogue = Catalogue(clock, lambda: 0.0, structlog.get_logger(), consumer)
    for name, counts in holders.items():
        catalogue.node_added(NodeInfo(name, "", frozenset(["max_points"] * counts)))
        consumer.asked[-1].callback(Listing([Field("t", source="o.T")], []))
    assert latest._reduces(catalogue, Target(next(iter(holders), "new"), "t")) is able

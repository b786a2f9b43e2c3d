"""How often a consumer reads the hub's list of nodes; the reactor never runs."""

from typing import Any

import pytest
import structlog
from sisock import uris
from sisock.config import RouterConfig, load
from sisock.errors import NodeError
from sisock_consumer.consumer import Consumer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime


class Listing(Consumer):
    """A consumer whose hub answers when the test says so."""

    def __init__(self, reactor: IReactorTime, config: RouterConfig) -> None:
        super().__init__(reactor, config, structlog.get_logger())
        self.asked: list[Deferred[Any]] = []

    async def call(self, who: str, deadline_s: float, procedure: str, *args: Any, **kwargs: Any) -> Any:
        assert procedure == uris.GET_DATA_NODE
        self.asked.append(Deferred())
        return await self.asked[-1]

    def hear(self, *names: str) -> None:
        for name in names:
            self._on_added({"name": name, "description": ""})


@pytest.fixture
def consumer() -> Listing:
    from twisted.internet import reactor

    return Listing(reactor, load(RouterConfig, {"WAMP_SECRET": "x", "WAMP_USER": "simonsobs"}))


def entries(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "description": ""} for name in names]


def test_the_list_is_read_once_more_however_many_old_nodes_come_meanwhile(consumer: Listing) -> None:
    names = [f"old_{number}" for number in range(300)]
    consumer.hear(*names)
    assert len(consumer.asked) == 1
    consumer.asked[0].callback(entries(*names[:200]))
    assert len(consumer.asked) == 2
    consumer.asked[1].callback(entries(*names))
    assert len(consumer.asked) == 2
    assert set(consumer.nodes) == set(names)
    consumer.hear("late")
    assert len(consumer.asked) == 3


def test_a_list_that_could_not_be_read_is_read_again_when_somebody_comes(consumer: Listing) -> None:
    consumer.hear("a")
    consumer.asked[0].errback(NodeError("the hub is away"))
    assert not consumer.hub_here
    consumer.hear("b")
    consumer.asked[1].callback(entries("a", "b"))
    assert consumer.hub_here
    assert len(consumer.asked) == 2


def test_a_new_router_is_not_kept_waiting_by_a_question_to_the_old_one(consumer: Listing) -> None:
    consumer.hear("a", "b")
    consumer.lost()
    consumer.hear("c")
    assert len(consumer.asked) == 2
    consumer.asked[1].callback(entries("c"))
    consumer.asked[0].errback(NodeError("the router is away"))
    assert len(consumer.asked) == 2
    assert consumer.hub_here

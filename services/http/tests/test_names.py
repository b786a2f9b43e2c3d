"""Names of fields that are searched: always of the present, and made again only where something changed."""

from typing import Any

import pytest
from sisock.node import Field
from sisock_consumer.consumer import NodeInfo
from sisock_http.dialects import simpod
from sisock_http.dialects.panel import EVENTS
from sisock_http.observatory.catalogue import Catalogue, OnlineNode
from sisock_http.observatory.names import Names
from sisock_http.problems import RequestError
from twisted.internet.task import Clock


def online(node: str, *names: str, **about: Any) -> OnlineNode:
    return OnlineNode(NodeInfo(node, ""), {name: Field(name, **about) for name in names})


@pytest.fixture
def catalogue() -> Catalogue:
    catalogue = Catalogue(Clock(), lambda: 0.0, None, None)
    catalogue.online["b"] = online("b", "y", "X")
    catalogue.online["a"] = online("a", "z", source="Feed.Channel", units="K")
    return catalogue


def test_fields_are_found_by_name_and_source_and_sorted_as_they_are_written(catalogue: Catalogue) -> None:
    assert catalogue.search("") == ["a::z", "b::X", "b::y"]
    assert catalogue.search(" x ") == ["b::X"]
    assert catalogue.search("feed.CHANNEL") == ["a::z"]
    assert catalogue.search("none such") == []


def test_what_comes_goes_or_changes_is_found_at_once(catalogue: Catalogue) -> None:
    catalogue.search("")
    catalogue.online["c"] = online("c", "new")
    assert catalogue.search("c::") == ["c::new"]
    del catalogue.online["b"]
    assert catalogue.search("b::") == []
    catalogue.online["a"].fields = {"other": Field("other")}
    assert catalogue.search("") == ["a::other", "c::new"]
    catalogue.online["c"] = online("c", "newer")
    assert catalogue.search("") == ["a::other", "c::newer"]


def test_only_the_node_that_changed_is_gone_through_again() -> None:
    names, a, b = Names(), {"x": Field("x")}, {"y": Field("y")}
    first = names.of([("a", a, {}), ("b", b, {})])
    assert names.of([("a", a, {}), ("b", b, {})]) is first
    second = names.of([("a", {"x": Field("x"), "z": Field("z")}, {}), ("b", b, {})])
    assert [one.written for one in second] == ["a::x", "a::z", "b::y"]
    assert second[2] is first[1]


def listed(catalogue: Catalogue, **body: Any) -> list[str]:
    return [one["value"] for one in simpod.metrics(catalogue, body)]


def test_metrics_are_those_that_contain_what_is_typed(catalogue: Catalogue) -> None:
    assert listed(catalogue) == ["a::z", "b::X", "b::y", str(EVENTS)]
    assert listed(catalogue, metric="") == listed(catalogue, metric=None) == listed(catalogue)
    assert listed(catalogue, metric="b::") == ["b::X", "b::y", str(EVENTS)]
    assert listed(catalogue, metric="channel") == ["a::z", str(EVENTS)]
    with pytest.raises(RequestError, match="metric=7 is not text"):
        simpod.metrics(catalogue, {"metric": 7})


def test_a_field_that_is_chosen_already_comes_first_and_others_can_be_chosen(catalogue: Catalogue) -> None:
    assert listed(catalogue, metric="b::y") == ["b::y", "a::z", "b::X", str(EVENTS)]
    assert listed(catalogue, metric=str(EVENTS)) == listed(catalogue)


def test_metrics_are_bounded_and_what_is_typed_finds_those_beyond(catalogue: Catalogue) -> None:
    catalogue.online["many"] = online("many", *(f"f{number:05d}" for number in range(simpod.MOST_METRICS)))
    found = listed(catalogue)
    assert len(found) == simpod.MOST_METRICS + 1
    assert "many::f01999" not in found
    assert listed(catalogue, metric="f01999") == ["many::f01999", str(EVENTS)]

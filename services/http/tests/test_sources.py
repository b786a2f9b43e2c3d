"""Who holds which source, while nodes come, go and list other fields."""

import pytest
from sisock.node import Field
from sisock_consumer.target import Target
from sisock_http.observatory import sources
from sisock_http.observatory.sources import Sources

LIVE, FILED = Target("feed", "t"), Target("g3", "o.T")


@pytest.fixture
def index() -> Sources:
    index = Sources()
    index.listed("feed", [Field("t", source="o.T"), Field("other")])
    index.listed("g3", [Field("o.T", source="o.T"), Field("o.U", source="o.U")])
    return index


def names(index: Sources, target: Target) -> list[str]:
    return [str(held) for held, _ in index.holders(target)]


def test_fields_of_one_source_find_each_other_under_either_name(index: Sources) -> None:
    assert names(index, LIVE) == names(index, FILED) == ["feed::t", "g3::o.T"]
    assert names(index, Target("g3", "o.U")) == ["g3::o.U"]
    assert names(index, Target("feed", "other")) == names(index, Target("x", "t")) == []


def test_a_node_that_left_and_a_channel_that_fell_silent_are_remembered(index: Sources) -> None:
    index.left("feed", 100.0)
    assert names(index, LIVE) == ["feed::t", "g3::o.T"]
    index.listed("feed", [])
    assert names(index, LIVE) == ["feed::t", "g3::o.T"]


def test_what_left_long_ago_is_forgotten(index: Sources) -> None:
    index.left("feed", 100.0)
    index.left("g3", 101.0 + sources.REMEMBERED_S)
    assert names(index, LIVE) == []
    assert names(index, FILED) == ["g3::o.T"]


def test_so_many_that_left_and_no_more_are_remembered() -> None:
    index = Sources()
    for n in range(sources.MOST_LEFT + 5):
        index.listed(f"n{n}", [Field("t", source="s")])
        index.left(f"n{n}", float(n))
    assert len(index.holders(Target(f"n{sources.MOST_LEFT}", "t"))) == sources.MOST_LEFT


def test_so_many_fields_that_are_gone_and_no_more_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_GONE", 3)
    index = Sources()
    for n in range(6):
        index.listed("feed", [Field(f"t{n}", source=f"s{n}")])
    assert [bool(index.holders(Target("feed", f"t{n}"))) for n in range(6)] == [False] * 3 + [True] * 3


def test_a_channel_that_got_another_name_is_held_under_the_new_one(index: Sources) -> None:
    index.listed("feed", [Field("new", source="o.T")])
    assert names(index, FILED) == names(index, LIVE) == ["feed::new", "g3::o.T"]


def test_a_field_that_measures_something_else_now_leaves_its_source(index: Sources) -> None:
    index.listed("feed", [Field("t", source="o.U")])
    assert names(index, FILED) == ["g3::o.T"]
    assert names(index, LIVE) == ["feed::t", "g3::o.U"]


def test_of_two_fields_of_one_source_the_other_stays_when_one_measures_something_else() -> None:
    index = Sources()
    index.listed("feed", [Field("a", source="s"), Field("b", source="s")])
    index.listed("feed", [Field("a", source="x")])
    assert names(index, Target("feed", "b")) == ["feed::b"]
    assert names(index, Target("feed", "a")) == ["feed::a"]

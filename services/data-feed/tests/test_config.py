"""Settings, and the topics that they mean."""

import pytest
import sisock
from sisock_data_feed.config import DataFeedConfig
from sisock_data_feed.topics import is_single, subscriptions

REQUIRED = {"TARGET": "LSA22YE", "NAME": "LSA22YE", "DESCRIPTION": "LS240 in the Yale lab"}


def topics(**environ: str) -> list[tuple[str, str]]:
    config = sisock.load(DataFeedConfig, {**REQUIRED, **environ})
    return [
        (wanted.topic, wanted.match)
        for wanted in subscriptions(config.target, config.feed or ("temperatures",))
    ]


def test_the_manuals_block_needs_no_more() -> None:
    config = sisock.load(DataFeedConfig, REQUIRED)
    assert (config.target, config.feed, config.buffer_time) == (("LSA22YE",), None, 3600.0)
    assert topics() == [("observatory.LSA22YE.feeds.temperatures", "exact")]


def test_what_is_missing_is_said_at_once() -> None:
    with pytest.raises(
        sisock.ConfigError, match=r"TARGET is required.*NAME is required.*DESCRIPTION is required"
    ):
        sisock.load(DataFeedConfig, {})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NAME", "two words"),
        ("NAME", "a#b"),
        ("ROUTER_PORT", "8080"),
        ("ROUTER_PORT", "TLS"),
        ("TARGET", ","),
        ("FEED", "a b"),
        ("FEED", "a*"),
        ("TARGET", "a.b"),
        ("TARGET", "a#b"),
        ("TARGET", "*a"),
        ("FEED_PORT", "0"),
        ("BUFFER_TIME", "-1"),
    ],
)
def test_what_cannot_be_is_refused(variable: str, value: str) -> None:
    with pytest.raises(sisock.ConfigError, match=variable):
        sisock.load(DataFeedConfig, {**REQUIRED, variable: value})


def test_names_that_come_twice_count_once_and_a_port_may_be_said() -> None:
    assert sisock.load(DataFeedConfig, {**REQUIRED, "TARGET": "b, a,,b", "ROUTER_PORT": "tls"}).target == (
        "b",
        "a",
    )
    for router_port in ("open", "tls"):
        config = sisock.load(DataFeedConfig, {**REQUIRED, "ROUTER_PORT": router_port})
        assert config.router_port == router_port
    usual = sisock.load(DataFeedConfig, REQUIRED)
    assert (usual.router_port, usual.feed_host, usual.feed_port) == ("open", "", 8001)


def test_lists_are_multiplied() -> None:
    assert topics(TARGET="a, b", FEED="x,y") == [
        ("observatory.a.feeds.x", "exact"),
        ("observatory.a.feeds.y", "exact"),
        ("observatory.b.feeds.x", "exact"),
        ("observatory.b.feeds.y", "exact"),
    ]


def test_a_star_hears_all_with_one_subscription() -> None:
    assert topics(FEED="*,x") == [("observatory.LSA22YE.feeds.", "prefix")]
    assert topics(TARGET="*") == [("observatory..feeds.temperatures", "wildcard")]
    assert topics(TARGET="*", FEED="*") == [("observatory..feeds.", "wildcard")]


def test_only_one_feed_goes_without_a_prefix() -> None:
    assert is_single(("a",), ("x",))
    assert not is_single(("a", "b"), ("x",))
    assert not is_single(("a",), ("*",))


def test_a_description_may_be_empty_as_before_but_not_missing() -> None:
    assert sisock.load(DataFeedConfig, {**REQUIRED, "DESCRIPTION": ""}).description == ""

"""The guard's rules: whose a name is, what may catch calls for it, which pages may call."""

import warnings
from typing import Any

import pytest
from autobahn.util import wildcards2patterns
from sisock import uris

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what crossbar.io imports is deprecated here and there
    from sisock_hub.guard import Rules, _is_allowed, _peer, _user, reaches_ours, why_not_register

SERVER, CRYOSTAT, OCS = ("wampcra", "server"), ("wampcra", "cryostat"), ("anonymous", "ocs")
OWNED, COMMON = uris.get_data("cryostat"), uris.get_data("common")
EXACT = ("exact", "single")
RULES = Rules(frozenset({"cryostat"}))


@pytest.mark.parametrize(
    ("user", "uri", "may"),
    [
        (CRYOSTAT, OWNED, True),
        (SERVER, OWNED, False),
        (("anonymous", "cryostat"), OWNED, False),
        (SERVER, COMMON, True),
        (SERVER, uris.get_data("cryostat2"), True),
        (SERVER, f"{uris.CONSUMER_PREFIX}cryostat", False),
        (OCS, "observatory.cryostat.ops", True),
    ],
)
def test_a_name_with_a_user_of_its_own_is_that_users(user: Any, uri: str, may: bool) -> None:
    assert RULES.may_use(user, uri) is may


@pytest.mark.parametrize(
    ("uri", "match", "reaches"),
    [
        (OWNED, "exact", True),
        ("org.simonsobservatory", "exact", False),
        ("org.simonsobservatory.x", "prefix", True),
        ("org.", "prefix", True),
        ("", "prefix", True),
        ("org.", "exact", False),
        ("observatory.", "prefix", False),
        ("org.simonsobservatoryx", "prefix", False),
        ("..", "wildcard", True),
        ("org..consumer", "wildcard", True),
        (".simonsobservatory.consumer.x", "wildcard", True),
        ("observatory..feeds", "wildcard", False),
        ("org.others.", "wildcard", False),
    ],
)
def test_what_may_catch_calls_below_our_base_is_known(uri: str, match: str, reaches: bool) -> None:
    assert reaches_ours(uri, match) is reaches


@pytest.mark.parametrize(
    ("user", "procedure", "kind", "holders", "why"),
    [
        (SERVER, COMMON, EXACT, [], ""),
        (SERVER, COMMON, ("prefix", "single"), [], "only exact names are registered"),
        (SERVER, "org.", ("prefix", "single"), [], "only exact names are registered"),
        (SERVER, COMMON, ("exact", "roundrobin"), [], "nobody shares a name"),
        (SERVER, OWNED, EXACT, [], "the name has a user of its own"),
        (CRYOSTAT, OWNED, EXACT, [], ""),
        (SERVER, COMMON, EXACT, [SERVER], ""),
        (SERVER, COMMON, EXACT, [SERVER, OCS], "another user has that name"),
        (OCS, "observatory.agent.ops", ("prefix", "roundrobin"), [], ""),
        (OCS, "observatory.agent.ops", EXACT, [SERVER], "another user has that name"),
    ],
)
def test_who_may_not_register_a_name_is_told_why(
    user: Any, procedure: str, kind: Any, holders: Any, why: str
) -> None:
    told = why_not_register(RULES, user, procedure, kind, holders)
    assert why in told
    assert bool(told) is bool(why)


ORIGINS = wildcards2patterns(["http://ocs.example:80", "https://*.example:443", "http://localhost:*"])


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://ocs.example", True),
        ("http://ocs.example:80", True),
        ("http://ocs.example:81", False),
        ("https://ocs.example", True),
        ("https://a.example:443", True),
        ("https://ocs.example:80", False),
        ("http://localhost:3000", True),
        ("http://evil.net", False),
        ("null", False),
        ("ftp://ocs.example", False),
        ("http://ocs.example:port", False),
        ("", False),
    ],
)
def test_a_page_is_known_by_its_scheme_host_and_port(origin: str, allowed: bool) -> None:
    assert _is_allowed(origin, ORIGINS) is allowed


class Session:
    """What the router knows of somebody."""

    def __init__(self, method: str, name: str, role: str, transport: Any = None) -> None:
        self._authmethod, self._authid, self._authrole, self._transport = method, name, role, transport


def test_all_that_are_anonymous_in_a_role_are_one_user() -> None:
    assert _user(Session("anonymous", "X3-7", "ocs")) == _user(Session("anonymous", "K9-1", "ocs"))
    assert _user(Session("anonymous", "X3-7", "ocs")) == ("anonymous", "ocs")
    assert _user(Session("wampcra", "server", "data_node")) == ("wampcra", "server")


def test_a_component_of_the_routers_is_said_to_be_inside() -> None:
    assert _peer(Session("", "", "", None)) == "inside the router"

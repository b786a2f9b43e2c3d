"""Who may do what on a router of our template: asked of crossbar.io's own permissions, without a router."""

import json
import warnings
from importlib import resources
from typing import Any

import pytest
from sisock import uris

ACTIONS = ("call", "register", "publish", "subscribe")
OCS = "observatory.LSA22YE.feeds.temperatures"

# For each URI what each role may do: c(all), r(egister), p(ublish), s(ubscribe).
MATRIX = {
    uris.DATA_NODE_ADD: {"hub": "rp", "data_node": "cs", "consumer": "", "ocs": ""},
    uris.DATA_NODE_SUBTRACT: {"hub": "rp", "data_node": "cs", "consumer": "", "ocs": ""},
    uris.DATA_NODE_ANNOUNCE: {"hub": "rp", "data_node": "cs", "consumer": "", "ocs": ""},
    uris.GET_DATA_NODE: {"hub": "r", "data_node": "c", "consumer": "cs", "ocs": ""},
    uris.DATA_NODE_ADDED: {"hub": "p", "data_node": "rcs", "consumer": "cs", "ocs": ""},
    uris.DATA_NODE_SUBTRACTED: {"hub": "p", "data_node": "rcs", "consumer": "cs", "ocs": ""},
    uris.get_data("node"): {"hub": "", "data_node": "rcs", "consumer": "cs", "ocs": ""},
    uris.get_fields("node"): {"hub": "", "data_node": "rcs", "consumer": "cs", "ocs": ""},
    uris.updated("node"): {"hub": "", "data_node": "ps", "consumer": "cs", "ocs": ""},
    uris.UPDATED_OF_ANY: {"hub": "", "data_node": "rcs", "consumer": "cs", "ocs": ""},
    OCS: {"hub": "", "data_node": "s", "consumer": "", "ocs": "crps"},
    "observatory..feeds.": {"hub": "", "data_node": "s", "consumer": "", "ocs": "crps"},
    "observatory.LSA22YE.feeds.": {"hub": "", "data_node": "s", "consumer": "", "ocs": "crps"},
    "wamp.session.get": {"hub": "cs", "data_node": "", "consumer": "", "ocs": ""},
    "wamp.session.kill": {"hub": "cs", "data_node": "", "consumer": "", "ocs": ""},
    "wamp.registration.list": {"hub": "cs", "data_node": "", "consumer": "", "ocs": ""},
    "crossbar.get_info": {"hub": "", "data_node": "", "consumer": "", "ocs": ""},
    "": {"hub": "", "data_node": "", "consumer": "", "ocs": ""},
    "org": {"hub": "", "data_node": "", "consumer": "", "ocs": ""},
    "org.simonsobservatory.": {"hub": "", "data_node": "", "consumer": "", "ocs": ""},
    "org.simonsobservatory..": {"hub": "", "data_node": "", "consumer": "", "ocs": ""},
    "observatory": {"hub": "", "data_node": "", "consumer": "", "ocs": ""},
    "observatoryx.y": {"hub": "", "data_node": "", "consumer": "", "ocs": ""},
    "com.example.anything": {"hub": "", "data_node": "", "consumer": "", "ocs": ""},
}


@pytest.fixture(scope="module")
def config() -> Any:
    return json.loads((resources.files("sisock_hub") / "config-template.json").read_text())


@pytest.fixture(scope="module")
def roles(config: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what crossbar.io imports is deprecated here and there
        from crossbar.router.role import RouterRoleStaticAuth

    return {
        role["name"]: RouterRoleStaticAuth(None, role["name"], role["permissions"])
        for role in config["workers"][0]["realms"][0]["roles"]
    }


def test_there_are_the_roles_of_the_matrix_and_no_others(roles: dict[str, Any]) -> None:
    assert set(roles) == {"hub", "data_node", "consumer", "ocs"}


@pytest.mark.parametrize("uri", MATRIX)
def test_each_role_may_do_what_it_needs_and_no_more(roles: dict[str, Any], uri: str) -> None:
    may = {
        name: {action for action in ACTIONS if role.authorize(None, uri, action, {})["allow"]}
        for name, role in roles.items()
    }
    letters = {action[0]: action for action in ACTIONS}
    assert may == {name: {letters[letter] for letter in row} for name, row in MATRIX[uri].items()}


def test_the_hub_is_told_who_calls_it(roles: dict[str, Any]) -> None:
    for uri in (uris.DATA_NODE_ADD, uris.DATA_NODE_SUBTRACT):
        assert roles["data_node"].authorize(None, uri, "call", {})["disclose"] is True


def ways_in(config: Any) -> dict[str, dict[str, Any]]:
    """Each way to a WebSocket of the router: port or socket, and who is let in by which method."""
    found = {}
    for transport in config["workers"][0]["transports"]:
        endpoint = transport["endpoint"]
        websocket = transport.get("paths", {}).get("ws", transport)
        found[str(endpoint.get("port", endpoint.get("path")))] = {
            "tls": "tls" in endpoint,
            **{
                method: {name: user["role"] for name, user in auth.get("users", {}).items()} or auth["role"]
                for method, auth in websocket["auth"].items()
            },
        }
    return found


def test_only_the_open_port_lets_anybody_in_and_as_ocs_alone(config: Any) -> None:
    peers = {"server": "data_node", "simonsobs": "consumer"}
    assert ways_in(config) == {
        "hub.sock": {"tls": False, "wampcra": {"hub": "hub"}},
        "$CROSSBAR_TLS_PORT": {"tls": True, "wampcra": peers},
        "$CROSSBAR_OCS_PORT": {"tls": False, "wampcra": peers, "anonymous": "ocs"},
    }


def test_whoever_calls_by_http_is_no_more_than_ocs(config: Any) -> None:
    callers = [
        path["role"]
        for transport in config["workers"][0]["transports"]
        for path in transport.get("paths", {}).values()
        if path["type"] in ("caller", "publisher", "webhook")
    ]
    assert callers == ["ocs"]

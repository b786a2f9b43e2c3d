"""Every WAMP name of the contract (CONTRACT section 1): realm, procedures, topics."""

from typing import Final

REALM: Final = "test_realm"
BASE_URI: Final = "org.simonsobservatory"


def uri(s: str) -> str:
    """Compose a full URI for pub/sub or RPC calls.

    Parameters
    ----------
    s : str
        The part below the base URI.

    Returns
    -------
    str
        ``"%s.%s" % (BASE_URI, s)``.
    """
    return f"{BASE_URI}.{s}"


DATA_NODE_ADD: Final = uri("data_node.add")
DATA_NODE_SUBTRACT: Final = uri("data_node.subtract")
DATA_NODE_ANNOUNCE: Final = uri("data_node.announce")
"""Topic, an addition of ours: the hub has (re)started and asks every node to add itself."""

GET_DATA_NODE: Final = uri("consumer.get_data_node")
DATA_NODE_ADDED: Final = uri("consumer.data_node_added")
DATA_NODE_SUBTRACTED: Final = uri("consumer.data_node_subtracted")

CONSUMER_PREFIX: Final = uri("consumer.")


def get_fields(name: str) -> str:
    """Procedure that lists the fields of the data node `name`."""
    return f"{CONSUMER_PREFIX}{name}.get_fields"


def get_data(name: str) -> str:
    """Procedure that reads data from the data node `name`."""
    return f"{CONSUMER_PREFIX}{name}.get_data"


def procedure(name: str, word: str) -> str:
    """A procedure of the data node `name` beyond those that all have (CONTRACT section 7.11)."""
    return f"{CONSUMER_PREFIX}{name}.{word}"


WATCH: Final = "watch"
"""The data node that knows how each field is (CONTRACT section 7.11)."""

WATCH_STATE: Final = procedure(WATCH, "state")
WATCH_EVENTS: Final = procedure(WATCH, "events")
WATCH_NOTE: Final = procedure(WATCH, "note")


def updated(name: str) -> str:
    """Topic on which a live data node `name` says that its data grew."""
    return f"{CONSUMER_PREFIX}{name}.updated"


UPDATED_OF_ANY: Final = updated("")
"""The same topic of every node, as a wildcard subscription has it."""


def node_of_updated(topic: str) -> str | None:
    """Name of the data node that says on `topic` that its data grew; None for any other topic."""
    if topic.startswith(CONSUMER_PREFIX) and topic.endswith(".updated"):
        return topic[len(CONSUMER_PREFIX) : -len(".updated")] or None
    return None


def node_of(procedure: str) -> str | None:
    """Name of the data node that serves a ``get_data`` procedure; None for any other URI."""
    if procedure.startswith(CONSUMER_PREFIX) and procedure.endswith(".get_data"):
        return procedure[len(CONSUMER_PREFIX) : -len(".get_data")] or None
    return None

"""The names on the wire, letter by letter: every deployed peer has them."""

import pytest
from sisock import uris

NODE = "org.simonsobservatory.consumer.weather"


def test_names_are_those_of_the_contract() -> None:
    assert uris.REALM == "test_realm"
    told = {name: value for name, value in vars(uris).items() if name.isupper() and isinstance(value, str)}
    assert told == {
        "REALM": "test_realm",
        "BASE_URI": "org.simonsobservatory",
        "DATA_NODE_ADD": "org.simonsobservatory.data_node.add",
        "DATA_NODE_SUBTRACT": "org.simonsobservatory.data_node.subtract",
        "DATA_NODE_ANNOUNCE": "org.simonsobservatory.data_node.announce",
        "GET_DATA_NODE": "org.simonsobservatory.consumer.get_data_node",
        "DATA_NODE_ADDED": "org.simonsobservatory.consumer.data_node_added",
        "DATA_NODE_SUBTRACTED": "org.simonsobservatory.consumer.data_node_subtracted",
        "CONSUMER_PREFIX": "org.simonsobservatory.consumer.",
        "WATCH": "watch",
        "WATCH_STATE": "org.simonsobservatory.consumer.watch.state",
        "WATCH_EVENTS": "org.simonsobservatory.consumer.watch.events",
        "WATCH_NOTE": "org.simonsobservatory.consumer.watch.note",
        "UPDATED_OF_ANY": "org.simonsobservatory.consumer..updated",
    }


def test_a_nodes_procedures_and_its_topic_are_below_its_name() -> None:
    assert uris.get_fields("weather") == f"{NODE}.get_fields"
    assert uris.get_data("weather") == f"{NODE}.get_data"
    assert uris.updated("weather") == f"{NODE}.updated"
    assert uris.procedure("weather", "note") == f"{NODE}.note"


@pytest.mark.parametrize(("read", "ending"), [(uris.node_of, "get_data"), (uris.node_of_updated, "updated")])
def test_the_node_is_read_from_its_own_names_and_from_no_others(read, ending) -> None:
    assert read(f"{NODE}.{ending}") == "weather"
    assert read(f"org.simonsobservatory.consumer.a.b.{ending}") == "a.b"
    for other in (
        f"{NODE}.get_fields",
        f"org.elsewhere.weather.{ending}",
        f"org.simonsobservatory.consumer..{ending}",
        f"org.simonsobservatory.consumer.{ending}",
        "",
    ):
        assert read(other) is None

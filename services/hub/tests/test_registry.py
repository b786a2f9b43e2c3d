"""Who is listed."""

from sisock_hub.registry import DataNode, Registry


def test_a_name_belongs_to_the_session_that_took_it() -> None:
    registry = Registry()
    assert registry.add(DataNode("a", "first", 1))
    assert not registry.add(DataNode("a", "second", 2))
    assert registry.entries() == [{"name": "a", "description": "first"}]


def test_a_node_may_say_something_new_of_itself() -> None:
    registry = Registry()
    registry.add(DataNode("a", "", 1))
    assert registry.add(DataNode("a", "a thermometer", 1, ("packed",)))
    assert registry.entries() == [{"name": "a", "description": "a thermometer", "capabilities": ["packed"]}]


def test_only_its_own_session_can_subtract_a_node() -> None:
    registry = Registry()
    registry.add(DataNode("a", "", 1))
    assert registry.subtract("a", 2) is None
    assert registry.subtract("b", 1) is None
    assert registry.subtract("a", 1) == DataNode("a", "", 1)
    assert len(registry) == 0


def test_all_nodes_of_a_session_leave_with_it() -> None:
    registry = Registry()
    for name, session in (("a", 1), ("b", 2), ("c", 1)):
        registry.add(DataNode(name, "", session))
    assert sorted(node.name for node in registry.leave(1)) == ["a", "c"]
    assert [entry["name"] for entry in registry.entries()] == ["b"]


def test_replicas_are_one_node_that_can_do_what_all_of_them_can() -> None:
    registry = Registry()
    assert registry.add(DataNode("a", "first", 1, ("live", "packed", "replicas")))
    assert not registry.add(DataNode("a", "second", 2, ("packed", "replicas")))
    assert registry.add(DataNode("a", "second", 2, ("packed", "replicas")), beside=[1, 2])
    assert registry.entries() == [
        {"name": "a", "description": "first", "capabilities": ["packed", "replicas"]}
    ]
    assert registry.sessions("a") == [1, 2]
    assert [node.session_id for node in registry.leave(1)] == [1]
    assert registry.entries() == [
        {"name": "a", "description": "second", "capabilities": ["packed", "replicas"]}
    ]
    assert registry.subtract("a", 2) is not None
    assert registry.entries() == []

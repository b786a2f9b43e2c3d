"""The hub's registry against a plain model, through whatever sessions do in whatever order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sisock_hub.registry import DataNode, Registry

names = st.sampled_from(["a", "b", "c"])
sessions = st.integers(1, 3)
capabilities = st.lists(st.sampled_from(["live", "packed"]), unique=True).map(tuple)


class Machine(RuleBasedStateMachine):
    """The model: for each name (description, session, capabilities)."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry()
        self.model: dict[str, tuple[str, int, tuple[str, ...]]] = {}

    @rule(name=names, session=sessions, description=st.sampled_from("xyz"), able=capabilities)
    def add(self, name: str, session: int, description: str, able: tuple[str, ...]) -> None:
        free = name not in self.model or self.model[name][1] == session
        assert self.registry.add(DataNode(name, description, session, able)) is free
        if free:
            self.model[name] = (description, session, able)

    @rule(name=names, session=sessions)
    def subtract(self, name: str, session: int) -> None:
        gone = self.registry.subtract(name, session)
        if name in self.model and self.model[name][1] == session:
            assert gone is not None
            assert (gone.name, gone.session_id) == (name, session)
            del self.model[name]
        else:
            assert gone is None

    @rule(session=sessions)
    def leave(self, session: int) -> None:
        gone = sorted(node.name for node in self.registry.leave(session))
        assert gone == sorted(name for name, known in self.model.items() if known[1] == session)
        self.model = {name: known for name, known in self.model.items() if known[1] != session}

    @invariant()
    def consumers_are_told_what_the_model_has(self) -> None:
        told = []
        for name, (description, _, able) in sorted(self.model.items()):
            more = {"capabilities": list(able)} if able else {}
            told.append({"name": name, "description": description, **more})
        assert self.registry.entries() == told
        assert len(self.registry) == len(self.model)

    @invariant()
    def a_name_is_held_by_who_took_it(self) -> None:
        held = {name: self.registry.holder(name) for name in "abc"}
        assert {name: node.session_id for name, node in held.items() if node} == {
            name: known[1] for name, known in self.model.items()
        }


TestRegistry = Machine.TestCase
TestRegistry.settings = settings(max_examples=60, stateful_step_count=30)

"""The cache against a plain model: whatever is asked for in whatever order, and however large it is."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sisock_archive.lru import ByteLru

MOST = 100
keys = st.sampled_from("abcdef")


class Machine(RuleBasedStateMachine):
    """The model: sizes by key, what was used least recently first."""

    def __init__(self) -> None:
        super().__init__()
        self.cache: ByteLru[bytes] = ByteLru(MOST, len)
        self.model: dict[str, int] = {}
        self.hits = self.misses = 0

    @rule(key=keys, size=st.integers(0, MOST + 2))
    def get(self, key: str, size: int) -> None:
        made: list[bytes] = []

        def make() -> bytes:
            made.append(bytes(size))
            return made[0]

        found = self.cache.get(key, make)
        if key in self.model:
            self.hits += 1
            assert (len(found), made) == (self.model[key], [])
            self.model[key] = self.model.pop(key)
            return
        self.misses += 1
        assert found is made[0]
        if size <= MOST:
            self.model[key] = size
            while sum(self.model.values()) > MOST:
                del self.model[next(iter(self.model))]

    @rule(key=keys, outer=st.integers(0, 60), inner=st.integers(0, 60))
    def get_what_another_thread_makes_meanwhile(self, key: str, outer: int, inner: int) -> None:
        if key in self.model:
            return

        def make() -> bytes:
            self.get(key, inner)
            return bytes(outer)

        assert len(self.cache.get(key, make)) == outer
        self.misses += 1

    @invariant()
    def the_cache_holds_what_the_model_does(self) -> None:
        assert {key for key in "abcdef" if key in self.cache} == set(self.model)
        assert len(self.cache) == len(self.model)
        assert self.cache.size_bytes == sum(self.model.values()) <= MOST
        assert (self.cache.hits, self.cache.misses) == (self.hits, self.misses)


TestCache = Machine.TestCase
TestCache.settings = settings(max_examples=60, stateful_step_count=30)

"""The buffer with its store against a plain model: messages in any order, and restarts in between."""

import math
import tempfile
from pathlib import Path
from typing import Any

import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sisock_data_feed.buffer import Buffer
from sisock_data_feed.feed import parse
from sisock_data_feed.store import Store
from sisock_data_feed.topics import Address

NOW = 1.7e9
ADDRESS = Address("agent", "feed")
MEMORY = ["/dev/shm"]

values = {
    "number": st.none() | st.floats(-1e3, 1e3),
    "text": st.none() | st.sampled_from(["on", "off", ""]),
    "flag": st.none() | st.booleans(),
}
samples = st.fixed_dictionaries({"t": st.integers(0, 12)}, optional=values)


def missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


class Machine(RuleBasedStateMachine):
    """The model: for each channel its value at each time, and the times of the block."""

    def __init__(self) -> None:
        super().__init__()
        # In memory where there is such a place: a hundred restarts wait for no disk.
        self.directory = tempfile.TemporaryDirectory(dir=next((d for d in MEMORY if Path(d).is_dir()), None))
        self.model: dict[str, dict[int, Any]] = {}
        self.times: set[int] = set()
        self.begin()

    def begin(self) -> None:
        self.buffer = Buffer(3600.0, prefixed=False, clock=lambda: NOW)
        self.store = Store(
            Path(self.directory.name), "node", 3600.0, structlog.get_logger(), lambda _seconds: None
        )
        self.store.open(lambda received, block: self.buffer.add(block, received) and None)

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()

    @rule(rows=st.lists(samples, min_size=1, max_size=6))
    def hear(self, rows: list[dict[str, Any]]) -> None:
        data = {name: [row.get(name) for row in rows] for name in values}
        data = {name: column for name, column in data.items() if any(v is not None for v in column)}
        content = {"timestamps": [NOW - 100 + row["t"] for row in rows], "data": data}
        for block in parse([{"block": content}, {}], ADDRESS).blocks:
            self.buffer.add(block, NOW)
            self.store.put(NOW, block)
        if not data:
            return
        self.times |= {row["t"] for row in rows}
        for name, column in data.items():
            known = self.model.setdefault(name, {})
            known.update({row["t"]: v for row, v in zip(rows, column, strict=True) if v is not None})

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.begin()

    @invariant()
    def what_is_served_is_what_the_model_has(self) -> None:
        assert {field.name for _, field in self.buffer.fields(0, 2e9)} == set(self.model)
        for series in self.buffer.read([*self.model], 0, 2e9):
            times = [round(t - NOW + 100) for t in series.t.tolist()]
            assert times == sorted(self.times)
            got = dict(zip(times, series.values.tolist(), strict=True))
            assert {t: v for t, v in got.items() if not missing(v)} == self.model[series.name]


TestBuffer = Machine.TestCase
TestBuffer.settings = settings(max_examples=40, stateful_step_count=20)

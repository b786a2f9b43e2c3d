"""The buffer with its store against a plain model: messages in any order, time that goes on, and restarts."""

import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sisock_data_feed.buffer import Buffer
from sisock_data_feed.feed import parse
from sisock_data_feed.store import Store
from sisock_data_feed.topics import Address

NOW = 1_700_000_000
KEPT = 100
ADDRESS = Address("agent", "feed")
MEMORY = ["/dev/shm"]

values = {
    "number": st.none() | st.floats(-1e3, 1e3),
    "text": st.none() | st.sampled_from(["on", "off", ""]),
    "flag": st.none() | st.booleans(),
}
samples = st.fixed_dictionaries({"ago": st.integers(0, 12)}, optional=values)


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
        self.now = NOW
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("sisock_data_feed.timeline.ROWS", 5)
        self.begin()

    def begin(self) -> None:
        self.buffer = Buffer(KEPT, prefixed=False, clock=lambda: float(self.now))
        self.store = Store(
            Path(self.directory.name), "node", KEPT, structlog.get_logger(), lambda _seconds: None
        )
        self.store.open(lambda received, block: self.buffer.add(block, received) and None)

    def teardown(self) -> None:
        self.store.close()
        self.patch.undo()
        self.directory.cleanup()

    @rule(rows=st.lists(samples, min_size=1, max_size=6))
    def hear(self, rows: list[dict[str, Any]]) -> None:
        data = {name: [row.get(name) for row in rows] for name in values}
        data = {name: column for name, column in data.items() if any(v is not None for v in column)}
        content = {"timestamps": [self.now - row["ago"] for row in rows], "data": data}
        for block in parse([{"block": content}, {}], ADDRESS).blocks:
            self.buffer.add(block, self.now)
            self.store.put(self.now, block)
        if not data:
            return
        self.times |= {self.now - row["ago"] for row in rows}
        for name, column in data.items():
            known = self.model.setdefault(name, {})
            there = zip(rows, column, strict=True)
            known.update({self.now - row["ago"]: v for row, v in there if v is not None})

    @rule(seconds=st.integers(1, 60))
    def time_goes_on(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.begin()

    @invariant()
    def what_is_served_is_what_the_model_has(self) -> None:
        oldest = self.now - KEPT
        expected = {
            name: {t: value for t, value in known.items() if t >= oldest}
            for name, known in self.model.items()
        }
        listed = {field.name for _, field in self.buffer.fields(oldest, 2e9)}
        assert {name for name, known in expected.items() if known} <= listed <= set(self.model)
        for series in self.buffer.read([*listed], oldest, 2e9):
            times = [round(t) for t in series.t.tolist()]
            assert times == sorted(t for t in self.times if t >= oldest)
            got = dict(zip(times, series.values.tolist(), strict=True))
            assert {t: v for t, v in got.items() if not missing(v)} == expected[series.name]

    @invariant()
    def nothing_is_kept_for_ever(self) -> None:
        pieces = [piece for one in self.buffer._timelines.values() for piece in one.pieces]
        # What was received that long ago goes with the next message, one second later at most.
        assert all(self.buffer._received - piece.received <= KEPT + 1 for piece in pieces)


TestBuffer = Machine.TestCase
TestBuffer.settings = settings(max_examples=30, stateful_step_count=20)

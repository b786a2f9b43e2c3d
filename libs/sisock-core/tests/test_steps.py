"""Times of an even rhythm travel as a few numbers, which give them again to the last bit."""

from typing import Any

import cbor2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock import steps, wire
from sisock.node import Limits, Series

DAY = np.arange(1500000000.0, 1500086400.0, 60.0)


def sent(*series: Series, part_bytes: int | None = wire.PART_BYTES) -> list[Any]:
    """Parts of a reply, as they come out of the wire."""
    names = [one.name for one in series]
    tables = wire.tabulate(series, names, -1e12, 1e12, Limits(), own_times=True)
    made = wire.parts(tables, names, packed=True, stepped=True, part_bytes=part_bytes)
    return [cbor2.loads(cbor2.dumps(part)) for part in made]


def times(parts: list[Any], timeline: str) -> bytes:
    """Times of a timeline as the contract has them read."""
    columns = []
    for part in parts:
        t = part["timeline"][timeline]["t"] if timeline in part["timeline"] else b""
        if isinstance(t, bytes):
            columns.append(np.frombuffer(t))
        else:
            columns.append(t["first"] + np.arange(t["from"], t["from"] + t["count"]) * t["step"])
    return np.concatenate(columns).tobytes()


@given(
    st.floats(-1e11, 1e11),
    st.one_of(st.sampled_from([0.1, 1.0, 2.5, 60.48, 1 / 3]), st.floats(1e-3, 1e4)),
    st.integers(1, 300),
    st.integers(16, 5000),
)
def test_any_times_come_back_as_they_were(first, step, count, part_bytes) -> None:
    for t in (
        first + np.arange(count) * step,
        np.arange(count) * step + first,
        first + np.cumsum([step] * count),
    ):
        parts = sent(Series("a", t, np.arange(float(count))), part_bytes=part_bytes)
        assert times(parts, "a") == t.tobytes()
        values = b"".join(part["data"]["a"] for part in parts)
        assert np.frombuffer(values).tolist() == list(range(count))


def test_even_times_do_not_travel() -> None:
    parts = sent(Series("a", DAY, DAY, "t"), Series("b", DAY, DAY, "t"))
    assert parts[0]["timeline"]["t"] == {
        "t": {"first": 1500000000.0, "step": 60.0, "from": 0, "count": 1440},
        "finalized_until": None,
        "field": ["a", "b"],
    }
    assert times(parts, "t") == DAY.tobytes()


@pytest.mark.parametrize("step", [0.1, 0.02, 2.5, 60.48])
def test_rhythms_of_usual_instruments_are_found(step) -> None:
    for t in (1.5e9 + np.arange(2000) * step, np.arange(2000) * step):
        assert steps.found(t) is not None


def test_a_sample_that_is_late_has_all_times_travel() -> None:
    late = DAY.copy()
    late[700] += 2e-6
    [part] = sent(Series("a", late, DAY), Series("b", DAY, DAY))
    assert isinstance(part["timeline"]["a"]["t"], bytes)
    assert isinstance(part["timeline"]["b"]["t"], dict)
    assert (times([part], "a"), times([part], "b")) == (late.tobytes(), DAY.tobytes())


def test_parts_are_cut_by_what_travels_of_them() -> None:
    t = np.arange(1.5e9, 1.5e9 + 50_000)
    assert [len(part["data"]["a"]) // 8 for part in sent(Series("a", t, t))] == [32768, 17232]

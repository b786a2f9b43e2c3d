"""What is kept in memory, for how long, and under which names."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock_data_feed.buffer import Buffer
from sisock_data_feed.feed import Block, parse
from sisock_data_feed.timeline import ROWS
from sisock_data_feed.topics import Address

START = 1.7e9
MakeBlock = Callable[..., Block]


@pytest.fixture
def buffer(clock: Any) -> Buffer:
    return Buffer(100.0, prefixed=False, clock=clock)


def served(buffer: Buffer, name: str, start: float = 0.0, end: float = 1e12) -> list[tuple[float, Any]]:
    return [
        (t - START, value)
        for series in buffer.read([name], start, end)
        for t, value in zip(series.t.tolist(), series.values.tolist(), strict=True)
    ]


def listed(buffer: Buffer, start: float = 0.0, end: float = 1e12) -> dict[str, str]:
    return {field.name: field.type for _, field in buffer.fields(start, end)}


def times(*offsets: float) -> list[float]:
    return [START + offset for offset in offsets]


def test_fields_of_a_block_share_its_timeline(buffer: Buffer, block: MakeBlock) -> None:
    buffer.add(block(t=times(0, 2, 4), Ch_A=[1.0, 2.0, 3.0], On=[True, False, True]), START)
    fields = {field.name: field for _, field in buffer.fields(0, 1e12)}
    assert set(fields) == {"ch_a", "on"}
    assert {field.timeline for field in fields.values()} == {"temps"}
    assert fields["ch_a"].interval == 2.0
    assert fields["on"].type == "bool"
    one, other = buffer.read(["ch_a", "on"], 0, 1e12)
    assert one.t is other.t


def test_a_range_is_half_open(buffer: Buffer, block: MakeBlock) -> None:
    buffer.add(block(t=times(0, 1, 2), a=[0, 1, 2]), START)
    assert served(buffer, "a", START, START + 2) == [(0, 0.0), (1, 1.0)]
    assert listed(buffer, START + 3, START + 4) == {}


def test_channels_come_and_go(buffer: Buffer, block: MakeBlock) -> None:
    buffer.add(block(t=times(0), a=[1.0], on=[True]), START)
    buffer.add(block(t=times(1), b=["x"]), START)
    (a,) = buffer.read(["a"], 0, 1e12)
    np.testing.assert_array_equal(a.values, [1.0, np.nan])
    assert served(buffer, "on") == [(0, True), (1, None)]
    assert served(buffer, "b") == [(0, None), (1, "x")]


def test_late_samples_find_their_place(buffer: Buffer, block: MakeBlock) -> None:
    buffer.add(block(t=times(0, 10), a=[0, 10]), START)
    buffer.add(block(t=times(5, 20), a=[5, 20]), START)
    assert served(buffer, "a") == [(0, 0.0), (5, 5.0), (10, 10.0), (20, 20.0)]


def test_a_missing_value_that_comes_later_leaves_the_one_that_is_there(
    buffer: Buffer, block: MakeBlock
) -> None:
    buffer.add(block(t=times(1, 2), T=[1.5, 2.5], s=["a", "b"], on=[True, False]), START)
    buffer.add(block(t=times(1, 2), T=[None, 9.0], s=[None, "c"], on=[None, True]), START)
    assert served(buffer, "t") == [(1, 1.5), (2, 9.0)]
    assert served(buffer, "s") == [(1, "a"), (2, "c")]
    assert served(buffer, "on") == [(1, True), (2, True)]


def test_a_message_that_comes_twice_is_there_once(buffer: Buffer, block: MakeBlock) -> None:
    for _ in range(2):
        buffer.add(block(t=times(0, 1), a=[0, 1], s=["x", "y"]), START)
    assert served(buffer, "a") == [(0, 0.0), (1, 1.0)]
    assert served(buffer, "s") == [(0, "x"), (1, "y")]


def test_a_reader_keeps_what_it_was_given_while_late_samples_come(buffer: Buffer, block: MakeBlock) -> None:
    buffer.add(block(t=times(0, 10), a=[0, 10]), START)
    (before,) = buffer.read(["a"], 0, 1e12)
    buffer.add(block(t=times(5), a=[5]), START)
    assert before.values.tolist() == [0.0, 10.0]


def test_samples_older_than_the_buffer_time_are_not_served(
    buffer: Buffer, block: MakeBlock, clock: Any
) -> None:
    buffer.add(block(t=times(0, 1), a=[0, 1]), START)
    clock.now += 100.5
    buffer.add(block(t=[clock.now], a=[2]), clock.now)
    assert served(buffer, "a") == [(1, 1.0), (100.5, 2.0)]


def test_a_stamp_from_the_future_drives_nothing_out(buffer: Buffer, block: MakeBlock) -> None:
    buffer.add(block(t=times(-50, 0), a=[1, 2]), START)
    buffer.add(block(t=times(1e6), a=[3]), START)
    buffer.add(block(t=times(1), a=[4]), START + 2)
    assert served(buffer, "a") == [(-50, 1.0), (0, 2.0), (1, 4.0), (1e6, 3.0)]
    (series,) = buffer.read(["a"], 0, 1e12)
    assert series.finalized_until == START


def test_stamps_from_the_future_do_not_stay_for_ever(buffer: Buffer, block: MakeBlock, clock: Any) -> None:
    buffer.add(block(t=times(1e6), a=[3]), START)
    clock.now += 101
    buffer.add(block("other", t=[clock.now], b=[4]), clock.now)
    assert listed(buffer) == {"b": "number"}


def test_an_agent_whose_clock_is_slow_is_served_all_the_same(
    buffer: Buffer, block: MakeBlock, clock: Any
) -> None:
    slow = Address("slow", "feed")
    buffer.add(block(address=slow, t=times(-5000, -4999), a=[1, 2]), START)
    buffer.add(block(t=times(0), b=[1]), START + 2)
    assert served(buffer, "a") == [(-5000, 1.0), (-4999, 2.0)]


def test_the_last_hour_of_a_feed_that_stopped_stays(buffer: Buffer, block: MakeBlock, clock: Any) -> None:
    buffer.add(block(t=times(0), a=[1]), START)
    clock.now += 1e6
    assert served(buffer, "a") == [(0, 1.0)]


def test_what_has_gone_leaves_no_name_behind(buffer: Buffer, block: MakeBlock, clock: Any) -> None:
    buffer.add(block(t=times(0), gone=[1]), START)
    clock.now += 200
    buffer.add(block(t=[clock.now], here=[1]), clock.now)
    clock.now += 1.5
    buffer.add(block("other", t=[clock.now], too=[1]), clock.now)
    assert listed(buffer) == {"here": "number", "too": "number"}


def test_a_channel_that_changes_its_type_keeps_both_until_the_old_one_ends(
    buffer: Buffer, block: MakeBlock, clock: Any
) -> None:
    buffer.add(block(t=times(0), state=[1.0]), START)
    buffer.add(block(t=times(1), state=["open"]), START)
    assert listed(buffer) == {"state": "number", "state.temps": "string"}
    clock.now += 70
    buffer.add(block(t=[clock.now], state=["shut"]), clock.now)
    assert listed(buffer) == {"state": "string", "state.temps": "number"}


def test_channels_of_one_name_in_two_blocks_are_told_apart(buffer: Buffer, block: MakeBlock) -> None:
    buffer.add(block("first", t=times(0), T=[1]), START)
    buffer.add(block("second", t=times(1), T=[2]), START)
    assert served(buffer, "t") == [(0, 1.0)]
    assert served(buffer, "t.second") == [(1, 2.0)]


def test_columns_that_share_all_but_their_number_are_numbered(buffer: Buffer, block: MakeBlock) -> None:
    channels = ["X Y", "x y", "x_y", "X_Y", "X y"]
    buffer.add(block(t=times(0, 1), **{c: [float(i), "text"] for i, c in enumerate(channels)}), START)
    numbers = ["x_y", "x_y.temps.number", *(f"x_y.temps.number.{n}" for n in (2, 3, 4))]
    for i, name in enumerate(numbers):
        assert served(buffer, name)[0] == (0, float(i)), name
    texts = ["x_y.temps", "x_y.temps.string", *(f"x_y.temps.string.{n}" for n in (2, 3, 4))]
    assert listed(buffer) == {**dict.fromkeys(numbers, "number"), **dict.fromkeys(texts, "string")}


@pytest.mark.parametrize(("silent_s", "owner"), [(60.0, "number"), (60.1, "string")])
def test_a_plain_name_is_left_to_another_after_a_minute_of_silence(
    buffer: Buffer, block: MakeBlock, clock: Any, silent_s: float, owner: str
) -> None:
    buffer.add(block(t=times(0), state=[1.0]), START)
    clock.now += silent_s
    buffer.add(block(t=[clock.now], state=["open"]), clock.now)
    assert listed(buffer)["state"] == owner


def test_a_channel_that_left_has_texts_where_nothing_was(
    buffer: Buffer, block: MakeBlock, clock: Any
) -> None:
    buffer.add(block(t=times(0), T=[1.0]), START)
    late, other = block(t=times(1), T=["x"], P=["y"]), block("other", t=times(1), T=["x"])
    assert (buffer.texts_for_numbers(late), buffer.texts_for_numbers(other)) == (["T"], [])
    clock.now += 200
    buffer.add(block(t=[clock.now], P=[1.0]), clock.now)
    assert buffer.texts_for_numbers(late) == ["P"]


def test_several_feeds_are_told_apart_by_a_prefix(block: MakeBlock, clock: Any) -> None:
    buffer = Buffer(100.0, prefixed=True, clock=clock)
    buffer.add(block(t=times(0), T=[1]), START)
    buffer.add(block(address=Address("LSA23JD", "temperatures"), t=times(0), T=[2]), START)
    assert set(listed(buffer)) == {"LSA22YE.temperatures.t", "LSA23JD.temperatures.t"}
    (series,) = buffer.read(["LSA23JD.temperatures.t"], 0, 1e12)
    assert series.timeline == "LSA23JD.temperatures.temps"


def test_more_rows_than_a_piece_holds_are_served_whole(buffer: Buffer, block: MakeBlock) -> None:
    n = 3 * ROWS + 7
    t = (START + np.arange(n) / 100).tolist()
    buffer.add(block(t=t, a=list(range(n))), START)
    (series,) = buffer.read(["a"], 0, 1e12)
    assert series.values.tolist() == list(range(n))
    (cut,) = buffer.read(["a"], t[ROWS - 1], t[ROWS + 1])
    assert cut.values.tolist() == [ROWS - 1, ROWS]


messages = st.lists(st.lists(st.integers(0, 90), min_size=1, max_size=8), min_size=1, max_size=12)


@given(messages, st.integers(2, 5))
def test_in_whatever_order_samples_come_each_is_served_once_in_order(
    batches: list[list[int]], rows: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sisock_data_feed.timeline.ROWS", rows)
        buffer = Buffer(100.0, prefixed=False, clock=lambda: START)
        want: dict[int, int] = {}
        for i, offsets in enumerate(batches):
            t = [START - offset for offset in offsets]
            buffer.add(
                parse([{"b": {"timestamps": t, "data": {"a": [i] * len(t)}}}, {}], Address("a", "b")).blocks[
                    0
                ],
                START,
            )
            want.update(dict.fromkeys(offsets, i))
        everything = [(-offset, float(want[offset])) for offset in sorted(want, reverse=True)]
        assert served(buffer, "a") == everything
        for first in range(-91, 3, 7):
            for last in (first, first + 1, first + 20, 5):
                inside = [(t, value) for t, value in everything if first <= t < last]
                assert served(buffer, "a", START + first, START + last) == inside
                found = [field for _, field in buffer.fields(START + first, START + last)]
                assert len(found) == bool(inside)
                if len(inside) > 1:
                    span = inside[-1][0] - inside[0][0]
                    assert found[0].interval == pytest.approx(span / (len(inside) - 1))


def sources(buffer: Buffer) -> dict[str, str | None]:
    return {field.name: field.source for _, field in buffer.fields(0.0, 1e12)}


@pytest.mark.parametrize("prefixed", [True, False])
def test_a_field_says_address_and_channel_exactly_as_published(
    prefixed: bool, clock: Any, block: MakeBlock
) -> None:
    buffer = Buffer(100.0, prefixed=prefixed, clock=clock)
    buffer.add(block(t=times(0), **{"Channel 01 T": [1.0]}), START)
    assert [*sources(buffer).values()] == ["observatory.LSA22YE.feeds.temperatures.Channel 01 T"]


def test_channels_that_share_a_name_have_sources_of_their_own_and_kinds_of_one_channel_do_not(
    buffer: Buffer, block: MakeBlock
) -> None:
    buffer.add(block(t=times(0, 1), A=[1.0, 2.0], a=[3.0, 4.0], m=[1.0, "x"]), START)
    feed = "observatory.LSA22YE.feeds.temperatures"
    said = sources(buffer)
    assert said == {"a": f"{feed}.A", "a.temps": f"{feed}.a", "m": f"{feed}.m", "m.temps": None}


def complete_since(buffer: Buffer) -> float | None:
    ((_, field),) = buffer.fields(0, 1e12)
    return None if field.complete_since is None else field.complete_since - START


def test_a_channel_is_complete_since_the_first_sample_that_was_heard(
    buffer: Buffer, block: MakeBlock
) -> None:
    buffer.add(block(t=times(-20), A=[0.0]), START - 20)  # an earlier run's
    assert complete_since(buffer) is None
    buffer.listen(START)
    assert not buffer.add(block(t=times(-10), A=[1.0]), START - 10)
    assert complete_since(buffer) is None
    assert buffer.add(block(t=times(3, 4), A=[2.0, 3.0]), START + 5)
    assert complete_since(buffer) == 3.0
    assert not buffer.add(block(t=times(5), A=[4.0]), START + 6)
    assert complete_since(buffer) == 3.0


def test_a_slow_agents_channel_is_complete_since_we_listen_at_the_earliest(
    buffer: Buffer, block: MakeBlock
) -> None:
    buffer.listen(START)
    buffer.add(block(t=times(-6, -5), A=[1.0, 2.0]), START + 1)
    assert complete_since(buffer) == 0.0


def test_after_a_break_nothing_is_complete_until_something_is_heard(buffer: Buffer, block: MakeBlock) -> None:
    buffer.listen(START)
    buffer.add(block(t=times(1), A=[1.0]), START + 1)
    buffer.listen(START + 10)
    assert complete_since(buffer) is None
    buffer.add(block(t=times(12), A=[2.0]), START + 12)
    assert complete_since(buffer) == 12.0


def test_what_goes_early_since_an_agents_clock_is_ahead_is_no_longer_complete(
    buffer: Buffer, block: MakeBlock, clock: Any
) -> None:
    buffer.listen(START)
    for second in range(0, 3 * ROWS, ROWS):
        t = (START + 500 + second + np.arange(ROWS)).tolist()
        buffer.add(block(t=t, A=[0.0] * ROWS), START + second)
    clock.now = START + 2 * ROWS
    ((_, field),) = buffer.fields(0, 1e12)
    assert field.kept_for == 100.0
    (series,) = buffer.read(["a"], 0, 1e12)
    assert complete_since(buffer) == series.t[0] - START - 1 > 500


def test_what_comes_the_moment_we_listen_counts(buffer: Buffer, block: MakeBlock) -> None:
    buffer.listen(START)
    assert buffer.add(block(t=times(0), A=[1.0]), START)
    assert complete_since(buffer) == 0.0


@pytest.mark.parametrize(
    ("buffer_time", "behind", "said"), [(100.0, 10.0, True), (100.0, 10.1, False), (1000.0, 50.0, True),
                                        (1000.0, 50.1, False)]
)  # fmt: skip
def test_a_feed_is_behind_by_a_twentieth_of_the_buffer_time_or_ten_seconds(
    block: MakeBlock, clock: Any, buffer_time: float, behind: float, said: bool
) -> None:
    buffer = Buffer(buffer_time, prefixed=False, clock=clock)
    buffer.listen(START)
    buffer.add(block(t=times(0), A=[1.0]), START)
    clock.now += behind
    ((_, field),) = buffer.fields(0, 1e12)
    assert (field.kept_for == buffer_time, field.complete_since == START) == (said, said)


def test_of_a_feed_that_is_behind_nothing_is_said_about_how_far_back_it_reaches(
    buffer: Buffer, block: MakeBlock, clock: Any
) -> None:
    buffer.listen(START)
    buffer.add(block(t=times(1), A=[1.0]), START + 1)
    said = []
    for clock.now in (START + 2, START + 30):
        ((_, field),) = buffer.fields(0, 1e12)
        said.append((field.kept_for, field.complete_since is not None))
    assert said == [(100.0, True), (None, False)]

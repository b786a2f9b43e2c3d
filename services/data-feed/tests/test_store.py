"""What is on disk: it comes back as it was, is bounded, and its failures are said."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from sisock.writer import RETRY_INTERVAL_S
from sisock_data_feed.feed import Block
from sisock_data_feed.store import Store
from sisock_testing import wait_until
from structlog.testing import capture_logs
from structlog.typing import EventDict

MakeBlock = Callable[..., Block]
T = 1.7e9


@pytest.fixture
def log() -> Any:
    return structlog.get_logger()


@pytest.fixture
def make_store(tmp_path: Path, log: Any) -> Callable[..., Store]:
    return lambda buffer_time=100.0, name="node", pause=None: Store(
        tmp_path / "state" / "deeper", name, buffer_time, log, pause
    )


def restored(store: Store) -> list[tuple[float, Block]]:
    found: list[tuple[float, Block]] = []
    store.open(lambda received, block: found.append((received, block)))
    return found


def events(logs: list[EventDict]) -> list[str]:
    return [entry["event"] for entry in logs]


def test_blocks_come_back_as_they_were(make_store: Callable[..., Store], block: MakeBlock) -> None:
    first = block("temps", t=[1.0, 2.0], T=[1.5, float("nan")], on=[True, None], s=["ü", None])
    second = block("other", t=[3.0], T=[float("inf")])
    store = make_store()
    assert restored(store) == []
    store.put(T, first)
    store.put(T + 1, second)
    store.close()
    store = make_store()
    found = restored(store)
    store.close()
    assert [(received, b.address, b.name) for received, b in found] == [
        (T, first.address, "temps"),
        (T + 1, second.address, "other"),
    ]
    for (_, got), want in zip(found, (first, second), strict=True):
        np.testing.assert_array_equal(got.t, want.t)
        assert list(got.columns) == list(want.columns)
        for channel, values in want.columns.items():
            np.testing.assert_array_equal(got.columns[channel], values)
            assert got.columns[channel].dtype == values.dtype


def test_what_is_older_than_the_buffer_time_is_not_kept(
    make_store: Callable[..., Store], block: MakeBlock
) -> None:
    store = make_store()
    restored(store)
    store.put(T, block(t=[1.0], old=[1]))
    store.close()
    store = make_store()
    assert len(restored(store)) == 1
    store.put(T + 101, block(t=[2.0], new=[1]))
    store.close()
    database = sqlite3.connect(store.file)
    assert database.execute("SELECT received FROM block").fetchall() == [(T + 101,)]
    assert database.execute("SELECT count(*) FROM layout").fetchone() == (1,)
    database.close()


def test_what_is_told_to_be_not_stored_is_not(make_store: Callable[..., Store], block: MakeBlock) -> None:
    store = make_store()
    restored(store)
    store.put(T, block(t=[1.0], old=[1]))
    store.close()
    database = sqlite3.connect(store.file)
    database.execute("CREATE TRIGGER keep BEFORE DELETE ON block BEGIN SELECT RAISE(ABORT, 'kept'); END")
    database.close()
    store = make_store()
    restored(store)
    with capture_logs() as logs:
        store.put(T + 101, block(t=[2.0], new=[1]))
        store.close()
    assert [(entry["event"], entry["not_stored"]) for entry in logs] == [("store.failed", 1)]
    database = sqlite3.connect(store.file)
    assert database.execute("SELECT received FROM block").fetchall() == [(T,)]
    database.close()


def test_the_file_does_not_grow_beyond_the_buffer_time(
    make_store: Callable[..., Store], block: MakeBlock
) -> None:
    def run(first: int, last: int) -> int:
        store = make_store()
        restored(store)
        for second in range(first, last, 5):
            store.put(T + second, block(t=[T + second], **{f"c{i}": [1.0] for i in range(150)}))
        store.close()
        return store.file.stat().st_size

    sizes = [run(first, first + 200) for first in range(0, 1200, 200)]
    assert max(sizes[1:]) <= 2 * sizes[1]


def test_nodes_that_share_a_directory_do_not_share_a_file(
    make_store: Callable[..., Store], block: MakeBlock
) -> None:
    one = make_store(name="a/../b")
    other = make_store(name="b")
    restored(one)
    restored(other)
    one.put(T, block(t=[1.0], a=[1]))
    one.close()
    other.close()
    assert one.file.parent == other.file.parent
    assert restored(make_store(name="b")) == []


def test_a_directory_that_cannot_be_written_is_said_and_done_without(
    tmp_path: Path, log: Any, block: MakeBlock
) -> None:
    (tmp_path / "file").write_text("in the way")
    with capture_logs() as logs:
        store = Store(tmp_path / "file" / "state", "node", 100.0, log)
        assert restored(store) == []
        store.put(T, block(t=[1.0], a=[1]))
        store.close()
    assert events(logs) == ["store.unusable"]


@pytest.mark.peer
def test_a_second_process_is_kept_out(make_store: Callable[..., Store]) -> None:
    store = make_store()
    restored(store)
    keep = sqlite3.connect(store.file)
    keep.execute("BEGIN EXCLUSIVE")
    with capture_logs() as logs:
        restored(make_store())
    keep.close()
    store.close()
    assert events(logs) == ["store.unusable"]


@pytest.mark.parametrize(
    "content", [b"this is no database, but long enough to be looked at " * 40, b"\0" * 8192]
)
def test_a_damaged_file_is_put_aside(
    make_store: Callable[..., Store], block: MakeBlock, content: bytes
) -> None:
    store = make_store()
    store.file.parent.mkdir(parents=True)
    store.file.write_bytes(content)
    with capture_logs() as logs:
        assert restored(store) == []
        store.put(T, block(t=[1.0], a=[1]))
        store.close()
    assert events(logs) == ["store.damaged"]
    assert store.file.with_suffix(".broken").read_bytes() == content
    assert len(restored(make_store())) == 1


def test_a_damaged_block_puts_the_file_aside(make_store: Callable[..., Store], block: MakeBlock) -> None:
    store = make_store()
    restored(store)
    store.put(T, block(t=[1.0], a=[1]))
    store.close()
    database = sqlite3.connect(store.file)
    database.execute("UPDATE block SET body = x'FFFFFF'")
    database.commit()
    database.close()
    with capture_logs() as logs:
        store = make_store()
        assert restored(store) == []
        store.close()
    assert events(logs) == ["store.damaged"]


def test_what_was_put_survives_the_death_of_the_process(
    make_store: Callable[..., Store], tmp_path: Path
) -> None:
    script = """
import os, sys, time, structlog
from pathlib import Path
from sisock_data_feed.feed import parse
from sisock_data_feed.store import Store
from sisock_data_feed.topics import Address
store = Store(Path(sys.argv[1]), "node", 100.0, structlog.get_logger())
store.open(lambda received, block: None)
store.put(1.7e9, parse([{"b": {"timestamps": [1.0], "data": {"a": [1]}}}, {}], Address("a", "b")).blocks[0])
print("put", flush=True)
time.sleep(60)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path / "state" / "deeper"], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    wal = tmp_path / "state" / "deeper" / "node.sqlite-wal"
    wait_until(lambda: wal.exists() and wal.stat().st_size > 0, 10, "the block is in the log")
    wait_until(
        lambda: b"timestamps" not in wal.read_bytes() and b'"b", [["a"' in wal.read_bytes(),
        10,
        "it is written",
    )
    child.kill()
    child.wait()
    child.stdout.close()
    store = make_store()
    assert len(restored(store)) == 1
    store.close()


def test_what_a_disk_refused_is_lost_alone_and_what_comes_after_is_stored_with_its_columns(
    make_store: Callable[..., Store], block: MakeBlock
) -> None:
    store = make_store()
    restored(store)
    store.close()
    with sqlite3.connect(store.file) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON block WHEN NEW.received < 5 "
            "BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
        )
    database.close()
    pauses: list[float] = []
    with capture_logs() as logs:
        store = make_store(pause=pauses.append)
        restored(store)
        store.put(4.0, block(t=[1.0], a=[1]))
        wait_until(lambda: len(pauses) == 1, 20, "it failed")
        store.put(T, block(t=[2.0], a=[2]))
        wait_until(lambda: len(pauses) == 2, 20, "it is written")
        store.close()
    found = restored(make_store())
    assert [(received, b.columns["a", "number"].tolist()) for received, b in found] == [(T, [2.0])]
    assert pauses == [RETRY_INTERVAL_S, 0.2]
    assert events(logs) == ["store.failed", "store.back"]


def test_the_file_gives_room_back_when_most_of_it_is_free(
    make_store: Callable[..., Store], block: MakeBlock
) -> None:
    def put(second: float, channels: int) -> int:
        store = make_store()
        restored(store)
        for i in range(20):
            store.put(T + second + i, block(t=[T + i], **{f"c{n}": [1.0] * 1 for n in range(channels)}))
        store.close()
        return store.file.stat().st_size

    full = put(0.0, 2000)
    sizes = [put(200.0 + 50 * i, 1) for i in range(6)]
    # Half of what is free each time that something is stored: it may soon be used again.
    assert sizes[-1] < sizes[0] < full * 2 / 3
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < full / 8


def test_what_is_handed_over_is_what_the_buffer_keeps_oldest_first(
    make_store: Callable[..., Store], block: MakeBlock
) -> None:
    store = make_store(buffer_time=1000.0)
    restored(store)
    for second in (0.0, 99.9, 100.0, 150.0, 200.0):
        store.put(T + second, block(t=[T + second], a=[second]))
    store.close()
    found: list[float] = []
    store = make_store(buffer_time=100.0)
    assert store.open(lambda received, _: found.append(received - T)) == 3
    store.close()
    assert found == [100.0, 150.0, 200.0]


def test_nothing_of_a_damaged_file_stays_in_the_way(
    make_store: Callable[..., Store], block: MakeBlock
) -> None:
    store = make_store()
    store.file.parent.mkdir(parents=True)
    beside = [store.file.with_name(store.file.name + ending) for ending in ("-wal", "-shm")]
    for file in (store.file, *beside):
        file.write_bytes(b"\0" * 8192)
    with capture_logs() as logs:
        assert restored(store) == []
        store.put(T, block(t=[1.0], a=[1]))
    store.close()
    assert (logs[0]["event"], logs[0]["kept_as"]) == ("store.damaged", str(store.file.with_suffix(".broken")))
    assert not any(file.exists() for file in beside)
    assert len(restored(make_store())) == 1


def test_a_file_whose_beginning_is_damaged_is_mended_by_its_log(
    make_store: Callable[..., Store], block: MakeBlock
) -> None:
    """As a process leaves it that was killed: what it committed is in the log."""
    store = make_store()
    restored(store)
    store.put(T, block(t=[1.0], a=[1]))
    log = store.file.with_name(f"{store.file.name}-wal")
    wait_until(lambda: log.exists() and b"LSA22YE" in log.read_bytes(), what="it is committed")
    whole = log.read_bytes()
    store.close()
    store.file.write_bytes(b"\0" * 8192)
    log.write_bytes(whole)
    with capture_logs() as logs:
        assert len(restored(make_store())) == 1
    assert logs == []


def test_who_closes_twice_or_never_opened_is_not_harmed(
    make_store: Callable[..., Store], block: MakeBlock
) -> None:
    store = make_store()
    store.put(T, block(t=[1.0], a=[1]))
    store.close()
    assert restored(store) == []
    store.close()
    store.close()
    store.put(T, block(t=[1.0], a=[1]))


def test_two_layouts_of_one_block_are_told_apart(make_store: Callable[..., Store], block: MakeBlock) -> None:
    store = make_store()
    restored(store)
    for second, columns in enumerate(({"a": [1.5]}, {"a": ["x"]}, {"a": [2.5]}, {"b": [True]})):
        store.put(T + second, block(t=[1.0 + second], **columns))
    store.close()
    found = [(*b.columns.items(),) for _, b in restored(make_store())]
    assert [[(channel, column.tolist()) for channel, column in one] for one in found] == [
        [(("a", "number"), [1.5])],
        [(("a", "string"), ["x"])],
        [(("a", "number"), [2.5])],
        [(("b", "bool"), [1])],
    ]

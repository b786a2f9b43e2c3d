"""How the reader behaves: bounded, shared, damaged, without its database, and while files are written."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from sisock import Limits
from sisock.errors import SisockError, TooMuchDataError
from sisock_g3.refusals import DatabaseAwayError
from sisock_g3.testing import MariaDb, Writer
from sisock_g3_reader import cache
from sisock_testing import Peer, Stack, wait_until
from sisock_testing.ocs import Ocs, install

T0 = 1.6e9
FEED = "observatory.cryo.feeds.temperatures"
NAMES = [f"{FEED}.ch{i}" for i in range(8)]


def write_archive(top: Path, hours: int = 24, spikes: bool = False) -> dict[str, np.ndarray]:
    """A day of one feed, 8 fields of 1 Hz in frames of a minute; gives what was written."""
    rng = np.random.default_rng(1)
    written = {name: rng.normal(size=hours * 3600) for name in NAMES}
    if spikes:
        for values in written.values():
            values[rng.integers(0, len(values), 8)] = 1000.0
    for hour in range(hours):
        writer = Writer(top / f"{int(T0 + hour * 3600)}.g3")
        feed = writer.feed(FEED)
        for first in range(hour * 3600, (hour + 1) * 3600, 60):
            columns = {f"ch{i}": written[name][first : first + 60] for i, name in enumerate(NAMES)}
            writer.data(feed, T0 + first + np.arange(60.0), temps=columns)
        writer.close()
    return written


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    top = tmp_path_factory.mktemp("archive")
    return top, write_archive(top, spikes=True)


@pytest.fixture
def environ(written: Any, tmp_path: Path, scan: Any) -> dict[str, str]:
    settings = {"SQL_FILE": str(tmp_path / "index.sqlite")}
    scan(written[0], settings)
    return settings


def test_one_sample_spikes_are_never_lost(written: Any, environ: Any, make_reader: Any) -> None:
    node = make_reader(environ)
    for most in (40, 200, 1000, 5000):
        for name, values in written[1].items():
            [found] = node.read([name], T0, T0 + 86400, Limits(max_points=most))
            assert found.values.max() == 1000.0
            if most >= 1000:
                assert np.count_nonzero(found.values == 1000.0) == np.count_nonzero(values == 1000.0)


def test_the_cache_never_grows_beyond_its_bound(environ: Any, make_reader: Any) -> None:
    node = make_reader(environ, CACHE_MB="2")
    rng = np.random.default_rng(2)
    for _ in range(60):
        begin = T0 + rng.uniform(0, 80000)
        list(node.read([str(rng.choice(NAMES))], begin, begin + rng.uniform(10, 9000), Limits()))
        assert node.memory_bytes <= 2.5 * 2**20
    assert node.memory_bytes > 2**20


def test_concurrent_cold_queries_all_get_the_truth(written: Any, environ: Any, make_reader: Any) -> None:
    node = make_reader(environ, CACHE_MB="1")

    def ask(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        first = int(rng.integers(0, 80000))
        last = first + int(rng.integers(1, 6000))
        names = sorted(map(str, rng.choice(NAMES, 3, replace=False)))
        found = node.read(names, T0 + first, T0 + last, Limits())
        return all(
            one.values[(one.t >= T0 + first) & (one.t < T0 + last)].tolist()
            == written[1][one.name][first:last].tolist()
            for one in found
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(64)))


def test_frames_are_read_once_for_all_fields(environ: Any, make_reader: Any, monkeypatch: Any) -> None:
    node = make_reader(environ)
    read: list[int] = []
    original = os.pread
    monkeypatch.setattr(cache.os, "pread", lambda *args: (read.append(args[2]), original(*args))[1])
    assert len(list(node.read(NAMES, T0, T0 + 3600, Limits()))) == 8
    assert len(read) == len(set(read)) == 60
    assert len(list(node.read(NAMES, T0 + 60, T0 + 1800, Limits()))) == 8
    assert len(read) == 60


def test_a_small_range_reads_a_small_part_of_a_file(environ: Any, make_reader: Any, monkeypatch: Any) -> None:
    node = make_reader(environ)
    monkeypatch.setattr(cache, "SEGMENT_FRAMES", 4)
    read: list[int] = []
    original = os.pread
    monkeypatch.setattr(cache.os, "pread", lambda *args: (read.append(args[1]), original(*args))[1])
    list(node.read(NAMES[:1], T0 + 1000, T0 + 1010, Limits()))
    assert len(read) == 4


def test_too_much_data_is_said_instead_of_dying(environ: Any, make_reader: Any) -> None:
    node = make_reader(environ, MAX_REPLY_MB="4")
    assert len(list(node.read(NAMES[:2], T0, T0 + 86400, Limits()))) == 2
    with pytest.raises(TooMuchDataError):
        list(node.read(NAMES, T0, T0 + 86400, Limits()))
    assert len(list(node.read(NAMES, T0, T0 + 86400, Limits(max_points=500)))) == 8


def test_long_requests_leave_room_for_short_ones(environ: Any, make_reader: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("sisock_g3_reader.node.LONG_SAMPLES", 80_000)
    node = make_reader(environ)
    go_on, original = threading.Event(), os.pread

    def slow(*args: Any) -> bytes:
        if threading.current_thread().name.startswith("long"):
            assert go_on.wait(30)
        return original(*args)

    monkeypatch.setattr(cache.os, "pread", slow)

    def ask() -> int:
        return len(next(iter(node.read(NAMES[:1], T0, T0 + 86400, Limits()))).t)

    with ThreadPoolExecutor(5, thread_name_prefix="long") as pool:
        try:
            long = [pool.submit(ask) for _ in range(5)]
            refused = next(as_completed(long, 20))
            assert len(list(node.read(NAMES, T0, T0 + 60, Limits()))) == 8
            assert [future.done() for future in long].count(True) == 1
        finally:
            go_on.set()
        with pytest.raises(SisockError, match="ask again"):
            refused.result(20)
        assert [future.result(20) for future in long if future is not refused] == [86400] * 4


def test_what_was_damaged_after_it_was_indexed_is_left_out(
    tmp_path: Path, scan: Any, make_reader: Any
) -> None:
    written = write_archive(tmp_path / "data", hours=2)
    environ = {"SQL_FILE": str(tmp_path / "index.sqlite")}
    scan(tmp_path / "data", environ)
    first, second = sorted((tmp_path / "data").glob("*.g3"))
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(data)
    second.unlink()
    node = make_reader(environ)
    with structlog.testing.capture_logs() as events:
        for _ in range(2):
            [found] = make_reader(environ).read(NAMES[:1], T0, T0 + 7200, Limits())
        [found] = node.read(NAMES[:1], T0, T0 + 7200, Limits())
        list(node.read(NAMES[1:2], T0, T0 + 7200, Limits()))
    assert len(found.t) == 3540
    index = np.round(found.t - T0).astype(int)
    assert found.values.tolist() == written[NAMES[0]][index].tolist()
    told = [event for event in events if event["event"] == "file.unreadable"]
    assert len(told) == 6


def test_a_frame_that_was_damaged_costs_nothing_but_itself(
    tmp_path: Path, scan: Any, make_reader: Any
) -> None:
    written = write_archive(tmp_path / "data", hours=1)
    environ = {"SQL_FILE": str(tmp_path / "index.sqlite")}
    [path] = (tmp_path / "data").glob("*.g3")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    scan(tmp_path / "data", environ)
    [found] = make_reader(environ).read(NAMES[:1], T0, T0 + 3600, Limits())
    index = np.round(found.t - T0).astype(int)
    assert len(index) == 3540
    assert found.values.tolist() == written[NAMES[0]][index].tolist()


def test_without_an_index_there_is_nothing_and_it_is_said_once(tmp_path: Path, make_reader: Any) -> None:
    node = make_reader({"SQL_FILE": str(tmp_path / "none.sqlite")})
    with structlog.testing.capture_logs() as events:
        assert list(node.fields(T0, T0 + 1)) == []
        assert list(node.read(NAMES, T0, T0 + 1, Limits())) == []
    assert [event["event"] for event in events] == ["index.missing"]


def test_mariadb_killed_during_queries_costs_only_those(written, mariadb: MariaDb, scan, make_reader) -> None:
    environ = mariadb.fresh("reading")
    scan(written[0], environ)
    node = make_reader(environ)

    def ask() -> int:
        [found] = node.read(NAMES[:1], T0, T0 + 600, Limits())
        return len(found.t)

    assert ask() == 600
    mariadb.kill()
    with pytest.raises(DatabaseAwayError):
        ask()
    mariadb.start()
    assert ask() == 600
    node.close()


@pytest.fixture(scope="module")
def served(
    written: Any, tmp_path_factory: pytest.TempPathFactory, sisock_stack: Stack, sisock_peer: Peer
) -> Any:
    index = str(tmp_path_factory.mktemp("index") / "index.sqlite")
    command = [sys.executable, "-m", "sisock_g3_file_scanner", "--once"]
    settings = {"SQL_FILE": index, "DATA_DIRECTORY": str(written[0])}
    subprocess.run(command, env={**os.environ, **settings}, check=True, timeout=60)
    process = sisock_stack.start_module("sisock_g3_reader", SQL_FILE=index, MAX_POINTS="0")
    sisock_peer.wait_for_node("g3_reader")
    yield written[1]
    assert process.stop() == 0
    wait_until(lambda: "g3_reader" not in sisock_peer.consumer.nodes, what="the node is gone")


def test_the_node_keeps_the_contract(served: Any, sisock_peer: Peer) -> None:
    assert sisock_peer.breaches("g3_reader") == []


def test_two_fields_over_a_day_at_full_resolution_cross_the_router(served: Any, sisock_peer: Peer) -> None:
    series, problems = sisock_peer.get_data("g3_reader", NAMES[:2], T0, T0 + 86400)
    assert problems == {}
    for name in NAMES[:2]:
        assert series[name].values.tolist() == served[name].tolist()


def test_an_old_consumer_gets_lists_on_the_fields_own_timeline(served: Any, sisock_peer: Peer) -> None:
    reply = sisock_peer.v1_data("g3_reader", NAMES[:2], T0, T0 + 60)
    fields, timelines = sisock_peer.call("org.simonsobservatory.consumer.g3_reader.get_fields", T0, T0 + 60)
    for name in NAMES[:2]:
        timeline = fields[name]["timeline"]
        assert name in timelines[timeline]["field"]
        assert reply["data"][name] == served[name][:60].tolist()
        assert reply["timeline"][timeline]["t"] == (T0 + np.arange(60)).tolist()


def test_files_that_ocs_is_writing_are_served_within_a_frame(
    tmp_path: Path, sisock_stack: Stack, sisock_peer: Peer, pytestconfig: pytest.Config
) -> None:
    site = Ocs(sisock_stack, install(pytestconfig.rootpath / ".venvs", ["so3g"]))
    fake = ["--mode", "acq", "--num-channels", "2", "--sample-rate", "10", "--frame-length", "2"]
    data = tmp_path / "data"
    aggregator = ["--data-dir", str(data), "--initial-state", "record", "--time-per-file", "8"]
    site.write_site(
        registry=("RegistryAgent", []),
        fake2=("FakeDataAgent", fake),
        aggregator=("AggregatorAgent", aggregator),
    )
    data.mkdir()
    settings = {"SQL_FILE": str(tmp_path / "index.sqlite"), "DATA_DIRECTORY": str(data)}
    scanner = sisock_stack.start_module("sisock_g3_file_scanner", SCAN_INTERVAL="3600", **settings)
    reader = sisock_stack.start_module("sisock_g3_reader", **settings)
    agents = [site.start_agent(name) for name in ("registry", "aggregator", "fake2")]
    try:
        sisock_peer.wait_for_node("g3_reader")
        name = "observatory.fake2.feeds.false_temperatures.channel_00"

        def served_until() -> float:
            series, _ = sisock_peer.get_data("g3_reader", [name], -600, 0)
            return float(max(series[name].t, default=0.0))

        begin = time.time()
        wait_until(lambda: served_until() > begin + 12, 60, "samples of a second file", step_s=0.2)
        assert len(list(data.rglob("*.g3"))) >= 2
        # A frame of 2 s, the aggregator's own second, and one until the scanner has looked.
        wait_until(lambda: time.time() - served_until() < 5, 20, "fresh samples", step_s=0.05)
    finally:
        for agent in agents:
            agent.kill()
            agent.popen.wait()
        assert reader.stop() == 0
        assert scanner.stop() == 0
        wait_until(lambda: "g3_reader" not in sisock_peer.consumer.nodes, what="the node is gone")

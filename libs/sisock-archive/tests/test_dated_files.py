"""Archives of many dated files, and the cache of what was read."""

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import structlog
from sisock.decimate import envelope
from sisock.errors import TooMuchDataError
from sisock.node import Limits
from sisock_archive.dated_files import DatedFiles, Place
from sisock_archive.lru import ByteLru
from sisock_archive.text_columns import parse_columns


def place(name: str) -> Place | None:
    parts = name.removesuffix(".dat").split("_")
    return Place(parts[0], float(parts[1]), float(parts[2])) if len(parts) == 3 else None


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 10.0
        return self.now


class Archive:
    """A directory with a reader that counts what it parses."""

    def __init__(self, directory: Path, cache_bytes: int = 10_000) -> None:
        self.directory = directory
        self.parsed: list[float] = []
        log = structlog.testing.CapturingLogger()
        self.log = log
        self.files = DatedFiles(directory, place, self.parse, log, cache_bytes, Clock())

    def parse(self, where: Place, content: bytes):
        self.parsed.append(where.start)
        return parse_columns(content, whole_lines=True)

    def write(self, series: str, start: int, end: int, text: str) -> Path:
        path = self.directory / f"{series}_{start}_{end}.dat"
        path.write_text(text)
        return path

    def told(self, event: str) -> int:
        return sum(call.args == (event,) for call in self.log.calls)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path)
    for day in range(5):
        start = day * 100
        archive.write(
            "a", start, start + 100, "".join(f"{t} {t * 10}\n" for t in range(start, start + 100, 10))
        )
    return archive


@pytest.fixture
def eager_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_only_the_files_of_the_range_are_opened(archive: Archive) -> None:
    t, values = archive.files.read("a", 250, 320)
    assert t.tolist() == [250.0, 260.0, 270.0, 280.0, 290.0, 300.0, 310.0]
    assert values.tolist() == [10 * x for x in t.tolist()]
    assert archive.parsed == [200.0, 300.0]
    assert len(archive.files.read("a", 100, 200)[0]) == 10  # both ends are those of other files, too
    assert archive.parsed == [200.0, 300.0, 100.0]


def test_a_range_before_the_first_file_and_one_in_a_gap_work(archive: Archive) -> None:
    (archive.directory / "a_200_300.dat").unlink()
    assert len(archive.files.read("a", -1000, 5)[0]) == 1
    assert len(archive.files.read("a", 210, 280)[0]) == 0
    assert archive.files.interval("a", 210, 280) is None
    assert archive.files.interval("a", 150, 280) == 10.0


def test_what_was_read_is_read_again_only_when_it_changed(archive: Archive) -> None:
    archive.files.read("a", 0, 50)
    archive.files.read("a", 0, 50)
    assert archive.parsed == [0.0]
    path = archive.write("a", 0, 100, "1 2\n")
    os.utime(path, ns=(1, 1))
    assert archive.files.read("a", 0, 50)[0].tolist() == [1.0]


def test_a_file_that_grows_and_one_that_appears_are_noticed(archive: Archive) -> None:
    assert len(archive.files.read("a", 500, 600)[0]) == 0
    path = archive.write("a", 500, 600, "500 1\n510 2")
    assert archive.files.read("a", 500, 600)[0].tolist() == [500.0]
    with path.open("a") as file:
        file.write("\n")
    assert archive.files.read("a", 500, 600)[0].tolist() == [500.0, 510.0]


def test_files_that_overlap_are_merged_and_each_time_counts_once(archive: Archive) -> None:
    archive.write("a", 50, 120, "50 -1\n55 -2\n105 -3\n")
    t, values = archive.files.read("a", 50, 110)
    assert t.tolist() == [50.0, 55.0, 60.0, 70.0, 80.0, 90.0, 100.0, 105.0]
    assert values[0] == 500.0


def test_a_file_that_holds_more_than_its_name_tells_is_found_once_it_was_read(archive: Archive) -> None:
    for begin, text in ((900, "890 0\n900 1\n990 2\n"), (1100, "1100 3\n1150 4\n"), (2000, "2000 5\n")):
        archive.write("a", begin, begin + 50, text)

    def found(start: float, end: float) -> list[float]:
        return archive.files.read("a", start, end)[0].tolist()

    assert found(980, 1000) == found(880, 895) == found(1150, 1151) == []
    assert found(900, 1100) == [900.0, 990.0]
    assert (found(980, 1000), found(990, 991), found(880, 895)) == ([990.0], [990.0], [890.0])
    assert found(1120, 1200) == [1150.0]
    assert found(1150, 1151) == [1150.0]


def test_damage_is_told_once_a_file(archive: Archive) -> None:
    archive.write("a", 500, 600, "500 1\nnonsense\n520 nan\n530 3\n")
    for _ in range(3):
        assert archive.files.read("a", 500, 600)[0].tolist() == [500.0, 530.0]
        os.utime(archive.directory / "a_500_600.dat")
    assert archive.told("file.lines_skipped") == 1


def test_a_directory_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "later")
    for _ in range(3):
        assert archive.files.series() == []
    assert archive.told("archive.missing") == 1
    archive.directory.mkdir()
    archive.write("a", 0, 100, "1 2\n")
    assert archive.files.series() == ["a"]


def test_a_file_that_cannot_be_read_is_told_once(archive: Archive) -> None:
    archive.write("a", 500, 600, "")
    (archive.directory / "a_600_700.dat").mkdir()
    for _ in range(3):
        assert len(archive.files.read("a", 500, 1000)[0]) == 0
    assert archive.told("file.unreadable") == 1


def test_the_newest_file_is_read_as_far_as_it_has_grown_past_its_name(archive: Archive) -> None:
    path = archive.write("a", 500, 510, "500 1\n550 2\n")
    assert archive.files.read("a", 500, 600)[0].tolist() == [500.0, 550.0]
    with path.open("a") as file:
        file.write("570 3\n")
    assert archive.files.read("a", 560, 600)[0].tolist() == [570.0]


def test_a_file_that_comes_in_the_moment_of_listing_is_found(archive: Archive) -> None:
    archive.files.series()
    before = archive.directory.stat()
    archive.write("b", 0, 100, "1 2\n")
    os.utime(archive.directory, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert archive.files.series() == ["a", "b"]


def test_a_directory_is_told_of_only_when_its_files_changed(archive: Archive) -> None:
    for _ in range(3):
        archive.files.series()
    assert archive.told("archive.listed") == 1
    archive.write("b", 0, 100, "1 2\n")
    archive.files.series()
    assert archive.told("archive.listed") == 2


def test_a_file_within_another_is_merged_into_it(archive: Archive) -> None:
    archive.write("c", 0, 1000, "".join(f"{t} 0\n" for t in range(0, 1000, 100)))
    archive.write("c", 300, 400, "310 1\n320 1\n")
    archive.write("c", 500, 600, "510 1\n500 7\n")
    t, values = archive.files.read("c", 200, 700)
    assert t.tolist() == [200.0, 300.0, 310.0, 320.0, 400.0, 500.0, 510.0, 600.0]
    assert values.tolist() == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]


def test_a_long_range_is_reduced_as_the_whole_would_be(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    archive = Archive(tmp_path)
    for day in range(30):
        t = np.sort(rng.uniform(day * 100, day * 100 + 100, 50))
        rows = zip(t.tolist(), rng.standard_normal(50).tolist(), strict=True)
        archive.write("a", day * 100, day * 100 + 100, "".join(f"{a!r} {b!r}\n" for a, b in rows))
    t, values = archive.files.read("a", 120, 2880)
    want = envelope(t, [values], 20)
    less_t, less_values = archive.files.read("a", 120, 2880, Limits(max_points=20))
    assert len(less_t) < len(t) / 5
    again = envelope(less_t, [less_values], 20)
    assert less_t[again].tolist() == t[want].tolist()
    assert less_values[again].tolist() == values[want].tolist()


def test_more_than_may_be_gathered_is_refused(archive: Archive) -> None:
    with pytest.raises(TooMuchDataError):
        archive.files.read("a", 0, 500, most_bytes=300)


def test_readers_and_changes_of_the_directory_do_not_meet(archive: Archive, eager_threads: None) -> None:
    for i in range(1000):
        archive.write("bad", i, i + 1, "bad\n")
    read_all = threading.Event()

    def change() -> None:
        while not read_all.is_set():
            archive.write("b", 0, 1, "1 2\n")
            archive.files.series()
            (archive.directory / "b_0_1.dat").unlink()
            archive.files.series()

    with ThreadPoolExecutor() as pool:
        changes = pool.submit(change)
        reads = [pool.submit(archive.files.read, "bad", 0, 1000) for _ in range(2)]
        try:
            assert [len(read.result()[0]) for read in reads] == [0, 0]
        finally:
            read_all.set()
        changes.result()
    assert archive.told("file.lines_skipped") == 1000


def test_the_cache_stays_within_its_bytes(tmp_path: Path) -> None:
    cache: ByteLru[bytes] = ByteLru(100, len)
    for i in range(50):
        assert cache.get(i, lambda i=i: bytes(30)) == bytes(30)
        assert cache.size_bytes <= 100
    assert len(cache) == 3
    assert cache.get("large", lambda: bytes(1000)) == bytes(1000)
    assert len(cache) == 3


def test_the_cache_forgets_what_was_used_least_recently() -> None:
    cache: ByteLru[str] = ByteLru(3, lambda _: 1)
    for key in "abc":
        cache.get(key, lambda key=key: key)
    cache.get("a", lambda: "not made again")
    cache.get("d", lambda: "d")
    assert cache.get("a", lambda: "made again") == "a"
    assert cache.get("b", lambda: "made again") == "made again"


@pytest.mark.parametrize("in_place", [True, False])
def test_another_content_of_the_same_name_size_and_time_is_read_again(tmp_path: Path, in_place: bool) -> None:
    archive = Archive(tmp_path)
    path = archive.write("x", 0, 100, "1 10\n2 20\n")
    assert archive.files.read("x", 0, 100)[1].tolist() == [10.0, 20.0]
    status = path.stat()
    other = path if in_place else tmp_path / "other"
    other.write_text("1 30\n2 40\n")
    other.replace(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert archive.files.read("x", 0, 100)[1].tolist() == [30.0, 40.0]


def test_of_a_file_whose_lines_are_in_no_order_a_range_holds_what_lies_in_it(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.write("w", 0, 100, "30 3\n10 1\n50 5\n20 2\n40 4\n20 9\n")
    t, values = archive.files.read("w", 20.0, 50.0)
    assert (t.tolist(), values.tolist()) == ([20.0, 30.0, 40.0], [2.0, 3.0, 4.0])
    t, _ = archive.files.read("w", 10.0, 10.5)
    assert t.tolist() == [10.0]


def test_a_directory_is_looked_at_once_a_second(tmp_path: Path) -> None:
    now = 5.0
    archive = Archive(tmp_path)
    archive.files = DatedFiles(tmp_path, place, archive.parse, archive.log, 10_000, lambda: now)
    assert archive.files.series() == []
    archive.write("a", 0, 100, "1 2\n")
    now = 5.9
    assert archive.files.series() == []
    now = 6.0
    assert archive.files.series() == ["a"]

"""What is served is what lies in the file that is asked for, whatever lay under its name or number before."""

import gzip
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from sisock import Limits
from sisock_g3 import file_content
from sisock_g3.fingerprint import mark
from sisock_g3.testing import Writer
from sisock_g3_reader import cache
from sisock_g3_reader.files import Complaints
from sisock_testing import wait_until

T0 = 1.6e9


def write(path: Path, description: str, value: float, first: float = T0, frames: int = 4) -> Path:
    """A file of one field whose samples are all of a value, a frame each ten seconds."""
    writer = Writer(path)
    feed = writer.feed(description)
    for i in range(frames):
        writer.data(feed, first + 10 * i + np.arange(10.0), block={"ch": np.full(10, value)})
    writer.close()
    return path


def values(node: Any, description: str, first: float = T0, **limits: Any) -> list[float]:
    """The different values that a field has in a day."""
    found = list(node.read([f"{description}.ch"], first - 1000, first + 86400, Limits(**limits)))
    return sorted({float(value) for one in found for value in one.values})


A, B = "observatory.a.feeds.x", "observatory.b.feeds.x"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.mark.parametrize("ending", [".g3", ".g3.gz"])
def test_a_removed_files_samples_are_never_served_as_anothers(
    top: Path, index_environ, scan, make_reader, ending: str
) -> None:
    node = make_reader(index_environ)
    write(top / "0.g3", "observatory.keep.feeds.x", 0.0)
    # Rows of SQLite's are numbered again: a file gets the numbers of the one before it.
    for name, description, value in (("A", A, 1.0), ("B", A, 2.0), ("C", B, 3.0)):
        scan(top, index_environ)
        plain = write(top.parent / f"{name}.g3", description, value)
        path = top / f"{name}{ending}"
        path.write_bytes(plain.read_bytes() if ending == ".g3" else gzip.compress(plain.read_bytes()))
        scan(top, index_environ)
        # A new field is known a second later, but never another's samples under its name.
        wait_until(lambda d=description: values(node, d), 10, "it is served")
        assert values(node, description) == values(node, description, max_points=4) == [value]
        path.unlink()
    assert values(node, A) == values(node, B) == []
    node.close()


def test_a_file_that_took_anothers_place_waits_for_the_scan(
    top: Path, index_environ, scan, make_reader
) -> None:
    path = write(top / "1.g3", A, 1.0)
    scan(top, index_environ)
    node = make_reader(index_environ)
    assert values(node, A) == [1.0]
    before = path.stat()
    os.replace(write(top.parent / "2.g3", B, 2.0), path)
    assert path.stat().st_size == before.st_size
    with structlog.testing.capture_logs() as events:
        assert values(node, A) == []
        assert values(node, A) == []
    assert [event["event"] for event in events] == ["file.unreadable"]
    scan(top, index_environ)
    wait_until(lambda: (values(node, A), values(node, B)) == ([], [2.0]), 10, "the new one is served")
    node.close()


def test_content_that_changed_under_its_old_time_is_read_again(top, index_environ, scan, make_reader) -> None:
    path = write(top / "1.g3", A, 1.0)
    scan(top, index_environ)
    node = make_reader(index_environ)
    assert values(node, A) == [1.0]
    status = path.stat()
    shutil.copyfile(write(top.parent / "2.g3", A, 2.0), path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    # Even the scanner cannot tell; what was kept of the old content is not served any more.
    assert values(node, A) == []
    node.close()


def test_frames_that_are_added_are_served_beside_those_that_were_kept(
    top, index_environ, scan, make_reader
) -> None:
    whole = write(top.parent / "whole.g3", A, 1.0, frames=6).read_bytes()
    path = top / "1.g3"
    node = make_reader(index_environ)
    path.write_bytes(whole[: len(whole) * 2 // 3])
    scan(top, index_environ)
    [found] = node.read([f"{A}.ch"], T0, T0 + 100, Limits())
    few = len(found.t)
    path.write_bytes(whole)
    # The index has the first frames only, the file all of them: kept under the file's present mark.
    [found] = node.read([f"{A}.ch"], T0, T0 + 100, Limits())
    assert (len(found.t), 0 < few < 60) == (few, True)
    scan(top, index_environ)
    [found] = node.read([f"{A}.ch"], T0, T0 + 100, Limits())
    assert len(found.t) == 60
    node.close()


def test_a_field_that_goes_is_not_served_under_its_number_by_another(
    top, index_environ, scan, make_reader
) -> None:
    path = write(top / "1.g3", A, 1.0)
    write(top / "0.g3", "observatory.keep.feeds.x", 0.0)
    scan(top, index_environ)
    node = make_reader(index_environ)
    assert values(node, A) == [1.0]
    # Within the second in which the list of fields is taken for fresh.
    path.unlink()
    scan(top, index_environ)
    write(top / "2.g3", B, 2.0)
    scan(top, index_environ)
    assert values(node, A, max_points=4) == []
    assert values(node, A) == []
    wait_until(lambda: values(node, B) == [2.0], 10, "the other is served")
    node.close()


def test_a_file_that_was_missing_for_a_while_is_served_again(top, index_environ, scan, make_reader) -> None:
    path = write(top / "1.g3", A, 1.0)
    scan(top, index_environ)
    node = make_reader(index_environ)
    path.rename(top / "elsewhere")
    assert values(node, A) == []
    (top / "elsewhere").rename(path)
    assert values(node, A) == [1.0]
    node.close()


def test_frames_that_lie_between_the_same_ends_are_told_apart(top: Path) -> None:
    path = write(top / "1.g3", A, 1.0)
    records = file_content.read(path).providers[A].records
    columns = cache.Columns(2**20, Complaints(structlog.get_logger()))
    for kept in ([0, 3], [0, 1, 2, 3], [0, 2, 3]):
        [segment] = cache.segments(path, mark(path.stat()), records[kept], 0, 2**62)
        found = columns.read(segment, "ch", [])
        assert found is not None
        assert len(found.ticks) == 10 * len(kept)

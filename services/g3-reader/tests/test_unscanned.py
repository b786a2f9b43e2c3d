"""Files that our own tables do not hold, in SQLite: what the deployed tables tell of them is enough."""

import gzip
import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sisock import Limits
from sisock.config import load
from sisock.errors import TooMuchDataError
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database
from sisock_g3.testing import Writer, make_index
from structlog.testing import capture_logs

T0 = 1_600_000_000.0
A, B = "observatory.a.feeds.x", "observatory.b.feeds.x"
TABLES = (
    "sisock_spans",
    "sisock_chunks",
    "sisock_tiles",
    "sisock_stale",
    "sisock_fields",
    "sisock_providers",
    "sisock_files",
    "sisock_schema",
)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Four files of ten minutes, the third compressed; the second feed begins with the second file."""
    for number in range(4):
        begin = T0 + 600 * number
        writer = Writer(tmp_path / "data" / f"{int(begin)}.g3")
        for feed in [writer.feed(A), *([writer.feed(B)] if number else [])]:
            for minute in range(10):
                t = begin + 60 * minute + np.arange(60.0)
                numbers = {"Channel 1": np.sin(t) + feed.prov_id, "open": t % 2 == 0}
                writer.data(feed, t, block={**numbers, "state": ["on", "off"] * 30})
        writer.close()
    third = sorted((tmp_path / "data").iterdir())[2]
    third.with_suffix(".g3.gz").write_bytes(gzip.compress(third.read_bytes()))
    third.unlink()
    return tmp_path / "data"


@pytest.fixture
def environ(tmp_path: Path, top: Path) -> Mapping[str, str]:
    settings = {"SQL_FILE": str(tmp_path / "index.sqlite")}
    make_index(top, settings)
    return settings


def change(environ: Mapping[str, str], *statements: str) -> None:
    database = Database(load(SqlConfig, environ))
    for statement in statements:
        database.execute(statement)
    database.close()


def everything(node: Any, start: float = T0 - 100, end: float = T0 + 1e5, **limits: Any) -> dict[str, Any]:
    """All that the node has in a range, by name, with its kind."""
    kinds = {field.name: (field.type, field.source) for field in node.fields(start, end)}
    found = node.read([*kinds], start, end, Limits(**limits))
    return {one.name: (kinds[one.name], one.t.tolist(), one.values.tolist()) for one in found}


def forget(environ: Mapping[str, str], names: list[str]) -> None:
    """Have a scan been interrupted before these files."""
    listed = ", ".join(f"'{name}'" for name in names)
    files = f"SELECT id FROM sisock_files WHERE filename IN ({listed})"
    change(
        environ,
        *(f"DELETE FROM {table} WHERE file_id IN ({files})" for table in ("sisock_spans", "sisock_chunks")),
        f"DELETE FROM sisock_files WHERE filename IN ({listed})",
        "DELETE FROM sisock_tiles",
    )


RANGES = [{}, {"max_points": 10}, {"min_stride": 400.0}, {"start": T0 + 610.5, "end": T0 + 1810.0}]


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_of_a_scan_that_was_interrupted_nothing_is_missed(
    top: Path, environ: Any, make_reader: Any, kept: int
) -> None:
    node = make_reader(environ)
    before = [everything(node, **what) for what in RANGES]
    assert before[0][f"{B}.channel_1"][0] == ("number", f"{B}.Channel 1")
    assert [before[0][f"{A}.{name}"][0][0] for name in ("open", "state")] == ["bool", "string"]
    node.close()
    forget(environ, sorted(path.name for path in top.iterdir())[kept:])
    with capture_logs() as logged:
        node = make_reader(environ)
        assert [everything(node, **what) for what in RANGES] == before
        assert [everything(node, **what) for what in RANGES] == before
    assert [entry["event"] for entry in logged] == ["index.unscanned"]
    node.close()


def test_a_database_of_the_predecessors_alone_is_served(environ: Any, make_reader: Any) -> None:
    node = make_reader(environ)
    before = everything(node)
    node.close()
    change(environ, *(f"DROP TABLE {table}" for table in TABLES))
    node = make_reader(environ)
    assert everything(node) == before
    assert everything(node, T0 - 9e5, T0 - 8e5) == everything(node, T0 + 8e5, T0 + 9e5) == {}
    assert everything(node, T0 + 100, T0 + 100) == {}
    (one,) = node.read([f"{A}.Channel 1"], T0, T0 + 10, Limits())  # the name that so3g uses
    assert len(one.t) == 10
    node.close()


def test_a_file_that_went_or_holds_no_frames_costs_only_itself(
    top: Path, environ: Any, make_reader: Any
) -> None:
    change(environ, *(f"DROP TABLE {table}" for table in TABLES))
    first, second, third, _fourth = sorted(top.iterdir())
    first.unlink()
    second.write_bytes(b"no frame" * 100)
    third.write_bytes(b"no gzip")
    with capture_logs() as logged:
        node = make_reader(environ)
        found = [everything(node) for _ in range(2)]
    assert found[0] == found[1]
    t = found[0][f"{A}.channel_1"][1]
    assert (t[0], t[-1]) == (T0 + 1800, T0 + 2399)
    told = [entry["path"] for entry in logged if entry["event"] == "file.unreadable"]
    assert sorted(told) == sorted(map(str, (first, second, third)))
    node.close()


def test_more_than_can_be_read_through_is_refused_until_it_is_known(
    top: Path, environ: Any, make_reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(environ, *(f"DROP TABLE {table}" for table in TABLES))
    # The newest is looked into for the kinds of its fields, and known then.
    size = sum(path.stat().st_size for path in sorted(top.iterdir())[:3])
    node = make_reader(environ)
    monkeypatch.setattr("sisock_g3_reader.node.MOST_UNREAD_BYTES", size - 1)
    with pytest.raises(TooMuchDataError, match="sisock-g3-file-scanner"):
        node.read([f"{A}.channel_1"], T0, T0 + 2400, Limits())
    monkeypatch.setattr("sisock_g3_reader.node.MOST_UNREAD_BYTES", size)
    assert len(next(iter(node.read([f"{A}.channel_1"], T0, T0 + 2400, Limits()))).t) == 2400
    monkeypatch.setattr("sisock_g3_reader.node.MOST_UNREAD_BYTES", 0)
    assert len(next(iter(node.read([f"{A}.channel_1"], T0, T0 + 2400, Limits()))).t) == 2400
    assert node.memory_bytes > 0
    node.close()


def test_two_gigabytes_are_read_through_and_a_byte_more_is_not(
    top: Path, environ: Any, make_reader: Any
) -> None:
    change(environ, *(f"DROP TABLE {table}" for table in TABLES))
    first = min(top.iterdir())
    rest = sum(path.stat().st_size for path in sorted(top.iterdir())[1:3])  # the newest is known then
    node = make_reader(environ)
    for size, refused in ((2 * 2**30 + 1, True), (2 * 2**30, False)):
        os.truncate(first, size - rest)  # no such room is taken on the disk
        with pytest.raises(TooMuchDataError) if refused else nullcontext():
            assert len(next(iter(node.read([f"{A}.channel_1"], T0, T0 + 2400, Limits()))).t) == 2400
    node.close()

"""A predecessor's database is served as its scanner filled it: MariaDB, without rights to write."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pymysql
import pytest
import structlog
from sisock import Limits
from sisock.errors import TooMuchDataError
from sisock_g3.testing import MariaDb, Writer

T0 = 1_600_000_000.0
A, B = "observatory.LSA22YE", "observatory.LSA22ZC"
DATABASE = "predecessor"

# As deployed sites have them; MariaDB 10.3 makes latin1 tables by default.
TABLES = (
    "CREATE TABLE feeds (id INT AUTO_INCREMENT PRIMARY KEY, filename VARCHAR(255), path VARCHAR(255), "
    "prov_id INT, description VARCHAR(255), scanned BOOL NOT NULL DEFAULT 0) DEFAULT CHARSET=latin1",
    "CREATE UNIQUE INDEX idx ON feeds (filename, prov_id)",
    "CREATE TABLE fields (feed_id INT NOT NULL, field VARCHAR(255), start DATETIME(6), end DATETIME(6)) "
    "DEFAULT CHARSET=latin1",
    "CREATE UNIQUE INDEX idx ON fields (feed_id, field)",
    "CREATE TABLE description (description VARCHAR(255) NOT NULL PRIMARY KEY) DEFAULT CHARSET=latin1",
)


def write_archive(top: Path, files: int = 4) -> None:
    """Files of ten minutes, one or two feeds, numbers, bools and texts, as so3g writes them."""
    for number in range(files):
        begin = T0 + 600 * number
        writer = Writer(top / str(int(begin))[:5] / f"{int(begin)}.g3")
        feeds = [writer.feed(A), *([writer.feed(B)] if number else [])]
        for minute in range(10):
            t = begin + 60 * minute + np.arange(60.0)
            for feed in feeds:
                columns = {
                    "Channel 01 R": np.sin(t / 100) * 10 + feed.prov_id,
                    "Channel 01 T": np.arange(60) + minute,
                }
                writer.data(feed, t, block={**columns, "state": ["on"] * 60, "open": t % 2 == 0})
        writer.close()


def fill(server: MariaDb, top: Path, zone_h: float) -> None:
    """What the predecessor's scanner, of a machine in some zone, writes of files: read with so3g."""
    from so3g import hk

    def local(t: float) -> str:
        return str((datetime.fromtimestamp(t, UTC) + timedelta(hours=zone_h)).replace(tzinfo=None))

    server.sql(f"USE {DATABASE}", *TABLES)
    rows: list[tuple[str, tuple[Any, ...]]] = []
    number = 0
    for path in sorted(top.rglob("*.g3")):
        scanner = hk.HKArchiveScanner()
        scanner.process_file(str(path))
        groups = scanner.finalize().field_groups
        for prov_id, description in enumerate((A, B)):
            mine = [group for group in groups if group.prefix.startswith(description)]
            if not mine:
                continue
            number += 1
            rows.append(
                (
                    "INSERT INTO feeds VALUES (%s, %s, %s, %s, %s, 1)",
                    (number, path.name, str(path.parent), prov_id, description),
                )
            )
            for field in ("Channel 01 R", "Channel 01 T", "open", "state"):
                start, end = mine[0].cover.array()[0, 0], mine[-1].cover.array()[-1, -1]
                rows.append(
                    ("INSERT INTO fields VALUES (%s, %s, %s, %s)", (number, field, local(start), local(end)))
                )
                name = f"{description}.{field.lower().replace(' ', '_')}"
                rows.append(("INSERT IGNORE INTO description VALUES (%s)", (name,)))
    connection = pymysql.connect(
        host="127.0.0.1", port=server.port, user="development", password="development", database=DATABASE
    )
    with connection, connection.cursor() as cursor:
        for statement, values in rows:
            cursor.execute(statement, values)
        connection.commit()


@pytest.fixture(params=[0.0, -4.0], ids=["utc", "santiago"])
def predecessor(request: Any, mariadb: MariaDb, tmp_path: Path) -> tuple[Path, Mapping[str, str]]:
    """An archive, and the environment of a user who may only read its database."""
    environ = mariadb.fresh(DATABASE)
    write_archive(tmp_path / "data")
    fill(mariadb, tmp_path / "data", request.param)
    mariadb.sql(
        "CREATE USER IF NOT EXISTS 'watcher'@'%' IDENTIFIED BY 'w'",
        f"GRANT SELECT ON {DATABASE}.* TO 'watcher'@'%'",
    )
    return tmp_path / "data", {**environ, "SQL_USER": "watcher", "SQL_PASSWD": "w"}


@pytest.fixture
def node(predecessor: Any, make_reader: Any) -> Any:
    reader = make_reader(predecessor[1])
    yield reader
    reader.close()


def everything(
    node: Any, start: float, end: float, **limits: Any
) -> dict[str, tuple[list[float], list[Any]]]:
    """All that the node has, by name."""
    names = [field.name for field in node.fields(start, end)]
    found = node.read(names, start, end, Limits(**limits))
    return {one.name: (np.round(one.t, 3).tolist(), one.values.tolist()) for one in found}


def test_the_predecessors_fields_are_listed_with_their_types(node: Any) -> None:
    kinds = {field.name: field.type for field in node.fields(T0, T0 + 3600)}
    columns = {"channel_01_r": "number", "channel_01_t": "number", "state": "string", "open": "bool"}
    assert kinds == {f"{feed}.{name}": kind for feed in (A, B) for name, kind in columns.items()}
    channels = ["Channel 01 R", "Channel 01 T", "state", "open"]
    sources = {field.source for field in node.fields(T0, T0 + 3600)}
    assert sources == {f"{feed}.{channel}" for feed in (A, B) for channel in channels}
    assert list(node.fields(T0 - 9e5, T0 - 8e5)) == []
    assert list(node.fields(T0 + 8e5, T0 + 9e5)) == []


def test_samples_come_out_of_the_files_that_the_predecessor_noted(node: Any) -> None:
    with structlog.testing.capture_logs() as events:
        found = everything(node, T0 + 300, T0 + 1500)
        everything(node, T0 + 300, T0 + 1500)
    t = np.arange(T0 + 300, T0 + 1500)
    assert found[f"{A}.channel_01_r"] == (t.tolist(), (np.sin(t / 100) * 10).tolist())
    t = np.arange(T0 + 600, T0 + 1500)
    assert found[f"{B}.channel_01_r"] == (t.tolist(), (np.sin(t / 100) * 10 + 1).tolist())
    assert found[f"{B}.state"] == (t.tolist(), ["on"] * 900)
    assert found[f"{B}.open"] == (t.tolist(), (t % 2 == 0).tolist())
    [said] = events
    assert said["event"] == "index.unscanned"
    assert "a scan makes it fast" in said["why"]


def test_names_of_so3g_find_the_predecessors_fields_too(node: Any) -> None:
    [found] = node.read([f"{A}.Channel 01 T"], T0, T0 + 60, Limits())
    assert (found.name, found.values.tolist()) == (f"{A}.Channel 01 T", list(range(60)))


def test_a_picture_of_files_that_nobody_scanned_keeps_its_extremes(node: Any, predecessor: Any) -> None:
    t = np.arange(T0, T0 + 2400)
    truth = np.sin(t / 100) * 10
    [found] = node.read([f"{A}.channel_01_r"], T0 - 100, T0 + 1e5, Limits(max_points=10))
    assert len(found.t) <= 10
    assert (found.values.min(), found.values.max()) == (truth.min(), truth.max())
    assert (found.t[0], found.t[-1]) == (T0, T0 + 2399)


def test_a_scan_changes_nothing_but_the_speed(
    node: Any, predecessor: Any, mariadb: MariaDb, scan: Any
) -> None:
    top, _ = predecessor
    whole = (T0 - 100, T0 + 1e5)
    before, drawn = everything(node, *whole), everything(node, *whole, max_points=10)
    writing = mariadb.environ(DATABASE)
    # A scan that was interrupted: of two files it knows, of the others the predecessor.
    hidden = sorted(top.rglob("*.g3"))[2:]
    scan(top, writing)
    names = ", ".join(f"'{path.name}'" for path in hidden)
    mariadb.sql(
        f"USE {DATABASE}",
        *(
            f"DELETE x FROM {DATABASE}.{table} x JOIN {DATABASE}.sisock_files f ON f.id = x.file_id "
            f"WHERE f.filename IN ({names})"
            for table in ("sisock_spans", "sisock_chunks")
        ),
        f"DELETE FROM {DATABASE}.sisock_tiles",
        f"DELETE FROM {DATABASE}.sisock_files WHERE filename IN ({names})",
    )
    assert (everything(node, *whole), everything(node, *whole, max_points=10)) == (before, drawn)
    scan(top, writing)
    assert (everything(node, *whole), everything(node, *whole, max_points=10)) == (before, drawn)


def test_files_that_went_or_were_damaged_cost_only_themselves(node: Any, predecessor: Any) -> None:
    first, second, *_ = sorted(predecessor[0].rglob("*.g3"))
    first.unlink()
    data = bytearray(second.read_bytes())
    data[len(data) // 2] ^= 1
    second.write_bytes(data)
    with structlog.testing.capture_logs() as events:
        for _ in range(2):
            found = everything(node, T0, T0 + 2400)
    t, values = map(np.array, found[f"{A}.channel_01_r"])
    assert values.tolist() == (np.sin(t / 100) * 10).tolist()
    assert t[0] == T0 + 600
    assert 1740 <= len(t) <= 1800
    told = {event["path"]: event["why"] for event in events if event["event"] == "file.unreadable"}
    assert set(told) == {str(first), str(second)}
    assert "are lost: the checksum of the frame is wrong" in told[str(second)]
    assert len([event for event in events if event["event"] == "file.unreadable"]) == 2


def test_more_than_can_be_read_through_is_refused(node: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("sisock_g3_reader.node.MOST_UNREAD_BYTES", 10_000)
    with pytest.raises(TooMuchDataError, match="sisock-g3-file-scanner"):
        node.read([f"{A}.channel_01_r"], T0, T0 + 2400, Limits())

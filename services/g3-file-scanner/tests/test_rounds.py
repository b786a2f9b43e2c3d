"""The scanner as a process: killed, without its database, while files are written."""

import json
import random
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sisock.config import load
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database
from sisock_g3.errors import G3Error
from sisock_g3.tables import prepare
from sisock_g3.testing import MariaDb, Writer
from sisock_g3_file_scanner.config import Config
from sisock_g3_file_scanner.rounds import Rounds
from sisock_testing import wait_until

pytestmark = pytest.mark.peer


def rows(database: Database) -> int:
    try:
        return int(database.query("SELECT COUNT(*) FROM sisock_files")[0][0])
    except G3Error:
        return 0


def test_killed_at_random_moments_the_next_run_completes(kit, index_environ, tmp_path: Path) -> None:
    top = tmp_path / "data"
    for i in range(30):
        kit.write(top / f"{i}.g3", kit.T0 + i * kit.DAY, hours=2, step=1.0)
    moment = random.Random(4)
    killed = 0
    for i in range(20):
        kit.write(top / f"more-{i}.g3", kit.T0 + i * 3600)
        process = kit.run(index_environ, top, "--once")
        try:
            process.wait(moment.uniform(0.2, 0.6))
        except subprocess.TimeoutExpired:
            process.kill()
            killed += 1
        process.communicate(timeout=90)
    assert killed > 5
    process = kit.run(index_environ, top, "--once")
    process.communicate(timeout=110)
    assert process.returncode == 0
    database = Database(load(SqlConfig, index_environ))
    assert kit.same_as_fresh(database, top)
    database.close()


def test_mariadb_killed_during_a_scan_costs_nothing(kit, mariadb: MariaDb, tmp_path: Path) -> None:
    environ = mariadb.fresh("drill")
    top = tmp_path / "data"
    for i in range(40):
        kit.write(top / f"{i}.g3", kit.T0 + i * kit.DAY, hours=2, step=1.0)
    database = Database(load(SqlConfig, environ))
    prepare(database)
    process = kit.run(environ, top)
    try:
        wait_until(lambda: rows(database), what="the first files are written", deadline_s=30, step_s=0.001)
        database.close()
        mariadb.kill()
        mariadb.start()
        wait_until(lambda: rows(database) == 40, what="all files are written", deadline_s=60)
        over = (kit.T0 + 38 * kit.DAY) // kit.DAY
        due = "SELECT * FROM sisock_stale WHERE level = 1 AND tile < %s"
        wait_until(lambda: not database.query(due, [over]), what="tiles are made")
        assert process.poll() is None
    finally:
        process.terminate()
        told = process.communicate(timeout=90)[1].decode()
    assert process.returncode == 0
    assert told.count("database.away") <= 1
    assert kit.same_as_fresh(database, top)
    database.close()


def test_a_database_that_comes_later_is_waited_for(kit, mariadb: MariaDb, tmp_path: Path) -> None:
    environ = mariadb.fresh("later")
    kit.write(tmp_path / "data" / "1.g3")
    health = tmp_path / "healthy"
    mariadb.stop()
    process = kit.run({**environ, "HEALTH_FILE": str(health)}, tmp_path / "data")
    try:
        wait_until(lambda: process.poll() is None and not health.exists(), what="it waits")
        mariadb.start()
        wait_until(health.exists, what="it has scanned", deadline_s=40)
    finally:
        mariadb.start()
        process.terminate()
        told = process.communicate(timeout=90)[1].decode()
    assert process.returncode == 0
    assert not health.exists()
    assert json.loads(told.splitlines()[-1])["event"] == "service.stopped"


def test_a_frame_is_indexed_seconds_after_it_was_written(kit, tmp_path: Path) -> None:
    environ = {"SQL_FILE": str(tmp_path / "index.sqlite"), "SCAN_INTERVAL": "3600"}
    top = tmp_path / "data"
    kit.write(top / "old.g3", kit.T0 - kit.DAY)
    database = Database(load(SqlConfig, environ))
    prepare(database)
    process = kit.run(environ, top)
    try:
        wait_until(lambda: rows(database) == 1, what="the first scan is done", deadline_s=20)
        writer = Writer(top / "16000" / "new.g3")
        feed = writer.feed(kit.FEED)
        for i in range(3):
            t = kit.T0 + 10 * i + np.arange(10.0)
            writer.data(feed, t, temps={"a": np.zeros(10)})
            writer.flush()
            wait_until(lambda i=i: samples(database) == 10 * (i + 1), what=f"frame {i}", deadline_s=60)
        writer.close()
    finally:
        process.terminate()
        process.communicate(timeout=90)
    assert process.returncode == 0
    database.close()


def test_a_file_that_goes_leaves_the_index_within_seconds(kit, archive, tmp_path: Path) -> None:
    environ = {"SQL_FILE": str(tmp_path / "index.sqlite"), "SCAN_INTERVAL": "3600"}
    database = Database(load(SqlConfig, environ))
    prepare(database)
    process = kit.run(environ, archive)
    try:
        wait_until(lambda: rows(database) == 6, what="the first scan is done", deadline_s=20)
        first, second, *_ = sorted(archive.rglob("*.g3"))
        first.unlink()
        wait_until(lambda: rows(database) == 5, what="it is noticed", deadline_s=60)
        second.rename(second.with_name("other.g3"))
        kit.write(archive / "new" / "deep" / "3.g3", kit.T0 + 3e6)
        wait_until(lambda: rows(database) == 6, what="a new directory is noticed", deadline_s=60)
    finally:
        process.terminate()
        process.communicate(timeout=90)
    assert process.returncode == 0
    assert kit.same_as_fresh(database, archive)
    database.close()


class Deleting:
    """A log in whose hearing the first scan ends: the moment in which a file is deleted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.scans: list[dict[str, Any]] = []

    def info(self, event: str, **fields: Any) -> None:
        if event == "scan.done":
            self._path.unlink(missing_ok=True)
            self.scans.append(fields)

    def warning(self, event: str, **fields: Any) -> None:
        raise AssertionError(event, fields)


def test_what_changes_right_after_the_first_scan_is_noticed_before_the_next(kit, archive, tmp_path) -> None:
    environ = {"SQL_FILE": str(tmp_path / "index.sqlite"), "SCAN_INTERVAL": "3600"}
    log = Deleting(min(archive.rglob("*.g3")))
    rounds = Rounds(load(Config, {**environ, "DATA_DIRECTORY": str(archive)}), log)  # type: ignore[arg-type]
    running = threading.Thread(target=rounds.run)
    running.start()
    try:
        wait_until(lambda: len(log.scans) > 1, what="the deleted file is noticed", deadline_s=20)
    finally:
        rounds.stop()
        running.join(20)
    assert [scan["removed"] for scan in log.scans] == [0, 1]


def samples(database: Database) -> int:
    found = database.query(
        "SELECT c.samples FROM sisock_chunks c JOIN sisock_files f ON f.id = c.file_id "
        "WHERE f.filename = 'new.g3'"
    )
    return int(found[0][0]) if found else 0


@pytest.mark.parametrize("once", [True, False])
def test_a_database_that_refuses_ends_the_process_with_a_clear_line(
    kit, mariadb: MariaDb, tmp_path, once
) -> None:
    environ = mariadb.fresh("refusing")
    kit.write(tmp_path / "data" / "1.g3")
    arguments = ["--once"] if once else []
    health = tmp_path / "healthy"
    mariadb.sql(
        "CREATE TABLE refusing.feeds (id INT)",  # somebody else's table: no column of ours
        "CREATE USER IF NOT EXISTS 'watcher'@'%' IDENTIFIED BY 'w'",
        "GRANT SELECT ON refusing.* TO 'watcher'@'%'",
    )
    for change, word in (
        ({"SQL_PASSWD": "wrong"}, "Access denied"),
        ({"SQL_DB": "nowhere"}, "nowhere"),
        ({"SQL_USER": "watcher", "SQL_PASSWD": "w"}, "denied"),
        ({}, "column"),
    ):
        process = kit.run({**environ, "HEALTH_FILE": str(health), **change}, tmp_path / "data", *arguments)
        told = process.communicate(timeout=90)[1].decode()
        assert process.returncode == 1, told
        refused, stopped = map(json.loads, told.splitlines())
        assert refused["event"] == "service.refused"
        assert word in refused["why"]
        assert (stopped["event"], stopped["code"]) == ("service.stopped", 1)
        assert not health.exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SCAN_INTERVAL", "soon"),
        ("PROCESSES", "0"),
        ("SQL_PORT", "x"),
        ("LOGLEVEL", "loud"),
        ("SUMMARIES", "2"),
    ],
)
def test_a_wrong_value_ends_in_a_sentence_that_names_it(kit, tmp_path, variable: str, value: str) -> None:
    process = kit.run({variable: value}, tmp_path, "--once")
    told = process.communicate(timeout=90)[1].decode()
    assert process.returncode == 2
    assert f"{variable}='{value}'" in told
    assert len(told.strip().splitlines()) == 1


def test_an_interval_of_nothing_is_accepted_and_leaves_the_disk_a_breath() -> None:
    assert load(Config, {"SCAN_INTERVAL": "0", "SQL_FILE": "x"}).scan_interval_s == 1.0
    assert load(Config, {"SCAN_INTERVAL": "0.5", "SQL_FILE": "x"}).scan_interval_s == 0.5

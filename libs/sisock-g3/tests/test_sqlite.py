"""Connections, tables and the little that all of the index stands on; SQLite."""

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sisock.config import load
from sisock.errors import ConfigError
from sisock_g3 import names
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database, Pool, marks
from sisock_g3.decoding import widest
from sisock_g3.fingerprint import TAIL_BYTES, tail
from sisock_g3.index import fields
from sisock_g3.refusals import DatabaseBusyError, NotPreparedError, StatementError, meaning
from sisock_g3.tables import prepare


def test_a_pool_makes_a_connection_for_each_thread_that_asks_at_once(
    environ: dict[str, str], database: Database
) -> None:
    pool = Pool(load(SqlConfig, environ))
    with pool.database() as one, pool.database() as other:
        assert one is not other
        assert one.query("SELECT 1") == other.query("SELECT 1") == [(1,)]
        with pytest.raises(StatementError, match="readonly"):
            one.execute("DELETE FROM sisock_files")
    with pool.database() as again:
        assert again in (one, other)
    closed: list[Any] = []
    for made in (one, other):
        made.query("SELECT 1")
        made._driver = SimpleNamespace(close=lambda: closed.append(1), cursor=made._driver.cursor)  # type: ignore[union-attr]
    pool.close()
    assert closed == [1, 1]
    with pool.database() as fresh:
        assert fresh not in (one, other)


def test_a_connection_is_made_once_and_again_after_it_was_closed(database: Database) -> None:
    driver = database._connected()
    assert database._connected() is driver
    database.close()
    database.close()
    assert database.query("SELECT 1") == [(1,)]
    assert database._driver is not driver

    def torn() -> None:
        raise sqlite3.OperationalError("torn")

    database._driver = SimpleNamespace(close=torn, cursor=None)  # type: ignore[assignment]
    database.close()
    assert database.query("SELECT 1") == [(1,)]


def test_after_a_statement_that_failed_the_connection_is_made_anew_but_not_for_tables_that_are_missing(
    database: Database,
) -> None:
    driver = database._connected()
    with pytest.raises(NotPreparedError):
        database.query("SELECT * FROM nowhere")
    assert database._driver is driver
    with pytest.raises(StatementError):
        database.query("SELEKT")
    assert database._driver is None


def test_a_connection_that_breaks_inside_of_a_transaction_leaves_none_open(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Database.execute

    def execute(self: Database, statement: str, values: Any = ()) -> int:
        if statement == "ROLLBACK":
            raise DatabaseBusyError("gone")
        return original(self, statement, values)

    monkeypatch.setattr(Database, "execute", execute)

    def fail() -> None:
        with database.transaction():
            database.execute("INSERT INTO description (description) VALUES ('a')")
            raise KeyError

    for _ in range(2):
        with pytest.raises(KeyError):
            fail()
        assert database._driver is None
    assert database.query("SELECT * FROM description") == []


def test_rows_are_numbered_and_many_are_inserted_at_once(database: Database) -> None:
    insert = "INSERT INTO sisock_providers (description) VALUES (%s)"
    assert [database.execute(insert, [name]) for name in "ab"] == [1, 2]
    database.executemany(insert, [])
    database.executemany(insert, (["c"], ["d"]))
    assert database.query("SELECT description FROM sisock_providers ORDER BY id") == [
        ("a",),
        ("b",),
        ("c",),
        ("d",),
    ]
    assert marks([1, 2, 3]) == "(%s, %s, %s)"
    assert database.query(f"SELECT 1 WHERE 5 IN {marks([])}") == []


def test_what_is_read_inside_of_a_transaction_is_one_state(
    environ: dict[str, str], database: Database
) -> None:
    reader = Database(load(SqlConfig, environ), read_only=True)
    with reader.transaction(write=False):
        assert reader.query("SELECT COUNT(*) FROM description") == [(0,)]
        database.execute("INSERT INTO description (description) VALUES ('a')")
        assert reader.query("SELECT COUNT(*) FROM description") == [(0,)]
    assert reader.query("SELECT COUNT(*) FROM description") == [(1,)]
    reader.close()


def test_who_writes_has_the_database_from_the_beginning_of_the_transaction(
    environ: dict[str, str], database: Database
) -> None:
    other = Database(load(SqlConfig, environ))
    other.query("PRAGMA busy_timeout = 0")
    with database.transaction(), pytest.raises(DatabaseBusyError):
        other.execute("INSERT INTO description (description) VALUES ('a')")
    other.close()


def test_sqlites_locks_are_waited_out_and_names_are_without_passwords() -> None:
    locked = sqlite3.OperationalError("database is locked")
    locked.sqlite_errorcode = 5 | 2 << 8  # type: ignore[misc] # SQLITE_BUSY, with what kind it is
    assert type(meaning("x", locked)) is DatabaseBusyError
    assert type(meaning("x", sqlite3.OperationalError("disk I/O error"))) is StatementError
    login = {"SQL_HOST": "db", "SQL_USER": "u", "SQL_PASSWD": "hidden"}
    assert str(Database(load(SqlConfig, login))) == "db:3306/files"
    assert str(Database(load(SqlConfig, {"SQL_FILE": "/x.sqlite"}))) == "/x.sqlite"
    with pytest.raises(ConfigError, match="SQL_USER is required"):
        load(SqlConfig, {"SQL_HOST": "db", "SQL_PASSWD": "x"})


def test_definitions_of_tables_differ_as_the_engines_do(database: Database) -> None:
    text = "CREATE TABLE x (id INT $auto, n VARCHAR(5) $exact, b $blob) $options"
    assert database.dialect(text) == "CREATE TABLE x (id INTEGER PRIMARY KEY, n VARCHAR(5) , b BLOB) "
    login = {"SQL_HOST": "db", "SQL_USER": "u", "SQL_PASSWD": "x"}
    mariadb = Database(load(SqlConfig, login)).dialect(text)
    assert "id INT NOT NULL AUTO_INCREMENT PRIMARY KEY" in mariadb
    assert "b MEDIUMBLOB) ENGINE=InnoDB" in mariadb


def test_an_index_is_prepared_when_its_version_is_noted(environ: dict[str, str], database: Database) -> None:
    assert fields.is_prepared(database)
    assert database.query("SELECT version FROM sisock_schema ORDER BY version") == [(1,), (2,)]
    database.execute("DELETE FROM sisock_schema")
    assert not fields.is_prepared(database)
    database.execute("DROP TABLE sisock_schema")
    assert not fields.is_prepared(database)


def test_upgrades_are_made_once_and_never_of_an_index_that_is_new(database: Database) -> None:
    database.execute(
        "INSERT INTO sisock_files "
        "(path, filename, size, mtime_ns, indexed, tail, state, cut, reported, problem) "
        "VALUES ('/data', '1.g3', 1, 5, 1, 1, '{}', 0, 0, '')"
    )
    database.execute("UPDATE sisock_files SET problem = 'damaged', reported = 1")
    looked = "SELECT mtime_ns, reported FROM sisock_files"
    prepare(database)
    assert database.query(looked) == [(5, 1)]
    database.execute("DELETE FROM sisock_schema")
    prepare(database)
    assert database.query(looked) == [(5, 1)]
    database.execute("DELETE FROM sisock_schema WHERE version = 2")
    prepare(database)
    assert database.query(looked) == [(0, 0)]


def test_the_tail_of_a_file_is_its_last_pages_before_an_end(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" + b"a" * TAIL_BYTES + b"b")
    whole = tail(path, TAIL_BYTES + 1)
    path.write_bytes(b"y" + b"a" * TAIL_BYTES + b"c")
    assert tail(path, TAIL_BYTES + 1) == whole
    assert tail(path, TAIL_BYTES) != tail(path, TAIL_BYTES + 1)
    path.write_bytes(b"x" + b"c" + b"a" * (TAIL_BYTES - 1) + b"b")
    assert tail(path, TAIL_BYTES + 1) != whole
    path.write_bytes(b"ab")
    before = tail(path, 1)
    path.write_bytes(b"ac")
    assert tail(path, 1) == before != tail(path, 2)
    path.write_bytes(b"bc")
    assert tail(path, 1) != before


def test_kinds_and_names() -> None:
    assert widest({"bool"}) == "bool"
    assert widest({"bool", "number"}) == widest({"number"}) == "number"
    assert widest({"bool", "number", "string"}) == "string"
    assert names.fits("a" * 200, "b" * 54)
    assert not names.fits("a" * 200, "b" * 55)
    assert names.listed("observatory.LSA22YE", "Channel 01 R") == "observatory.LSA22YE.channel_01_r"

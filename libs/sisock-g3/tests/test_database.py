"""The index's tables on both engines, and the predecessor's tables upgraded."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sisock.config import load
from sisock.errors import ConfigError
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database
from sisock_g3.refusals import DatabaseAwayError, DatabaseBusyError, NotPreparedError, StatementError, meaning
from sisock_g3.tables import prepare
from sisock_g3.testing import MariaDb

PREDECESSOR = (
    "CREATE TABLE feeds (id INT AUTO_INCREMENT PRIMARY KEY, filename VARCHAR(255), path VARCHAR(255), "
    "prov_id INT, description VARCHAR(255), scanned BOOL NOT NULL DEFAULT 0)",
    "CREATE UNIQUE INDEX idx ON feeds (filename, prov_id)",
    "CREATE TABLE fields (feed_id INT NOT NULL, field VARCHAR(255), start DATETIME(6), end DATETIME(6))",
    "CREATE UNIQUE INDEX idx ON fields (feed_id, field)",
    "CREATE TABLE description (description VARCHAR(255) NOT NULL PRIMARY KEY)",
    "INSERT INTO feeds VALUES (7, '2019-03-18-16-52-46.g3', '/data/15529', 0, 'observatory.LSA22ZC', 1)",
    "INSERT INTO fields VALUES (7, 'Channel 1', '2019-03-18 16:51:55.76', '2019-03-18 17:01:56.77')",
    "INSERT INTO description VALUES ('observatory.LSA22ZC.channel_1')",
)

MADE = "CREATE UNIQUE INDEX sisock_unique_feed ON feeds (path, filename, prov_id)"


def test_tables_are_made_once_and_stay(index_environ) -> None:
    database = Database(load(SqlConfig, index_environ))
    prepare(database)
    database.execute("INSERT INTO description (description) VALUES (%s)", ["a.b"])
    prepare(database)
    assert database.query("SELECT description FROM description") == [("a.b",)]
    database.close()


class Told:
    """A MariaDB with these unique indexes on `feeds`; keeps what it is told to do to them."""

    is_sqlite = False

    def __init__(self, **indexes: tuple[str, ...]) -> None:
        self._rows = [(name, column) for name, columns in indexes.items() for column in columns]
        self.told: list[str] = []

    def dialect(self, _: str) -> str:
        return ""

    def query(self, statement: str) -> list[Any]:
        return self._rows if "statistics" in statement else []

    def execute(self, statement: str) -> None:
        self.told.append(statement)

    def executemany(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("indexes", "told"),
    [
        ({"idx": ("filename", "prov_id")}, [MADE, "ALTER TABLE feeds DROP INDEX `idx`"]),
        ({"own": ("path", "filename", "prov_id"), "idx": ("prov_id", "filename")},
         ["ALTER TABLE feeds DROP INDEX `idx`"]),
        ({"own": ("path", "filename", "prov_id"), "PRIMARY": ("id",)}, []),
        ({"PRIMARY": ("id",)}, [MADE]),
    ],
)  # fmt: skip
def test_of_unique_indexes_only_the_predecessors_goes_once_ours_is_there(
    indexes: dict[str, tuple[str, ...]], told: list[str]
) -> None:
    database = Told(**indexes)
    prepare(database)  # type: ignore[arg-type]
    assert database.told == told


def test_what_fails_inside_a_transaction_never_happened(index_environ) -> None:
    database = Database(load(SqlConfig, index_environ))
    prepare(database)

    def fail() -> None:
        with database.transaction():
            database.execute("INSERT INTO description (description) VALUES (%s)", ["a.b"])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert database.query("SELECT description FROM description") == []
    database.close()


def test_a_reader_is_told_that_there_is_no_index_yet(index_environ) -> None:
    database = Database(load(SqlConfig, index_environ), read_only=True)
    with pytest.raises(NotPreparedError):
        database.query("SELECT * FROM sisock_files")
    database.close()


def test_the_predecessors_database_is_upgraded_in_place(mariadb: MariaDb) -> None:
    database = Database(load(SqlConfig, mariadb.fresh()))
    for statement in PREDECESSOR:
        database.execute(statement)
    prepare(database)
    assert database.query("SELECT id, path, description FROM feeds") == [
        (7, "/data/15529", "observatory.LSA22ZC")
    ]
    # Two directories may hold files of the same name now.
    database.execute(
        "INSERT INTO feeds (filename, path, prov_id) VALUES ('2019-03-18-16-52-46.g3', '/data/other', 0)"
    )
    [(kind,)] = database.query(
        "SELECT column_type FROM information_schema.columns WHERE table_schema = DATABASE() "
        "AND table_name = 'fields' AND column_name = 'start'"
    )
    assert kind == "datetime(6)"
    database.close()


def test_a_database_that_is_away_is_said_by_name() -> None:
    environ = {"SQL_HOST": "127.0.0.1", "SQL_PORT": "1", "SQL_USER": "u", "SQL_PASSWD": "hidden"}
    with pytest.raises(DatabaseAwayError, match=r"127\.0\.0\.1:1/files") as caught:
        Database(load(SqlConfig, environ)).query("SELECT 1")
    assert "hidden" not in str(caught.value)


def test_half_a_login_is_refused() -> None:
    with pytest.raises(ConfigError, match="SQL_PASSWD is required"):
        load(SqlConfig, {"SQL_HOST": "database", "SQL_USER": "u"})


def test_only_what_a_while_may_mend_is_absence() -> None:
    from pymysql import err

    told = {
        DatabaseAwayError: [
            err.OperationalError(2003, "Can't connect to MySQL server on 'database'"),
            err.OperationalError(2006, "MySQL server has gone away (BrokenPipeError(32, 'Broken pipe'))"),
            err.OperationalError(2013, "Lost connection to MySQL server during query"),
            err.OperationalError(1053, "Server shutdown in progress"),
            err.OperationalError(1040, "Too many connections"),
            err.OperationalError(1927, "Connection was killed"),
            err.OperationalError(1021, "Disk full (/tmp/#sql); waiting for someone to free some space..."),
            err.OperationalError(1114, "The table 'sisock_spans' is full"),
            err.InterfaceError(0, ""),
            err.InternalError("Packet sequence number wrong - got 7 expected 1"),
            ConnectionResetError(104, "Connection reset by peer"),
            TimeoutError("timed out"),
        ],
        DatabaseBusyError: [
            err.OperationalError(1205, "Lock wait timeout exceeded; try restarting transaction"),
            err.OperationalError(1213, "Deadlock found when trying to get lock; try restarting transaction"),
        ],
        NotPreparedError: [err.ProgrammingError(1146, "Table 'files.sisock_files' doesn't exist")],
        StatementError: [
            err.OperationalError(1054, "Unknown column 'x' in 'field list'"),
            err.ProgrammingError(1064, "You have an error in your SQL syntax"),
            err.OperationalError(1045, "Access denied for user 'development'@'%'"),
            err.OperationalError(1142, "INSERT command denied to user"),
            err.OperationalError(1049, "Unknown database 'fles'"),
            err.DataError(1406, "Data too long for column 'field' at row 1"),
            err.IntegrityError(1062, "Duplicate entry"),
        ],
    }
    for kind, errors in told.items():
        for error in errors:
            meant = meaning("database:3306/files", error)
            assert type(meant) is kind, error
            assert "database:3306/files" in str(meant)


def test_a_disk_that_is_full_is_waited_for() -> None:
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA max_page_count=2")
    database.execute("CREATE TABLE t (x)")
    with pytest.raises(sqlite3.OperationalError) as caught:
        database.execute("INSERT INTO t VALUES (zeroblob(100000))")
    database.close()
    assert isinstance(meaning("index.sqlite", caught.value), DatabaseAwayError)


@pytest.mark.parametrize(
    "statement", ["SELECT nonsense FROM feeds", "SELEKT 1", "INSERT INTO feeds VALUES (1)"]
)
def test_a_mistake_in_a_statement_is_no_absence(index_environ, statement: str) -> None:
    database = Database(load(SqlConfig, index_environ))
    prepare(database)
    with pytest.raises(StatementError):
        database.execute(statement)
    assert database.query("SELECT 1") == [(1,)]
    database.close()


def test_a_row_that_is_there_twice_is_refused_on_both_engines(index_environ) -> None:
    database = Database(load(SqlConfig, index_environ))
    prepare(database)
    insert = "INSERT INTO description (description) VALUES ('a.b')"
    database.execute(insert)
    with pytest.raises(StatementError):
        database.execute(insert)
    database.close()


def test_logins_that_are_refused_are_no_absence(mariadb: MariaDb) -> None:
    environ = mariadb.fresh("refusing")
    for change, word in (({"SQL_PASSWD": "wrong"}, "Access denied"), ({"SQL_DB": "nowhere"}, "nowhere")):
        with pytest.raises(StatementError, match=word):
            Database(load(SqlConfig, {**environ, **change})).query("SELECT 1")


def test_a_connection_that_is_killed_is_absence_and_comes_back(mariadb: MariaDb) -> None:
    database = Database(load(SqlConfig, mariadb.fresh("killed")))
    ((number,),) = database.query("SELECT CONNECTION_ID()")
    mariadb.sql(f"KILL {number}")
    with pytest.raises(DatabaseAwayError):
        database.query("SELECT 1")
    assert database.query("SELECT 1") == [(1,)]
    database.close()


def test_somebody_elses_lock_is_neither_absence_nor_a_mistake(mariadb: MariaDb) -> None:
    config = load(SqlConfig, mariadb.fresh("locked"))
    one, other = Database(config), Database(config)
    prepare(one)
    one.execute("INSERT INTO description (description) VALUES ('a.b')")
    other.execute("SET innodb_lock_wait_timeout = 1")
    with one.transaction():
        one.execute("UPDATE description SET description = 'c.d'")
        with pytest.raises(DatabaseBusyError):
            other.execute("UPDATE description SET description = 'e.f'")
    assert other.query("SELECT description FROM description") == [("c.d",)]
    one.close()
    other.close()


def test_mariadb_is_asked_as_is_set_and_waited_for_with_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    from sisock_g3 import database as module

    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(module.pymysql, "connect", lambda **settings: asked.append(settings) or Connected())
    settings = {"SQL_HOST": "db", "SQL_PORT": "3307", "SQL_USER": "u", "SQL_PASSWD": "hidden", "SQL_DB": "d"}
    database = Database(load(SqlConfig, settings))
    with database.transaction(), database.transaction(write=False):
        assert database.query("SELECT %s", [5]) == [("SELECT %s", [5])]
        database.executemany("INSERT IGNORE INTO x VALUES (%s)", [[1], [2]])
    assert Connected.said == [
        "START TRANSACTION",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        "SELECT %s",
        "many: INSERT IGNORE INTO x VALUES (%s)",
        "COMMIT",
        "COMMIT",
    ]
    (one,) = asked
    login = {"host": "db", "port": 3307, "user": "u", "password": "hidden", "database": "d"}
    assert {name: one[name] for name in login} == login
    assert (one["charset"], one["autocommit"]) == ("utf8mb4", True)
    assert all(1 < one[name] <= 120 for name in ("connect_timeout", "read_timeout", "write_timeout"))


class Connected:
    """Stands for a connection with MariaDB, and for its cursor."""

    said: list[str] = []  # noqa: RUF012 (one test looks at it)
    lastrowid = 0

    def cursor(self) -> "Connected":
        return self

    def execute(self, statement: str, values: Any) -> None:
        self.said.append(statement)
        self.rows = [(statement, values)]

    def executemany(self, statement: str, _values: Any) -> None:
        self.said.append(f"many: {statement}")

    def fetchall(self) -> list[Any]:
        return self.rows


def test_the_password_does_not_print_and_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden\n")
    login = {"SQL_HOST": "db", "SQL_USER": "u", "SQL_PASSWD_FILE": str(tmp_path / "secret")}
    config = load(SqlConfig, login)
    assert config.sql_passwd is not None
    assert config.sql_passwd.reveal() == "hidden"
    assert "hidden" not in repr(config)
    assert (config.sql_port, config.sql_db) == (3306, "files")

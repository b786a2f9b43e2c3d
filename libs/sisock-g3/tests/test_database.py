"""The index's tables on both engines, and the predecessor's tables upgraded."""

import pytest
from sisock.config import load
from sisock.errors import ConfigError
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database, DatabaseAwayError, NotPreparedError
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


def test_tables_are_made_once_and_stay(index_environ) -> None:
    database = Database(load(SqlConfig, index_environ))
    prepare(database)
    database.execute("INSERT INTO description (description) VALUES (%s)", ["a.b"])
    prepare(database)
    assert database.query("SELECT description FROM description") == [("a.b",)]
    database.close()


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

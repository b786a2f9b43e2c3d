"""MariaDB through pymysql, or SQLite: one way to ask, two engines.

Statements are written for both, with ``%s`` where values go. What the tables mean is not known here.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from string import Template
from typing import Any, Protocol

import pymysql

from sisock_g3.config import SqlConfig
from sisock_g3.errors import G3Error
from sisock_g3.refusals import ENGINE_ERRORS, NotPreparedError, meaning

Row = tuple[Any, ...]

CONNECT_DEADLINE_S = 5
ANSWER_DEADLINE_S = 120


class _Driver(Protocol):
    def cursor(self) -> Any: ...

    def close(self) -> None: ...


class Database:
    """A connection, made when it is first needed and again when it was lost.

    To be used by one thread at a time.

    Parameters
    ----------
    config : SqlConfig
    read_only : bool
        Whether SQLite's file must exist already.
    """

    def __init__(self, config: SqlConfig, *, read_only: bool = False) -> None:
        self._config = config
        self._read_only = read_only
        self._driver: _Driver | None = None
        self.is_sqlite = not config.sql_host

    def __str__(self) -> str:
        """Name it for messages, without the password."""
        if self.is_sqlite:
            return str(self._config.sql_file)
        return f"{self._config.sql_host}:{self._config.sql_port}/{self._config.sql_db}"

    def close(self) -> None:
        """Let go of the connection; the next statement makes a new one."""
        driver, self._driver = self._driver, None
        if driver is not None:
            try:
                driver.close()
            except ENGINE_ERRORS:
                return

    def _connected(self) -> _Driver:
        if self._driver is None:
            self._driver = self._connect_sqlite() if self.is_sqlite else self._connect_mariadb()
        return self._driver

    def _connect_sqlite(self) -> _Driver:
        mode = "ro" if self._read_only else "rwc"
        if self._read_only and not self._config.sql_file.exists():
            raise NotPreparedError(f"there is no index {self._config.sql_file} yet")
        name = f"file:{self._config.sql_file.absolute()}?mode={mode}"
        driver = sqlite3.connect(name, uri=True, timeout=30, isolation_level=None, check_same_thread=False)
        if not self._read_only:
            driver.execute("PRAGMA journal_mode=WAL")
            driver.execute("PRAGMA synchronous=NORMAL")
        return driver

    def _connect_mariadb(self) -> _Driver:
        config = self._config
        return pymysql.connect(
            host=config.sql_host,
            port=config.sql_port,
            user=config.sql_user,
            password=config.sql_passwd.reveal() if config.sql_passwd else "",
            database=config.sql_db,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=CONNECT_DEADLINE_S,
            read_timeout=ANSWER_DEADLINE_S,
            write_timeout=ANSWER_DEADLINE_S,
        )

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Rows of a statement.

        Raises
        ------
        DatabaseAwayError, DatabaseBusyError, NotPreparedError, StatementError
            See `sisock_g3.refusals`.
        """
        return list(self._run(statement, values).fetchall())

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement; gives the id of the row that it inserted."""
        return int(self._run(statement, values).lastrowid or 0)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each of several rows."""
        listed = list(rows)
        if listed:
            self._run(statement, listed, many=True)

    def _run(self, statement: str, values: Sequence[Any], *, many: bool = False) -> Any:
        if self.is_sqlite:
            statement = statement.replace("%s", "?").replace("INSERT IGNORE", "INSERT OR IGNORE")
        try:
            cursor = self._connected().cursor()
            (cursor.executemany if many else cursor.execute)(statement, values)
        except ENGINE_ERRORS as error:
            meant = meaning(str(self), error)
            if not isinstance(meant, NotPreparedError):
                self.close()
            raise meant from error
        return cursor

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[None]:
        """All that is done inside happens at once, or not at all; reads see one state."""
        if write:
            self.execute("BEGIN IMMEDIATE" if self.is_sqlite else "START TRANSACTION")
        else:
            self.execute(
                "BEGIN" if self.is_sqlite else "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
            )
        try:
            yield
        except BaseException:
            if self._driver is not None:
                try:
                    self.execute("ROLLBACK")
                except G3Error:
                    self.close()
            raise
        self.execute("COMMIT")

    def dialect(self, text: str) -> str:
        """Fill in what differs between the engines in a definition of tables."""
        sqlite = {"auto": "PRIMARY KEY", "options": "", "exact": "", "blob": "BLOB"}
        mariadb = {
            "auto": "NOT NULL AUTO_INCREMENT PRIMARY KEY",
            "options": "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC",
            "exact": "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "blob": "MEDIUMBLOB",
        }
        filled = Template(text).substitute(sqlite if self.is_sqlite else mariadb)
        # SQLite numbers rows by itself only in a column of exactly this type.
        return filled.replace("id INT PRIMARY KEY", "id INTEGER PRIMARY KEY") if self.is_sqlite else filled


def marks(values: Sequence[Any]) -> str:
    """Places for several values in a statement: ``(%s, %s)``."""
    return f"({', '.join(['%s'] * len(values)) or 'NULL'})"


class Pool:
    """Connections for several threads; each is used by one at a time.

    Parameters
    ----------
    config : SqlConfig
    """

    def __init__(self, config: SqlConfig) -> None:
        self._config = config
        self._idle: list[Database] = []
        self._lock = threading.Lock()

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Borrow a connection, made if all are in use."""
        with self._lock:
            database = self._idle.pop() if self._idle else Database(self._config, read_only=True)
        try:
            yield database
        finally:
            with self._lock:
                self._idle.append(database)

    def close(self) -> None:
        """Let go of all that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for database in idle:
            database.close()

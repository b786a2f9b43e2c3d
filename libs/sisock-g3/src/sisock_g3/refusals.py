"""What an engine's error means: the database is away, busy, has no index yet, or something is wrong with it.

Only what a while may mend is absence, a full disk too; all else (a mistake in a statement, a login that is
refused) is said and ends the attempt.
"""

import sqlite3

import pymysql

from sisock_g3.errors import G3Error

ENGINE_ERRORS = (pymysql.err.Error, sqlite3.Error, OSError)

# https://mariadb.com/docs/server/reference/error-codes: what a client finds when nobody answers, and what a
# server says that starts, ends or has no connection left.
_AWAY = {0, 2002, 2003, 2005, 2006, 2012, 2013, 2014, 2027, 2055}
_AWAY |= {1040, 1053, 1077, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1927}
# A disk, or a table's space, is full until somebody makes room.
_FULL = {1021, 1114}
_BUSY = {1020, 1205, 1213}
_NO_SUCH_TABLE = 1146


class DatabaseAwayError(G3Error):
    """The database does not answer, or has no room for now."""


class DatabaseBusyError(G3Error):
    """The database gave way to somebody else's statement: ours may succeed a little later."""


class NotPreparedError(G3Error):
    """The tables are not there yet."""


class StatementError(G3Error):
    """The database answered that it will not: waiting does not mend that."""


def meaning(name: str, error: BaseException) -> G3Error:
    """What to raise for an engine's error.

    Parameters
    ----------
    name : str
        The database, for the message.
    error : BaseException
        One of `ENGINE_ERRORS`.
    """
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(name, error)
    number = error.args[0] if error.args else None
    if not isinstance(error, pymysql.err.Error) or number in _AWAY | _FULL or _is_torn(error, number):
        return DatabaseAwayError(f"{name}: {error}")
    if number in _BUSY:
        return DatabaseBusyError(f"{name}: {error}")
    if number == _NO_SUCH_TABLE:
        return NotPreparedError(f"{name} has no index yet")
    return StatementError(f"{name}: {error}")


def _is_torn(error: BaseException, number: object) -> bool:
    """Whether the connection broke inside of a packet: pymysql's own error, without a number."""
    return isinstance(error, pymysql.err.InternalError) and not isinstance(number, int)


def _of_sqlite(name: str, error: sqlite3.Error) -> G3Error:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseBusyError(f"{name}: {error}")
    if code == sqlite3.SQLITE_FULL:
        return DatabaseAwayError(f"{name}: {error}")
    if "no such table" in str(error):
        return NotPreparedError(f"{name} has no index yet")
    return StatementError(f"{name}: {error}")

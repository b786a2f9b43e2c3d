"""Where the index is: settings that the scanner and the reader share."""

from dataclasses import dataclass
from pathlib import Path

from sisock.config import Secret, path, port, setting
from sisock.errors import ConfigError


@dataclass(frozen=True)
class SqlConfig:
    """MariaDB, or a file of SQLite's while ``SQL_HOST`` is unset."""

    sql_host: str = setting("SQL_HOST", default="")
    sql_port: int = setting("SQL_PORT", port, default=3306)
    sql_user: str = setting("SQL_USER", default="")
    sql_passwd: Secret | None = setting("SQL_PASSWD", default=None, secret=True)
    sql_db: str = setting("SQL_DB", default="files")
    sql_file: Path = setting("SQL_FILE", path, default=Path("g3-index.sqlite"))

    def __post_init__(self) -> None:
        """Refuse half of a login."""
        further = getattr(super(), "__post_init__", None)
        if further is not None:
            further()
        if self.sql_host and (not self.sql_user or self.sql_passwd is None):
            missing = "SQL_USER" if not self.sql_user else "SQL_PASSWD"
            raise ConfigError(f"{missing} is required with SQL_HOST={self.sql_host!r} and not set")

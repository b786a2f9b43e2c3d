"""A MariaDB of a test's own, from Debian's package, that can be killed and started again."""

import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pymysql
from sisock_testing import wait_until
from sisock_testing.stack import free_port

USER, PASSWORD, DATABASE = "development", "development", "files"


class MariaDb:
    """A server with one user and any number of databases.

    Parameters
    ----------
    directory : Path
        Where its data lie.
    """

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        install = shutil.which("mariadb-install-db")
        if install is None:
            raise RuntimeError("MariaDB is missing: apt-get install mariadb-server")
        subprocess.run(
            [
                install,
                "--no-defaults",
                f"--datadir={directory}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--user=root",
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self._process is not None:
            return
        server = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    server,
                    "--no-defaults",
                    f"--datadir={self._directory}",
                    f"--socket={self._directory}/socket",
                    f"--port={self.port}",
                    "--bind-address=127.0.0.1",
                    "--innodb-buffer-pool-size=64M",
                    "--innodb-flush-log-at-trx-commit=1",
                    "--user=root",
                ],
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, what="MariaDB answers", deadline_s=30)
        self.sql(
            f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT ALL ON *.* TO '{USER}'@'%'",
        )

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None
            (self._directory / "socket").unlink(missing_ok=True)

    def _answers(self) -> bool:
        if not (self._directory / "socket").exists():
            return False
        try:
            self.sql("SELECT 1")
        except pymysql.err.MySQLError:
            return False
        return True

    def sql(self, *statements: str) -> None:
        """Run statements as root."""
        socket = str(self._directory / "socket")
        connection = pymysql.connect(unix_socket=socket, user="root", autocommit=True)
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def fresh(self, name: str = DATABASE) -> Mapping[str, str]:
        """Make a database anew; gives the environment of those who use it."""
        self.sql(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
        return self.environ(name)

    def environ(self, name: str = DATABASE) -> Mapping[str, str]:
        """Environment of those who use a database."""
        return {
            "SQL_HOST": "127.0.0.1",
            "SQL_PORT": str(self.port),
            "SQL_USER": USER,
            "SQL_PASSWD": PASSWORD,
            "SQL_DB": name,
        }

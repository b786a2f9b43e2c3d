"""A real InfluxDB 1.x beside a stack, to hold what we answer against: Debian's package ``influxdb``."""

import json
import shutil
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sisock_testing.stack import free_port, wait_until

DEADLINE_S = 60.0
_CONFIG = """reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{directory}/meta"
[data]
dir = "{directory}/data"
wal-dir = "{directory}/wal"
query-log-enabled = false
index-version = "inmem"
cache-snapshot-write-cold-duration = "10s"
compact-full-write-cold-duration = "20s"
[coordinator]
max-select-buckets = {most_bins}
[retention]
enabled = false
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
"""


class Influx:
    """InfluxDB on loopback, without a login.

    Parameters
    ----------
    directory : Path
        For its files.
    database : str
        Asked and written to unless another is named.
    most_bins : int
        Its ``max-select-buckets``; 0 is no bound.

    Raises
    ------
    RuntimeError
        If the package is not installed, or the server ends at once.
    """

    def __init__(self, directory: Path, database: str = "ocs_feeds", most_bins: int = 0) -> None:
        self.directory = directory
        self.database = database
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._config = directory / "influxdb.conf"
        self._config.write_text(
            _CONFIG.format(directory=directory, rpc=free_port(), port=self.port, most_bins=most_bins)
        )
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = shutil.which("influxd")
        if command is None:
            raise RuntimeError("influxd is missing: it is Debian's package influxdb")
        log = self.directory / "log"
        with log.open("ab") as out:
            process = subprocess.Popen([command, "-config", str(self._config)], stdout=out, stderr=out)

        def answers() -> bool:
            if process.poll() is not None:
                raise RuntimeError(log.read_text()[-2000:])
            return self.is_up()

        wait_until(answers, DEADLINE_S, "influxd answers", step_s=0.02)
        return process

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            return self._request("GET", "/ping")[0] == 204
        except OSError:
            return False

    def run(self, text: str) -> Any:
        """Have a statement run that changes something."""
        status, body = self._request("POST", f"/query?{urlencode({'q': text})}")
        if status != 200 or "error" in body.decode():
            raise RuntimeError(body.decode())
        return json.loads(body)

    def forget(self, database: str = "") -> None:
        """Have no such database."""
        self.run(f'DROP DATABASE "{database or self.database}"')

    def create(self, database: str = "") -> None:
        """Have a database, empty if it is new."""
        self.run(f'CREATE DATABASE "{database or self.database}"')

    def write(self, lines: bytes, database: str = "") -> None:
        """Write samples in the line protocol, times in nanoseconds."""
        status, body = self._request("POST", f"/write?{urlencode({'db': database or self.database})}", lines)
        if status != 204:
            raise RuntimeError(body.decode())

    def ask(self, text: str, epoch: str = "ns", database: str = "") -> Any:
        """Its reply to statements."""
        given = {"q": text, "db": database or self.database, **({"epoch": epoch} if epoch else {})}
        return json.loads(self._request("GET", f"/query?{urlencode(given)}")[1])

    def restart(self) -> float:
        """End and start it; the seconds from its start until it answers."""
        self.stop()
        began = time.monotonic()
        self.process = self._start()
        return time.monotonic() - began

    def stop(self) -> None:
        """End it, with all on disk."""
        self.process.terminate()
        self.process.wait(DEADLINE_S)

    def _request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            connection.request(method, path, body)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

"""InfluxDB itself, and a store in memory with the same samples: OCS's tags, gaps, every kind of value."""

import asyncio
import math
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from sisock import binning
from sisock.node import Grid, Series
from sisock_http.dialects.influxql.language import Reader
from sisock_http.dialects.influxql.problems import ParseError
from sisock_http.dialects.influxql.schema import SeriesKey
from sisock_http.dialects.influxql.statements import reply
from sisock_testing.stack import free_port

DATABASE = "ocs_feeds"
T0 = 1_500_000_000
DEADLINE_S = 60
KINDS = {float: "float", int: "integer", str: "string", bool: "boolean"}
Samples = dict[SeriesKey, dict[str, list[tuple[float, Any]]]]


def feed(agent: str, name: str) -> SeriesKey:
    """As OCS's publisher tags what an agent's feed has."""
    return SeriesKey(f"observatory.{agent}", (("feed", name),))


def literal_samples() -> Samples:
    """A cryostat with two feeds, a pump that starts late, and a weather station without tags."""
    every = [T0 + k for k in range(0, 600, 10) if not 100 <= k < 180]
    temperatures: dict[str, list[tuple[float, Any]]] = {
        "Channel 01 T": [(t, 4 + math.sin(t / 50) + (t % 7) / 10) for t in every],
        "ch2": [(t, -float(t - T0) / 3) for t in every if t % 30],
        "steps": [(t, (t - T0) // 10 * (-1 if t % 40 else 1)) for t in every],
    }
    odd = [T0 + k for k in range(6, 600, 45)]
    valves: dict[str, list[tuple[float, Any]]] = {
        "position": [(t, "open" if t % 4 else "shut") for t in odd],
        "on": [(t, t % 3 == 0) for t in odd],
        "ch2": [(t, 1000.25 + t % 13) for t in (*odd, T0 + 610)],
        "steps": [(t, t % 5) for t in odd[::2]],
    }
    pump: dict[str, list[tuple[float, Any]]] = {
        "rpm": [(T0 + 300 + 0.25 * k, 1000.0 + k * k) for k in range(40)],
        "ch2": [(T0 + 300.125, 7.5)],
    }
    wind: list[tuple[float, Any]] = [(T0 + 20 * k + 0.001, 3.5 * k) for k in range(30)]
    return {
        feed("cryo", "temperatures"): temperatures,
        feed("cryo", "valves"): valves,
        feed("pump", "status"): pump,
        SeriesKey("weather"): {"wind speed": wind},
    }


async def at_once(work: Any) -> Any:
    """Computes where a bridge would use a thread."""
    return work()


class Store:
    """Answers InfluxQL from samples in memory."""

    def __init__(self, samples: Samples, database: str = DATABASE) -> None:
        self.samples = samples
        self.database = database
        self.schema = {
            key: {name: KINDS[type(values[0][1])] for name, values in fields.items()}
            for key, fields in samples.items()
        }
        self.reader = Reader()

    def ask(self, text: str, epoch: str = "ns", now: float | None = None) -> Any:
        """The reply, or its error, as the HTTP interface has it."""
        made = reply(
            self.reader,
            text,
            self.database,
            epoch,
            self.schema,
            (self.database,),
            int((time.time() if now is None else now) * 1e9),
            self._answer,
            at_once,
        )
        try:
            return asyncio.run(made)
        except ParseError as error:
            return {"error": str(error)}

    async def _answer(self, asks: Any) -> Any:
        return {ask: found for ask in asks if (found := self._one(ask)) is not None}

    def _one(self, ask: Any) -> Any:
        start = -1e10 if ask.low is None else (ask.low - 0.5) / 1e6
        end = 1e11 if ask.high is None else (ask.high - 0.5) / 1e6

        def read(names: Any, begin: float, until: float) -> Iterator[Series]:
            t = np.array([at for at, _ in self.samples[ask.key][ask.field]], dtype=np.float64)
            values = [value for _, value in self.samples[ask.key][ask.field]]
            column: Any = np.array(values, dtype=object if isinstance(values[0], str) else None)
            chosen = (t >= begin) & (t < until)
            yield Series("x", t[chosen], column[chosen])

        if isinstance(ask.wanted, Grid):
            return next(
                iter(binning.compute(read, ["x"], start, end, ask.wanted, intervals={"x": 1e9})), None
            )
        return next(read(["x"], start, end))


def line(key: SeriesKey, field: str, t: float, value: Any) -> str:
    """Line protocol."""

    def escaped(text: str) -> str:
        return text.replace(",", "\\,").replace(" ", "\\ ").replace("=", "\\=")

    written = f'"{value}"' if isinstance(value, str) else f"{value}i" if type(value) is int else repr(value)
    tags = "".join(f",{escaped(tag)}={escaped(of)}" for tag, of in key.tags)
    return f"{key.measurement}{tags} {escaped(field)}={written} {round(t * 1e6)}000"


class Influx:
    """InfluxDB 1.x on loopback."""

    def __init__(self, directory: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        config = directory / "influxdb.conf"
        config.write_text(
            f"""reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
dir = "{directory}/meta"
[data]
dir = "{directory}/data"
wal-dir = "{directory}/wal"
query-log-enabled = false
[coordinator]
max-select-buckets = 20000
[retention]
enabled = false
[monitor]
store-enabled = false
[http]
bind-address = "{self.url.removeprefix("http://")}"
log-enabled = false
"""
        )
        command = shutil.which("influxd")
        assert command, "influxd is missing: ci/system-packages installs it"
        self._log = (directory / "log").open("w")
        self._process = subprocess.Popen(
            [command, "-config", str(config)], stdout=self._log, stderr=self._log
        )
        self._session = requests.Session()
        deadline = time.monotonic() + DEADLINE_S
        while not self._answers():
            assert self._process.poll() is None, (directory / "log").read_text()
            assert time.monotonic() < deadline, "influxd does not answer"
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return self._session.get(f"{self.url}/ping", timeout=5).status_code == 204
        except requests.ConnectionError:
            return False

    def _run(self, text: str) -> None:
        self._session.post(f"{self.url}/query", params={"q": text}, timeout=DEADLINE_S).raise_for_status()

    def forget(self, database: str) -> None:
        """Have no such database."""
        self._run(f'DROP DATABASE "{database}"')

    def hold(self, samples: Samples, database: str = DATABASE) -> None:
        """Have these samples, and no others, in a database."""
        self.forget(database)
        self._run(f'CREATE DATABASE "{database}"')
        lines = [
            line(key, name, t, value)
            for key, fields in samples.items()
            for name, values in fields.items()
            for t, value in values
        ]
        written = self._session.post(
            f"{self.url}/write", params={"db": database}, data="\n".join(lines).encode(), timeout=DEADLINE_S
        )
        assert written.status_code == 204, written.text

    def ask(self, text: str, epoch: str = "ns", database: str = DATABASE) -> Any:
        """Its reply."""
        parameters: Mapping[str, str] = {"q": text, "db": database, **({"epoch": epoch} if epoch else {})}
        return self._session.get(f"{self.url}/query", params=parameters, timeout=DEADLINE_S).json()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(DEADLINE_S)
        self._session.close()
        self._log.close()


@pytest.fixture(scope="session")
def influx(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    """InfluxDB, empty."""
    server = Influx(tmp_path_factory.mktemp("influxd"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def both(influx: Influx) -> tuple[Influx, Store]:
    """InfluxDB, and the bridge's answers, with the same samples."""
    samples = literal_samples()
    influx.hold(samples)
    return influx, Store(samples)


@pytest.fixture(scope="session")
def store() -> Store:
    """The bridge's answers alone."""
    return Store(literal_samples())


@pytest.fixture(scope="session")
def make_store() -> type[Store]:
    """For samples of one's own."""
    return Store

"""InfluxDB itself, and a store in memory with the same samples: OCS's tags, gaps, every kind of value."""

import asyncio
import hashlib
import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sisock import binning
from sisock.node import Grid, Series
from sisock_http.dialects.influxql.plan import Planner
from sisock_http.dialects.influxql.problems import ParseError
from sisock_http.dialects.influxql.reading import Reader
from sisock_http.dialects.influxql.rows import tables
from sisock_http.dialects.influxql.schema import SeriesKey
from sisock_http.dialects.influxql.statements import reply
from sisock_testing.influx import Influx

DATABASE = "ocs_feeds"
T0 = 1_500_000_000
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


async def at_once(plan: Any, answers: Any, epoch: str) -> Any:
    """Rows as they are, where a bridge writes them as JSON."""
    return tables(plan, answers, epoch)


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
        self.planner = Planner((database,))

    def ask(self, text: str, epoch: str = "ns", now: float | None = None) -> Any:
        """The reply, or its error, as the HTTP interface has it."""
        made = reply(
            self.reader,
            self.planner,
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


def lines(samples: Samples) -> bytes:
    """Samples in the line protocol."""
    return "\n".join(
        line(key, name, t, value)
        for key, fields in samples.items()
        for name, values in fields.items()
        for t, value in values
    ).encode()


class Holding(Influx):
    """InfluxDB with the samples that a store has."""

    def hold(self, samples: Samples, database: str = DATABASE) -> None:
        """Have these samples, and no others, in a database."""
        self.forget(database)
        self.create(database)
        self.write(lines(samples), database)


@pytest.fixture(scope="session")
def influx(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holding]:
    """InfluxDB, empty."""
    server = Holding(tmp_path_factory.mktemp("influxd"), DATABASE, most_bins=20_000)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def both(influx: Holding) -> tuple[Holding, Store]:
    """InfluxDB, and the bridge's answers, with the same samples."""
    samples = literal_samples()
    influx.hold(samples)
    return influx, Store(samples)


@pytest.fixture(scope="session")
def store() -> Store:
    """The bridge's answers alone."""
    return Store(literal_samples())


class Recorded:
    """What was answered when InfluxDB agreed, as a hash for each statement: ``answers.json``.

    With SISOCK_RECORD in the environment the answers that InfluxDB agrees with now are written down.
    """

    file = Path(__file__).with_name("answers.json")

    def __init__(self) -> None:
        self.known: dict[str, str] = json.loads(self.file.read_text())
        self._writing = "SISOCK_RECORD" in os.environ

    def is_known(self, text: str, reply: Any) -> bool:
        """Whether it was this; a number may differ in its tenth digit."""
        found = hashlib.sha256(json.dumps(_rounded(reply)).encode()).hexdigest()[:12]
        if self._writing:
            self.known[text] = found
            self.file.write_text(json.dumps(self.known, indent=0) + "\n")
        return self.known[text] == found


def _rounded(reply: Any) -> Any:
    if isinstance(reply, dict):
        return {key: _rounded(value) for key, value in reply.items()}
    if isinstance(reply, list):
        return [_rounded(value) for value in reply]
    return float(f"{reply:.9g}") if isinstance(reply, float) else reply


@pytest.fixture(scope="session")
def recorded() -> Recorded:
    """Answers that InfluxDB agreed with."""
    return Recorded()


@pytest.fixture(scope="session")
def make_store() -> type[Store]:
    """For samples of one's own."""
    return Store

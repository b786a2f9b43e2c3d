"""What is fed, each with the true thing that the nonsense is made from, and what it may say of it."""

import base64
import importlib.util
import json
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, Self
from urllib.parse import quote

import numpy as np
import structlog
import txaio
from autobahn.wamp.exception import ApplicationError
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from fuzz.nonsense import Nonsense

txaio.use_twisted()
ROOT = Path(__file__).parents[2]
NOW = 1500000000.0


class Target(Protocol):
    """Something that reads what others wrote."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def feed(self, nonsense: Nonsense) -> bool:
        """Read one input; whether it was taken for something. An error is a fault."""

    def shown(self) -> str:
        """The last input."""


class _Base:
    last: Any = None

    def __init__(self) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def shown(self) -> str:
        return repr(self.last)[:100_000]


def _tests(path: str) -> ModuleType:
    """A module of tests, for the parts that it puts together."""
    name = "fuzz_" + Path(path).stem
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class Http(_Base):
    """The bridge, behind a wire of bytes: no reply is 500, and none is missing."""

    PATHS = (
        "/", "/search", "/query", "/annotations", "/tag-keys", "/tag-values", "/metrics", "/metric-payload-options",
        "/variable", "/api/v1/status", "/api/v1/nodes", "/api/v1/fields", "/api/v1/data", "/api/v1/latest",
        "/api/v1/state", "/api/v1/events", "/api/v1/notes", "/api/v1/openapi.json", "/influx/ping", "/influx/query",
        "/healthz", "/readyz", "/nothing", "/page/x",
    )  # fmt: skip
    KEYS = ("field", "start", "end", "format", "max_points", "as", "join", "search", "state", "since", "epoch", "most",
            "what", "after", "q", "db", "u", "p", "pretty")  # fmt: skip
    STATEMENTS = (
        'SELECT mean("stage_1k") FROM "cryostat" WHERE time > now() - 1h GROUP BY time(10s) fill(null)',
        "SHOW MEASUREMENTS", "SHOW FIELD KEYS FROM cryostat", 'SELECT * FROM "cryostat" LIMIT 10',
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._wire = _tests("services/http/tests/test_application.py").Wire(at_once=10**9)
        self._wire.consumer.nodes = {}
        self.TRUE = {
            "range": {"from": "2017-07-14T00:00:00Z", "to": "2017-07-15T00:00:00Z"}, "maxDataPoints": 100,
            "targets": [{"target": "cryostat::stage_1k", "type": "timeserie", "refId": "A", "payload": {"as": "x"}}],
            "annotation": {"query": "x"}, "payload": {"target": "fields"}, "text": "a note", "target": "x",
        }  # fmt: skip

    def feed(self, nonsense: Nonsense) -> bool:
        path, method = nonsense.choice(self.PATHS), nonsense.choice(("GET", "POST", "HEAD", "OPTIONS", "PUT"))
        pairs = []
        for _ in range(nonsense.randrange(5)):
            value = nonsense.choice(self.STATEMENTS) if nonsense.random() < 0.2 else nonsense.text()
            if nonsense.random() < 0.3:
                value = nonsense.torn(value.encode("utf-8", "replace")).decode("latin-1")
            pairs.append(f"{nonsense.choice(self.KEYS)}={quote(value.encode('utf-8', 'replace'))}")
        body = b""
        if method == "POST":
            body = json.dumps(nonsense.spoilt(self.TRUE), default=lambda _: "bytes").encode(
                "utf-8", "replace"
            )
            body = nonsense.torn(body) if nonsense.random() < 0.3 else body
        lines = [
            f"{method} {path}?{'&'.join(pairs)} HTTP/1.1",
            "Host: bridge",
            f"Content-Length: {len(body)}",
        ]
        if nonsense.random() < 0.5:
            lines.append("Content-Type: application/json")
        if nonsense.random() < 0.3:
            given = base64.b64encode(nonsense.text().encode("utf-8", "replace")).decode()
            lines.append(
                f"{nonsense.choice(('Authorization: Basic', 'Authorization: Bearer', 'X-Request-Id:'))} {given}"
            )
        wire = "\r\n".join([*lines, "", ""]).encode() + body
        torn = nonsense.random() < 0.1
        wire = nonsense.torn(wire) if torn else wire
        self.last = wire
        channel, transport = self._wire._site.buildProtocol(None), StringTransport()
        channel.makeConnection(transport)
        channel.dataReceived(wire)
        answer = transport.value()
        channel.connectionLost(Failure(ConnectionDone()))
        status = answer.split(b" ", 2)[1] if answer.startswith(b"HTTP/") else b""
        if status == b"500" or not (status or torn):
            raise AssertionError(answer[:500])
        return status.startswith(b"2")


class Arguments(_Base):
    """A data node that is called with anything: it answers, or says whose fault that is."""

    def __init__(self) -> None:
        super().__init__()
        self._subject = _tests("libs/sisock-core/tests/test_node_session.py").Subject()

    def feed(self, nonsense: Nonsense) -> bool:
        true: dict[str, Any] = {"field": ["a", "b"], "start": 100.0, "end": 200.0}
        extra = {"min_stride": 5.0, "max_points": 10, "packed": True, "stepped": True, "bins": {"width": 10.0, "offset": 0.0},
                 "request": "id"}  # fmt: skip
        given = nonsense.spoilt({**true, **{k: v for k, v in extra.items() if nonsense.random() < 0.3}}, 0.2)
        given = given if isinstance(given, dict) else {"field": given}
        self.last = given
        names, start, end = given.pop("field", None), given.pop("start", 1), given.pop("end", 0)
        extra_words = {
            key: value
            for key, value in given.items()
            if key.isidentifier() and key not in ("self", "details", "names")
        }
        try:
            self._subject.data(names, start, end, **extra_words)
        except ApplicationError as error:
            if "failed" in str(error.args) and "Error:" in str(error.args):
                raise AssertionError(str(error)) from error
            return False
        return True


class Replies(_Base):
    """What a consumer makes of replies of nodes: series, or a sentence."""

    def feed(self, nonsense: Nonsense) -> bool:
        from sisock.errors import SisockError  # noqa: PLC0415
        from sisock_consumer import bins, replies  # noqa: PLC0415

        t = (NOW + np.arange(4.0)).tolist()
        packed = np.array(t).tobytes()
        kind = nonsense.randrange(4)
        try:
            if kind == 0:
                fields = [
                    {"a": {"description": "x", "timeline": "t", "type": "number", "units": "K", "source": "s",
                           "limits": {"alarm": {"high": 1.0}}, "silent_after": 3.0}},
                    {"t": {"interval": 1.0, "field": ["a"]}},
                ]  # fmt: skip
                self.last = nonsense.spoilt(fields)
                replies.read_fields("node", self.last)
            elif kind == 3:
                names = ("count", "sum", "min", "max", "first", "first_t", "last", "last_t")
                reply = {
                    "data": {f"a/{name}": t for name in names},
                    "timeline": {"a/bins": {"t": t, "finalized_until": None}},
                }
                self.last = [nonsense.spoilt(reply)]
                bins.read_bins("node", self.last, ["a"])
            else:
                times: Any = packed if kind == 1 else t
                if nonsense.random() < 0.2:
                    times = {"first": NOW, "step": 1.0, "from": 0, "count": 4}
                reply = {
                    "data": {"a": packed if kind == 1 else t, "b": ["x", "y", None, "z"]},
                    "timeline": {"t": {"t": times, "finalized_until": NOW, "field": ["a", "b"]}},
                }
                self.last = [nonsense.spoilt(reply) for _ in range(nonsense.randrange(1, 3))]
                replies.read_data("node", self.last, ["a", "b"], {"a": "t", "b": "t"})
        except SisockError:
            return False
        return True


class Feed(_Base):
    """Messages of OCS's feeds: kept, or passed over and counted."""

    def __enter__(self) -> Self:
        from sisock_data_feed.buffer import Buffer  # noqa: PLC0415
        from sisock_data_feed.intake import Intake  # noqa: PLC0415
        from sisock_data_feed.rhythms import Rhythms  # noqa: PLC0415
        from sisock_data_feed.store import Store  # noqa: PLC0415

        self._folder = tempfile.TemporaryDirectory()
        self._now = NOW
        clock = lambda: self._now  # noqa: E731
        buffer = Buffer(100.0, prefixed=True, clock=clock)
        log = structlog.get_logger()
        self._store = Store(Path(self._folder.name), "node", 100.0, log)
        self._intake = Intake(buffer, self._store, Rhythms(), log, clock)
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()
        self._folder.cleanup()

    def feed(self, nonsense: Nonsense) -> bool:
        self._now += 0.1
        t = [self._now - 0.1, self._now]
        true = [
            {"temps": {"block_name": "temps", "timestamps": t, "data": {"Channel 1": [1.0, 2.0], "on": [True, False], "w": ["a", "b"]}}},
            {"agent_address": "observatory.a", "feed_name": "b", "address": "observatory.a.feeds.b", "agg_params": {},
             "record": True, "session_id": "1", "agent_class": "X"},
        ]  # fmt: skip
        self.last = nonsense.spoilt(true, nonsense.choice((0.03, 0.15)))
        return self._intake.hear(self.last) is not None


class _Text(_Base):
    """Lines of numbers."""

    parse: Callable[[bytes], object]

    def feed(self, nonsense: Nonsense) -> bool:
        true = self._true()
        self.last = (
            nonsense.torn(true)
            if nonsense.random() < 0.8
            else nonsense.text().encode("utf-8", "replace") + true
        )
        found: Any = type(self).parse(self.last)
        return bool(len(found.t if hasattr(found, "t") else found.columns[0]))

    def _true(self) -> bytes:
        raise NotImplementedError


def _weather(content: bytes) -> object:
    from sisock_weather.archive import parse  # noqa: PLC0415

    return parse(content)


def _apex(content: bytes) -> object:
    from sisock_apex_weather.archive import parse, place  # noqa: PLC0415

    return parse(place("apex_temperature_1500000000_1500086400.dat"), content)  # type: ignore[arg-type]


def _pwv(content: bytes) -> object:
    from sisock_radiometer.archive import parse, place  # noqa: PLC0415

    where = place("PWV_UCSC_2017-195.txt")
    if where is None:
        raise AssertionError("that is a file's name")
    return parse(where, content)


class Dat(_Text):
    """Weather files, of both archives."""

    parse = staticmethod(_weather)

    def _true(self) -> bytes:
        return b"# x\n# t\n# K\n" + b"".join(b"%d.5 %d.25\n" % (NOW + i, i) for i in range(30))

    def feed(self, nonsense: Nonsense) -> bool:
        if nonsense.random() < 0.5:
            return super().feed(nonsense)
        self.last = nonsense.torn(self._true().split(b"K\n")[1])
        found: Any = _apex(self.last)
        return bool(len(found.columns[0]))


class Pwv(_Text):
    """The radiometer's files."""

    parse = staticmethod(_pwv)

    def _true(self) -> bytes:
        return (
            b"day pwv\n"
            + b"".join(b"%.6f %.3f 1 2\n" % (195 + i * 0.0007, i / 10) for i in range(30))
            + b"NaN NaN\n\n"
        )


class G3(_Base):
    """Files of an archive: what is whole is read, what is not is said."""

    def __enter__(self) -> Self:
        write = _tests("libs/sisock-g3/tests/test_frames.py").write_all_kinds
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "a.g3"
        self._true = write(self._path, frames=2).read_bytes()
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def feed(self, nonsense: Nonsense) -> bool:
        from sisock_g3 import decoding, file_content  # noqa: PLC0415
        from sisock_g3.errors import G3Error  # noqa: PLC0415
        from sisock_g3.frames import DATA, FrameReader  # noqa: PLC0415

        self.last = nonsense.torn(self._true)
        self._path.write_bytes(self.last)
        content = file_content.read(self._path)
        if nonsense.random() < 0.3:
            reader = FrameReader(self.last)
            try:
                for offset, frame in reader:
                    if frame.kind == DATA:
                        list(decoding.blocks(frame, self.last, [offset]))
            except G3Error:
                return False
        return bool(content.end)


TARGETS: dict[str, Callable[[], Target]] = {
    "http": Http,
    "arguments": Arguments,
    "replies": Replies,
    "feed": Feed,
    "dat": Dat,
    "pwv": Pwv,
    "g3": G3,
}

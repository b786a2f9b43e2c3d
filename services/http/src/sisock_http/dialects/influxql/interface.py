"""``/influx/query`` and ``/influx/ping``, as InfluxDB 1.x has them; errors are InfluxDB's, too."""

from collections.abc import Callable
from typing import Any

import orjson
from sisock.blocking import in_thread
from sisock_consumer.consumer import Consumer

from sisock_http.asking.gather import Asker
from sisock_http.dialects.arguments import Arguments
from sisock_http.dialects.influxql.answering import Answerer
from sisock_http.dialects.influxql.mapping import Mapper
from sisock_http.dialects.influxql.plan import Plan, Planner
from sisock_http.dialects.influxql.points import Answers
from sisock_http.dialects.influxql.problems import InfluxError, ParseError
from sisock_http.dialects.influxql.reading import Reader
from sisock_http.dialects.influxql.rows import tables
from sisock_http.dialects.influxql.statements import reply
from sisock_http.dialects.influxql.written import Written, key_of
from sisock_http.dialects.panel import yes_or_no
from sisock_http.dialects.reply import Reply, notices
from sisock_http.observatory.catalogue import Catalogue
from sisock_http.observatory.presence import require_router

VERSION = b"1.6.7"
"""The version whose answers these are: clients look at the number."""

LITTLE = 3000
"""Samples and rows: some milliseconds' work."""

_HEADERS = {b"x-influxdb-build": b"OSS", b"x-influxdb-version": VERSION}


class Influx:
    """Answers InfluxQL.

    Parameters
    ----------
    reactor : twisted reactor
    consumer : Consumer
    catalogue : Catalogue
    asker : Asker
    clock : callable
        The present, UNIX seconds.
    databases : tuple of str
        Names by which our data are asked for.
    """

    def __init__(
        self,
        reactor: Any,
        consumer: Consumer,
        catalogue: Catalogue,
        asker: Asker,
        clock: Callable[[], float],
        databases: tuple[str, ...],
    ) -> None:
        self._reactor = reactor
        self._consumer = consumer
        self._catalogue = catalogue
        self._asker = asker
        self._clock = clock
        self._databases = databases
        self._reader = Reader()
        self._planner = Planner(databases)
        self._written = Written()
        self._mapper = Mapper()

    async def _write(self, plan: Plan, answers: Answers, epoch: str) -> orjson.Fragment | None:
        """Series of a reply, written in a thread; what is little costs less than to wake one."""
        key = key_of(plan, answers, epoch)
        known, text = self._written.find(key)
        if known:
            return text

        def work() -> bytes:
            return orjson.dumps(tables(plan, answers, epoch))

        size = plan.most_rows + sum(len(one.t) for one in answers.values())
        made = work() if size <= LITTLE else await in_thread(self._reactor, work)
        return self._written.keep(key, plan, answers, made)

    def ping(self, _arguments: Arguments) -> Reply:
        """Whether this is a database."""
        return Reply(b"", headers=_HEADERS, status=204)

    async def query(self, arguments: Arguments, until: float) -> Reply:
        """Answer statements.

        Raises
        ------
        AwayError
            If the router is away.
        """
        text = _last(arguments, "q")
        if not text.strip():
            return _problem('missing required parameter "q"')
        require_router(self._consumer)
        now = self._clock()
        convert = yes_or_no(_last(arguments, "convert") or "yes", "convert") == "yes"
        known = self._mapper.map({name: node.said for name, node in self._catalogue.online.items()}, now)
        answerer = Answerer(self._asker, known, now, until, convert=convert)

        try:
            made = await reply(
                self._reader,
                self._planner,
                text,
                _last(arguments, "db"),
                _last(arguments, "epoch"),
                known.schema,
                self._databases,
                int(now * 1e9),
                answerer.answer,
                self._write,
            )
        except ParseError as error:
            return _problem(str(error))
        except InfluxError as error:
            return _problem(str(error))
        return Reply(orjson.dumps(made) + b"\n", headers={**_HEADERS, **notices(answerer.notices)})


def _last(arguments: Arguments, name: str) -> str:
    """A parameter's value; of several the last one, since a form may repeat what the address says."""
    return arguments.given.get(name, ("",))[-1]


def _problem(sentence: str) -> Reply:
    return Reply(orjson.dumps({"error": sentence}) + b"\n", headers=_HEADERS, status=400)

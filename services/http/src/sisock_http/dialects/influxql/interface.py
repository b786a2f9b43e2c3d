"""``/influx/query`` and ``/influx/ping``, as InfluxDB 1.x has them; errors are InfluxDB's, too."""

from collections.abc import Callable
from typing import Any

import orjson
from sisock.blocking import in_thread
from sisock_consumer.consumer import Consumer

from sisock_http.asking.gather import Asker
from sisock_http.dialects.arguments import Arguments
from sisock_http.dialects.influxql.alike import Alike, MadeOf
from sisock_http.dialects.influxql.answering import Answerer
from sisock_http.dialects.influxql.mapping import Map, Mapper
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

LONGEST_KNOWN = 8192
MAPPED_S = 1.0
"""How long what there is counts as unchanged: nodes that went away long ago are forgotten."""

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
        self._alike = Alike(asker)
        self._map = self._mapper.map({}, 0.0)
        self._map_of: tuple[int, float] = -1, 0.0

    def known(self, request: bytes) -> Reply | None:
        """The reply to a request, as it came, if that of one like it stands for it; else it is to be read."""
        if not self._consumer.router_here or len(request) > LONGEST_KNOWN:
            return None
        now = self._clock()
        return self._alike.find(request, self._mapped(now), now)

    def _mapped(self, now: float) -> Map:
        """What there is, looked at anew when something changed, or a second is over."""
        changes, at = self._map_of
        if changes != self._catalogue.changes or not 0 <= now - at < MAPPED_S:
            said = {name: node.said for name, node in self._catalogue.online.items()}
            self._map = self._mapper.map(said, now)
            self._map_of = self._catalogue.changes, now
        return self._map

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

    async def query(self, arguments: Arguments, until: float, request: bytes = b"") -> Reply:
        """Answer statements.

        Parameters
        ----------
        arguments : Arguments
        until : float
            The reactor's time at which the reply must be there.
        request : bytes
            As for `known`; what is not given is not known again.

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
        known = self._mapped(now)
        made_of: list[MadeOf] = []

        async def write(plan: Plan, answers: Answers, epoch: str) -> orjson.Fragment | None:
            made_of.append(MadeOf(plan, answers, convert))
            return await self._write(plan, answers, epoch)

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
                write,
            )
        except ParseError as error:
            return _problem(str(error))
        except InfluxError as error:
            return _problem(str(error))
        answer = Reply(orjson.dumps(made) + b"\n", headers={**_HEADERS, **notices(answerer.notices)})
        if not request or len(request) > LONGEST_KNOWN or len(made["results"]) != 1 or len(made_of) != 1:
            return answer
        return self._alike.keep(request, known, made_of[0], answer, self._clock())


def _last(arguments: Arguments, name: str) -> str:
    """A parameter's value; of several the last one, since a form may repeat what the address says."""
    return arguments.given.get(name, ("",))[-1]


def _problem(sentence: str) -> Reply:
    return Reply(orjson.dumps({"error": sentence}) + b"\n", headers=_HEADERS, status=400)

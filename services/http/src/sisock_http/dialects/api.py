"""The plain interface under ``/api/v1``: GET, parameters in the address, tables in the reply.

For Infinity, pandas, curl and the quicklook page. What is missing from a reply is said in its
header ``Sisock-Notices``. Described, for programs, by ``openapi.json``.
"""

import json
import math
from collections.abc import Callable, Hashable
from importlib.resources import files
from typing import Any

from sisock.blocking import in_thread
from sisock.node import Field, Grid, Limits
from sisock_consumer.consumer import Consumer
from sisock_consumer.target import Target

from sisock_http.asking.gather import Asker
from sisock_http.asking.latest import latest
from sisock_http.asking.listing import fields_within
from sisock_http.asking.question import Answer, Question
from sisock_http.asking.statistics import STATISTICS, shown
from sisock_http.dialects.arguments import Arguments
from sisock_http.dialects.kept import KeptReplies, Key
from sisock_http.dialects.panel import JOINS, MOST_POINTS, grid_of, yes_or_no
from sisock_http.dialects.reply import Reply, notices, unchanging
from sisock_http.dialects.times import interval_seconds, moment
from sisock_http.encoding import as_json
from sisock_http.encoding.formats import FORMATS
from sisock_http.observatory.catalogue import Catalogue
from sisock_http.observatory.matching import MOST_MATCHES, resolve
from sisock_http.observatory.names import Named, Names, folded
from sisock_http.observatory.presence import require_router
from sisock_http.problems import RequestError

DAY_S = 86400.0


def described(*, asks: bool) -> bytes:
    """What there is, as OpenAPI 3.1.

    Parameters
    ----------
    asks : bool
        Whether a token is needed; it may be given where it is not.
    """
    description = files("sisock_http").joinpath("openapi.json").read_bytes()
    if not asks:
        return description
    told = json.loads(description)
    told["security"] = [way for way in told["security"] if way]
    return as_json.dumps(told)


class Api:
    """Answers under ``/api/v1``.

    Parameters
    ----------
    reactor : twisted reactor
    consumer : Consumer
    catalogue : Catalogue
    asker : Asker
    kept : KeptReplies
        Replies that are there already.
    clock : callable
        The present, UNIX seconds.
    site_problems : callable, optional
        What is wrong with the site's file, in sentences.
    zone : callable, optional
        The zone of the site's clocks, by its IANA name; empty if nobody says.
    allow_notes : bool
        Whether people may write notes through this bridge.
    asks : bool
        Whether a token is needed; the description says so.
    """

    def __init__(
        self,
        reactor: Any,
        consumer: Consumer,
        catalogue: Catalogue,
        asker: Asker,
        kept: KeptReplies,
        clock: Callable[[], float],
        site_problems: Callable[[], list[str]] = list,
        zone: Callable[[], str] = str,
        *,
        allow_notes: bool = False,
        asks: bool = False,
    ) -> None:
        self._allow_notes = allow_notes
        self._reactor = reactor
        self._consumer = consumer
        self._catalogue = catalogue
        self._asker = asker
        self._kept = kept
        self._clock = clock
        self._site_problems = site_problems
        self._description = described(asks=asks)
        self._zone = zone

    def status(self, arguments: Arguments) -> bytes:
        """Who is here, whether or not the router is."""
        arguments.allow()
        return as_json.dumps(self.here())

    def here(self) -> dict[str, Any]:
        """Who is here, and what may be done."""
        return {
            "now": self._clock(),
            "router": self._consumer.router_here,
            "hub": self._consumer.hub_here,
            "site_problems": self._site_problems(),
            "zone": self._zone() or None,
            "notes": self._allow_notes,
            "nodes": self._nodes(),
        }

    def first(self) -> dict[str, Any]:
        """What a page wants to know at first: who is here, and all fields."""
        named = sorted(self._catalogue.named(), key=lambda one: (one.target.node, one.target.field))
        said = {name: entry.said for name, entry in self._catalogue.online.items()}
        listed = [_listed(one, said[one.target.node][one.target.field], convert=True) for one in named]
        return {"status": self.here(), "fields": listed}

    def nodes(self, arguments: Arguments) -> bytes:
        """Data nodes that are online."""
        arguments.allow()
        require_router(self._consumer)
        return as_json.dumps(self._nodes())

    def _nodes(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "description": entry.info.description,
                "fields": len(entry.fields),
                "live": "live" in entry.info.capabilities,
                "problem": entry.problem,
            }
            for name, entry in sorted(self._catalogue.online.items())
        ]

    async def fields(self, arguments: Arguments, until: float) -> Reply:
        """Fields, of a range if one is given."""
        arguments.allow("search", "node", "start", "end", "convert")
        convert = yes_or_no(arguments.one("convert", "yes"), "convert") == "yes"
        require_router(self._consumer)
        wanted, node = folded(arguments.one("search").strip()), arguments.one("node")
        missing: list[str] = []
        if arguments.given.keys() & {"start", "end"}:
            start, end = self._range(arguments, "1")
            nodes = [name for name in self._catalogue.online if not node or name == node]
            known, missing = await fields_within(self._reactor, self._consumer, nodes, start, end, until)
            described = {name: await self._catalogue.describe(name, found) for name, found in known.items()}
            named = Names().of((name, one.fields, one.labels) for name, one in described.items())
            said = {name: one.said for name, one in described.items()}
        else:
            named = self._catalogue.named()
            said = {name: entry.said for name, entry in self._catalogue.online.items()}
        chosen = [one for one in named if (not wanted or wanted in one.all) and node in ("", one.target.node)]
        chosen.sort(key=lambda one: (one.target.node, one.target.field))
        listed = [_listed(one, said[one.target.node][one.target.field], convert) for one in chosen]
        return Reply(as_json.dumps(listed), headers=notices(missing))

    async def data(self, arguments: Arguments, until: float) -> Reply:
        """Samples of fields."""
        arguments.allow(
            *("field", "as", "start", "end", "max_points", "min_stride", "format", "join", "convert"),
            *("bin", "of"),
        )
        targets = self._targets(arguments)
        columns = _columns(arguments.many("as"), targets)
        start, end = self._range(arguments, "now-1h")
        most = arguments.count("max_points", MOST_POINTS)
        stride = interval_seconds(arguments.one("min_stride"), "min_stride")
        join = JOINS[yes_or_no(arguments.one("join", "yes"), "join")]
        convert = yes_or_no(arguments.one("convert", "yes"), "convert") == "yes"
        grid, statistics = _bins(arguments, end - start)
        name = arguments.one("format", "json")
        chosen = FORMATS.get(name)
        if chosen is None:
            raise RequestError(f"format={name!r} is none of {', '.join(FORMATS)}")
        require_router(self._consumer)
        answers = await self._asker.ask(
            Question(tuple(targets), start, end, Limits(most, stride), join, grid, convert), until
        )
        if grid is not None:
            columns = [f"{column}/{of}" for column in columns for of in statistics]
            answers = [shown(answer, of) for answer in answers for of in statistics]
        fixed = self._fixed(arguments) and all(_is_final(answer, end) for answer in answers)
        key = self._key(answers, name, columns, fixed=fixed)
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        if sum(len(answer.series.t) for answer in answers) > as_json.LARGE_POINTS // 5:
            body = await in_thread(self._reactor, chosen.write, answers, columns)
        else:
            body = chosen.write(answers, columns)
        headers = notices(list(dict.fromkeys(answer.notice for answer in answers if answer.notice)))
        if fixed:
            headers.update(unchanging(body))
        nodes = sorted({node for answer in answers for node in answer.nodes})
        if nodes:
            headers[b"sisock-nodes"] = json.dumps(nodes).encode("ascii")
        if name not in ("json", "packed"):
            headers[b"content-disposition"] = f'attachment; filename="sisock.{chosen.suffix}"'.encode()
        return self._kept.keep(key, Reply(body, chosen.content_type, headers))

    def _key(self, answers: list[Answer], form: str, columns: list[str], *, fixed: bool) -> Key | None:
        """All that a reply with samples depends on."""
        said = [(answer.target, answer.notice, answer.nodes, _said(answer)) for answer in answers]
        return self._kept.key([answer.series for answer in answers], form, fixed, *columns, *said)

    async def latest(self, arguments: Arguments, until: float) -> Reply:
        """Last sample of fields, if it is not older than a month."""
        arguments.allow("field")
        targets = self._targets(arguments)
        require_router(self._consumer)
        answers = await latest(self._asker, self._catalogue, targets, self._clock(), until)
        missing = [answer.notice for answer in answers if answer.notice]
        return Reply(as_json.dumps([_last(answer) for answer in answers]), headers=notices(missing))

    def openapi(self, _arguments: Arguments) -> bytes:
        """What there is under ``/api/v1``, as OpenAPI 3.1."""
        return self._description

    def _targets(self, arguments: Arguments) -> list[Target]:
        given = arguments.many("field")
        if not given or not all(given):
            raise RequestError("field is missing: name at least one, as field=node::field")
        targets = list(dict.fromkeys(name for text in given for name in resolve(self._catalogue, text)))
        if len(targets) > MOST_MATCHES:
            raise RequestError(f"these are {len(targets)} fields, more than {MOST_MATCHES}")
        return targets

    def _range(self, arguments: Arguments, earliest: str) -> tuple[float, float]:
        now = self._clock()
        texts = [arguments.one("start", earliest), arguments.one("end", "now")]
        start, end = (moment(text, name, now) for text, name in zip(texts, ("start", "end"), strict=True))
        if start > end:
            raise RequestError(f"start={texts[0]!r} is after end={texts[1]!r}")
        return start, end

    def _fixed(self, arguments: Arguments) -> bool:
        """Whether the range will be the same tomorrow."""
        now = self._clock()
        texts = [arguments.one("start", "now"), arguments.one("end", "now")]
        return all(moment(text, "", now) == moment(text, "", now + DAY_S) for text in texts)


def _columns(names: list[str], targets: list[Target]) -> list[str]:
    """What the columns of fields are called: their targets, unless there is a name for each."""
    if names and (len(names) != len(targets) or "time" in names):
        raise RequestError(f"as={names!r} must be {len(targets)} different names, none of them 'time'")
    return names or [str(target) for target in targets]


def _bins(arguments: Arguments, span_s: float) -> tuple[Grid | None, list[str]]:
    """Bins that are wanted, and what of each of them."""
    width = interval_seconds(arguments.one("bin"), "bin")
    statistics = [word.strip() for text in arguments.many("of") for word in text.split(",")] or ["mean"]
    for word in statistics:
        if word not in STATISTICS:
            raise RequestError(f"of={word!r} is none of {', '.join(STATISTICS)}")
    if width is None:
        if "of" in arguments.given:
            raise RequestError("of is what is wanted of each bin: bin says how long these are, as bin=5m")
        return None, []
    if arguments.given.keys() & {"max_points", "min_stride"}:
        raise RequestError("bin says already how much is wanted: without max_points and min_stride")
    return grid_of(width, span_s), list(dict.fromkeys(statistics))


def _listed(one: Named, said: Field, convert: bool) -> dict[str, Any]:
    """A field, of its values as they are shown; or, without `convert`, as its node has them."""
    field = one.field if convert else said
    silent_after = field.silent_after
    return {
        "field": one.written,
        "node": one.target.node,
        "name": field.name,
        "description": field.description,
        "units": field.units,
        "type": field.type,
        "interval": field.interval,
        "label": one.label or None,
        "source": said.source,
        "series": one.field.source or one.written,
        "limits": field.limits.on_wire() if field.limits else None,
        "silent_after": silent_after if silent_after != math.inf else False,
        "kept_for": field.kept_for,
        "complete_since": field.complete_since,
    }


def _is_final(answer: Answer, end: float) -> bool:
    """Whether the node says that nothing of an answer will change; a joined one is of several."""
    until = answer.series.finalized_until
    return not answer.notice and not answer.nodes and until is not None and end <= until


def _said(answer: Answer) -> tuple[Hashable, ...] | None:
    """What of a field is in a reply beside its samples."""
    field = answer.field
    return (field.type, field.units, field.description, field.interval) if field else None


def _last(answer: Answer) -> dict[str, Any]:
    series = answer.series
    return {
        "field": str(answer.target),
        "time": float(series.t[-1]) if len(series.t) else None,
        "value": as_json.values(series)[-1] if len(series.t) else None,
    }

"""``/api/v1/state``, ``/events`` and ``/notes``, and Grafana's annotations: what `watch` says, as JSON.

Only translates; where watch is away, events are those that this bridge saw itself.
"""

from collections.abc import Callable
from typing import Any

from sisock_http.dialects import simplejson
from sisock_http.dialects.arguments import Arguments, as_object
from sisock_http.dialects.panel import time_range
from sisock_http.dialects.reply import Reply, notices
from sisock_http.dialects.times import moment
from sisock_http.encoding import as_json
from sisock_http.observatory.catalogue import Catalogue, Event
from sisock_http.observatory.watching import MOST_FIELDS, STATES, Watching
from sisock_http.problems import AwayError, RequestError

MOST_NUMBER = 2**53
MOST_EVENTS = 5_000
MOST_TEXT = 2_000
ONLY_OURS = "events are only those that this bridge saw since it started"
_NOTED = ("text", "target", "time", "until", "author")
_WORDS = {"came": "online", "went": "offline"}


class States:
    """Answers about states and events.

    Parameters
    ----------
    watching : Watching
    catalogue : Catalogue
        What the bridge saw itself.
    clock : callable
        The present, UNIX seconds.
    """

    def __init__(self, watching: Watching, catalogue: Catalogue, clock: Callable[[], float]) -> None:
        self._watching = watching
        self._catalogue = catalogue
        self._clock = clock

    async def state(self, arguments: Arguments) -> Reply:
        """How each field is."""
        arguments.allow("search", "state", "since", "epoch", "most")
        states = arguments.many("state")
        for one in states:
            if one not in STATES:
                raise RequestError(f"state={one!r} is none of {', '.join(STATES)}")
        told = await self._watching.state(
            {
                "search": arguments.one("search"),
                "states": states,
                "since": arguments.count("since", MOST_NUMBER) or 0,
                "epoch": arguments.one("epoch"),
                "most": arguments.count("most", MOST_FIELDS) or MOST_FIELDS,
            }
        )
        return Reply(as_json.dumps(told), headers=notices([told["why"]] if told["why"] else []))

    async def events(self, arguments: Arguments) -> Reply:
        """What happened."""
        arguments.allow("start", "end", "search", "what", "after", "most")
        now = self._clock()
        start, end = (
            moment(arguments.one(name, default), name, now)
            for name, default in (("start", "now-1d"), ("end", "now"))
        )
        if start > end:
            raise RequestError(f"start={start!r} is after end={end!r}")
        asked = {
            "start": start,
            "end": end,
            "search": arguments.one("search"),
            "what": arguments.many("what"),
            "after": arguments.count("after", MOST_NUMBER) or 0,
            "most": arguments.count("most", MOST_EVENTS) or 1000,
        }
        found, missing = await self._events(asked)
        return Reply(as_json.dumps(found), headers=notices(missing))

    async def note(self, body: Any) -> Reply:
        """Write something down."""
        given = as_object(body)
        for name in given:
            if name not in _NOTED:
                raise RequestError(f"there is no {name!r} in a note, only {', '.join(_NOTED)}")
        for name in ("text", "target", "author"):
            if not isinstance(given.get(name, ""), str):
                raise RequestError(f"{name} is a JSON {type(given[name]).__name__}, not text")
        text = given.get("text", "").strip()
        if not 0 < len(text) <= MOST_TEXT:
            raise RequestError(f"text has {len(text)} characters: a note has 1 to {MOST_TEXT}")
        t, until = self._when(given, "time", self._clock()), self._when(given, "until", None)
        if until is not None and until <= t:
            raise RequestError(f"until={given['until']!r} is not after time={given.get('time', 'now')!r}")
        kept = {"text": text, "target": given.get("target", ""), "author": given.get("author", ""), "t": t}
        if until is not None:
            kept["until"] = until
        return Reply(as_json.dumps(await self._watching.note(kept)), status=201)

    def _when(self, given: dict[str, Any], name: str, default: Any) -> Any:
        when = given.get(name)
        if when is None:
            return default
        if not isinstance(when, str):
            raise RequestError(f"{name} is a JSON {type(when).__name__}, not text")
        return moment(when, name, self._clock())

    async def annotations(self, body: Any) -> Reply:
        """What happened, as Grafana draws it; the annotation's query is a text that it has."""
        asked = as_object(body)
        start, end = time_range(asked)
        annotation = asked.get("annotation")
        if annotation is not None and not isinstance(annotation, dict):
            raise RequestError("annotation is not an object")
        wanted = str((annotation or {}).get("query") or "").strip()
        try:
            found = await self._watching.events(
                {"start": start, "end": end, "search": wanted, "most": MOST_EVENTS}
            )
        except AwayError:
            return Reply(as_json.dumps(simplejson.annotations(self._catalogue.events, asked)))
        return Reply(as_json.dumps([{"annotation": annotation, **_drawn(one)} for one in found]))

    async def _events(self, asked: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
        try:
            return await self._watching.events(asked), []
        except AwayError as error:
            wanted = asked["search"].lower()
            ours = [
                one
                for one in map(_ours, self._catalogue.events)
                if asked["start"] <= one["t"] < asked["end"]
                and wanted in f"{one['target']} {one['why']}".lower()
                and one["what"] in (asked["what"] or ("came", "went"))
            ]
            return ours[-asked["most"] :], [f"{error}: {ONLY_OURS}"]


def _ours(event: Event) -> dict[str, Any]:
    what = "came" if event.online else "went"
    return {
        "id": 0,
        "t": event.t,
        "what": what,
        "target": event.node,
        "why": event.text,
        "before": "",
        "author": "",
    }


def _drawn(event: dict[str, Any]) -> dict[str, Any]:
    what, target = str(event.get("what")), str(event.get("target"))
    word = _WORDS.get(what, what.replace("_", " "))
    author, until = event.get("author"), event.get("until")
    return {
        "time": round(float(event.get("t") or 0.0) * 1e3),
        **({"timeEnd": round(float(until) * 1e3), "isRegion": True} if until else {}),
        "title": f"{target} {word}".strip(),
        "text": f"{event.get('why')} ({author})" if author else str(event.get("why")),
        "tags": [part for part in (target.partition("::")[0], word) if part],
    }

"""What Grafana asks for, under the paths of both of its data sources; each reply in the dialect of who asked.

`sisock_http.dialects.panel` reads requests, `simplejson` and `simpod` write replies.
"""

from collections.abc import Hashable, Iterable
from typing import Any

from sisock.blocking import in_thread
from sisock_consumer.target import Target

from sisock_http.asking.gather import Asker
from sisock_http.asking.plan import Answers, answer_all
from sisock_http.asking.question import Answer, empty
from sisock_http.asking.statistics import shown
from sisock_http.dialects import panel, simplejson, simpod
from sisock_http.dialects.arguments import as_object
from sisock_http.dialects.kept import KeptReplies, Key
from sisock_http.dialects.reply import Reply
from sisock_http.encoding import as_json
from sisock_http.observatory.catalogue import Catalogue, Event
from sisock_http.observatory.presence import Peers, require_all, require_router


class Grafana:
    """Answers to Grafana.

    Parameters
    ----------
    reactor : twisted reactor
    peers : Peers
        Who tells whether router and hub are here.
    catalogue : Catalogue
    asker : Asker
    kept : KeptReplies
        Replies that are there already.
    """

    def __init__(
        self, reactor: Any, peers: Peers, catalogue: Catalogue, asker: Asker, kept: KeptReplies
    ) -> None:
        self._reactor = reactor
        self._peers = peers
        self._catalogue = catalogue
        self._asker = asker
        self._kept = kept

    def check(self) -> Reply:
        """Whether this data source works: the router is here."""
        require_router(self._peers)
        return Reply(as_json.dumps({"service": "sisock-http", "status": "ok"}), headers={b"vary": b"accept"})

    def ready(self, _body: Any) -> bytes:
        """Whether there is nothing left to wait for, and who is online."""
        require_all(self._peers, self._catalogue)
        return as_json.dumps({"status": "ready", "nodes": sorted(self._catalogue.online)})

    def search(self, body: Any) -> bytes:
        """Targets that contain a text."""
        require_router(self._peers)
        return as_json.dumps(simplejson.search(self._catalogue, as_object(body)))

    async def query(self, body: Any, until: float) -> Reply:
        """Samples of a panel's targets."""
        asked = panel.parse(as_object(body), self._catalogue)
        require_router(self._peers)
        answers = await answer_all(self._asker, asked.questions(), until)
        key = self._key(asked, answers)
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        happened = list(self._catalogue.events) if any(item.style == "events" for item in asked.shown) else []

        def render() -> bytes:
            return as_json.dumps([_element(item, asked, answers, happened) for item in asked.shown])

        points = sum(len(answer.series.t) for answer in answers.values())
        body = await in_thread(self._reactor, render) if points > as_json.LARGE_POINTS else render()
        return self._kept.keep(key, Reply(body))

    def _key(self, asked: panel.Panel, answers: Answers) -> Key | None:
        """All that the reply depends on, if that is answers alone."""
        shown: list[Hashable] = []
        series = []
        for item in asked.shown:
            if item.style == "events" or item.target is None or item.grid is not None:
                return None
            answer = answers[item.target, item.limits, item.join, item.convert, item.grid]
            series.append(answer.series)
            said = answer.field and (answer.field.units, answer.field.type, answer.field.description)
            told = (answer.label, answer.notice, answer.nodes, said)
            shown.append((item.target, item.style, item.ref_id, *told))
        return self._kept.key(series, *shown)

    def tag_keys(self, _request: Any) -> bytes:
        """What can be filtered by."""
        return as_json.dumps([{"type": "string", "text": "node"}])

    def tag_values(self, body: Any) -> bytes:
        """Nodes to filter by."""
        key = body.get("key") if isinstance(body, dict) else None
        names = sorted(self._catalogue.online) if key in (None, "node") else []
        return as_json.dumps([{"text": name} for name in names])

    def metrics(self, body: Any) -> bytes:
        """What the query builder offers."""
        require_router(self._peers)
        return as_json.dumps(simpod.metrics(self._catalogue, as_object(body)))

    def payload_options(self, body: Any) -> bytes:
        """What the query builder offers for one payload."""
        return as_json.dumps(simpod.payload_options(as_object(body)))

    def variable(self, body: Any) -> bytes:
        """Values of a dashboard variable."""
        require_router(self._peers)
        return as_json.dumps(simpod.variable(self._catalogue, as_object(body)))


def _element(
    item: panel.Shown, asked: panel.Panel, answers: Answers, happened: Iterable[Event]
) -> dict[str, Any]:
    """One target's answer in the dialect of who asked."""
    if item.style == "events":
        return simpod.events(happened, asked.start, asked.end, item)
    if item.target is None:
        return simplejson.element(Answer(Target("", ""), empty(""), notice=panel.NO_TARGET), item)
    answer = answers[item.target, item.limits, item.join, item.convert, item.grid]
    if item.grid is not None:
        answer = shown(answer, item.statistic)
    if item.style == "frame" and not as_json.is_number(answer.series, answer.field):
        return simpod.frame(answer, item)
    return simplejson.element(answer, item)

"""Hears from a bridge how fields are: by its stream, and by asking where that is cut.

Runs in a thread of its own, and hands on what it hears; what that means is `overview`'s.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

from sisock_client.errors import ClientError
from sisock_client.terminal.overview import Overview

SILENCE_S = 25.0
"""The bridge says every 15 s that it is there: a stream that says nothing for longer is dead."""

SHORT_S = 5.0
AGAIN_S = (1.0, 2.0, 3.0)
SAMPLES_EVERY_S = 2.0
MOST_FOLLOWED = 500
OLD = "this bridge is an old one that knows no states"

News = tuple[str, Any]
"""``state`` or ``changes`` (a reply of ``/api/v1/state``), ``samples`` (each ``name, t, value``), ``away``
(why), or ``heard`` (that somebody is there)."""


class Source(Protocol):
    """A bridge, as `sisock_client.http.HttpSource` is."""

    def state(
        self, search: str = "", states: Sequence[str] = (), *, since: int = 0, epoch: str = ""
    ) -> dict[str, Any] | None:
        """How fields are, or what changed; None of a bridge that is too old."""

    def stream(self, wanted: dict[str, Any], silence_s: float) -> Iterator[News]:
        """Events, until that ends."""


class Ear:
    """Listens.

    Parameters
    ----------
    source : Source
    put : callable
        Takes `News`; called in the thread of whoever listens.
    stopped : Event
        Ends `listen`.
    """

    def __init__(self, source: Source, put: Callable[[News], None], stopped: threading.Event) -> None:
        self._source = source
        self._put = put
        self._stopped = stopped
        self._epoch, self._seq = "", 0
        self._states: dict[str, str] = {}

    def listen(self) -> None:
        """Listen until it is stopped."""
        failures = 0
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                self.ask()
            except ClientError as error:
                self._put(("away", str(error)))
                failures += 1
            else:
                failures = 0
                with suppress(ClientError):  # whether the bridge is there is asked at once
                    self._follow()
            if time.monotonic() - began < SHORT_S:
                self._stopped.wait(AGAIN_S[min(failures, len(AGAIN_S) - 1)])

    def ask(self) -> None:
        """Ask for all that is not known yet.

        Raises
        ------
        ClientError
            If the bridge cannot be asked, or is too old.
        """
        more = True
        while more:
            told = self._source.state(since=self._seq, epoch=self._epoch)
            if told is None:
                raise ClientError(OLD)
            self._take("state", told)
            more = told["more"]

    def _follow(self) -> None:
        names = [name for name, state in self._states.items() if state != "unknown"][:MOST_FOLLOWED]
        known = set(self._states)
        wanted = {
            "states": {"since": self._seq, "epoch": self._epoch},
            "fields": names,
            "newest": True,
            "every": SAMPLES_EVERY_S,
        }
        for kind, told in self._source.stream(wanted, SILENCE_S):
            if self._stopped.is_set():
                return
            if kind == "changes" and told["epoch"] != self._epoch:
                return  # of another run of watch, or of one that was away: all of it is asked for
            if kind in ("changes", "unknown"):
                self._take("changes", told)
                if kind == "changes" and (told["more"] or not known.issuperset(self._states)):
                    return  # there are fields whose samples were not asked for
            elif kind == "samples":
                series = [one for one in told["series"] if one[1]]
                self._put(("samples", [(names[at], t[-1], values[-1]) for at, t, values in series]))
            else:
                self._put(("heard", None))

    def _take(self, kind: str, told: dict[str, Any]) -> None:
        if told["epoch"] != self._epoch:
            self._states = {}
        self._epoch, self._seq = (told["epoch"], told["seq"]) if told["watch"] else ("", 0)
        self._states.update((one["field"], one["state"]) for one in told["fields"])
        self._put((kind, told))


def tell(overview: Overview, news: News) -> None:
    """Have an overview know what was heard."""
    kind, what = news
    if kind in ("state", "changes"):
        overview.take(what)
    elif kind == "samples":
        for name, t, value in what:
            overview.sample(name, t, value)
    elif kind == "away":
        overview.lose(what)
    else:
        overview.heard()

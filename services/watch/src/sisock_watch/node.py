"""The data node `watch`: the history of states as string series, and procedures of its own.

What is served comes from the ledger (in threads) and the roll (in the reactor thread).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sisock import ContractError, DataNode, Field, Limits, LiveSession, Series, TooMuchDataError, uris
from sisock.blocking import in_thread
from sisock.metrics import Registry
from sisock_site import SiteFile

from sisock_watch import answers, ledger
from sisock_watch.ledger import STATES, Event, Ledger, Named, Stated
from sisock_watch.measures import Fields
from sisock_watch.roll import Happening, Roll

REST_S = 60.0
"""A state that lasts has a sample so often."""

MOST_SAMPLES = 2_000_000
SETTLED_S = 60.0
"""A change may be known that much later than it was."""

MOST_EVENTS = 5_000
MOST_AUTHOR = 100
_WORDS = np.array(STATES, dtype=object)


class WatchNode(DataNode):
    """Serves states.

    Parameters
    ----------
    reactor : twisted reactor
    clock : callable
        The present, UNIX seconds.
    roll : Roll
    history : Ledger
    site_file : SiteFile
    epoch : str
        Of this run.
    """

    name = uris.WATCH
    description = "How each field is: fresh, late, silent, warning, alarm, unknown."
    live = True

    def __init__(
        self,
        reactor: Any,
        clock: Callable[[], float],
        roll: Roll,
        history: Ledger,
        site_file: SiteFile,
        epoch: str,
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._roll = roll
        self._history = history
        self._site_file = site_file
        self._epoch = epoch
        self._session: LiveSession | None = None
        self._listed = len(roll.entries)

    def measure(self, registry: Registry) -> None:
        """Show the fields that have limits, or are listed for it."""
        registry.register(Fields(self._clock, self._roll, self._site_file))

    def fields(self, _start: float, _end: float) -> Iterator[Field]:
        """Every field that is or was known, by what it measures."""
        for identity in list(self._roll.entries):
            yield Field(identity, f"State of {self._roll.entries[identity].target}", type="string")

    def read(self, names: Sequence[str], start: float, end: float, limits: Limits) -> Iterator[Series]:
        """Read histories of states."""
        end = min(end, self._clock())
        step = rest_step(start, end, limits)
        if len(names) * max(0.0, end - start) / step > MOST_SAMPLES:
            raise TooMuchDataError(f"{len(names)} states over {(end - start) / 86400:.0f} days are too many")
        for name, (t, codes) in self._history.states(names, start, end).items():
            all_t, all_codes = ledger.with_rests(t, codes, start, end, step, REST_S)
            yield Series(name, all_t, _WORDS[all_codes], finalized_until=self._clock() - SETTLED_S)

    async def joined(self, session: LiveSession) -> None:
        """Answer those who ask how things are."""
        self._session = session
        await session.serve("state", self._state)
        await session.serve("events", self._events)
        await session.serve("note", self._note)

    def close(self) -> None:
        """Store what is not stored yet."""
        self._history.close()

    def record(self, happened: list[Happening], named: Mapping[str, str]) -> None:
        """Keep what happened, and tell consumers; in the reactor thread."""
        now = self._clock()
        if named:
            self._history.put([Named(named, now)])
        fresh = len(self._roll.entries) > self._listed
        self._listed = len(self._roll.entries)
        self._history.put(Stated(one.target, one.t, one.what) for one in happened if one.what in STATES)
        told = [Event(one.t, one.what, one.target, one.why, one.before) for one in happened if one.told]
        self._history.put(ledger.condensed(told, self._feed_of))
        if (happened or fresh) and self._session is not None:
            self._session.publish_updated(now, fields_changed=fresh)

    def _feed_of(self, target: str) -> str:
        entry = self._roll.entries.get(target)
        return "::".join(part for part in entry.feed if part) if entry else target

    def _state(self, **given: Any) -> dict[str, Any]:
        asked = answers.asked(given)
        if given.get("epoch") != self._epoch:
            # Numbers of an earlier run of ours: all is news.
            asked["since"] = 0
        return answers.state(self._roll, self._site_file.site, self._epoch, self._clock(), **asked)

    async def _events(self, **given: Any) -> list[dict[str, Any]]:
        now = self._clock()
        what = given.get("what") or []
        if not isinstance(what, list | tuple) or not all(isinstance(one, str) for one in what):
            raise ContractError(f"what={what!r} is not a list of words")
        return await in_thread(
            self._reactor,
            self._history.events,
            answers.moment(given, "start", now - 86400.0),
            answers.moment(given, "end", now + 86400.0),
            search=answers.text(given, "search"),
            what=list(what)[:50],
            after=answers.whole(given, "after", 0, 2**53),
            most=answers.whole(given, "most", 1000, MOST_EVENTS),
        )

    def _note(self, **given: Any) -> dict[str, Any]:
        written = answers.text(given, "text").strip()
        if not written:
            raise ContractError("text is missing: a note says something")
        if len(written) > ledger.MOST_TEXT:
            raise ContractError(f"text has {len(written)} characters, more than {ledger.MOST_TEXT}")
        now = self._clock()
        t = answers.moment(given, "t", now)
        until = None if given.get("until") is None else answers.moment(given, "until", now)
        if until is not None and until <= t:
            raise ContractError(f"until={until!r} is not after t={t!r}")
        note = Event(
            t,
            "note",
            ledger.clipped(answers.text(given, "target")),
            written,
            author=ledger.clipped(answers.text(given, "author"), MOST_AUTHOR),
            until=until,
        )
        self._history.put([note])
        if self._session is not None:
            self._session.publish_updated(now)
        return {
            "t": note.t,
            "until": until,
            "what": "note",
            "target": note.target,
            "why": note.why,
            "author": note.author,
        }


def rest_step(start: float, end: float, limits: Limits) -> float:
    """How far apart the samples of a state that lasts are: a minute, or more where few are wanted."""
    wanted = limits.min_stride or 0.0
    if limits.max_points:
        wanted = max(wanted, 2 * (end - start) / limits.max_points)
    step = REST_S
    while step < wanted:
        step *= 2
    return step

"""How each field is: fresh, late, silent, out of its limits, or unknown; and every change of that.

A `Board` is told of samples, of who is away, and now and then of the time; it says what changed. It has no
clock, and knows neither nodes nor routers: times are arguments, and why a field is lost is a sentence.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sisock.bounds import Bounds
from sisock.rhythm import UNKNOWN_S, Rhythm

from sisock_site.due import DueDates

AHEAD_S = 5.0
"""A sample stamped so far in the future has a clock that is wrong."""

SILENT_PATIENCES = 3.0
"""Where nobody says after how long a field is silent: so many times as long as until it is late."""

MOST_SHARED = 1_000
T = TypeVar("T", bound=Hashable)


class State(StrEnum):
    """How a field is."""

    FRESH = "fresh"
    LATE = "late"
    SILENT = "silent"
    WARNING = "warning"
    ALARM = "alarm"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """A field is in another state, `since` when (UNIX seconds by our clock), and why, in words."""

    key: Hashable
    state: State
    before: State
    since: float
    why: str


@dataclass(slots=True)
class _Side:
    """One limit. `sign` turns a low one upside down; `since` when values are outside, by our clock."""

    level: State
    sign: float
    limit: float
    release: float
    since: float | None = None


def _sides(bounds: Bounds | None) -> Sequence[_Side]:
    """Those limits that there are, alarms first."""
    if bounds is None:
        return ()
    limits = (
        (State.ALARM, -1.0, bounds.alarm_low),
        (State.ALARM, 1.0, bounds.alarm_high),
        (State.WARNING, -1.0, bounds.warning_low),
        (State.WARNING, 1.0, bounds.warning_high),
    )
    return [
        _Side(level, sign, sign * limit, sign * limit - bounds.hysteresis)
        for level, sign, limit in limits
        if limit is not None
    ]


@dataclass(slots=True)
class Condition:
    """One field.

    Attributes
    ----------
    state, since, why
        As in `Change`.
    t, value
        Of its newest sample: its own time, UNIX seconds; None if there is none.
    ahead_s : float
        How far its clock is ahead of ours; 0 if that is less than `AHEAD_S`.
    unjudged : str
        Why its pauses say nothing of how it is; empty if they do.
    """

    key: Hashable
    rhythm: Rhythm
    bounds: Bounds | None
    silent_after: float | None
    sides: Sequence[_Side]
    since: float
    state: State = State.UNKNOWN
    why: str = "nothing was heard yet"
    t: float | None = None
    value: Any = None
    ahead_s: float = 0.0
    lost: str = ""
    unjudged: str = ""
    resumed: float = -math.inf
    due: float = math.inf
    queued: float = field(default=math.inf, repr=False)

    @property
    def waiting_since(self) -> float:
        """Since when a sample is waited for, by our clock."""
        return max(self.rhythm.last, self.resumed)

    @property
    def pauses_s(self) -> tuple[float, float]:
        """After which pauses it is late, and silent."""
        patience = self.rhythm.patience_s
        if self.silent_after is None:
            return patience, patience * SILENT_PATIENCES
        return (
            min(patience, self.silent_after) if self.silent_after < math.inf else math.inf
        ), self.silent_after

    def hear(self, now: float, t: float, value: Any) -> None:
        """Take note of its newest sample."""
        self.ahead_s = t - now if t > now + AHEAD_S else 0.0
        at = min(t, now)
        if self.rhythm.first is None:
            self.rhythm.last = at
            self.rhythm.heard(at)
        elif at > self.rhythm.last:
            self.rhythm.heard(at)
        self.t, self.value = t, value
        if self.lost:
            self.lost, self.resumed = "", now

    def judge(self, now: float) -> tuple[State, float, str]:
        """Its state at a time: since when, and why. Says in `due` when that may change by itself."""
        self.due = math.inf
        if self.lost:
            return State.UNKNOWN, now, self.lost
        late_s, silent_s = self.pauses_s
        if self.unjudged and self.silent_after is None:
            silent_s = math.inf
        waiting = self.waiting_since
        if now - waiting > silent_s:
            return State.SILENT, waiting + silent_s, self._pause(now)
        recent_until = math.inf
        if self.unjudged and self.t is not None:
            late_s = math.inf
            if silent_s == math.inf:
                # Whatever its rhythm is: who had a sample a moment ago is fresh.
                recent_until = -math.inf if self.rhythm.first is None else self.rhythm.last + UNKNOWN_S
        if self.t is None or now > recent_until:
            self.due = waiting + silent_s
            return State.UNKNOWN, now, "nothing was heard yet" if self.t is None else self.unjudged
        late = now - waiting > late_s
        self.due = min(waiting + (silent_s if late else min(late_s, silent_s)), recent_until)
        for_s = self.bounds.for_s if self.bounds else 0.0
        for side in self.sides:
            if side.since is None:
                continue
            if now - side.since >= for_s:
                return side.level, side.since + for_s, self._outside(side)
            self.due = min(self.due, side.since + for_s)
        if late:
            return State.LATE, waiting + late_s, self._pause(now)
        return State.FRESH, now, ""

    def _pause(self, now: float) -> str:
        usual = self.rhythm.usual_pause_s
        told = f"; its longest pauses are {usual:.3g} s" if usual else ""
        if self.t is None:
            return f"nothing was heard for {now - self.waiting_since:.0f} s"
        return f"nothing came for {now - self.rhythm.last:.0f} s{told}"

    def _outside(self, side: _Side) -> str:
        where = "above" if side.sign > 0 else "below"
        limit = side.sign * side.limit
        if isinstance(self.value, int | float) and side.sign * self.value > side.limit:
            return f"{float(self.value):.6g} is {where} the {side.level} limit {limit:.6g}"
        return f"it was {where} the {side.level} limit {limit:.6g}, and is not clear of it yet"

    def touches(self, values: npt.NDArray[np.float64]) -> bool:
        """Whether any of the values may change where it is; sets nothing."""
        for side in self.sides:
            if side.since is None:
                if (values * side.sign).max() > side.limit:
                    return True
            elif (values * side.sign).min() <= side.release:
                return True
        return False

    def weigh(self, value: float, at: float) -> None:
        """Hold one value against the limits."""
        for side in self.sides:
            signed = value * side.sign
            if signed > side.limit:
                if side.since is None:
                    side.since = at
            elif signed <= side.release:
                side.since = None


class Board:
    """All fields.

    Keys are the caller's, all of one kind that has an order: `sisock_site.Facts.identity`, say. Times
    that are called `now` must not go back.

    Attributes
    ----------
    counts : Counter
        How many fields are in each state.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Condition] = {}
        self.counts: Counter[State] = Counter()
        self._due: DueDates[Condition] = DueDates()
        # Fields that come together have the same times and pauses: one object for all of them.
        self._times: dict[float, float] = {}
        self._pauses: dict[tuple[float, float], tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Condition]:
        return iter(self._known.values())

    def __getitem__(self, key: Hashable) -> Condition:
        return self._known[key]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._known

    def watch(
        self,
        key: Hashable,
        now: float,
        *,
        limits: Bounds | None = None,
        silent_after: float | None = None,
        interval: float | None = None,
        unjudged: str = "",
        anew: bool = False,
    ) -> list[Change]:
        """Begin with a field, or go on with other limits; what it was is kept.

        Parameters
        ----------
        key : hashable
        now : float
            UNIX seconds, by our clock.
        limits : Bounds, optional
        silent_after : float, optional
            Seconds; infinite: never late nor silent; None: by its rhythm.
        interval : float, optional
            How often samples come, as its node says; until its rhythm is known.
        unjudged : str
            Why its pauses say nothing: it is unknown a minute after its newest sample, or silent where
            `silent_after` says so.
        anew : bool
            Whether its rhythm is to be learnt anew, since samples come by another way now.
        """
        known = self._known.get(key)
        usual = interval or 0.0
        longest = _shared(self._pauses, (usual, usual))
        if known is None:
            rhythm = Rhythm(now, usual_pause_s=usual, longest=longest)
            known = self._known[key] = Condition(key, rhythm, limits, silent_after, _sides(limits), now)
            known.unjudged = unjudged
            self.counts[known.state] += 1
        else:
            if anew:
                known.rhythm = Rhythm(known.rhythm.last, usual_pause_s=usual, longest=longest)
                known.resumed = now
            known.unjudged = unjudged
            known.silent_after = silent_after
            if known.bounds != limits:
                known.bounds, known.sides = limits, _sides(limits)
                number = _number(known.value)
                if number is not None:
                    known.weigh(number, now)
        return self._settle(known, now)

    def drop(self, key: Hashable) -> None:
        """Forget a field."""
        known = self._known.pop(key, None)
        if known is not None:
            self.counts[known.state] -= 1

    def heard(self, key: Hashable, now: float, t: float, value: Any = None) -> list[Change]:
        """Take note of a field's newest sample; one that is not newer than the last is passed over.

        Parameters
        ----------
        key : hashable
            Of a field that is watched.
        now : float
            UNIX seconds, by our clock.
        t : float
            The sample's time.
        value : float, bool or str, optional
            Converted. NaN: no value, and so no sample. None: not looked at.
        """
        known = self._known[key]
        if _missing(value) or not self._newer(known, now, t):
            return []
        number = _number(value)
        self._hear(known, now, t, value)
        if number is not None and known.sides:
            known.weigh(number, now)
        return self._settle(known, now)

    def heard_all(
        self, key: Hashable, now: float, t: npt.NDArray[np.float64], values: npt.NDArray[Any]
    ) -> list[Change]:
        """Take note of samples of a field, ascending in time: nothing between them is lost.

        Parameters
        ----------
        key, now
            As in `heard`.
        t : (n,) float64
            UNIX seconds.
        values : (n,) numbers, bools or objects
            Converted.
        """
        known = self._known[key]
        if not len(t):
            return []
        if values.dtype.kind not in "fiub" or not known.sides:
            plain = values.tolist()
            last = next(
                (i for i in reversed(range(len(t))) if plain[i] is not None and not _missing(plain[i])), None
            )
            return [] if last is None else self.heard(key, now, float(t[last]), plain[last])
        numbers = values.astype(np.float64)
        keep = ~np.isnan(numbers)
        if known.t is not None and not self._set_back(known, now, float(t[-1])):
            keep &= t > known.t
        if not keep.all():
            t, numbers = t[keep], numbers[keep]
        if not len(t):
            return []
        changes: list[Change] = []
        newest = float(t[-1])
        if known.touches(numbers):
            for one, number in zip(t[:-1].tolist(), numbers[:-1].tolist(), strict=True):
                # Between samples the clock that counts is theirs, between batches ours.
                at = now - (newest - one)
                self._hear(known, now, one, number)
                known.weigh(number, at)
                changes += self._settle(known, max(at, known.since))
        self._hear(known, now, newest, float(numbers[-1]))
        known.weigh(float(numbers[-1]), now)
        return [*changes, *self._settle(known, now)]

    def lose(self, keys: Iterable[Hashable], now: float, why: str) -> list[Change]:
        """Nothing can be known of fields any more: their node, or the router, is away."""
        changes: list[Change] = []
        for key in keys:
            known = self._known[key]
            if known.lost != why:
                known.lost = why
                changes += self._settle(known, now)
        return changes

    def resume(self, keys: Iterable[Hashable], now: float) -> list[Change]:
        """Who was away is back: their fields have all the time they usually take until the next sample."""
        changes: list[Change] = []
        for key in keys:
            known = self._known[key]
            known.lost, known.resumed = "", now
            changes += self._settle(known, now)
        return changes

    def check(self, now: float) -> list[Change]:
        """What changed only because time went by; to be called every second or so."""
        changes: list[Change] = []
        for known in self._due.over(now):
            known.queued = math.inf
            if self._known.get(known.key) is known:
                changes += self._settle(known, now)
        return changes

    def _hear(self, known: Condition, now: float, t: float, value: Any) -> None:
        """Have a field take note of its newest sample."""
        rhythm = known.rhythm
        before = rhythm.longest
        known.hear(now, _shared(self._times, t), value)
        if rhythm.longest is not before:
            rhythm.longest = _shared(self._pauses, rhythm.longest)
            rhythm.usual_pause_s = _shared(self._times, rhythm.usual_pause_s)

    @staticmethod
    def _set_back(known: Condition, now: float, t: float) -> bool:
        """Whether the field's clock was ahead, and has been put right."""
        return known.ahead_s > 0 and known.t is not None and t < known.t and t <= now + AHEAD_S

    def _newer(self, known: Condition, now: float, t: float) -> bool:
        return known.t is None or t > known.t or self._set_back(known, now, t)

    def _settle(self, known: Condition, now: float) -> list[Change]:
        state, since, why = known.judge(now)
        if known.due < known.queued:
            # What is due later than it is queued for is looked at then, and queued again.
            known.queued = known.due = _shared(self._times, known.due)
            self._due.put(known)
        before = known.state
        known.why = why
        if state is before:
            return []
        self.counts[before] -= 1
        self.counts[state] += 1
        # What was so before, but could not be known, is so from now on.
        known.state, known.since = state, since if max(known.since, known.resumed) < since <= now else now
        return [Change(known.key, state, before, known.since, why)]


def _shared(known: dict[T, T], one: T) -> T:
    """The object that others have that are equal."""
    if len(known) >= MOST_SHARED:
        known.clear()
    return known.setdefault(one, one)


def _missing(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _number(value: Any) -> float | None:
    """A value that limits can be held against."""
    return float(value) if isinstance(value, int | float | np.number | np.bool_) else None

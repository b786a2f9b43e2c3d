"""What a page that listens to the stream wants to hear, as it says in the body of its request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sisock_consumer.target import Target

from sisock_http.asking.tails import Sample, Tails
from sisock_http.problems import RequestError

MOST_FIELDS = 2_000
LEAST_EVERY_S, MOST_EVERY_S = 1.0, 60.0
_KEYS = ("states", "fields", "since", "every", "newest")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to hear.

    Parameters
    ----------
    since : int
        Number of the last change of states that is known; 0: none.
    epoch : str
        Of which run of watch that number is.
    fields : tuple of Target
        Of which samples are wanted.
    known : tuple of float or None
        For each of them the time of the newest sample that is known.
    every_s : float
        How often to hear of samples.
    newest : bool
        Whether the newest sample of each is enough.
    """

    since: int = 0
    epoch: str = ""
    fields: tuple[Target, ...] = ()
    known: tuple[float | None, ...] = ()
    every_s: float = LEAST_EVERY_S
    newest: bool = False


def wish_of(body: Any) -> Wish:
    """Read what was asked for.

    Raises
    ------
    RequestError
        If it makes no sense.
    """
    if not isinstance(body, dict):
        raise RequestError("the body is not an object")
    for name in body:
        if name not in _KEYS:
            raise RequestError(f"there is no {name!r} in a stream, only {', '.join(_KEYS)}")
    states = body.get("states") or {}
    since, epoch = (
        (states.get("since", 0), states.get("epoch", "")) if isinstance(states, dict) else (None, None)
    )
    if not isinstance(since, int) or since < 0 or not isinstance(epoch, str):
        raise RequestError("states is not {since: a number of changes, epoch: a text}")
    names = body.get("fields", [])
    if not isinstance(names, list) or len(names) > MOST_FIELDS:
        raise RequestError(f"fields is not a list of at most {MOST_FIELDS} names")
    known = body.get("since", [None] * len(names))
    if not isinstance(known, list) or len(known) != len(names) or not all(map(_is_time, known)):
        raise RequestError("since is not a list of a time or null for each of fields")
    every = body.get("every", LEAST_EVERY_S)
    if isinstance(every, bool) or not isinstance(every, int | float) or not every > 0:
        raise RequestError(f"every={every!r} is not a number of seconds")
    return Wish(
        since,
        epoch,
        tuple(map(_target, names)),
        tuple(known),
        min(MOST_EVERY_S, max(LEAST_EVERY_S, float(every))),
        bool(body.get("newest")),
    )


def _is_time(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _target(name: Any) -> Target:
    if not isinstance(name, str):
        raise RequestError(f"fields has {name!r}, which is no node::field")
    return Target.parse(name)


class Ear:
    """What one page was told of its fields: samples after those alone are news to it."""

    def __init__(self, wish: Wish, tails: Tails, seconds: Callable[[], float]) -> None:
        self._wish = wish
        self._tails = tails
        self._seconds = seconds
        self._told = list(wish.known)
        self._spoke = float("-inf")
        tails.follow(wish.fields, wish.every_s)

    def close(self) -> None:
        """Nobody listens any more."""
        self._tails.leave(self._wish.fields, self._wish.every_s)

    def news(self) -> list[list[Any]]:
        """``[place in fields, times, values]`` of each field that has something new, if it is time for it."""
        wish, now = self._wish, self._seconds()
        if not wish.fields or now - self._spoke < 0.9 * wish.every_s:
            return []
        found = []
        for place, target in enumerate(wish.fields):
            samples: Sequence[Sample] = self._tails.since(target, self._told[place])
            if samples:
                self._told[place] = samples[-1][0]
                shown = samples[-1:] if wish.newest else samples
                found.append([place, [t for t, _ in shown], [value for _, value in shown]])
        if found:
            self._spoke = now
        return found

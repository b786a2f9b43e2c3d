"""Follow fields: each from its own last sample, so that a fast one never hides what a slow one sends late."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from sisock_client.errors import ClientError, UnknownFieldError
from sisock_client.samples import Samples
from sisock_client.times import iso

AHEAD_S = 1.0
"""Clocks of instruments may be a little ahead of ours."""


class _Source(Protocol):
    def get(self, fields: str | Sequence[str], start: float, end: float) -> Samples: ...


class Tail:
    """What is new in some fields, from look to look.

    Parameters
    ----------
    client : Client
    fields : sequence of str
        ``node::field``.
    since : float
        Begin behind this time, UNIX seconds.
    clock : callable
        The present, UNIX seconds.
    """

    def __init__(
        self, client: _Source, fields: Sequence[str], since: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._clock = clock
        self._since = dict.fromkeys(fields, since)
        self._said: set[str] = set()
        self._now: set[str] = set()
        self._begun = False

    def look(self) -> list[str]:
        """Lines of the samples that came since the last look, in order of time.

        Raises
        ------
        UnknownFieldError
            At the first look, if there is none of the fields: nothing would ever come.
        """
        self._now = set()
        found: list[tuple[float, str, object]] = []
        unknown: list[UnknownFieldError] = []
        for name, since in list(self._since.items()):
            try:
                # Each asks for itself: of one that is silent, the range grows, of the others it must not.
                samples = self._client.get(name, math.nextafter(since, math.inf), self._clock() + AHEAD_S)
            except ClientError as error:
                self._now.add(str(error))
                if isinstance(error, UnknownFieldError):
                    unknown.append(error)
                continue
            self._now.update(samples.notices)
            found += self._new(name, samples, since)
        if len(unknown) == len(self._since) and not self._begun:
            raise UnknownFieldError("; ".join(map(str, unknown)))
        self._begun = True
        found.sort(key=lambda one: one[0])
        times = iso(np.array([t for t, _, _ in found]))
        return [f"{at}  {name}  {value}" for at, (_, name, value) in zip(times, found, strict=True)]

    def _new(self, asked: str, samples: Samples, since: float) -> Iterator[tuple[float, str, object]]:
        if set(samples) != {asked} and samples:
            # An expression: from now on each of the fields that it stands for is followed.
            del self._since[asked]
        for name, (t, values) in samples.items():
            fresh = t > since
            self._since[name] = float(t[-1]) if fresh.any() else since
            yield from (
                (float(at), name, value) for at, value in zip(t[fresh], values[fresh].tolist(), strict=True)
            )

    def news(self) -> list[str]:
        """What is missing, each time that it begins to be."""
        new = sorted(self._now - self._said)
        self._said = self._now
        return new

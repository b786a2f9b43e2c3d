"""Follow fields: each from its own last sample, so that a fast one never hides what a slow one sends late."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from sisock_client.errors import ClientError, UnknownFieldError
from sisock_client.samples import Sample, Samples
from sisock_client.times import iso

AHEAD_S = 1.0
"""Clocks of instruments may be a little ahead of ours."""

TOGETHER_S = 15.0
"""Fields are asked for together if their last samples differ by no more."""


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

    def look(self) -> list[Sample]:
        """Samples that came since the last look, in order of time.

        Raises
        ------
        UnknownFieldError
            At the first look, if there is none of the fields: nothing would ever come.
        """
        self._now = set()
        found: list[Sample] = []
        unknown: list[UnknownFieldError] = []
        for since, names in self._groups():
            try:
                samples = self._client.get(names, math.nextafter(since, math.inf), self._clock() + AHEAD_S)
            except ClientError as error:
                self._now.add(str(error))
                if isinstance(error, UnknownFieldError):
                    unknown.append(error)
                continue
            self._now.update(samples.notices)
            found += self._new(names, samples, since)
            self._begun = True
        if unknown and not self._begun:
            raise UnknownFieldError("; ".join(map(str, unknown)))
        self._begun = True
        return sorted(found, key=lambda one: one.t)

    def _groups(self) -> Iterator[tuple[float, list[str]]]:
        """Fields whose last samples are about as old, with the oldest: they are asked for together.

        Of one that is silent the range grows, of the others it must not.
        """
        names: list[str] = []
        first = -math.inf
        for name, since in sorted(self._since.items(), key=lambda one: one[1]):
            if names and since - first > TOGETHER_S:
                yield first, names
                names = []
            first = first if names else since
            names.append(name)
        if names:
            yield first, names

    def _new(self, asked: Sequence[str], samples: Samples, since: float) -> Iterator[Sample]:
        if any(name not in self._since for name in samples):
            # An expression: from now on each of the fields that it stands for is followed.
            for name in asked:
                if name not in samples:
                    del self._since[name]
        for name, (t, values) in samples.items():
            last = self._since.get(name, since)
            fresh = t > last
            self._since[name] = float(t[-1]) if fresh.any() else last
            yield from (
                Sample(name, at, value)
                for at, value in zip(t[fresh].tolist(), values[fresh].tolist(), strict=True)
            )

    def news(self) -> list[str]:
        """What is missing, each time that it begins to be."""
        new = sorted(self._now - self._said)
        self._said = self._now
        return new


def lines(samples: Sequence[Sample]) -> list[str]:
    """Samples for people, a line each."""
    times = iso(np.array([one.t for one in samples]))
    return [f"{at}  {one.field}  {one.value}" for at, one in zip(times, samples, strict=True)]

"""Samples all sources into one ring and remembers what each field is. Safe to read while sampling."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sisock import Field, Series

from sisock_sensors.reading import Reading
from sisock_sensors.ring import Ring

INTERVAL_S = 2.5
SAMPLES = 1800
TIMELINE = "t"


@dataclass(slots=True)
class _Known:
    field: Field
    last_seen: float


class Sampler:
    """The last `SAMPLES` samples of everything that the sources read.

    All fields share one timeline, as on the predecessor: they are sampled together, so that a reply
    holds one time column and not one for each of dozens of fields. A field that has no value at some
    time (its chip was away) is NaN there, None in a v1 list, which is drawn as the gap that it is. A
    field all of whose values have left the ring is forgotten.

    Parameters
    ----------
    sources : sequence of callables
        Each returns the readings of the present, no name twice.
    samples : int
        How many samples are kept.
    """

    def __init__(self, sources: Sequence[Callable[[], list[Reading]]], samples: int = SAMPLES) -> None:
        self._sources = sources
        self._ring = Ring(samples)
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def sample(self, t: float) -> bool:
        """Read all sources and keep the values under the time `t`; one thread at a time.

        Parameters
        ----------
        t : float
            UNIX seconds. If the clock was set back, what was sampled at `t` and later is forgotten:
            it was told a wrong time.

        Returns
        -------
        bool
            Whether there are other fields than before.
        """
        readings = [reading for read in self._sources for reading in read()]
        with self._lock:
            before = self._known.keys() | set()
            self._forget_from(t)
            self._ring.append(t, {reading.name: reading.value for reading in readings})
            for reading in readings:
                field = Field(
                    reading.name,
                    reading.description,
                    reading.units or None,
                    timeline=TIMELINE,
                    interval=INTERVAL_S,
                )
                self._known[reading.name] = _Known(field, t)
            oldest = self._ring.times()[0]
            for name in [name for name, known in self._known.items() if known.last_seen < oldest]:
                self._ring.drop(name)
                del self._known[name]
            return before != self._known.keys()

    def fields(self, start: float, end: float) -> list[Field]:
        """Fields that have values in ``[start, end)``."""
        with self._lock:
            return [self._known[series.name].field for series in self._read(list(self._known), start, end)]

    def read(self, names: Sequence[str], start: float, end: float) -> list[Series]:
        """Samples in ``[start, end)`` of the named fields that have any."""
        with self._lock:
            return self._read(names, start, end)

    def _read(self, names: Sequence[str], start: float, end: float) -> list[Series]:
        times = self._ring.times()
        first, last = times.searchsorted([start, end])
        t, final = times[first:last], float(times[-1]) if len(times) else None
        columns = {name: self._ring.column(name)[first:last] for name in names if name in self._known}
        return [
            Series(name, t, values, TIMELINE, final)
            for name, values in columns.items()
            if not np.isnan(values).all()
        ]

    def _forget_from(self, t: float) -> None:
        times = self._ring.times()
        kept = int(times.searchsorted(t))
        if kept == len(times):
            return
        columns = {name: self._ring.column(name) for name in self._ring.names}
        self._ring = Ring(self._ring.capacity)
        for i in range(kept):
            self._ring.append(times[i], {name: column[i] for name, column in columns.items()})
        if not kept:
            self._known.clear()
        for known in self._known.values():
            known.last_seen = min(known.last_seen, t)

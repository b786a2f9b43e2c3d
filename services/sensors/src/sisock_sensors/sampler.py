"""Samples all sources into one ring and remembers what each field is. Safe to read while sampling."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sisock import Field, Ring, Series

from sisock_sensors.chips import Reading

INTERVAL_S = 2.5
SAMPLES = 1800
TIMELINE = "t"


@dataclass(slots=True)
class _Known:
    field: Field
    last_seen: float


class Sampler:
    """The last `SAMPLES` samples of everything that the sources read.

    All fields share one timeline, as on the predecessor: they are sampled together, and one that has
    no value at some time (its chip was away) has NaN there. A field all of whose samples are gone from
    the ring is forgotten.

    Parameters
    ----------
    sources : sequence of callables
        Each returns the readings of the present.
    samples : int
        How many samples are kept.
    """

    def __init__(self, sources: Sequence[Callable[[], list[Reading]]], samples: int = SAMPLES) -> None:
        self._sources = sources
        self._ring = Ring(samples)
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def sample(self, t: float) -> None:
        """Read all sources and keep the values under the time `t` (UNIX seconds)."""
        readings = [reading for read in self._sources for reading in read()]
        with self._lock:
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

    def fields(self, start: float, end: float) -> list[Field]:
        """Fields that have values in ``[start, end)``."""
        return [self._known_field(series.name) for series in self.read(list(self._known), start, end)]

    def _known_field(self, name: str) -> Field:
        return self._known[name].field

    def read(self, names: Sequence[str], start: float, end: float) -> list[Series]:
        """Samples in ``[start, end)`` of the named fields that have any."""
        with self._lock:
            t = self._ring.times()
            first, last = t.searchsorted([start, end])
            columns = {name: self._ring.column(name)[first:last] for name in names if name in self._known}
        final = float(t[-1]) if len(t) else None
        return [
            Series(name, t[first:last], values, TIMELINE, final)
            for name, values in columns.items()
            if bool(np.isfinite(values).any())
        ]

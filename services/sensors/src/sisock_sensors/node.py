"""The data node: samples beside the reactor thread, serves what the sampler has."""

from collections.abc import Callable, Sequence

from sisock import DataNode, Field, Limits, LiveSession, Series, Update

from sisock_sensors.sampler import INTERVAL_S, Sampler


class SensorsNode(DataNode):
    """Serves this host's sensors and figures.

    Parameters
    ----------
    sampler : Sampler
    clock : callable
        The present, UNIX seconds.
    """

    name = "sensors"
    description = "Sensors of the host (libsensors) and its load, memory, disks and network."
    live = True

    def __init__(self, sampler: Sampler, clock: Callable[[], float]) -> None:
        self._sampler = sampler
        self._clock = clock

    async def joined(self, session: LiveSession) -> None:
        """Sample from the first time on that there is somebody to sample for."""
        session.every(INTERVAL_S, self._sample)

    def _sample(self) -> Update:
        now = self._clock()
        return Update(now, fields_changed=self._sampler.sample(now))

    def fields(self, start: float, end: float) -> list[Field]:
        """List the fields that have values in the interval."""
        return self._sampler.fields(start, end)

    def read(self, names: Sequence[str], start: float, end: float, _limits: Limits) -> list[Series]:
        """Read from the ring."""
        return self._sampler.read(names, start, end)

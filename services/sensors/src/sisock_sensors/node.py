"""The data node: samples off the reactor thread, serves from the ring."""

import time
from collections.abc import Sequence

from sisock import DataNode, Field, Limits, LiveSession, Series
from sisock.blocking import in_thread
from sisock.runner import the_reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import LoopingCall

from sisock_sensors.chips import Chips
from sisock_sensors.sampler import INTERVAL_S, Sampler


class SensorsNode(DataNode):
    """Serves what the sampler has."""

    name = "sensors"
    description = "Sensors of the host (libsensors) and its load, memory, disks and network."
    live = True

    def __init__(self, chips: Chips, sampler: Sampler) -> None:
        self._chips = chips
        self._sampler = sampler
        self._session: LiveSession | None = None
        self._loop: LoopingCall | None = None

    async def joined(self, session: LiveSession) -> None:
        """Sample from the first time on that there is somebody to sample for."""
        self._session = session
        if self._loop is None:
            self._loop = LoopingCall(lambda: ensureDeferred(self._sample()))
            self._loop.start(INTERVAL_S).addErrback(lambda failure: failure.raiseException())

    async def _sample(self) -> None:
        now = time.time()
        await in_thread(the_reactor(), self._sampler.sample, now)
        if self._session is not None:
            self._session.publish_updated(now)

    def fields(self, start: float, end: float) -> list[Field]:
        """List the fields that have values in the interval."""
        return self._sampler.fields(start, end)

    def read(self, names: Sequence[str], start: float, end: float, _limits: Limits) -> list[Series]:
        """Read from the ring."""
        return self._sampler.read(names, start, end)

    def close(self) -> None:
        """Stop sampling and release libsensors."""
        if self._loop is not None and self._loop.running:
            self._loop.stop()
        self._chips.close()

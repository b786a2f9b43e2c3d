"""The data node: samples beside the reactor thread, serves what the sampler has."""

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from sisock import DataNode, Field, Limits, LiveSession, Series
from sisock.blocking import in_thread
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import LoopingCall

from sisock_sensors.sampler import INTERVAL_S, Sampler


class SensorsNode(DataNode):
    """Serves this host's sensors and figures.

    Parameters
    ----------
    sampler : Sampler
    reactor : twisted reactor
        Its clock says when to sample, its threads do it.
    clock : callable
        The present, UNIX seconds.
    log : structlog logger
    """

    name = "sensors"
    description = "Sensors of the host (libsensors) and its load, memory, disks and network."
    live = True

    def __init__(
        self, sampler: Sampler, reactor: Any, clock: Callable[[], float], log: structlog.stdlib.BoundLogger
    ) -> None:
        self._sampler = sampler
        self._reactor = reactor
        self._clock = clock
        self._log = log
        self._session: LiveSession | None = None
        self._loop: LoopingCall | None = None
        self._problem = ""

    async def joined(self, session: LiveSession) -> None:
        """Sample from the first time on that there is somebody to sample for."""
        self._session = session
        if self._loop is None:
            self._loop = LoopingCall(self._sample_or_tell)
            self._loop.clock = self._reactor
            self._loop.start(INTERVAL_S)

    def _sample_or_tell(self) -> Deferred[None]:
        """Sample; a failure is told, and must not be the end of sampling."""
        return ensureDeferred(self._sample()).addErrback(self._tell)

    async def _sample(self) -> None:
        now = self._clock()
        await in_thread(self._reactor, self._sampler.sample, now)
        self._problem = ""
        if self._session is not None:
            self._session.publish_updated(now)

    def _tell(self, failure: Any) -> None:
        why = f"{failure.type.__name__}: {failure.getErrorMessage()}"
        if why != self._problem:
            self._log.error("sample.failed", why=why, exc_info=failure.value)
        self._problem = why

    def fields(self, start: float, end: float) -> list[Field]:
        """List the fields that have values in the interval."""
        return self._sampler.fields(start, end)

    def read(self, names: Sequence[str], start: float, end: float, _limits: Limits) -> list[Series]:
        """Read from the ring."""
        return self._sampler.read(names, start, end)

    def close(self) -> None:
        """Stop sampling."""
        if self._loop is not None and self._loop.running:
            self._loop.stop()

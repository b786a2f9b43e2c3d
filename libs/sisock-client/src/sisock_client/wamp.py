"""Ask data nodes directly, over WAMP: for whoever is on the router's network and has a secret."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sisock import logs
from sisock.config import RouterConfig, load
from sisock.errors import SisockError
from sisock.node import Limits
from sisock.runner import the_reactor
from sisock_consumer.consumer import Consumer, NodeInfo
from sisock_consumer.target import Target
from twisted.internet.defer import TimeoutError as OutOfTimeError
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import blockingCallFromThread

from sisock_client.bins import Binned, of_bins, of_node, summed
from sisock_client.curves import Column
from sisock_client.errors import ClientError, UnknownFieldError
from sisock_client.samples import FieldInfo, Last, Latest, NodeSummary, Samples, known_only

EVERY = (1, 0)
"""From the beginning until now, as fields are asked for."""

JOIN_S = 10.0
STEP_S = 0.05
WINDOWS_S = (3600.0, 86_400.0, 30 * 86_400.0)
"""How far back to look for a last sample, one window after the other."""

AHEAD_S = 60.0
"""Clocks differ: a sample may be from what is the future here."""
WARNING = 30


class WampSource:
    """A consumer in a thread of its own. There is one reactor in a process: it runs until that ends.

    Parameters
    ----------
    environ : mapping
        As of a component: ``CROSSBAR_HOST``, ``WAMP_SECRET`` and so on.
    deadline_s : float
        Seconds that a node has for its answer.
    """

    def __init__(self, environ: Mapping[str, str], deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._reactor = the_reactor()
        config = load(RouterConfig, {"WAMP_USER": "simonsobs", **environ})
        self.consumer = Consumer(self._reactor, config, logs.get("client"))
        if not self._reactor.running:
            logs.configure("client", WARNING)
            threading.Thread(
                target=self._reactor.run, kwargs={"installSignalHandlers": False}, daemon=True
            ).start()
        self._failure: list[str] = []
        self._reactor.callFromThread(
            lambda: self.consumer.run().addErrback(lambda f: self._failure.append(f.getErrorMessage()))
        )
        self._patience_s = min(JOIN_S, deadline_s)
        try:
            self.ask(self._joined, JOIN_S + 1)
        except ClientError:
            self.close()
            raise

    async def _joined(self) -> None:
        end = self._reactor.seconds() + self._patience_s
        while not self.consumer.hub_here:
            if self._failure:
                raise ClientError(self._failure[0])
            if self._reactor.seconds() > end:
                where = "the hub" if self.consumer.router_here else "the router"
                why = f": {self.consumer.why_away}" if self.consumer.why_away else ""
                raise ClientError(f"{where} did not answer within {self._patience_s:g} s{why}")
            await deferLater(self._reactor, STEP_S, lambda: None)

    def close(self) -> None:
        """Leave the router."""
        self.ask(self.consumer.stop, JOIN_S)

    def nodes(self) -> list[NodeSummary]:
        """Who is online."""

        async def look(node: NodeInfo) -> NodeSummary:
            try:
                fields = await self.consumer.get_fields(node.name, *EVERY, self._deadline_s)
            except SisockError:
                fields = []
            return NodeSummary(node.name, node.description, len(fields))

        async def list_all() -> list[NodeSummary]:
            # All at once: those that do not answer cost one deadline together.
            here = sorted(self.consumer.nodes.values(), key=lambda node: node.name)
            listed: list[NodeSummary] = await gatherResults([ensureDeferred(look(node)) for node in here])
            return listed

        found: list[NodeSummary] = self.ask(list_all)
        return found

    def fields(self, search: str) -> list[FieldInfo]:
        """Fields whose name or description contains a text."""

        async def list_all() -> list[FieldInfo]:
            found = []
            for name in sorted(self.consumer.nodes):
                for one in await self.consumer.get_fields(name, *EVERY, self._deadline_s):
                    whole = str(Target(name, one.name))
                    if search.lower() in f"{whole} {one.description or ''} {one.source or ''}".lower():
                        found.append(
                            FieldInfo(whole, one.description, one.units, one.type, one.interval, one.source)
                        )
            return found

        found: list[FieldInfo] = self.ask(list_all)
        return found

    def get(
        self,
        names: Sequence[str],
        start: float,
        end: float,
        max_points: int | None = None,
        binned: Binned | None = None,
        *,
        join: bool = False,  # noqa: ARG002 (who asks a node gets what the node has)
        convert: bool = False,  # noqa: ARG002
    ) -> Samples:
        """Samples in ``[start, end)``, UNIX seconds, or what of bins is wanted."""
        wanted: dict[str, list[str]] = {}
        for name in names:
            target = Target.parse(name)
            if not target.node:
                raise ClientError(f"{name!r} does not name a field: it must be 'node::field'")
            wanted.setdefault(target.node, []).append(target.field)
        shown = [f"{name}/{of}" for name in names for of in binned.of] if binned else names
        columns: dict[str, tuple[Column, Column]] = {name: (np.empty(0), np.empty(0)) for name in shown}
        units: dict[str, str | None] = {}
        notices: list[str] = []

        async def ask(node: str, fields: list[str]) -> None:
            known = await self.consumer.get_fields(node, *EVERY, self._deadline_s)
            units.update({str(Target(node, one.name)): one.units for one in known})
            info = self.consumer.nodes.get(node)
            if binned and info and "bins" in info.capabilities:
                bins, problems = await self.consumer.get_bins(
                    node, fields, start, end, deadline_s=self._deadline_s, grid=binned.grid
                )
                columns.update(of_node(node, bins, binned))
                notices.extend(problems.values())
                return
            read = await self.consumer.get_data(
                node,
                fields,
                start,
                end,
                deadline_s=self._deadline_s,
                timelines={one.name: one.timeline_name for one in known},
                limits=Limits(max_points),
            )
            if binned:
                columns.update(of_node(node, summed(read.series, binned), binned))
            else:
                columns.update(
                    {str(Target(node, name)): (one.t, one.values) for name, one in read.series.items()}
                )
            notices.extend(read.problems.values())

        for node, fields in wanted.items():
            try:
                self.ask(lambda node=node, fields=fields: ask(node, fields))  # type: ignore[misc]
            except SisockError as error:
                notices.append(str(error))
                if node in self.consumer.nodes:
                    # It is there and did not answer: whether it has such fields is not known.
                    units.update(dict.fromkeys(str(Target(node, name)) for name in fields))
        return known_only(columns, of_bins(units, binned) if binned else units, notices)

    def latest(self, names: Sequence[str]) -> Latest:
        """The newest sample of each field: of the last hour, else of a day, else of 30 days."""
        now = time.time()
        rows = {name: Last(name, None, None) for name in names}
        notices: list[str] = []
        for window_s in WINDOWS_S:
            empty = [name for name, one in rows.items() if one.t is None]
            if not empty:
                break
            try:
                found = self.get(empty, now - window_s, now + AHEAD_S, 2)
            except UnknownFieldError:
                if len(empty) == len(rows):
                    raise
                break  # that is said in the notices; of the others there are samples
            notices = found.notices
            for name, (t, values) in found.items():
                if len(t):
                    rows[name] = Last(name, float(t[-1]), values[-1:].tolist()[0], found.units.get(name))
        return Latest(rows, notices)

    def ask(self, work: Callable[[], Any], deadline_s: float | None = None) -> Any:
        """Run a coroutine function in the reactor's thread and wait for what it gives."""
        limit = deadline_s or 4 * self._deadline_s

        def bounded() -> Any:
            return ensureDeferred(work()).addTimeout(limit, self._reactor)

        try:
            return blockingCallFromThread(self._reactor, bounded)
        except OutOfTimeError as error:
            raise ClientError(f"there was no answer within {limit:g} s") from error

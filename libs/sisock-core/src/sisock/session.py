"""A `DataNode` on the router: register, announce, answer, and announce again when the hub returns.

The author's methods run in threads; what they return enters the wire through `sisock.wire`, which
refuses what would break the contract.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import structlog
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import RegisterOptions
from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater

from sisock import binning, message, request_id, uris, wire
from sisock.announce import Announcement, not_registered
from sisock.blocking import in_thread, within
from sisock.errors import ContractError, DeadlineError, NodeError, RefusedError, SisockError, TooMuchDataError
from sisock.live import Live, Repeats
from sisock.memory import Holes
from sisock.node import DataNode, Grid, Limits, Series
from sisock.tally import Tally
from sisock.times import absolute
from sisock.trouble import Trouble

DECLARED_AGAIN_S = 2.0
"""How soon a node is asked again for its fields when somebody wants one that it has not declared."""

AHEAD_S = 86400.0
"""Samples farther than this in the future are in no bin."""

MOST_REPLY_BYTES = 256 * 1024 * 1024

CAPABILITIES = ("bins", "max_points", "packed", "request", "stepped")
_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character, which JSON may bring and no reply can hold."""

BAD_REQUEST = ApplicationError.INVALID_ARGUMENT
NODE_FAILED = "wamp.error.runtime_error"


@dataclass(frozen=True, slots=True)
class Form:
    """How a caller takes columns: packed, and with times of an even rhythm as that."""

    packed: bool
    stepped: bool


class NodeSession:
    """Owner of the connection of one data node (see `sisock.connection.Owner`).

    Parameters
    ----------
    reactor : twisted reactor
    node : DataNode
    log : structlog logger
    clock : callable
        The present, UNIX seconds.
    max_points : int, optional
        Most points per field in any reply.
    replica : bool
        Whether other sessions of our user may serve the name, too: each is called in turn.
    on_listed : callable, optional
        Called with True when the hub lists the node, and with False when that is over.
    queries : Tally, optional
        Counts what the node is asked.
    """

    def __init__(
        self,
        reactor: Any,
        node: DataNode,
        log: structlog.stdlib.BoundLogger,
        clock: Callable[[], float],
        *,
        max_points: int | None = None,
        replica: bool = False,
        on_listed: Callable[[bool], None] = lambda _listed: None,
        queries: Tally | None = None,
    ) -> None:
        self._reactor = reactor
        self._node = node
        self._log = log.bind(node=node.name)
        self._clock = clock
        self._max_points = max_points
        self._replica = replica
        self._on_listed = on_listed
        self._queries = queries or Tally()
        self._listed = False
        self._hub_away = Trouble(self._log.warning, "hub.away")
        self._refused = Trouble(self._log.warning, "request.refused")
        self._failing = Trouble(self._log.warning, "read.failed")
        self._repeats = Repeats(reactor, self._log)
        self._holes = Holes(reactor)
        self._announcement: Announcement | None = None
        self._session: Any = None
        self._declared: set[str] = set()
        self._intervals: dict[str, float] = {}
        self._declared_at = float("-inf")
        self._listing = Lock()

    async def joined(self, session: Any, details: Any) -> None:
        """Register the node's procedures and announce it to the hub."""
        self._session = session
        name = self._node.name
        invoke = "roundrobin" if self._replica else None
        try:
            for procedure, uri, wants in (
                (self._get_fields, uris.get_fields(name), None),
                (self._get_data, uris.get_data(name), "details"),
            ):
                options = RegisterOptions(details_arg=wants, invoke=invoke)
                await session.register(procedure, uri, options=options)
        except ApplicationError as error:
            raise RefusedError(not_registered(name, error)) from error

        def refused(why: str) -> None:
            self._log.error("node.refused", why=why)
            session.leave()

        self._announcement = announcement = Announcement(
            self._reactor,
            session,
            (name, self._node.description, details.session),
            self._hub_told,
            refused=refused,
            capabilities=[
                *CAPABILITIES,
                *(["live"] if self._node.live else []),
                *(["replicas"] if self._replica else []),
            ],
        )
        try:
            await session.subscribe(lambda *_, **__: announcement.ask_soon(), uris.DATA_NODE_ANNOUNCE)
        except ApplicationError as error:
            # A site's own roles may not allow it; the hub then finds us by our registrations.
            self._log.debug("hub.announcements_not_allowed", why=error.error_message())
        await announcement.ask()
        live = Live(self._reactor, session, name, self._repeats, self._queries.reaches)
        self._repeats.begin(live)
        await self._node.joined(live)
        self._repeats.settle()

    def lost(self) -> None:
        """The session is over: nobody lists us."""
        if self._announcement is not None:
            self._announcement.stop()
        self._set_listed(False)

    def close(self) -> None:
        """Release what the node holds: the process ends."""
        self._repeats.stop()
        self._holes.stop()
        self._node.close()

    async def farewell(self, session: Any) -> None:
        """Tell the hub that we go."""
        if not self._listed:
            return
        try:
            subtract = session.call(uris.DATA_NODE_SUBTRACT, self._node.name, session._session_id)
            await within(self._reactor, 1.0, subtract, "the hub")
        except (ApplicationError, DeadlineError, ConnectionError) as error:
            self._log.debug("hub.subtract_failed", why=str(error))

    def _hub_told(self, why: str) -> None:
        if not why:
            self._hub_away.over()
            if not self._listed:
                self._log.info("node.listed")
        elif not self._hub_away.why:
            self._hub_away.tell(why)
        self._set_listed(not why)

    def _set_listed(self, listed: bool) -> None:
        if listed != self._listed:
            self._listed = listed
            self._queries.listed(listed)
            self._on_listed(listed)

    async def _get_fields(self, start: Any = 1, end: Any = 0, request: Any = None, **_kwargs: Any) -> Any:
        with request_id.bound(request), self._queries.timed("get_fields"):
            try:
                first, last = absolute(start, end, self._clock())
                reply = await in_thread(self._reactor, self._list, first, last)
            except Exception as error:
                raise self._failed("get_fields", error) from error
            self._holes.left_by(len(reply[0]))
            return reply

    def _list(self, start: float, end: float) -> list[dict[str, Any]]:
        """Ask the author which fields there are, in a thread."""
        try:
            reply = wire.fields_reply(self._node.fields(start, end))
        except ContractError as error:
            raise NodeError(str(error)) from error
        for timeline in reply[1].values():
            if timeline["interval"]:
                self._intervals.update(dict.fromkeys(timeline["field"], timeline["interval"]))
        # Only what is new: a set that is given what it has grows all the same.
        self._declared.update(reply[0].keys() - self._declared)
        return reply

    def _known(self, names: list[str], start: float, end: float) -> list[str]:
        """Those of the names that the node has declared, in a thread.

        All that was ever declared counts, since a list may be long: the author is asked for one only
        when a name is not among them, and not for the same unknown name again and again.
        """
        if not self._declared.issuperset(names):
            with self._listing:
                now = self._clock()
                if (
                    not self._declared.issuperset(names)
                    and not 0 <= now - self._declared_at < DECLARED_AGAIN_S
                ):
                    self._list(min(start, 1.0), max(end, now))
                    self._declared_at = self._clock()
        return [name for name in names if name in self._declared]

    async def _get_data(self, *args: Any, request: Any = None, **kwargs: Any) -> Any:
        with request_id.bound(request), self._queries.timed("get_data"):
            began = self._reactor.seconds()
            try:
                return await self._answer(*args, **kwargs)
            finally:
                self._log.debug("request.answered", what="get_data", after_s=self._reactor.seconds() - began)

    async def _answer(
        self,
        field: Any = None,
        start: Any = 1,
        end: Any = 0,
        min_stride: Any = None,
        max_points: Any = None,
        packed: Any = False,
        details: Any = None,
        bins: Any = None,
        stepped: Any = False,
        **_kwargs: Any,
    ) -> Any:
        try:
            names = _names(field)
            now = self._clock()
            first, last = absolute(start, end, now)
            limits = self._limits(min_stride, max_points)
            own_times = bool(packed) or max_points is not None
            form = Form(bool(packed), bool(packed) and bool(stepped))
            progress = getattr(details, "progress", None)
            # What the future holds is not looked for to the end of all times.
            wanted, last = (limits, last) if bins is None else (_grid(bins), min(last, now + AHEAD_S))
            replies = await in_thread(
                self._reactor,
                self._reply,
                names,
                first,
                last,
                wanted,
                own_times,
                form,
                progress is not None,
            )
        except TooMuchDataError as error:
            self._queries.failed(error)
            return False
        except Exception as error:
            raise self._failed("get_data", error) from error
        last_part = next(replies)
        try:
            for part in replies:
                progress(last_part)  # type: ignore[misc]  # there is one part only without it
                last_part = part
                # The part leaves now, and is on its way while the next one is written.
                await deferLater(self._reactor, 0, lambda: None)
        except CancelledError as error:
            raise self._failed("get_data", error) from error
        return last_part

    def _limits(self, min_stride: Any, max_points: Any) -> Limits:
        stride = None if min_stride is None else _positive("min_stride", min_stride)
        most = None if max_points is None else int(_positive("max_points", max_points))
        if self._max_points is not None:
            most = self._max_points if most is None else min(most, self._max_points)
        return Limits(max_points=most, min_stride=stride)

    def _reply(
        self,
        names: list[str],
        start: float,
        end: float,
        wanted: Limits | Grid,
        own_times: bool,
        form: Form,
        chunked: bool,
    ) -> Iterator[dict[str, Any]]:
        """Read in a thread; parts of a long reply are made as they are sent."""
        known = self._known(names, start, end) if end > start else []
        try:
            if isinstance(wanted, Grid):
                tables, names = self._sum_up(known, start, end, wanted), []
            else:
                series = self._node.read(known, start, end, wanted) if known else ()
                tables = wire.tabulate(series, known, start, end, wanted, own_times=own_times)
        except ContractError as error:
            # The author's fault, not the caller's.
            raise NodeError(str(error)) from error
        size = sum(len(table.t) * table.row_bytes for table in tables)
        if size > MOST_REPLY_BYTES:
            raise TooMuchDataError(f"{size} bytes are more than {MOST_REPLY_BYTES}")
        if chunked:
            made = wire.parts(tables, names, packed=form.packed, stepped=form.stepped)
            return made if size > 4 * wire.PART_BYTES else iter(list(made))
        # A number has a byte at least: what surely is too much need not be written to be counted.
        if size > 8 * message.MOST_BYTES or (reply := self._in_one(tables, names, form)) is None:
            raise TooMuchDataError(
                "the reply is longer than one message may be, and the caller takes no parts"
            )
        return iter([reply])

    def _sum_up(self, names: list[str], start: float, end: float, grid: Grid) -> list[wire.Table]:
        """Bins from the author, or from samples; fields without any are not in the reply."""
        if not names:
            return []
        made = self._node.bins(names, start, end, grid)
        if made is not None:
            return binning.tables(binning.checked(made, names, start, end, grid))

        def read(some: Sequence[str], begin: float, until: float) -> Iterable[Series]:
            return self._node.read(some, begin, until, Limits())

        return binning.tables(binning.compute(read, names, start, end, grid, intervals=self._intervals))

    def _in_one(self, tables: list[wire.Table], names: list[str], form: Form) -> dict[str, Any] | None:
        """The whole reply; None if no message can hold it."""
        reply = next(wire.parts(tables, names, packed=form.packed, stepped=form.stepped, part_bytes=None))
        return reply if message.size(self._session, reply) <= message.MOST_BYTES else None

    def _failed(self, what: str, error: Exception) -> ApplicationError:
        if isinstance(error, ApplicationError):
            return error
        if isinstance(error, CancelledError):
            return ApplicationError(ApplicationError.CANCELED, "the caller waits no more")
        self._queries.failed(error)
        told = f"{self._node.name}.{what}: {error}"
        if isinstance(error, ContractError):
            self._refused.tell(told)
            return ApplicationError(BAD_REQUEST, told)
        if isinstance(error, SisockError):
            self._failing.tell(told)
        else:
            self._log.error("read.failed", what=what, why=f"{type(error).__name__}: {error}", exc_info=error)
            told = f"{self._node.name}.{what} failed: {type(error).__name__}: {error}"
        return ApplicationError(NODE_FAILED, told)


def _grid(given: Any) -> Grid:
    if not isinstance(given, Mapping):
        raise ContractError(f"bins={given!r} is not a dictionary with a width")
    return binning.grid(given.get("width"), given.get("offset", 0.0))


def _names(field: Any) -> list[str]:
    if field is None:
        return []
    names = [field] if isinstance(field, str) else field
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise ContractError(f"field={field!r} is not a list of field names")
    if any(_SURROGATE.search(name) for name in names):
        raise ContractError(f"field={field!r} has a name that is no text")
    return list(dict.fromkeys(names))


def _positive(label: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ContractError(f"{label}={value!r} is not a number of zero or more")
    if label == "max_points" and value < 1:
        raise ContractError(f"{label}={value!r} is not a positive number")
    return float(value)

"""All that was heard in the last while: timelines by feed and block, and the names of their fields.

One thread adds, any number read. Plain Python and numpy; knows nothing of WAMP or of disks.
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from sisock import Field, Series

from sisock_data_feed.feed import MISSING, Block, Channel, Column, field_name
from sisock_data_feed.timeline import Snapshot, Timeline
from sisock_data_feed.topics import Address

EVICT_INTERVAL_S = 1.0

SILENT_S = 60.0
"""A channel that was silent for longer than another of its name leaves the plain name to that one."""

MOST_BEHIND = 0.05
LEAST_BEHIND_S = 10.0
"""A feed whose newest stamp is further behind than this part of the buffer time, and so long at least, has
stopped, or its agent's clock is slow: how far back its samples reach is then not what the clock says."""

BlockKey = tuple[Address, str]
ColumnKey = tuple[BlockKey, Channel]


class Buffer:
    """The last `buffer_time` seconds of every feed; safe to use from several threads.

    Parameters
    ----------
    buffer_time : float
        Seconds. Counted back from the newest sample of a feed, or from now if that lies ahead: a
        stamp from the future drives nothing out, nor does a slow clock of the agent's. What was
        received that long before the last message goes in any case.
    prefixed : bool
        Whether the names of fields and timelines begin with ``<target>.<feed>.``.
    clock : callable
        The present, UNIX seconds.
    """

    def __init__(self, buffer_time: float, *, prefixed: bool, clock: Callable[[], float]) -> None:
        self._buffer_time = buffer_time
        self._prefixed = prefixed
        self._clock = clock
        self._lock = threading.Lock()
        self._timelines: dict[BlockKey, Timeline] = {}
        self._newest: dict[Address, float] = {}
        self._received = float("-inf")
        self._evicted = float("-inf")
        self._listening = float("inf")
        self._order = itertools.count()

    def listen(self, now: float) -> None:
        """From now on everything is heard that comes; what came since the last message may be missing."""
        with self._lock:
            self._listening = now
            for timeline in self._timelines.values():
                timeline.complete_since = None

    def add(self, block: Block, received: float) -> bool:
        """Add the samples of a block.

        Parameters
        ----------
        block : Block
        received : float
            UNIX seconds.

        Returns
        -------
        bool
            Whether channels came or went, or are complete from now on.
        """
        with self._lock:
            key = (block.address, block.name)
            timeline = self._timelines.get(key)
            if timeline is None:
                timeline = self._timelines[key] = Timeline()
            changed = timeline.add(block, received, self._order)
            if timeline.complete_since is None and received >= self._listening:
                # What is stamped later is published later. The agent's clock may be slow, or its stamps old.
                timeline.complete_since = max(self._listening, float(block.t[0]))
                changed = True
            self._newest[block.address] = max(timeline.newest, self._newest.get(block.address, 0.0))
            self._received = max(received, self._received)
            if abs(received - self._evicted) >= EVICT_INTERVAL_S:
                self._evicted = received
                changed |= self._evict()
        return changed

    def texts_for_numbers(self, block: Block) -> list[str]:
        """Channels that have texts in this block, and have, or had a while ago, numbers."""
        texts = [channel for channel, kind in block.columns if kind == "string"]
        if not texts:
            return texts
        with self._lock:
            timeline = self._timelines.get((block.address, block.name))
            return [channel for channel in texts if timeline and (channel, "number") in timeline.seen]

    def _evict(self) -> bool:
        changed = False
        received_before = self._received - self._buffer_time
        for key, timeline in list(self._timelines.items()):
            changed |= timeline.evict(self._oldest(key[0]), received_before)
            if not timeline.pieces:
                del self._timelines[key]
        here = {address for address, _ in self._timelines}
        self._newest = {address: t for address, t in self._newest.items() if address in here}
        return changed

    def _oldest(self, address: Address) -> float:
        """Samples before this time are not kept."""
        return min(self._clock(), self._newest[address]) - self._buffer_time

    def fields(self, start: float, end: float) -> Iterator[tuple[Address, Field]]:
        """List the fields with samples in ``[start, end)``, with the feed that each comes from."""
        now = self._clock()
        with self._lock:
            names, newest = self._names(), dict(self._newest)
            blocks = {
                key: (Snapshot(timeline.pieces), self._oldest(key[0]), timeline.complete_since)
                for key, timeline in self._timelines.items()
            }
        spans = {key: snapshot.span(max(start, oldest), end) for key, (snapshot, oldest, _) in blocks.items()}
        sources = _sources(names)
        most_behind = max(LEAST_BEHIND_S, MOST_BEHIND * self._buffer_time)
        for name, (key, (channel, kind)) in names.items():
            count, first, last = spans[key]
            if not count:
                continue
            address, block = key
            regular = now - newest[address] <= most_behind
            yield (
                address,
                Field(
                    name,
                    f"{channel} of {address}, block {block}",
                    type=kind,
                    timeline=self._timeline_name(key),
                    interval=(last - first) / (count - 1) if count > 1 else None,
                    source=sources.get(name),
                    kept_for=self._buffer_time if regular else None,
                    complete_since=blocks[key][2] if regular else None,
                ),
            )

    def read(self, wanted: Sequence[str], start: float, end: float) -> Iterator[Series]:
        """Read the fields of these names; those that are not known are passed over."""
        with self._lock:
            names = self._names()
            found = {name: names[name] for name in wanted if name in names}
            blocks = {key: self._block(key) for key in {key for key, _ in found.values()}}
        for name, (key, channel) in found.items():
            snapshot, oldest, final = blocks[key]
            first = max(start, oldest)
            t = snapshot.times(first, end)
            if len(t):
                values = _plain(channel, snapshot.column(channel, first, end))
                yield Series(name, t, values, self._timeline_name(key), final)

    def _block(self, key: BlockKey) -> tuple[Snapshot, float, float]:
        timeline = self._timelines[key]
        return Snapshot(timeline.pieces), self._oldest(key[0]), min(timeline.newest, self._clock())

    def _timeline_name(self, key: BlockKey) -> str:
        address, block = key
        return f"{address.target}.{address.feed}.{block}" if self._prefixed else block

    def _names(self) -> dict[str, ColumnKey]:
        """Name every column. Those that would share a name are told apart by block and kind."""
        claims: dict[str, list[tuple[int, float, ColumnKey]]] = {}
        for key, timeline in self._timelines.items():
            prefix = f"{key[0].target}.{key[0].feed}." if self._prefixed else ""
            for channel, (order, newest) in timeline.seen.items():
                claims.setdefault(prefix + field_name(channel[0]), []).append((order, newest, (key, channel)))
        names = {name: _owner(contenders) for name, contenders in claims.items()}
        for name, contenders in claims.items():
            for _, _, column in sorted(contenders, key=lambda claim: claim[0]):
                if names[name] != column:
                    names[_free_name(name, column, names)] = column
        return names


def _owner(contenders: Sequence[tuple[int, float, ColumnKey]]) -> ColumnKey:
    """Of those that still come, the one that came first."""
    newest = max(t for _, t, _ in contenders)
    return min((order, column) for order, t, column in contenders if t >= newest - SILENT_S)[1]


def _sources(names: Mapping[str, ColumnKey]) -> dict[str, str]:
    """What each field measures, as aggregators name it, too: address and channel as they are published.

    Of columns of one channel that were told apart, the first has it: two series are not one.
    """
    first: dict[str, str] = {}
    for name, ((address, _), (channel, _)) in names.items():
        first.setdefault(f"{address}.{channel}", name)
    return {name: source for source, name in first.items()}


def _free_name(name: str, column: ColumnKey, taken: Mapping[str, ColumnKey]) -> str:
    (_, block), (_, kind) = column
    candidates = itertools.chain(
        (f"{name}.{block}", f"{name}.{block}.{kind}"),
        (f"{name}.{block}.{kind}.{n}" for n in itertools.count(2)),
    )
    return next(candidate for candidate in candidates if candidate not in taken)


def _plain(channel: Channel, values: Column) -> Column:
    """A column as it is served: bools as such where each has a value."""
    if channel[1] != "bool":
        return values
    missing = values == MISSING["bool"]
    bools: Column = values.astype(np.bool_)
    if missing.any():
        bools = bools.astype(object)
        bools[missing] = None
    return bools

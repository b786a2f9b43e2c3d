"""Whole replies, kept for as long as what they were made of: equal questions are written once.

An answer that several are given (`sisock_http.asking.keeping`) is known again by what it carries of what was
made of it; nothing is compared. A reply goes when one of its answers does, or when there are too many bytes.
"""

import weakref
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from sisock.node import Series

from sisock_http.asking.question import SharedSeries, Written
from sisock_http.dialects.reply import Pressed, Reply

LARGEST_SHARE = 8
"""A reply that takes more than this part of all room is not kept: others would have to go for it."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a reply is made of, and all else that it depends on."""

    of: tuple["weakref.ref[Written]", ...]
    how: tuple[Hashable, ...]


@dataclass(slots=True)
class _Kept:
    """A reply, and what tells when it goes."""

    reply: Reply
    size_bytes: int
    watched: list["weakref.ref[Written]"]


class KeptReplies:
    """Replies by the answers that they are made of, and by how they are written.

    Parameters
    ----------
    most_bytes : int
        What is kept at most; 0: nothing.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        # Answers may be let go in any thread.
        self._gone: deque[Key] = deque()
        self.kept_bytes = 0

    def key(self, series: Iterable[Series], *how: Hashable) -> Key | None:
        """Under what a reply is found again; None if that is not to be.

        Parameters
        ----------
        series : iterable of Series
            All that the reply is made of, in order.
        how
            All else that it depends on.
        """
        if not self._most_bytes:
            return None
        made_of = []
        for one in series:
            if not isinstance(one, SharedSeries):
                return None
            made_of.append(weakref.ref(one.written))
        key = Key(tuple(made_of), how)
        try:
            hash(key)
        except TypeError:
            # Grafana's own name of a target may be anything.
            return None
        return key if made_of else None

    def get(self, key: Key | None) -> Reply | None:
        """The reply, if it is here."""
        self._sweep()
        kept = self._kept.get(key) if key is not None else None
        if kept is None or key is None:
            return None
        self._kept.move_to_end(key)
        return kept.reply

    def keep(self, key: Key | None, reply: Reply) -> Reply:
        """Keep a reply, if it may be; what is handed back stands for it from now on."""
        size = len(reply.body) + len(reply.body) // 2 + 1024
        if key is None or size * LARGEST_SHARE > self._most_bytes or key in self._kept:
            return reply
        watched: list[weakref.ref[Written]] = []
        for ref in key.of:
            written = ref()
            if written is None:
                return reply
            watched.append(weakref.ref(written, lambda _ref: self._gone.append(key)))
        reply = replace(reply, pressed=Pressed())
        self._kept[key] = _Kept(reply, size, watched)
        self.kept_bytes += size
        self._sweep()
        while self.kept_bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))
        return reply

    def _sweep(self) -> None:
        while self._gone:
            self._drop(self._gone.popleft())

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.kept_bytes -= kept.size_bytes

"""A cache that is bounded in bytes and forgets what was used least recently."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class ByteLru(Generic[V]):
    """Keeps values up to a number of bytes; safe to use from several threads.

    Parameters
    ----------
    max_bytes : int
        Most bytes kept; a value that is larger by itself is not kept at all.
    size_of : callable
        Bytes of a value.

    Attributes
    ----------
    size_bytes : int
        Bytes that are kept now.
    hits, misses : int
        How often a value was there, and was not.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[V], int]) -> None:
        self._max_bytes = max_bytes
        self._size_of = size_of
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        self._lock = threading.Lock()
        self.size_bytes = 0
        self.hits = self.misses = 0

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._values

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """Give the value of `key`, made now if it is not there; two threads may make it twice."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                self.hits += 1
                return self._values[key]
            self.misses += 1
        value = make()
        size = self._size_of(value)
        with self._lock:
            if key not in self._values and size <= self._max_bytes:
                self._values[key] = value
                self.size_bytes += size
                while self.size_bytes > self._max_bytes:
                    _, dropped = self._values.popitem(last=False)
                    self.size_bytes -= self._size_of(dropped)
        return value

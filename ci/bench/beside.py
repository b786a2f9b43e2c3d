"""Two servers beside each other: the same statements asked of both by turns, and by several clients."""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import psutil
from sisock_testing import wait_until

CLIENTS = 8
SECONDS = 4.0


class Side:
    """One of the two: its address, and its processes."""

    def __init__(self, name: str, port: int, path: str, processes: Callable[[], Sequence[int]]) -> None:
        self.name, self.port, self.path, self._processes = name, port, path, processes

    def address(self, text: str) -> str:
        """Path and query of a statement."""
        return f"{self.path}?{urlencode({'db': 'ocs_feeds', 'epoch': 'ms', 'q': text})}"

    @property
    def memory_mb(self) -> float:
        """What the processes have in memory that is their own."""
        return sum(psutil.Process(pid).memory_full_info().uss for pid in self._processes()) / 2**20


class Connections:
    """Connections to a side that are kept and used again."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, text: str) -> bytes:
        """The body of the reply, which must be one with rows."""
        reader, writer = (
            self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._side.port)
        )
        writer.write(f"GET {self._side.address(text)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        if b"content-length:" in lower:
            at = lower.index(b"content-length:")
            body = await reader.readexactly(int(lower[at + 15 : lower.index(b"\r\n", at)]))
        else:
            body = b""
            while size := int((await reader.readuntil(b"\r\n"))[:-2], 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        self._free.append((reader, writer))
        if not head.startswith(b"HTTP/1.1 200") or b'"values"' not in body:
            raise RuntimeError(f"{self._side.name}: {text}: {head[:20]!r} {body[:300]!r}")
        return body

    def close(self) -> None:
        """Close those that are free."""
        for _, writer in self._free:
            writer.close()


async def by_turns(sides: Sequence[Side], make: Callable[[], str], rounds: int) -> list[float]:
    """Median milliseconds of each side, for statements that are another one each time, the same for both."""
    kept = [Connections(side) for side in sides]
    took: list[list[float]] = [[] for _ in sides]
    for n in range(rounds + 1):
        text = make()
        for k in (0, 1) if n % 2 else (1, 0):
            began = time.perf_counter()
            await kept[k].ask(text)
            if n:
                took[k].append((time.perf_counter() - began) * 1e3)
    for one in kept:
        one.close()
    return [statistics.median(one) for one in took]


async def per_second(side: Side, make: Callable[[int], str]) -> float:
    """Replies per second to clients who ask as fast as they are answered."""
    connections = Connections(side)
    began, count = time.monotonic(), 0

    async def client(number: int) -> None:
        nonlocal count
        while time.monotonic() < began + SECONDS:
            await connections.ask(make(number + count))
            count += 1

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    connections.close()
    return count / (time.monotonic() - began)


def until_answered(side: Side, text: str, begin: float) -> float:
    """Seconds from a moment until a statement was answered with rows."""

    def answered() -> bool:
        try:
            asyncio.run(once(side, text))
        except (OSError, RuntimeError, asyncio.IncompleteReadError):
            return False
        return True

    wait_until(answered, 60, f"{side.name} answers", step_s=0.005)
    return time.perf_counter() - begin


async def once(side: Side, text: str) -> bytes:
    """Ask once, on a connection of its own."""
    connections = Connections(side)
    try:
        return await connections.ask(text)
    finally:
        connections.close()

"""A load generator with little cost of its own: keep-alive connections on raw sockets."""

import socket
import statistics
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What was measured: latencies in ms, and replies per second over all connections."""

    median_ms: float
    p95_ms: float
    per_second: float
    reply_bytes: int


def post(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(1 << 20)

    def ask(self, request: bytes) -> int:
        """Send a request, read the whole reply; its body's length."""
        self._socket.sendall(request)
        head = b""
        while b"\r\n\r\n" not in head:
            got = self._socket.recv(65536)
            if not got:
                raise ConnectionError("the server closed the connection")
            head += got
        top, _, rest = head.partition(b"\r\n\r\n")
        status = top.split(b"\r\n", 1)[0]
        if b" 200 " not in status:
            raise RuntimeError(f"{status!r} {rest!r}")
        length = int(
            next(h for h in top.lower().split(b"\r\n") if h.startswith(b"content-length:")).split(b":")[1]
        )
        missing = length - len(rest)
        while missing:
            got = self._socket.recv_into(self._buffer, min(missing, len(self._buffer)))
            if not got:
                raise ConnectionError("the reply is cut short")
            missing -= got
        return length

    def close(self) -> None:
        self._socket.close()


def run(port: int, request: bytes, connections: int, seconds: float) -> Load:
    """Keep `connections` busy for some seconds, after a short warm-up."""
    took: list[float] = []
    sizes: set[int] = set()
    start = time.perf_counter() + 0.5
    end = start + seconds

    def work() -> None:
        connection = Connection(port)
        while (begun := time.perf_counter()) < end:
            size = connection.ask(request)
            done = time.perf_counter()
            if begun >= start and done <= end:
                took.append(done - begun)
                sizes.add(size)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took.sort()
    return Load(
        statistics.median(took) * 1e3, took[int(len(took) * 0.95)] * 1e3, len(took) / seconds, max(sizes)
    )

"""The host's own figures, by psutil: load, memory, disks, network. Any machine has these."""

from collections.abc import Callable, Iterator

import psutil

from sisock_sensors.chips import Reading


class Host:
    """Reads the host; rates are between one reading and the next.

    Parameters
    ----------
    clock : callable
        Seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._bytes: tuple[float, int, int] | None = None

    def read(self) -> list[Reading]:
        """Read all figures."""
        load = psutil.getloadavg()
        readings = [
            Reading("host_load_1m", "processes that run or wait, over 1 min", "", load[0]),
            Reading("host_load_5m", "processes that run or wait, over 5 min", "", load[1]),
            Reading("host_cpu", "processors in use", "%", psutil.cpu_percent()),
            Reading("host_memory_used", "memory in use", "%", psutil.virtual_memory().percent),
        ]
        return [*readings, *self._disks(), *self._network()]

    @staticmethod
    def _disks() -> Iterator[Reading]:
        for mount in {partition.mountpoint for partition in psutil.disk_partitions()} | {"/"}:
            try:
                used = psutil.disk_usage(mount).percent
            except OSError:
                continue  # not ours to look at, or unmounted just now
            name = "root" if mount == "/" else mount.strip("/").replace("/", "_").replace(" ", "_")
            yield Reading(f"host_disk_used_{name}", f"space in use on {mount}", "%", used)

    def _network(self) -> Iterator[Reading]:
        counters, now = psutil.net_io_counters(), self._clock()
        if counters is None:
            return
        before, self._bytes = self._bytes, (now, counters.bytes_recv, counters.bytes_sent)
        if before is not None and now > before[0]:
            elapsed_s = now - before[0]
            received, sent = counters.bytes_recv - before[1], counters.bytes_sent - before[2]
            yield Reading("host_network_received", "all interfaces", "B/s", received / elapsed_s)
            yield Reading("host_network_sent", "all interfaces", "B/s", sent / elapsed_s)

"""The host's own figures, by psutil: load, processors, memory, disks, network. Any machine has these."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil
import structlog

from sisock_sensors.reading import Reading, distinct

IMAGES = {"squashfs", "iso9660", "udf", "erofs"}
"""File systems that are made full and stay so."""

INTERFACES = Path("/sys/class/net")
LOOPBACK = "lo"


class Host:
    """Reads the host; rates, and the use of the processors, are those since the last reading.

    Parameters
    ----------
    clock : callable
        Seconds.
    log : structlog logger
    """

    def __init__(self, clock: Callable[[], float], log: structlog.stdlib.BoundLogger) -> None:
        self._clock = clock
        self._log = log
        self._untold = {"load", "processors", "memory", "disks", "network"}
        self._processor_s: tuple[float, float] | None = None
        self._bytes: tuple[float, dict[str, tuple[int, int]]] | None = None

    def read(self) -> list[Reading]:
        """Read all figures; what this host does not tell is left out, and said once."""
        figures = {
            "load": self._load,
            "processors": self._processors,
            "memory": self._memory,
            "disks": self._disks,
            "network": self._network,
        }
        readings: list[Reading] = []
        for what, read in figures.items():
            try:
                readings.extend(read())
            # Where /proc is not Linux's own (containers, emulations) psutil may fail in any of these.
            except (OSError, RuntimeError, ValueError, psutil.Error) as error:
                if what in self._untold:
                    self._untold.discard(what)
                    self._log.warning("host.unreadable", what=what, why=f"{type(error).__name__}: {error}")
        return readings

    @staticmethod
    def _load() -> Iterator[Reading]:
        one, five, _ = psutil.getloadavg()
        yield Reading("host_load_1m", "processes that run or wait, over 1 min", "", one)
        yield Reading("host_load_5m", "processes that run or wait, over 5 min", "", five)

    def _processors(self) -> Iterator[Reading]:
        # psutil.cpu_percent remembers by thread, and we are called in another one each time.
        times = psutil.cpu_times()
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # are in `user` too
        total_s, idle_s = sum(times) - guests, times.idle + getattr(times, "iowait", 0.0)
        before, self._processor_s = self._processor_s, (total_s, idle_s)
        if before is not None and total_s > before[0]:
            idle = (idle_s - before[1]) / (total_s - before[0])
            yield Reading("host_cpu", "processors in use", "%", 100 * min(1.0, max(0.0, 1 - idle)))

    @staticmethod
    def _memory() -> Iterator[Reading]:
        yield Reading("host_memory_used", "memory in use", "%", psutil.virtual_memory().percent)

    @staticmethod
    def _disks() -> Iterator[Reading]:
        mounts = _mounts()
        names = distinct("root" if mount == "/" else _as_name(mount) for mount in mounts)
        for mount, name in zip(mounts, names, strict=True):
            try:
                used = psutil.disk_usage(mount).percent
            except OSError:
                continue  # not ours to look at, or unmounted just now
            yield Reading(f"host_disk_used_{name}", f"space in use on {mount}", "%", used)

    def _network(self) -> Iterator[Reading]:
        counters, now = psutil.net_io_counters(pernic=True, nowrap=False), self._clock()
        moved = {name: (counters[name].bytes_recv, counters[name].bytes_sent) for name in _outward(counters)}
        before, self._bytes = self._bytes, (now, moved)
        if before is None or now <= before[0]:
            return
        # An interface that is new, or began to count anew, has no rate yet.
        steps = [
            (received - before[1][name][0], sent - before[1][name][1])
            for name, (received, sent) in moved.items()
            if name in before[1] and received >= before[1][name][0] and sent >= before[1][name][1]
        ]
        if steps:
            elapsed_s = now - before[0]
            received, sent = (sum(direction) / elapsed_s for direction in zip(*steps, strict=True))
            yield Reading("host_network_received", "all outward interfaces", "B/s", received)
            yield Reading("host_network_sent", "all outward interfaces", "B/s", sent)


def _mounts() -> list[str]:
    """One directory for each disk, ``/`` always: containers see theirs mounted in many places."""
    by_device: dict[str, str] = {}
    for partition in psutil.disk_partitions():
        mount = partition.mountpoint
        if partition.fstype not in IMAGES and Path(mount).is_dir():
            by_device[partition.device] = min(by_device.get(partition.device, mount), mount, key=len)
    return sorted({"/", *by_device.values()})


def _as_name(mount: str) -> str:
    return mount.strip("/").replace("/", "_").replace(" ", "_")


def _outward(interfaces: Iterable[str]) -> list[str]:
    """Interfaces with hardware; bridges and the like carry the same bytes again.

    Where none has any, as in a container, all but the loopback.
    """
    real = [name for name in interfaces if (INTERFACES / name / "device").exists()]
    return real or [name for name in interfaces if name != LOOPBACK]

"""The chips of this machine: which are there, what their sensors are called, what they read.

libsensors looks for chips only when it is initialised. The kernel's own list of them is cheap to
read, so it is read each time, and libsensors is initialised again when that list has changed, or
when a sensor has fallen silent.
"""

import os
from collections.abc import Callable
from pathlib import Path

import structlog

from sisock_sensors.libsensors import LibSensors, LibSensorsError, Sensor
from sisock_sensors.reading import Reading, distinct

HWMON = Path("/sys/class/hwmon")

Listing = frozenset[tuple[str, int]]


class Chips:
    """Reads every sensor of every chip; one thread at a time.

    A chip that appears or vanishes is noticed at the next reading. A sensor that does not answer is
    left out of that reading. A machine without libsensors, or without chips, is told so once.

    Parameters
    ----------
    log : structlog logger
    load : callable
        Gives the library or raises `LibSensorsError`; called once.
    """

    def __init__(
        self, log: structlog.stdlib.BoundLogger, load: Callable[[], LibSensors] = LibSensors
    ) -> None:
        self._log = log
        self._load = load
        self._library: LibSensors | None = None
        self._missing = False
        self._look_again = True
        self._listing: Listing = frozenset()
        self._sensors: list[tuple[str, Sensor]] = []
        self._silent: set[str] = set()
        self._chips: frozenset[str] | None = None

    def read(self) -> list[Reading]:
        """Read all sensors."""
        listing = _listing()
        if self._look_again or listing != self._listing:
            self._scan()
        self._listing = listing
        values = [(name, sensor, sensor.read()) for name, sensor in self._sensors]
        silent = {name for name, _, value in values if value is None}
        # Only for those that answered before: many a sensor never does.
        self._look_again = not silent <= self._silent
        self._silent = silent
        return [
            Reading(name, f"{sensor.label} of {sensor.chip} ({sensor.kind.name})", sensor.kind.units, value)
            for name, sensor, value in values
            if value is not None
        ]

    def _scan(self) -> None:
        self._sensors = []
        library = self._loaded()
        if library is None:
            return
        try:
            found = library.scan()
        except LibSensorsError as error:
            self._log.error("sensors.failed", why=f"libsensors does not start: {error}")
            return
        names = distinct(f"{sensor.chip}_{sensor.label}".replace(" ", "_") for sensor in found)
        self._sensors = list(zip(names, found, strict=True))
        self._tell(frozenset(sensor.chip for sensor in found))

    def _loaded(self) -> LibSensors | None:
        if self._library is None and not self._missing:
            try:
                self._library = self._load()
            except LibSensorsError as error:
                self._missing = True
                self._log.warning(
                    "sensors.no_library", why=f"{error}; the host's own figures are served all the same"
                )
        return self._library

    def _tell(self, chips: frozenset[str]) -> None:
        if self._chips is None and not chips:
            self._log.warning(
                "sensors.none",
                why="this host shows no sensors, as virtual machines do; its own figures are served",
            )
        known = self._chips or frozenset()
        for chip in sorted(chips - known):
            self._log.info("chip.appeared", chip=chip)
        for chip in sorted(known - chips):
            self._log.warning("chip.vanished", chip=chip)
        self._chips = chips


def _listing() -> Listing:
    """What the kernel lists: a chip that went and came back has another inode number."""
    try:
        with os.scandir(HWMON) as entries:
            return frozenset((entry.name, entry.inode()) for entry in entries)
    except OSError:
        return frozenset()  # a kernel without any

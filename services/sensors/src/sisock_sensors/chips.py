"""The chips that libsensors finds, read through PySensors.

Knows nothing of rings or networks. libsensors looks for chips only when it is initialised, so it is
initialised again now and then; labels are asked for once each time, since every question leaks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import structlog

CHIP_CONFIG = b"/etc/sensors3.conf"
RESCAN_READINGS = 12
"""libsensors is initialised again after so many readings, to notice what came and went."""

KINDS: dict[int, tuple[str, str]] = {
    0x00: ("voltage", "V"),
    0x01: ("fan", "RPM"),
    0x02: ("temperature", "C"),
    0x03: ("power", "W"),
    0x04: ("energy", "J"),
    0x05: ("current", "A"),
    0x06: ("humidity", "%"),
    0x11: ("intrusion", ""),
}
"""Kind and unit of libsensors' feature types (``sensors_feature_type`` in its ``sensors.h``)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one feature of a chip."""

    name: str
    description: str
    units: str
    value: float


@dataclass(frozen=True, slots=True)
class _Feature:
    name: str
    description: str
    units: str
    get_value: Callable[[], float]


class Chips:
    """Reads every feature of every chip.

    Parameters
    ----------
    log : structlog logger
    """

    def __init__(self, log: structlog.stdlib.BoundLogger) -> None:
        self._log = log
        self._library: Any = None
        self._missing = False
        self._features: list[_Feature] = []
        self._chips: frozenset[str] | None = None
        self._readings = 0

    def read(self) -> list[Reading]:
        """Read all features; a chip that does not answer is left out and looked for again."""
        if self._readings % RESCAN_READINGS == 0:
            self._scan()
        self._readings += 1
        readings = []
        for feature in self._features:
            try:
                value = feature.get_value()
            except self._library.SensorsError:
                # Gone, or just busy: the scan before the next reading tells.
                self._readings = 0
                continue
            readings.append(Reading(feature.name, feature.description, feature.units, value))
        return readings

    def close(self) -> None:
        """Release libsensors."""
        if self._library is not None:
            self._features = []
            self._library.cleanup()
            self._library = None

    def _load(self) -> Any:
        """Give libsensors by way of PySensors; None, said once, where there is none."""
        if self._library is None and not self._missing:
            try:
                import sensors  # noqa: PLC0415 (loads the library, which a host need not have)
            except (ImportError, OSError, AttributeError) as error:
                self._missing = True
                self._log.warning("sensors.no_library", why=str(error))
            else:
                self._library = sensors
        return self._library

    def _scan(self) -> None:
        library = self._load()
        if library is None:
            return
        self._features = []
        library.cleanup()
        try:
            library.init(CHIP_CONFIG)
        except (OSError, NameError, library.SensorsError):
            # Without its configuration file libsensors uses plain names; PySensors fails to say so.
            library._init(None)
        chips = list(library.iter_detected_chips())
        self._features = [feature for chip in chips for feature in _features(chip)]
        self._tell(frozenset(str(chip) for chip in chips))

    def _tell(self, chips: frozenset[str]) -> None:
        if self._chips is None and not chips:
            self._log.warning(
                "sensors.none",
                why="this host shows no sensors, as virtual machines do; its own figures are served",
            )
        for chip in sorted(chips - (self._chips or frozenset())):
            self._log.info("chip.appeared", chip=chip)
        for chip in sorted((self._chips or frozenset()) - chips):
            self._log.warning("chip.vanished", chip=chip)
        self._chips = chips


def _features(chip: Any) -> Iterator[_Feature]:
    for feature in chip:
        if feature.type not in KINDS:
            continue
        kind, units = KINDS[feature.type]
        inputs = list(feature)
        if not inputs:
            continue
        name = f"{chip}_{feature.label}".replace(" ", "_")
        yield _Feature(name, f"{feature.label} of {chip} ({kind})", units, inputs[0].get_value)

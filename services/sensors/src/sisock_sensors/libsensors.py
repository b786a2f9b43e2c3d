"""libsensors, through PySensors where that can be relied on. Knows nothing of names, times or logs.

PySensors 0.0.4 is of 2019. Its structures and most calls are right on a current Python; four things
are not, and are done here: its ``init`` ends in a NameError where there is no configuration file and
passes over ``/etc/sensors.d``; ``iter_detected_chips`` keeps its pattern alive for ever, and
``Feature.label`` loses the string that C gave it, so that each look at the chips costs memory;
``Feature.get_value`` takes a limit for the value where a sensor has only a limit.
"""

import ctypes
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_FAULT = "_fault"


class LibSensorsError(Exception):
    """libsensors is not there, or refuses to start."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a sensor measures.

    Parameters
    ----------
    name, units : str
    inputs : tuple of int
        Types of the subfeatures that hold the value, the best first.
    """

    name: str
    units: str
    inputs: tuple[int, ...]


KINDS = {
    0x00: Kind("voltage", "V", (0x000,)),
    0x01: Kind("fan", "RPM", (0x100,)),
    0x02: Kind("temperature", "C", (0x200,)),
    0x03: Kind("power", "W", (0x303, 0x300)),  # at the instant, or else averaged
    0x04: Kind("energy", "J", (0x400,)),
    0x05: Kind("current", "A", (0x500,)),
    0x06: Kind("humidity", "%", (0x600,)),
    0x10: Kind("reference voltage", "V", (0x1000,)),
    0x11: Kind("intrusion", "", (0x1100,)),
}
"""By ``sensors_feature_type`` and ``sensors_subfeature_type`` of libsensors' ``sensors.h``."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One feature of one chip, valid until the next `LibSensors.scan`.

    Parameters
    ----------
    chip, label : str
        As ``sensors`` prints them.
    kind : Kind
    read : callable
        Gives the value in the kind's units; None if the sensor does not answer or says that it is at
        fault.
    """

    chip: str
    label: str
    kind: Kind
    read: Callable[[], float | None]


class LibSensors:
    """The library. Not thread safe: one thread at a time.

    Raises
    ------
    LibSensorsError
        If the library is not on this machine.
    """

    def __init__(self) -> None:
        try:
            import sensors  # noqa: PLC0415 (loads the C library, which a host need not have)
            from sensors import stdc  # noqa: PLC0415
        except (ImportError, OSError, AttributeError, ValueError) as error:
            raise LibSensorsError(str(error)) from error
        self._sensors: Any = sensors
        self._free = stdc.free
        self._get_label = sensors.SENSORS_LIB["sensors_get_label"]
        self._get_label.argtypes = [sensors.CHIP_P, sensors.FEATURE_P]
        self._get_label.restype = ctypes.c_void_p

    def scan(self) -> list[Sensor]:
        """Look for chips afresh; the sensors of the last scan are void.

        Returns
        -------
        list of Sensor
            Those that have a value, by chip, and by number within a chip.

        Raises
        ------
        LibSensorsError
            If libsensors refuses to start.
        """
        self._sensors.cleanup()
        try:
            self._sensors._init(None)
            chips = [(str(chip), chip.path or b"", chip) for chip in self._chips()]
        except self._sensors.SensorsError as error:
            raise LibSensorsError(_words(error)) from error
        # Chips may share a name; their places keep them in order.
        chips.sort(key=lambda entry: entry[:2])
        return [sensor for name, _, chip in chips for sensor in self._of_chip(name, chip)]

    def _chips(self) -> Iterator[Any]:
        number = ctypes.c_int(0)
        while chip := self._sensors._get_detected_chips(None, ctypes.byref(number)):
            yield chip.contents

    def _of_chip(self, name: str, chip: Any) -> Iterator[Sensor]:
        for feature in chip:
            kind = KINDS.get(feature.type)
            if kind is None:
                continue
            parts = list(feature)
            by_type = {part.type: part for part in parts}
            value = next((by_type[wanted] for wanted in kind.inputs if wanted in by_type), None)
            if value is not None:
                fault = next((part for part in parts if part.name.endswith(_FAULT)), None)
                yield Sensor(name, self._label(chip, feature), kind, self._reader(value, fault))

    def _label(self, chip: Any, feature: Any) -> str:
        address = self._get_label(ctypes.byref(chip), ctypes.byref(feature))
        if not address:
            return str(feature.name)
        try:
            return ctypes.string_at(address).decode(errors="replace")
        finally:
            self._free(address)

    def _reader(self, value: Any, fault: Any) -> Callable[[], float | None]:
        def read() -> float | None:
            try:
                if fault is not None and fault.get_value():
                    return None
                number = float(value.get_value())
            except self._sensors.SensorsError:
                return None
            return number if math.isfinite(number) else None

        return read


def _words(error: Exception) -> str:
    message = error.args[0] if error.args else error
    return message.decode(errors="replace") if isinstance(message, bytes) else str(message)

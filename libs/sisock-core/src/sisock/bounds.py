"""Between which values a field is well, as a node says of its own field, or the site of anybody's.

Only the numbers, and how they are written on the wire (CONTRACT section 7.9). Who holds values against
them is nobody's business here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEVELS = ("warning", "alarm")
SIDES = ("low", "high")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a field's values.

    Parameters
    ----------
    warning_low, warning_high, alarm_low, alarm_high : float, optional
        A value below the low or above the high one is worth a warning, or an alarm. In the field's
        units; None: no limit there.
    hysteresis : float
        A value is well again when it is so far inside.
    for_s : float
        Only a value that has been outside for so many seconds counts.
    """

    warning_low: float | None = None
    warning_high: float | None = None
    alarm_low: float | None = None
    alarm_high: float | None = None
    hysteresis: float = 0.0
    for_s: float = 0.0

    @property
    def problem(self) -> str:
        """What makes no sense about them, in words that follow the name; empty if all is well."""
        numbers = [self.alarm_low, self.warning_low, self.warning_high, self.alarm_high]
        for given in (*numbers, self.hysteresis, self.for_s):
            if given is not None and not _is_number(given):
                return f"has a limit {given!r}, which is no number"
        if self.hysteresis < 0 or self.for_s < 0:
            return "has limits whose hysteresis or time is less than nothing"
        there = [given for given in numbers if given is not None]
        if not there:
            return "has limits without a number in them"
        if there != sorted(there):
            return (
                "has limits in the wrong order: alarm low, warning low, warning high, alarm high are "
                f"{', '.join(map(str, there))}"
            )
        return ""

    def on_wire(self) -> dict[str, Any]:
        """As ``get_fields`` has them."""
        written: dict[str, Any] = {}
        for level in LEVELS:
            sides = {side: getattr(self, f"{level}_{side}") for side in SIDES}
            present = {side: float(given) for side, given in sides.items() if given is not None}
            if present:
                written[level] = present
        if self.hysteresis:
            written["hysteresis"] = float(self.hysteresis)
        if self.for_s:
            written["for"] = float(self.for_s)
        return written


def from_wire(given: object) -> Bounds:
    """Read what `Bounds.on_wire` wrote, and believe nothing; keys that are not known are passed over.

    Raises
    ------
    ValueError
        With what is wrong, in words that follow the field's name.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"has limits that are {type(given).__name__}, not a dictionary")  # noqa: TRY004
    numbers: dict[str, Any] = {}
    for level in LEVELS:
        sides = given.get(level)
        if sides is None:
            continue
        if not isinstance(sides, Mapping):
            raise ValueError(f"has limits whose {level} is {type(sides).__name__}, not a dictionary")  # noqa: TRY004
        numbers.update({f"{level}_{side}": _number(sides[side]) for side in SIDES if side in sides})
    for key, name in (("hysteresis", "hysteresis"), ("for", "for_s")):
        if given.get(key) is not None:
            numbers[name] = _number(given[key])
    bounds = Bounds(**numbers)
    if bounds.problem:
        raise ValueError(bounds.problem)
    return bounds


def _number(given: object) -> float | None:
    if given is None:
        return None
    if not _is_number(given):
        raise ValueError(f"has a limit that is {type(given).__name__}, not a finite number")
    return float(given)  # type: ignore[arg-type] # what is no number was refused


def _is_number(given: object) -> bool:
    """Whether it is a number that a float holds; NaN is none."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return False
    try:
        return math.isfinite(float(given))
    except OverflowError:
        return False

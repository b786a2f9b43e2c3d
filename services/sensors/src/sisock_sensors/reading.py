"""What a source hands to the sampler: values with the names, units and words to serve them under."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of the present.

    Parameters
    ----------
    name : str
        Of the field.
    description : str
        For people.
    units : str
        Empty for a pure number.
    value : float
    """

    name: str
    description: str
    units: str
    value: float


def distinct(names: Iterable[str]) -> list[str]:
    """Tell equal names apart: the second ``fan`` becomes ``fan_2``, the third ``fan_3``."""
    given: dict[str, None] = {}
    for name in names:
        own, count = name, 1
        while own in given:
            count += 1
            own = f"{name}_{count}"
        given[own] = None
    return list(given)

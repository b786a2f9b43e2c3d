"""What a node gave, before it is anybody's answer."""

from dataclasses import dataclass, field

from sisock.node import Bins, Series


@dataclass(slots=True, eq=False)
class Found:
    """Series that a node gave, and sentences about those that it did not give, or not in full.

    It is known again by being the same object: several are given one.
    """

    series: dict[str, Series] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    thinned: bool = False
    """Whether there was more than the node would send, so that a stride was asked for that nobody wanted."""
    bins: dict[str, Bins] = field(default_factory=dict)
    summed: bool = False
    """Whether bins were asked for: a field without any has no sample then."""

"""How a plot is to look, as people say it: `plots` draws so. Knows nothing of matplotlib."""

import math
import re
from dataclasses import dataclass

from sisock_client.errors import ClientError
from sisock_client.vocabulary import DPI

AN_INCH = {"": 1.0, "in": 1.0, "cm": 2.54, "mm": 25.4, "pt": 72.0}
DRAWN_POINTS = 4000
"""Of a curve; more than that no picture shows, and every extreme is among them."""

LEAST_INCHES, MOST_INCHES = 1.0, 100.0
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*x\s*(\d+(?:\.\d+)?)\s*(in|cm|mm|pt|)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Look:
    """How a plot is to look.

    Parameters
    ----------
    size : tuple of float, optional
        Width and height in inches; else a page's width, and as high as there are panels.
    dpi : float
        Pixels in an inch, of a file that has pixels.
    log : bool
        Whether axes of numbers are logarithmic.
    title : str, optional
        Above; else what the names of all fields begin with.
    span : tuple of float, optional
        What is shown, UNIX seconds; else from the first sample to the last.
    """

    size: tuple[float, float] | None = None
    dpi: float = DPI
    log: bool = False
    title: str | None = None
    span: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not 10 <= self.dpi <= 2400:
            raise ClientError(f"dpi={self.dpi:g}: give 10 to 2400 pixels an inch")


PLAIN = Look()


def size_of(given: str | tuple[float, float] | None) -> tuple[float, float] | None:
    """Inches of ``7x4``, ``180x120mm``, or a pair of inches.

    Raises
    ------
    ClientError
        If it is no size that a picture can have.
    """
    if given is None:
        return None
    size = (math.nan, math.nan)
    if not isinstance(given, str):
        size = (float(given[0]), float(given[1]))
    elif found := _SIZE.fullmatch(given):
        size = (float(found[1]) / AN_INCH[found[3]], float(found[2]) / AN_INCH[found[3]])
    if not all(LEAST_INCHES <= one <= MOST_INCHES for one in size):
        raise ClientError(
            f"size={given!r} is no size of a picture: give width and height as 7x4 (inches), 18x10cm or "
            f"180x100mm, {LEAST_INCHES:g} to {MOST_INCHES:g} inches each"
        )
    return size

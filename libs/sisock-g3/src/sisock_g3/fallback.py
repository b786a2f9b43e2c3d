"""Frames that only so3g can read: hkagg version 0, and anything not exactly of the known layout.

so3g is imported when the first such frame comes, not before: it takes a third of a second and 80 MB.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sisock_g3.errors import DamagedError
from sisock_g3.layout import Column, Ticks

if TYPE_CHECKING:
    from sisock_g3.frames import Frame


@dataclass(frozen=True, slots=True)
class Block:
    """A decoded block: times in ticks, and columns of the same length."""

    name: str
    ticks: Ticks
    columns: dict[str, Column]


def read(frame: "Frame", offset: int, encoded: bytes) -> None:
    """Fill in what so3g makes of a frame whose CRC was right.

    Raises
    ------
    DamagedError
        If so3g cannot read it either.
    """
    from so3g import hk  # noqa: PLC0415 (see above)
    from so3g.spt3g import core  # noqa: PLC0415

    found = core.G3Frame()
    try:
        found.__setstate__(({}, encoded))
        found = hk.HKTranslator()(found)[0]
        frame.kind = int(found["hkagg_type"])
        frame.session_id = int(found["session_id"])
        if frame.kind == 1:
            frame.providers = {
                int(one["prov_id"].value): str(one["description"].value) for one in found["providers"]
            }
        elif frame.kind == 2:
            frame.prov_id = int(found["prov_id"])
            names = [str(name) for name in found["block_names"]]
            frame.decoded = [_block(name, block) for name, block in zip(names, found["blocks"], strict=True)]
    except Exception as error:
        why = f"so3g cannot read the frame ({type(error).__name__}: {error})"
        raise DamagedError(offset, why, offset + len(encoded)) from error


def _block(name: str, block: Any) -> Block:
    ticks = np.array([int(t.time) for t in block.times], dtype=np.int64)
    return Block(name, ticks, {str(key): _column(vector) for key, vector in block.items()})


def _column(vector: Any) -> Column:
    values: Column = np.array(vector)
    if values.dtype.kind in "US":
        texts = np.empty(len(values), dtype=object)
        texts[:] = [str(value) for value in vector]
        return texts
    return values

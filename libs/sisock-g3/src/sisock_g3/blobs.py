"""Records and bins as the bytes that the index keeps."""

import numpy as np
import numpy.typing as npt

from sisock_g3.file_content import RECORD
from sisock_g3.summary import BIN, Bins


def pack_bins(bins: Bins) -> bytes:
    """Bins as they are: deflated they would take half the room, and as long to undo as all else together."""
    return bins.tobytes()


def unpack_bins(blob: bytes) -> Bins:
    """Undo `pack_bins`."""
    return np.frombuffer(blob, dtype=BIN)


def pack_records(records: npt.NDArray[np.void]) -> bytes:
    """Records of frames as they are."""
    return records.tobytes()


def unpack_records(blob: bytes) -> npt.NDArray[np.void]:
    """Undo `pack_records`."""
    return np.frombuffer(blob, dtype=RECORD)

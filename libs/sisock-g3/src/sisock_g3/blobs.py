"""Records and bins as the bytes that the index keeps."""

import zlib

import numpy as np
import numpy.typing as npt

from sisock_g3.content import RECORD
from sisock_g3.summary import BIN, Bins

FASTEST = 1
_PLAIN, _DEFLATED = b"p", b"z"


def pack_bins(bins: Bins) -> bytes:
    """Bins as they are, which is soon done and soon undone."""
    return _PLAIN + bins.tobytes() if len(bins) else b""


def deflate_bins(bins: Bins) -> bytes:
    """Bins deflated column by column, which suits their likeness, for what is kept for long."""
    columns = [np.ascontiguousarray(bins[name]).tobytes() for name in BIN.names or ()]
    return _DEFLATED + zlib.compress(b"".join(columns), FASTEST) if len(bins) else b""


def unpack_bins(blob: bytes) -> Bins:
    """Undo `pack_bins` and `deflate_bins`."""
    if blob[:1] != _DEFLATED:
        return np.frombuffer(blob[1:], dtype=BIN)
    data = zlib.decompress(blob[1:])
    bins: Bins = np.empty(len(data) // BIN.itemsize, dtype=BIN)
    at = 0
    for name in BIN.names or ():
        column = np.frombuffer(data, BIN[name], len(bins), at)
        bins[name] = column
        at += column.nbytes
    return bins


def pack_records(records: npt.NDArray[np.void]) -> bytes:
    """Records of frames as they are."""
    return records.tobytes()


def unpack_records(blob: bytes) -> npt.NDArray[np.void]:
    """Undo `pack_records`."""
    return np.frombuffer(blob, dtype=RECORD)

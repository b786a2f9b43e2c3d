"""What tells a file from another one, and from what it was before, whatever its path or its row in a table.

A row's number is given to another file when the first one is gone, a path even sooner: nothing that is kept
of a file may be kept under these.
"""

import os
import zlib
from pathlib import Path

TAIL_BYTES = 4096

Mark = tuple[int, int, int, int, int]
"""Device, inode, size, time of change of the content and of the inode: another content, another mark."""


def mark(status: os.stat_result) -> Mark:
    """What names a file's present content."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def tail(path: Path, end: int) -> int:
    """Checksum of the bytes before `end`, by which a file that grew is told from another one.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as stream:
        begin = max(0, end - TAIL_BYTES)
        stream.seek(begin)
        return zlib.crc32(stream.read(end - begin))

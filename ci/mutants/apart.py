"""A process apart from all others of the machine: a mistake in whom to end may mean everybody.

Linux: process ids of its own, and with them a ``/proc`` of its own. Only root may have that; for anybody
else nothing changes, and the worst mistake ends what is theirs.
"""

import ctypes
import os

_NEW_MOUNTS, _NEW_PROCESS_IDS = 0x00020000, 0x20000000
_ALL_OF_THEM_PRIVATE = 0x4000 | 0x40000


def go_apart() -> None:
    """Go on in a fork that sees itself and its children alone; this process ends with the fork's code."""
    libc = ctypes.CDLL(None)
    if os.geteuid() != 0 or libc.unshare(_NEW_MOUNTS | _NEW_PROCESS_IDS):
        return
    _wait_in_parent()
    libc.mount(b"none", b"/", None, _ALL_OF_THEM_PRIVATE, None)
    libc.mount(b"proc", b"/proc", b"proc", 0, None)
    # The first process of all ends the others with itself, and is not killed by what it does not expect.
    _wait_in_parent()


def _wait_in_parent() -> None:
    child = os.fork()
    while child:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)

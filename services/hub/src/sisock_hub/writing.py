"""Files are replaced whole: whoever reads one sees it as it was, or as it is."""

import os
from pathlib import Path


def replace(file: Path, content: bytes, mode: int, owner: os.stat_result | None = None) -> None:
    """Put a file in place of what is there.

    Parameters
    ----------
    file : Path
    content : bytes
    mode : int
    owner : os.stat_result, optional
        Whose file it shall be, if we may give it away.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            os.fsync(out.fileno())
        temporary.chmod(mode)
        if owner is not None and os.geteuid() == 0:
            os.chown(temporary, owner.st_uid, owner.st_gid)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)

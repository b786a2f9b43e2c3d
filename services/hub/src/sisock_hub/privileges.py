"""The router never runs as root, and yet finds whatever certificate and key a site mounts.

Sites made their key as root or as a person of theirs, readable by nobody else. The container therefore
begins as root, reads what it is given into a copy of its own, and gives up root before crossbar.io
starts. Nothing of the site's changes its owner or mode; only what was made here is opened to the group
of the data servers.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sisock.errors import ConfigError

SKIPPED = ("node.pid", "hub.sock")


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the router runs as."""

    uid: int
    gid: int


def account(value: str) -> Account | None:
    """Read ``SISOCK_RUN_AS`` (``uid:gid``); None if it is unset or we are not root.

    Raises
    ------
    ConfigError
        If it is something else.
    """
    if not value or os.geteuid() != 0:
        return None
    uid, _, gid = value.partition(":")
    if not (uid.isdecimal() and gid.isdecimal()):
        raise ConfigError(f"SISOCK_RUN_AS={value!r} is not uid:gid")
    return Account(int(uid), int(gid))


def share(directory: Path, made: Iterable[str], with_group: int) -> None:
    """Let a group read what was made in a directory, but for the key."""
    for name in made:
        path = directory / name
        if path.name.endswith("_key.pem"):
            continue
        for part in (path, *(p for p in path.parents if p != directory and directory in p.parents)):
            os.chown(part, -1, with_group)
            part.chmod(part.stat().st_mode | (0o050 if part.is_dir() else 0o040))


def own_copy(directory: Path, owner: Account | None) -> Path:
    """Copy the router's directory to one that it may write to.

    Raises
    ------
    ConfigError
        If something in it cannot be read.
    """
    copy = Path(tempfile.mkdtemp(prefix="crossbar-"))
    try:
        for entry in sorted(directory.iterdir()):
            if entry.name in SKIPPED or entry.is_socket():
                continue
            if entry.is_dir():
                shutil.copytree(entry, copy / entry.name)
            else:
                shutil.copy(entry, copy / entry.name)
    except (OSError, shutil.Error) as error:
        raise ConfigError(f"the router's directory {directory} cannot be read: {error}") from error
    if owner is not None:
        for path in (copy, *copy.rglob("*")):
            os.chown(path, owner.uid, owner.gid)
    return copy


def give_up_root(to: Account) -> None:
    """Become somebody else for good."""
    os.setgroups([])
    os.setgid(to.gid)
    os.setuid(to.uid)

"""The router never runs as root, and yet finds whatever certificate and key a site mounts.

Sites made their key as root or as a person of theirs, readable by nobody else. The container therefore
begins as root, reads what it is given into a copy of its own, and gives up root before crossbar.io
starts. Nothing of the site's changes its owner or mode; only what was made here is opened to the group
of the data servers.
"""

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sisock.errors import ConfigError

SKIPPED = ("node.pid", "hub.sock")
COPIED_FROM = "of"
"""File beside a copy that names the directory it is of."""

NO_PATHS = ("secret", "ticket", "uri", "url")
"""Keys of a configuration whose values are no paths, whatever they look like."""


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


def own_copy(directory: Path, config: str, owner: Account | None) -> Path:
    """Copy the router's directory to one that it may write to, and nobody else may look into.

    Parameters
    ----------
    directory : Path
        The site's.
    config : str
        Name of the router's configuration in it. In the copy, paths that lead out of the directory
        (``..``), or into it from the root, mean what they meant where the site wrote them.
    owner : Account, optional
        Whose the copy is; ours by default.

    Raises
    ------
    ConfigError
        If something in it cannot be read.
    """
    # One level down, so that not even a ``..`` that we do not know of leads to where others write.
    copy = Path(tempfile.mkdtemp(prefix="crossbar-")) / directory.name
    copy.mkdir()
    (copy.parent / COPIED_FROM).write_text(str(directory), encoding="utf-8")
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
    tree = json.loads((copy / config).read_text(encoding="utf-8"))
    moved = paths_of_copy(tree, Path(os.path.normpath(directory)), copy)
    if moved != tree:
        (copy / config).write_text(json.dumps(moved, indent=4), encoding="utf-8")
    for path in (copy.parent, *copy.parent.rglob("*")):
        # While it is ours: the container has no right over what others own (CAP_FOWNER).
        path.chmod(0o700 if path.is_dir() else 0o600 | path.stat().st_mode & stat.S_IXUSR)
        if owner is not None:
            os.chown(path, owner.uid, owner.gid)
    return copy


def paths_of_copy(tree: Any, directory: Path, copy: Path) -> Any:
    """Make a router's configuration mean the same files when it is read from a copy of its directory."""
    if isinstance(tree, dict):
        return {
            key: value if key in NO_PATHS else paths_of_copy(value, directory, copy)
            for key, value in tree.items()
        }
    if isinstance(tree, list):
        return [paths_of_copy(item, directory, copy) for item in tree]
    if not isinstance(tree, str) or not (os.path.isabs(tree) or os.path.normpath(tree).split("/")[0] == ".."):
        return tree
    # As crossbar.io joins them: by their letters, not by what a link points to.
    meant = Path(os.path.normpath(directory / tree))
    if meant.is_relative_to(directory):
        return str(copy / meant.relative_to(directory))
    return tree if os.path.isabs(tree) else str(meant)


def give_up_root(to: Account) -> None:
    """Become somebody else for good."""
    os.setgroups([])
    os.setgid(to.gid)
    os.setuid(to.uid)

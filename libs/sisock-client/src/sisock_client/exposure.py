"""Who can read more of the router's directory than they should: a component here, or a block of compose's.

Looks at names, modes and one text file; opens no secret.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from sisock.auth import SECRETS
from sisock.config import RouterConfig

from sisock_client.health import Finding, State

KEY = "server_key.pem"
_WHOLE = re.compile(r"""\s*-\s*["']?(\./)?\.?crossbar/?:""")
_BLOCK = re.compile(r"(?:  )?([\w-]+):")
_ROUTER = ("sisock-crossbar", "sisock_crossbar", "crossbar")


def look(config: RouterConfig, folder: Path, *, component: bool) -> Iterator[Finding]:
    """Warn of what is open to more than it should be; nothing where all is well.

    Parameters
    ----------
    config : RouterConfig
    folder : Path
        The site's, perhaps with a ``docker-compose.yaml``.
    component : bool
        Whether we look as a component does, so that what we may read it may read.
    """
    directory = config.crossbar_dir
    others = [directory / KEY, *sorted((directory / SECRETS).glob("*"))]
    others = [file for file in others if file.name != config.wamp_user and _is_file(file)]
    if component:
        seen = [file for file in others if os.access(file, os.R_OK)]
        if seen:
            yield Finding(
                State.OPEN,
                f"this component can read {_named(seen, directory)}, which is not its own: mount "
                f"{directory.name}/mounts/{config.wamp_user} instead of all of {directory.name}",
            )
    elif opened := [file for file in others if file.stat().st_mode & 0o004 and _is_open(file.parent)]:
        yield Finding(
            State.OPEN, f"everybody on this machine can read {_named(opened, directory)}: chmod o-rwx them"
        )
    blocks = _whole_mounts(folder / "docker-compose.yaml")
    if blocks:
        yield Finding(
            State.OPEN,
            f"docker-compose.yaml gives all of {directory.name}, with the router's key and every secret, to "
            f"{', '.join(blocks)}: mount {directory.name}/mounts/USER there instead",
        )


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:
        return False


def _is_open(directory: Path) -> bool:
    return bool(directory.stat().st_mode & 0o001)


def _named(files: list[Path], directory: Path) -> str:
    return ", ".join(str(file.relative_to(directory)) for file in files)


def _whole_mounts(compose: Path) -> list[str]:
    """Blocks other than the router's that mount its whole directory."""
    try:
        lines = compose.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found, block = [], ""
    for line in lines:
        if named := _BLOCK.match(line):
            block = named[1]
        if _WHOLE.match(line) and block not in _ROUTER:
            found.append(block)
    return list(dict.fromkeys(found))

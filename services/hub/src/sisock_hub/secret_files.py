"""The users' secrets as files: ``secrets/NAME``, and for a while ``secrets/NAME.previous`` beside it.

The earlier secret's file has its end on a second line, UNIX seconds. Knows nothing of the router.
"""

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from sisock.auth import SECRETS
from sisock.errors import ConfigError

from sisock_hub.users import RESERVED, is_node_name
from sisock_hub.writing import replace

PREVIOUS = ".previous"


class SecretFiles:
    """What secrets are good now.

    Parameters
    ----------
    directory : Path
        The router's.
    clock : callable
        The present, UNIX seconds.
    """

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = directory / SECRETS
        self._clock = clock
        # A configuration that was made from these files has the same texts; any other has its own.
        self._at_start = {file.name: secret for file in self._files() if (secret := _first(file))}

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*")) if self._folder.is_dir() else []

    def is_node(self, user: str) -> bool:
        """Whether a user is a data node's own."""
        return user not in RESERVED and is_node_name(user) and (self._folder / user).is_file()

    def valid(self, user: str, configured: str | None) -> list[str]:
        """Secrets of a user that are good now, the present one first.

        Parameters
        ----------
        user : str
        configured : str, optional
            The secret that the router's configuration has.
        """
        if not is_node_name(user):
            # Nobody of ours; and no file is opened by a name that came over the network.
            return [configured] if configured else []
        found = [_first(self._folder / user), previous(self._folder / user, self._clock())]
        if configured and (configured != self._at_start.get(user) or not found[0]):
            found.append(configured)
        return list(dict.fromkeys(secret for secret in found if secret))


def previous(file: Path, now: float) -> str:
    """The secret that was in a file before, while it is good; else empty."""
    try:
        secret, end = file.with_name(f"{file.name}{PREVIOUS}").read_text(encoding="utf-8").split()
        return secret if now < float(end) else ""
    except (OSError, ValueError):
        return ""


def renew(directory: Path, user: str, keep_s: float, now: float) -> None:
    """Give a user a new secret; the one before stays good for a while.

    Raises
    ------
    ConfigError
        If there is no such user among the files.
    """
    file = _required(directory, user)
    mode, owner = file.stat().st_mode & 0o777, file.stat()
    earlier = file.with_name(f"{user}{PREVIOUS}")
    replace(earlier, f"{_first(file)}\n{now + keep_s:.0f}\n".encode(), 0o600, owner)
    replace(file, secrets.token_urlsafe(32).encode(), mode, owner)


def retire(directory: Path, user: str) -> bool:
    """Have the secret before the present one count no more; whether there was one.

    Raises
    ------
    ConfigError
        If there is no such user among the files.
    """
    earlier = _required(directory, user).with_name(f"{user}{PREVIOUS}")
    there = earlier.exists()
    earlier.unlink(missing_ok=True)
    return there


def _required(directory: Path, user: str) -> Path:
    file = directory / SECRETS / user
    if not is_node_name(user) or not file.is_file():
        raise ConfigError(
            f"there is no {SECRETS}/{user} in {directory}: a user whose secret stands in config.json is "
            f"changed there"
        )
    return file


def _first(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""

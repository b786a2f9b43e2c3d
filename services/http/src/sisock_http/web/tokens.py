"""Bearer tokens: who may read, who may write notes; kept as hashes in one small file.

A token is 256 random bits, so that its plain SHA-256 cannot be turned back; the token itself is shown once,
to the one who made it. Knows nothing of requests.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sisock.config import Secret
from sisock.errors import ConfigError
from sisock.trouble import Trouble

READ, NOTES, PROXY = "read", "notes", "proxy"
RIGHTS = {
    READ: "read everything",
    NOTES: "write notes",
    PROXY: "say for whom it asks (X-Forwarded-User), as a proxy does that knows who people are",
}
"""What a token may allow, and what that means."""

LOOK_S = 1.0
_NAME = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True, slots=True)
class Token:
    """A token, as it is kept.

    Parameters
    ----------
    name : str
        Who has it, for people.
    rights : tuple of str
        Some of `RIGHTS`.
    made : str
        When, ISO 8601.
    sha256 : str
        Of the token, in hexadecimal.
    """

    name: str
    rights: tuple[str, ...]
    made: str
    sha256: str


def hashed(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def read(file: Path) -> list[Token]:
    """All tokens in a file; none if there is no such file.

    Raises
    ------
    ConfigError
        If it cannot be read, or is no such file.
    """
    try:
        given = json.loads(file.read_bytes())
        return [_token(one) for one in given["tokens"]]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"TOKENS_FILE={str(file)!r} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"TOKENS_FILE={str(file)!r} is no file of tokens ({error})") from error


def _token(given: Any) -> Token:
    token = Token(given["name"], tuple(given["rights"]), given["made"], given["sha256"])
    if not set(token.rights) <= RIGHTS.keys():
        raise ValueError(f"{token.name!r} has rights that there are not")
    return token


def make(file: Path, name: str, rights: Iterable[str], made: str) -> Secret:
    """Add a token to the file.

    Parameters
    ----------
    file : Path
        Made if it is not there.
    name : str
    rights : iterable of str
        Some of `RIGHTS`.
    made : str
        The present, ISO 8601.

    Returns
    -------
    Secret
        The token itself, which is kept nowhere.

    Raises
    ------
    ConfigError
        If the name is none, or taken, or the file cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name of a token: letters, digits and _ . @ - are, 64 at most")
    known = read(file)
    if any(one.name == name for one in known):
        raise ConfigError(f"there is a token {name!r} already: revoke it, or give this one another name")
    token = f"sisock_{secrets.token_urlsafe(32)}"
    _write(file, [*known, Token(name, tuple(rights), made, hashed(token))])
    return Secret(token)


def revoke(file: Path, name: str) -> None:
    """Take a token out of the file.

    Raises
    ------
    ConfigError
        If it is not in there, or the file cannot be written.
    """
    known = read(file)
    left = [one for one in known if one.name != name]
    if len(left) == len(known):
        others = ", ".join(one.name for one in known) or "none at all"
        raise ConfigError(f"there is no token {name!r}: there is {others}")
    _write(file, left)


def _write(file: Path, tokens: list[Token]) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps({"tokens": [asdict(one) for one in tokens]}, indent=2) + "\n")
        if file.exists() and os.geteuid() == 0:
            # Whoever the bridge is, it goes on reading its file.
            os.chown(temporary, file.stat().st_uid, file.stat().st_gid)
        temporary.replace(file)
    except OSError as error:
        raise ConfigError(
            f"TOKENS_FILE={str(file)!r} cannot be written ({error.strerror}): mount a volume at {file.parent}"
        ) from error


class Tokens:
    """The tokens that count now: the file is looked at again while we run.

    Parameters
    ----------
    file : Path
    seconds : callable
        The reactor's time.
    say : callable
        A logger's method, told when the file cannot be read; then no token counts.

    Raises
    ------
    ConfigError
        If the file cannot be read at the start.
    """

    def __init__(self, file: Path, seconds: Callable[[], float], say: Callable[..., object]) -> None:
        self._file = file
        self._seconds = seconds
        self._trouble = Trouble(say, "tokens.unreadable")
        self._seen: object = _sight(file)
        self._looked = seconds()
        self._tokens = {one.sha256: one for one in read(file)}
        self.there = self._seen is not None
        """Whether somebody has ever made a token here: that stays so, should the file go."""

    def find(self, token: str) -> Token | None:
        """Whose token that is; None if it is nobody's."""
        self._look()
        # By the hash: how long that takes tells nothing of the token.
        return self._tokens.get(hashed(token))

    def _look(self) -> None:
        now = self._seconds()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        seen = _sight(self._file)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._tokens = {one.sha256: one for one in read(self._file)}
            self._trouble.over()
        except ConfigError as error:
            self._tokens = {}
            self._trouble.tell(str(error))


def _sight(file: Path) -> object:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino

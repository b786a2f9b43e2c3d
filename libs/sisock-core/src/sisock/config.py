"""From environment variables to frozen dataclasses, with all problems told in one error.

A component's settings are a dataclass whose fields are made by `setting`; `load` reads them once,
in ``__main__``, and everything else is handed the result. An empty variable counts as unset, as
compose files write it, unless a setting says otherwise.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sisock.errors import ConfigError

T = TypeVar("T")


class Secret:
    """A string that does not print itself."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def text(value: str) -> str:
    """Any text."""
    return value


def port(value: str) -> int:
    """A TCP port number, 1 to 65535."""
    if not (value.isdecimal() and 1 <= int(value) <= 65535):
        raise ValueError("is not a port number (1 to 65535)")
    return int(value)


def count(value: str) -> int:
    """A whole number, zero or more."""
    if not value.isdecimal():
        raise ValueError("is not a whole number of zero or more")
    return int(value)


def seconds(value: str) -> float:
    """A positive number of seconds."""
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise ValueError("is not a positive number of seconds")
    return number


LOG_LEVELS = {"trace": 5, "debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40, "critical": 50}


def log_level(value: str) -> int:
    """One of the log levels, any case."""
    try:
        return LOG_LEVELS[value.lower()]
    except KeyError:
        raise ValueError(f"is none of {', '.join(LOG_LEVELS)}") from None


def path(value: str) -> Path:
    """A file or directory name."""
    return Path(value)


def _point_limit(value: str) -> int | None:
    return count(value) or None


def setting(
    variable: str,
    parse: Callable[[str], Any] = text,
    default: Any = dataclasses.MISSING,
    *,
    secret: bool = False,
    may_be_empty: bool = False,
) -> Any:
    """Declare a dataclass field that is read from an environment variable.

    Parameters
    ----------
    variable : str
        Name of the variable.
    parse : callable
        Turns the text into the value; raises ValueError with the end of a sentence that begins
        with ``VARIABLE='text' ``.
    default : optional
        Value when the variable is unset; without one the variable is required.
    secret : bool
        Whether the value is hidden in messages, wrapped in `Secret`, and may come from the file
        that ``<variable>_FILE`` names.
    may_be_empty : bool
        Whether a variable that is set to nothing is the empty text, and not unset.
    """
    metadata = {"variable": variable, "parse": parse, "secret": secret, "may_be_empty": may_be_empty}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def load(config: type[T], environ: Mapping[str, str]) -> T:
    """Read a settings dataclass from the environment.

    Parameters
    ----------
    config : dataclass
        Its fields are made by `setting`.
    environ : mapping
        Usually ``os.environ``.

    Raises
    ------
    ConfigError
        One sentence for each variable that is missing or wrong.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for item in dataclasses.fields(config):  # type: ignore[arg-type]
        variable = item.metadata["variable"]
        secret = item.metadata["secret"]
        try:
            raw = _raw(environ, variable, secret)
            if raw is None and item.metadata["may_be_empty"] and variable in environ:
                raw = ""
            if raw is None:
                if item.default is dataclasses.MISSING:
                    raise ValueError("is required and not set")
                continue
            values[item.name] = Secret(raw) if secret else item.metadata["parse"](raw)
        except ValueError as problem:
            shown = variable if secret or not environ.get(variable) else f"{variable}={environ[variable]!r}"
            problems.append(f"{shown} {problem}")
    if problems:
        raise ConfigError("; ".join(problems))
    return config(**values)


def _raw(environ: Mapping[str, str], variable: str, secret: bool) -> str | None:
    value = environ.get(variable, "").strip()
    if value or not secret:
        return value or None
    name = environ.get(f"{variable}_FILE", "").strip()
    if not name:
        return None
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot be read from {variable}_FILE={name!r} ({error})") from error


_CROSSBAR_DIR, _WITHOUT_DOT = Path(".crossbar"), Path("crossbar")


@dataclass(frozen=True)
class RouterConfig:
    """Where the router is and who we are there (CONTRACT section 3)."""

    wamp_user: str = setting("WAMP_USER", default="server")
    wamp_secret: Secret | None = setting("WAMP_SECRET", default=None, secret=True)
    crossbar_host: str = setting("CROSSBAR_HOST", default="sisock-crossbar")
    crossbar_tls_port: int = setting("CROSSBAR_TLS_PORT", port, default=8080)
    crossbar_ocs_port: int = setting("CROSSBAR_OCS_PORT", port, default=8001)
    crossbar_dir: Path = setting("CROSSBAR_DIR", path, default=_CROSSBAR_DIR)
    log_level: int = setting("LOGLEVEL", log_level, default=LOG_LEVELS["info"])
    health_file: Path | None = setting("HEALTH_FILE", path, default=None)
    metrics_port: int | None = setting("METRICS_PORT", port, default=None)

    def __post_init__(self) -> None:
        """Find the router's directory where the manuals print the mount without its dot."""
        if self.crossbar_dir == _CROSSBAR_DIR and not _CROSSBAR_DIR.exists() and _WITHOUT_DOT.is_dir():
            object.__setattr__(self, "crossbar_dir", _WITHOUT_DOT)

    @property
    def tls_url(self) -> str:
        """WebSocket address of the router's TLS port."""
        return f"wss://{self.crossbar_host}:{self.crossbar_tls_port}/ws"

    @property
    def open_url(self) -> str:
        """WebSocket address of the router's open port, shared with OCS."""
        return f"ws://{self.crossbar_host}:{self.crossbar_ocs_port}/ws"


def yes_or_no(value: str) -> bool:
    """``yes`` or ``no``."""
    if value.lower() not in ("yes", "no"):
        raise ValueError("is neither yes nor no")
    return value.lower() == "yes"


@dataclass(frozen=True)
class NodeConfig(RouterConfig):
    """Settings that every data server of ours has; services add their own."""

    max_points: int | None = setting("MAX_POINTS", _point_limit, default=None)
    replica: bool = setting("REPLICA", yes_or_no, default=False)

"""From where a person looks at a stack: what is set, what lies in the folder, which names are known here."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sisock.config import RouterConfig, Secret, load, setting

from sisock_client.vocabulary import URL

_ROUTER = ("CROSSBAR_HOST", "WAMP_SECRET", "WAMP_SECRET_FILE", "CROSSBAR_DIR")


@dataclass(frozen=True)
class Place:
    """What can be reached from here.

    Attributes
    ----------
    router : RouterConfig or None
        How to reach the router; None where nothing says that there is one.
    environ : dict of str
        The same, as a component has it.
    url : str
        Of the bridge.
    bridge_expected : bool
        Whether somebody said that there is a bridge, or only its usual address is tried.
    description : str
        For people.
    """

    router: RouterConfig | None
    environ: dict[str, str]
    url: str
    bridge_expected: bool
    description: str


def find(environ: Mapping[str, str], url: str | None, folder: Path) -> Place:
    """Find out where we are.

    Parameters
    ----------
    environ : mapping
        Settings of a component, if there are any.
    url : str or None
        The bridge, if somebody named it.
    folder : Path
        The working directory: a site's has ``.env`` and ``.crossbar/``.

    Raises
    ------
    ConfigError
        If a setting is wrong.
    """
    site = _dot_env(folder / ".env")
    settings = {"WAMP_USER": "simonsobs", **_only(site, "CROSSBAR_TLS_PORT"), **environ}
    config = load(RouterConfig, settings)
    host_given = bool(environ.get("CROSSBAR_HOST", "").strip())
    what = "a component sees it"
    if not host_given and not _resolves(config.crossbar_host):
        # Its name is known to containers only; its ports are published here.
        settings["CROSSBAR_HOST"] = "localhost"
        config = replace(config, crossbar_host="localhost")
        what = "its own machine sees it"
    port = environ.get("SISOCK_HTTP_PORT") or site.get("SISOCK_HTTP_PORT")
    named = url_of(url, environ, "")
    bridge = named or (f"http://localhost:{port}" if port else URL)
    expected = bool(named or port or "SISOCK_HTTP_VERSION" in site)
    if any(environ.get(name, "").strip() for name in _ROUTER) or config.crossbar_dir.exists():
        return Place(config, settings, bridge, expected, f"looking as {what}")
    return Place(
        None,
        settings,
        bridge,
        True,
        f"looking through the bridge at {bridge} alone: there is neither {config.crossbar_dir}/ here "
        "nor CROSSBAR_HOST",
    )


def url_of(given: str | None, environ: Mapping[str, str], usual: str = URL) -> str:
    """The bridge: the one that somebody named, the environment's, or the usual one."""
    return given or environ.get("SISOCK_URL") or usual


@dataclass(frozen=True)
class _Token:
    token: Secret | None = setting("SISOCK_TOKEN", default=None, secret=True)


def token_of(environ: Mapping[str, str]) -> str:
    """The token for a bridge that asks for one, as the environment has it; empty if it has none.

    Raises
    ------
    ConfigError
        If the file that it shall be read from cannot be read.
    """
    token = load(_Token, environ).token
    return token.reveal() if token else ""


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True


def _only(found: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: found[name] for name in names if found.get(name)}


def _dot_env(file: Path) -> dict[str, str]:
    """Variables of a site's ``.env``, as compose reads it; none where there is no such file."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}

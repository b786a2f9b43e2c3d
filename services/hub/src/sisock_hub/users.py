"""Users of data nodes' own: a secret each, and the right to one name.

A user is a file ``.crossbar/secrets/NAME``; what the router's configuration must have for it is put
into the copy that runs, so that nothing of the site's changes.
"""

import re
from pathlib import Path
from typing import Any

from sisock import uris
from sisock.auth import CERTIFICATE, SECRETS
from sisock.errors import ConfigError

from sisock_hub.writing import replace

RESERVED = ("hub", "server", "simonsobs")
"""Users that are no data node's own."""

MOUNTS = "mounts"
"""Below it a directory for each user, which is all that its container need see."""

GUARD = "sisock_hub.guard.Guard"
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def node_names(value: str) -> tuple[str, ...]:
    """Names of data nodes, with blanks between them, that may be users.

    Raises
    ------
    ValueError
        If one of them is none, with the end of a sentence.
    """
    names = tuple(value.split())
    for name in names:
        if not _NAME.fullmatch(name) or name in RESERVED or name == "get_data_node":
            raise ValueError(
                f"has {name!r}: a data node with a user of its own has a name of letters, digits, _ and -, "
                f"and is not called {', '.join(RESERVED)}"
            )
    return names


def is_node_name(name: str) -> bool:
    """Whether a name may be a user's, and so a file's."""
    return bool(_NAME.fullmatch(name))


def node_users(directory: Path) -> list[str]:
    """Data nodes that have a user of their own in the router's directory."""
    files = sorted((directory / SECRETS).glob("*")) if (directory / SECRETS).is_dir() else []
    return [f.name for f in files if f.is_file() and f.name not in RESERVED and _NAME.fullmatch(f.name)]


def let_in(config: Any, directory: Path) -> list[str]:
    """Add the users of data nodes to a router's configuration.

    Parameters
    ----------
    config : dict
        Is changed.
    directory : Path
        The router's.

    Returns
    -------
    list of str
        What was done, for the log; nothing where there are none.

    Raises
    ------
    ConfigError
        If there are such users, and no way in for them.
    """
    doors = [users for users in _user_tables(config) if "server" in users]
    known = {name for users in doors for name in users}
    names = [name for name in node_users(directory) if name not in known]
    if not names:
        return []
    if not doors:
        raise ConfigError(
            f"{directory / SECRETS} has users of data nodes ({', '.join(names)}), and config.json has no "
            f"WAMP-CRA user 'server' beside whom they could be let in"
        )
    for name in names:
        secret = (directory / SECRETS / name).read_text(encoding="utf-8").strip()
        for users in doors:
            users[name] = {"secret": secret, "role": f"node_{name}"}
    for worker in config.get("workers", []):
        for realm in worker.get("realms", []):
            if realm.get("name") == uris.REALM:
                realm.setdefault("roles", []).extend(node_role(name) for name in names)
                _guard(worker, realm, names)
    return [f"{name} has a user of its own, and nobody else may serve that name" for name in names]


def let_pages_in(config: Any, origins: list[str]) -> None:
    """Let web pages of these origins use the router's ports, too."""
    for worker in config.get("workers", []) if origins else ():
        for transport in worker.get("transports", []):
            for path in (transport, *transport.get("paths", {}).values()):
                if path.get("type") == "websocket" and "port" in transport.get("endpoint", {}):
                    options = path.setdefault("options", {})
                    options["allowed_origins"] = [*options.get("allowed_origins", ()), *origins]
        for component in worker.get("components", []):
            if component.get("classname") == GUARD:
                component["extra"] = {**component.get("extra", {}), "allowed_origins": origins}


def fill_mounts(directory: Path) -> list[str]:
    """Put what one user needs, and nothing else, into ``mounts/USER``: its secret and the certificate.

    Returns
    -------
    list of str
        What was written, by names below the router's directory.
    """
    written = []
    for user in (*RESERVED[1:], *node_users(directory)):
        secret = directory / SECRETS / user
        if not secret.is_file():
            continue
        folder = directory / MOUNTS / user
        (folder / SECRETS).mkdir(parents=True, exist_ok=True)
        (folder / SECRETS).chmod(0o700)
        for source, target, mode in (
            (directory / CERTIFICATE, folder / CERTIFICATE, 0o644),
            (secret, folder / SECRETS / user, 0o600),
        ):
            if not target.exists() or target.read_bytes() != source.read_bytes():
                replace(target, source.read_bytes(), mode, target.stat() if target.exists() else None)
        written += [f"{MOUNTS}/{user}/{CERTIFICATE}", f"{MOUNTS}/{user}/{SECRETS}/{user}"]
    return written


def node_role(name: str) -> dict[str, Any]:
    """What the data node may do: all of its own, add itself, and hear OCS's feeds."""
    own = f"{uris.CONSUMER_PREFIX}{name}."
    return {
        "name": f"node_{name}",
        "permissions": [
            {"uri": own, "match": "prefix", "allow": {"register": True, "publish": True}},
            *(
                {
                    "uri": uri,
                    "match": "exact",
                    "allow": {"call": True},
                    "disclose": {"caller": True},
                }
                for uri in (uris.DATA_NODE_ADD, uris.DATA_NODE_SUBTRACT)
            ),
            {"uri": uris.DATA_NODE_ANNOUNCE, "match": "exact", "allow": {"subscribe": True}},
            {"uri": "observatory.", "match": "prefix", "allow": {"subscribe": True}},
        ],
    }


def _guard(worker: Any, realm: Any, names: list[str]) -> None:
    """Tell the guard whose names are whose; one that is not there yet is put there."""
    components = worker.setdefault("components", [])
    guards = [c for c in components if c.get("classname") == GUARD]
    if not guards:
        role = realm["roles"][0]["name"]
        guards = [{"type": "class", "classname": GUARD, "realm": uris.REALM, "role": role}]
        components.extend(guards)
    for guard in guards:
        guard["extra"] = {**guard.get("extra", {}), "users": names}


def _user_tables(tree: Any) -> list[dict[str, Any]]:
    """Tables of WAMP-CRA users, wherever in a configuration they are."""
    found = []
    if isinstance(tree, dict):
        cra = tree.get("wampcra")
        if isinstance(cra, dict) and isinstance(cra.get("users"), dict):
            found.append(cra["users"])
        tree = list(tree.values())
    for child in tree if isinstance(tree, list) else ():
        found += _user_tables(child)
    return found

"""What the router needs in its directory: configuration, certificate, secrets.

Only what is missing is made; nothing of the site's is ever changed. A configuration that was
written for the crossbar.io of 2019 and is refused today is migrated in a copy beside it.
"""

import copy
import datetime as dt
import hashlib
import ipaddress
import json
import os
import secrets
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sisock import uris
from sisock.auth import CERTIFICATE, SECRETS, remedy
from sisock.errors import ConfigError

from sisock_hub.users import fill_mounts, let_in, let_pages_in

KEY = "server_key.pem"
CONFIG = "config.json"
MIGRATED = "config.migrated.json"
TEMPLATE = "config-template.json"
EARLIER_TEMPLATES = frozenset(
    {
        "9e9e56a94ce8491c2315da60928666ff348b5abf66ada6c7557af8747691a7ba",
        "8002a7280fe9924135ef0c13c84159b8c8c3ae6eb95b47a74a4fa235ad944c30",
        "18fa86541ce5951226a9307cc7ab8b5b8c738edada01e049e0f9f4dac9ff245e",
        "a21f9a039759e314fd637dbb13914342aeee097fa1acbd5c301ec2d574c74893",
        "a460acb5b79fc6b10d6e038e7d16605bcd316e339c5f6355a555e932746dafb5",
    }
)
"""SHA-256 of those that we made and that nobody has touched since."""

USERS = ("hub", "server", "simonsobs")
CERTIFICATE_DAYS = 3650

SMALLEST_PING = 12
HUB_SOCKET = "hub.sock"


@dataclass
class Prepared:
    """What to run, and what was done for it, for the log."""

    config: Path
    made: list[str] = field(default_factory=list)
    migrated: list[str] = field(default_factory=list)
    realm_problem: str = ""
    users: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)


def prepare(
    directory: Path, host_names: Iterable[str], nodes: Iterable[str] = (), origins: Iterable[str] = ()
) -> Prepared:
    """Make what is missing in the router's directory.

    Parameters
    ----------
    directory : Path
        ``.crossbar/``.
    host_names : iterable of str
        Names and addresses that a new certificate is made out to.
    nodes : iterable of str
        Data nodes that shall have users of their own.
    origins : iterable of str
        Of web pages that may use the router's ports, beside those in the configuration.

    Raises
    ------
    ConfigError
        If the directory cannot be used, or holds half of something.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        prepared = Prepared(directory / CONFIG)
        if not prepared.config.exists():
            _write_new(prepared.config, _template())
            prepared.made.append(CONFIG)
        prepared.made += _secrets(directory, prepared.config, nodes)
        prepared.made += _certificate(directory, host_names)
        if os.access(directory, os.W_OK):
            prepared.mounts = fill_mounts(directory)
        _migrate(prepared, directory, list(origins))
    except PermissionError as error:
        raise ConfigError(
            f"the router's directory {directory} cannot be prepared: {remedy(Path(error.filename))}, or let "
            f"the container begin as root, as the image does by itself"
        ) from error
    except OSError as error:
        raise ConfigError(f"the router's directory {directory} cannot be prepared: {error}") from error
    return prepared


def environment(directory: Path) -> dict[str, str]:
    """The secrets that a configuration from our template reads from its environment."""
    found = {}
    for user in USERS:
        file = directory / SECRETS / user
        if file.exists():
            found[f"SISOCK_SECRET_{user.upper()}"] = file.read_text(encoding="utf-8").strip()
    return found


def _write_new(file: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file that must not exist yet: no half-written and no overwritten file, ever."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
        os.link(temporary, file)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _template() -> bytes:
    return resources.files("sisock_hub").joinpath(TEMPLATE).read_bytes()


def _secrets(directory: Path, config: Path, nodes: Iterable[str]) -> list[str]:
    made = []
    text = config.read_text(encoding="utf-8")
    wanted = [user for user in USERS if f"${{SISOCK_SECRET_{user.upper()}}}" in text]
    for user in (*wanted, *nodes):
        file = directory / SECRETS / user
        if not file.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
            _write_new(file, secrets.token_urlsafe(32).encode(), 0o600)
            made.append(f"{SECRETS}/{user}")
    return made


def _certificate(directory: Path, host_names: Iterable[str]) -> list[str]:
    certificate, key = directory / CERTIFICATE, directory / KEY
    if certificate.exists() and key.exists():
        return []
    if certificate.exists() or key.exists():
        there, missing = (CERTIFICATE, KEY) if certificate.exists() else (KEY, CERTIFICATE)
        raise ConfigError(
            f"{directory} has {there} but no {missing}: add the other one, or remove both to get new ones"
        )
    pem, key_pem = self_signed(host_names)
    _write_new(key, key_pem, 0o600)
    _write_new(certificate, pem)
    return [CERTIFICATE, KEY]


def self_signed(host_names: Iterable[str]) -> tuple[bytes, bytes]:
    """Make a self-signed certificate.

    Parameters
    ----------
    host_names : iterable of str
        DNS names and IP addresses for its subjectAltName.

    Returns
    -------
    tuple of bytes
        Certificate and private key, PEM.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    names = list(dict.fromkeys(host_names))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def host_names(crossbar_host: str) -> list[str]:
    """Names under which the peers of a simple site reach its router."""
    return [
        "localhost",
        "127.0.0.1",
        "::1",
        "sisock-crossbar",
        "sisock_crossbar",
        crossbar_host,
        socket.gethostname(),
    ]


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _migrate(prepared: Prepared, directory: Path, origins: list[str]) -> None:
    """Write a copy without what today's crossbar.io refuses, if there is any of it."""
    try:
        text = prepared.config.read_bytes()
        original = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{prepared.config} is not JSON ({error})") from error
    prepared.realm_problem = _realm_problem(original)
    config = copy.deepcopy(original)
    notes = [*_longer_pings(config), *_hub_by_socket(config, directory)]
    if hashlib.sha256(text).hexdigest() in EARLIER_TEMPLATES:
        config = json.loads(_template())
        notes = [f"{CONFIG} is as an earlier version made it: what this one would make is run instead"]
    prepared.users = let_in(config, directory)
    let_pages_in(config, origins)
    if not notes and not prepared.users and not origins:
        return
    migrated = directory / MIGRATED
    migrated.unlink(missing_ok=True)
    _write_new(migrated, json.dumps(config, indent=4).encode(), 0o600)
    prepared.config, prepared.migrated = migrated, notes


def _objects(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _objects(child)


def _realm_problem(config: dict[str, Any]) -> str:
    """Say that no peer of ours will find its realm; empty if it is there."""
    realms = [
        str(realm.get("name"))
        for worker in config.get("workers", [])
        if worker.get("type") == "router"
        for realm in worker.get("realms", [])
    ]
    if uris.REALM in realms or not realms:
        return ""
    return (
        f"{CONFIG} has the realm {', '.join(map(repr, realms))} and no {uris.REALM!r}, which all servers and "
        f"consumers of sisock join: they will be refused. Name it {uris.REALM!r} wherever {CONFIG} and the "
        f"site config of OCS (wamp_realm) name a realm"
    )


def _longer_pings(config: Any) -> list[str]:
    notes = []
    for item in _objects(config):
        size = item.get("auto_ping_size")
        if isinstance(size, int) and size < SMALLEST_PING:
            item["auto_ping_size"] = SMALLEST_PING
            notes.append(f"auto_ping_size {size} is now {SMALLEST_PING}, the least that crossbar.io accepts")
    return notes


def _hub_by_socket(config: Any, directory: Path) -> list[str]:
    """Let a hub that cannot verify the site's own certificate connect by a Unix socket.

    Today's TLS libraries look at subjectAltName only; certificates of 2019 have just a common name.
    """
    hubs = [
        component["transport"]
        for worker in config.get("workers", [])
        for component in worker.get("components", [])
        if component.get("classname") == "hub.hub" and isinstance(component.get("transport"), dict)
    ]
    tls = [
        t for t in hubs if isinstance(t.get("endpoint"), dict) and isinstance(t["endpoint"].get("tls"), dict)
    ]
    refused = [
        t for t in tls if not _names_host(directory / CERTIFICATE, t["endpoint"]["tls"].get("hostname", ""))
    ]
    notes = []
    for transport in refused:
        socket_transport = _beside(config, transport["endpoint"].get("port"))
        if socket_transport is None:
            continue
        hostname = transport["endpoint"]["tls"].get("hostname")
        transport["endpoint"] = {"type": "unix", "path": HUB_SOCKET}
        transport["url"] = "ws://localhost/ws"
        notes.append(
            f"the hub connects by a Unix socket, since {CERTIFICATE} does not carry {hostname!r} as a "
            f"subjectAltName, the only name that today's TLS accepts"
        )
    return notes


def _beside(config: Any, port: Any) -> dict[str, Any] | None:
    """Add a Unix socket to the router's transport on `port`, with the same users."""
    for worker in config.get("workers", []):
        for transport in worker.get("transports", []):
            if transport.get("endpoint", {}).get("port") == port:
                paths = transport.get("paths", {})
                websocket = paths.get("ws", transport if transport.get("type") == "websocket" else None)
                if websocket is None:
                    return None
                added = {
                    "type": "websocket",
                    "endpoint": {"type": "unix", "path": HUB_SOCKET},
                    "auth": copy.deepcopy(websocket.get("auth", {})),
                }
                worker["transports"].append(added)
                return added
    return None


def _names_host(certificate: Path, host: str) -> bool:
    parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return host in names.get_values_for_type(x509.DNSName)

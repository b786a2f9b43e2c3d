"""What is wrong with a stack, in words: from the network outwards to each data node.

Each step is tried even if an earlier one failed, as long as it can say something of its own.
"""

import hashlib
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from sisock.auth import CERTIFICATE, find_secret
from sisock.config import RouterConfig, load
from sisock.conformance import check_node
from sisock.errors import ConfigError, SisockError

from sisock_client.errors import ClientError
from sisock_client.http import HttpSource
from sisock_client.wamp import WampSource

CONNECT_S = 5.0
LAG_S = 86_400.0
DAYS_LEFT = 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and whether it is good news."""

    good: bool
    sentence: str


def check(environ: Mapping[str, str], url: str, deadline_s: float) -> Iterator[Finding]:
    """Look at a stack, step by step."""
    try:
        config = load(RouterConfig, {"WAMP_USER": "simonsobs", **environ})
    except ConfigError as error:
        yield Finding(False, str(error))
        return
    yield from _router(config)
    yield from _secret(config)
    yield from _nodes(environ, deadline_s)
    yield from _bridge(url, deadline_s)


def _router(config: RouterConfig) -> Iterator[Finding]:
    where = f"{config.crossbar_host}:{config.crossbar_tls_port}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # compared below instead
    try:
        with (
            socket.create_connection((config.crossbar_host, config.crossbar_tls_port), CONNECT_S) as plain,
            context.wrap_socket(plain, server_hostname=config.crossbar_host) as encrypted,
        ):
            shown = encrypted.getpeercert(binary_form=True) or b""
    except ssl.SSLError as error:
        yield Finding(False, f"the router at {where} does not speak TLS ({error.reason})")
        return
    except OSError as error:
        why = error.strerror or str(error)
        yield Finding(
            False,
            f"the router at {where} cannot be reached ({why}): is it up, are CROSSBAR_HOST and "
            "CROSSBAR_TLS_PORT right, does a firewall keep the port closed?",
        )
        return
    yield Finding(True, f"the router at {where} is reachable")
    yield from _certificate(config.crossbar_dir / CERTIFICATE, shown)


def _certificate(file: Path, shown: bytes) -> Iterator[Finding]:
    left = x509.load_der_x509_certificate(shown).not_valid_after_utc.timestamp() - time.time()
    if left < 0:
        yield Finding(False, "the router's certificate has expired: make a new one (setup-tls.sh)")
    elif left < DAYS_LEFT * 86_400:
        yield Finding(False, f"the router's certificate expires in {left / 86_400:.0f} days")
    try:
        mounted = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        yield Finding(False, f"{file} cannot be read ({error}): copy the router's certificate there")
        return
    same = hashlib.sha256(shown).digest() == mounted.fingerprint(hashes.SHA256())
    if same:
        yield Finding(True, f"its certificate is the one in {file}")
    else:
        yield Finding(
            False,
            f"its certificate is not the one in {file}: copy the router's there, or find out who answers",
        )


def _secret(config: RouterConfig) -> Iterator[Finding]:
    try:
        secret = find_secret(config)
    except ConfigError as error:
        yield Finding(False, str(error))
        return
    if secret is None:
        yield Finding(
            False,
            f"there is no secret for the user {config.wamp_user!r}: set WAMP_SECRET or WAMP_SECRET_FILE, "
            f"or give access to {config.crossbar_dir}",
        )
    else:
        yield Finding(True, f"there is a secret for the user {config.wamp_user!r}")


def _nodes(environ: Mapping[str, str], deadline_s: float) -> Iterator[Finding]:
    try:
        source = WampSource(environ, deadline_s)
    except SisockError as error:
        yield Finding(False, f"the router does not let us in, or the hub is away: {error}")
        return
    yield Finding(True, f"the hub answers and lists {len(source.consumer.nodes)} data nodes")
    try:
        for name in sorted(source.consumer.nodes):
            yield from _node(source, name)
    finally:
        source.close()


def _node(source: WampSource, name: str) -> Iterator[Finding]:
    async def outcomes() -> list[str]:
        return [
            f"{outcome.check}: {outcome.problem}"
            async for outcome in check_node(source.consumer, name)
            if outcome.problem
        ]

    try:
        breaches = source.ask(outcomes)
    except SisockError as error:
        yield Finding(False, f"{name}: {error}")
        return
    for breach in breaches:
        yield Finding(False, f"{name} breaks the contract: {breach}")
    lag = _lag(source, name)
    if lag is None:
        yield Finding(not breaches, f"{name}: no sample within the last day (an archive, perhaps)")
    else:
        yield Finding(not breaches, f"{name}: its last sample is {lag:.0f} s old")


def _lag(source: WampSource, name: str) -> float | None:
    """Age of a node's last sample, of a few of its fields, within the last day."""
    now = time.time()
    names = [one.field for one in source.fields("") if one.field.startswith(f"{name}::")][:3]
    found = source.get(names, now - LAG_S, now, 100)
    last = [float(t[-1]) for t, _ in found.values() if len(t)]
    return now - max(last) if last else None


def _bridge(url: str, deadline_s: float) -> Iterator[Finding]:
    source = HttpSource(url, deadline_s, progress=False)
    try:
        number = len(source.nodes())
    except ClientError as error:
        yield Finding(False, str(error))
    else:
        yield Finding(True, f"the bridge at {url} answers and knows {number} data nodes")
    finally:
        source.close()

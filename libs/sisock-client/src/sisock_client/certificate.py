"""Whether the router's certificate is one that components here accept, in words.

The rules are those of `sisock.auth.trust`: a mounted self-signed certificate is the only one that counts;
any other is verified with its chain and the router's name.
"""

import hashlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from sisock.auth import CERTIFICATE, is_self_signed
from sisock.config import RouterConfig

from sisock_client.health import Finding, State

CONNECT_S = 5.0
DAY_S = 86_400
DAYS_LEFT = 30


class NoTlsError(Exception):
    """There is no router, or it does not speak TLS; the message is a sentence."""


def shown(config: RouterConfig, context: ssl.SSLContext | None = None) -> bytes:
    """The certificate that the router shows, DER.

    Raises
    ------
    NoTlsError
        If none is shown.
    ssl.SSLCertVerificationError
        If a `context` was given, and the certificate does not hold there.
    """
    where = f"{config.crossbar_host}:{config.crossbar_tls_port}"
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # compared by who calls
    try:
        with (
            socket.create_connection((config.crossbar_host, config.crossbar_tls_port), CONNECT_S) as plain,
            context.wrap_socket(plain, server_hostname=config.crossbar_host) as encrypted,
        ):
            return encrypted.getpeercert(binary_form=True) or b""
    except ssl.SSLCertVerificationError:
        raise
    except ssl.SSLError as error:
        raise NoTlsError(f"the router at {where} does not speak TLS ({error.reason})") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise NoTlsError(
            f"the router at {where} cannot be reached ({why}): is it up, are CROSSBAR_HOST and "
            "CROSSBAR_TLS_PORT right, does a firewall keep the port closed?"
        ) from error


def look(config: RouterConfig, certificate: bytes, now: float) -> Iterator[Finding]:
    """Say how long the router's certificate lasts, and, last of all, whether it is trusted here.

    Parameters
    ----------
    config : RouterConfig
    certificate : bytes
        As the router showed it, DER.
    now : float
        The present, UNIX seconds.
    """
    parsed = x509.load_der_x509_certificate(certificate)
    left_s = parsed.not_valid_after_utc.timestamp() - now
    until = f"{parsed.not_valid_after_utc:%Y-%m-%d}"
    if left_s < 0:
        yield Finding(
            State.WRONG, f"the router's certificate has expired on {until}: make a new one (setup-tls.sh)"
        )
        return
    if left_s < DAYS_LEFT * DAY_S:
        yield Finding(
            State.WRONG, f"the router's certificate expires in {left_s / DAY_S:.0f} days, on {until}"
        )
    elif parsed.not_valid_before_utc.timestamp() > now:
        yield Finding(
            State.WRONG,
            f"the router's certificate is not valid before {parsed.not_valid_before_utc:%Y-%m-%d}: "
            "is a clock wrong?",
        )
    yield _trusted(config, certificate)


def _trusted(config: RouterConfig, certificate: bytes) -> Finding:
    file = config.crossbar_dir / CERTIFICATE
    try:
        pem = file.read_bytes() if file.exists() else None
        pinned = pem is not None and is_self_signed(pem)
    except (OSError, ValueError) as error:
        return Finding(State.WRONG, f"{file} cannot be read ({error}): copy the router's certificate there")
    if pem is None or not pinned:
        return _verified(config, file, pem)
    mounted = {one.fingerprint(hashes.SHA256()) for one in x509.load_pem_x509_certificates(pem)}
    if hashlib.sha256(certificate).digest() in mounted:
        return Finding(State.GOOD, f"its certificate is the one in {file}")
    return Finding(
        State.WRONG,
        f"its certificate is not the one in {file}: components here refuse it. Copy the router's "
        f"{CERTIFICATE} there, or find out who answers",
    )


def _verified(config: RouterConfig, file: Path, pem: bytes | None) -> Finding:
    context = ssl.create_default_context()
    try:
        if pem is not None:
            issuers = x509.load_pem_x509_certificates(pem)[1:]
            if issuers:
                context = ssl.create_default_context(cafile=str(file))
        shown(config, context)
    except ssl.SSLCertVerificationError as error:
        remedy = (
            f"copy the router's {CERTIFICATE} to {file}"
            if pem is None
            else f"make it out to {config.crossbar_host}, with its issuers behind it in {file}"
        )
        return Finding(
            State.WRONG,
            f"its certificate is not trusted here ({error.verify_message.rstrip('.')}): {remedy}",
        )
    except (NoTlsError, ValueError) as error:
        return Finding(State.WRONG, str(error))
    return Finding(State.GOOD, "its certificate is one that an authority vouches for")

"""Who we are to the router and how we know that it is ours: WAMP-CRA and TLS trust.

The secret is looked for in the order of CONTRACT section 3; the certificate mounted in
``.crossbar/`` is pinned when it is self-signed, and otherwise its chain is verified together with
the router's host name.
"""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autobahn.wamp import auth as wamp_auth
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import ssl
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer

from sisock.config import RouterConfig, Secret
from sisock.errors import ConfigError

CERTIFICATE = "server_cert.pem"
SECRETS = "secrets"

_OUT_OF_TIME = (9, 10)
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


def find_secret(config: RouterConfig) -> Secret | None:
    """Find the WAMP-CRA secret of ``config.wamp_user``.

    Returns
    -------
    Secret or None
        From ``WAMP_SECRET``, the file that ``sisock-hub`` generated, or the user of that name in
        the mounted router configuration; None if it is in none of these.

    Notes
    -----
    Sites set ``WAMP_SECRET`` alike for all containers, since the predecessor's consumers ignored it.
    When it is another user's in the mounted directory, and that directory knows ours, ours is taken.
    """
    if config.wamp_secret is None:
        return _mounted_secret(config)
    try:
        own = _mounted_secret(config)
        others = set(_mounted_secrets(config.crossbar_dir))
    except (ConfigError, OSError, ValueError):
        return config.wamp_secret
    return own if own is not None and config.wamp_secret in others else config.wamp_secret


def _mounted_secret(config: RouterConfig) -> Secret | None:
    generated = config.crossbar_dir / SECRETS / config.wamp_user
    try:
        return Secret(generated.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        pass
    except PermissionError as error:
        raise ConfigError(f"{remedy(generated)}, or set WAMP_SECRET or WAMP_SECRET_FILE") from error
    except OSError as error:
        raise ConfigError(f"{generated} cannot be read ({error.strerror})") from error
    users = _configured_users(config.crossbar_dir / "config.json")
    return next((secret for user, secret in users if user == config.wamp_user), None)


def _mounted_secrets(directory: Path) -> Iterator[Secret]:
    """Secrets of all users that the mounted directory knows."""
    for file in (directory / SECRETS).glob("*"):
        if os.access(file, os.R_OK):
            yield Secret(file.read_text(encoding="utf-8").strip())
    yield from (secret for _, secret in _configured_users(directory / "config.json"))


def require_secret(config: RouterConfig) -> Secret:
    """Find the secret as `find_secret` does, or say how to provide one.

    Raises
    ------
    ConfigError
        If there is none.
    """
    secret = find_secret(config)
    if secret is None:
        raise ConfigError(
            f"no secret for WAMP_USER={config.wamp_user!r}: set WAMP_SECRET or WAMP_SECRET_FILE, or mount "
            f"the router's directory at {config.crossbar_dir} (looked for {SECRETS}/{config.wamp_user} "
            f"and for a wampcra user of that name in config.json)"
        )
    return secret


def _configured_users(config_json: Path) -> list[tuple[str, Secret]]:
    try:
        tree = json.loads(config_json.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise ConfigError(f"{remedy(config_json)}, or set WAMP_SECRET or WAMP_SECRET_FILE") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{config_json} cannot be read ({error})") from error
    return list(_wampcra_users(tree))


def _wampcra_users(tree: Any) -> Iterator[tuple[str, Secret]]:
    """Users below any ``wampcra`` key: the transports of a router may nest at will."""
    if isinstance(tree, dict):
        users = tree["wampcra"].get("users") if isinstance(tree.get("wampcra"), dict) else None
        for name, entry in users.items() if isinstance(users, dict) else ():
            secret = entry.get("secret") if isinstance(entry, dict) else None
            if isinstance(secret, str) and secret and not secret.startswith("$"):
                yield name, Secret(secret)
        tree = list(tree.values())
    for child in tree if isinstance(tree, list) else ():
        yield from _wampcra_users(child)


def sign(secret: Secret, challenge: Any) -> str:
    """Answer a router's WAMP-CRA challenge.

    Parameters
    ----------
    secret : Secret
    challenge : autobahn.wamp.types.Challenge
    """
    key = secret.reveal().encode()
    extra = challenge.extra
    if "salt" in extra:
        key = wamp_auth.derive_key(key, extra["salt"], extra["iterations"], extra["keylen"])
    signature: bytes = wamp_auth.compute_wcs(key, extra["challenge"])
    return signature.decode("ascii")


@implementer(IOpenSSLClientConnectionCreator)
class PinnedCertificate:
    """Trust the self-signed certificates of a file and no others, whatever host name they carry.

    There are two while one takes the other's place.
    """

    def __init__(self, pem: bytes) -> None:
        ours = [one for one in map(_pem, x509.load_pem_x509_certificates(pem)) if is_self_signed(one)]
        pinned = [ssl.Certificate.loadPEM(one) for one in ours]
        self._pinned = {one.digest("sha256") for one in pinned}
        self._context = ssl.CertificateOptions(trustRoot=ssl.trustRootFromCertificates(pinned)).getContext()
        self._context.set_verify(SSL.VERIFY_PEER, self._verify)

    def _verify(self, _connection: Any, shown: Any, problem: int, depth: int, _good: int) -> bool:
        # Of two of the same name OpenSSL takes either for the issuer: what counts is which one is shown.
        if depth:
            return True
        return ssl.Certificate(shown).digest("sha256") in self._pinned and problem not in _OUT_OF_TIME

    def clientConnectionForTLS(self, tls_protocol: object) -> SSL.Connection:  # noqa: N802, ARG002 (interface)
        """Make the connection object that Twisted's TLS wraps."""
        return SSL.Connection(self._context, None)


def is_self_signed(pem: bytes) -> bool:
    """Whether the first certificate in a PEM file vouches for itself."""
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def names_of(certificate: Path) -> list[str]:
    """DNS names that a certificate is made out to; none if it has none, or cannot be read."""
    try:
        parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return []
    return names.get_values_for_type(x509.DNSName)


def mounted_certificate(config: RouterConfig) -> bytes | None:
    """What lies in the router's directory as its certificate, PEM; None if there is none.

    Raises
    ------
    ConfigError
        If it cannot be read.
    """
    mounted = config.crossbar_dir / CERTIFICATE
    try:
        return mounted.read_bytes()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise ConfigError(remedy(mounted)) from error
    except OSError as error:
        raise ConfigError(f"{mounted} cannot be read ({error.strerror})") from error


def trust(config: RouterConfig) -> Any:
    """Decide what makes a router's TLS certificate acceptable.

    Returns
    -------
    IOpenSSLClientConnectionCreator
        A pinned certificate if the mounted one is self-signed; else a check of the chain (the
        platform's authorities and those in the mounted file) and of the host name.

    Raises
    ------
    ConfigError
        If the mounted certificate cannot be used.
    """
    mounted = config.crossbar_dir / CERTIFICATE
    pem = mounted_certificate(config)
    if pem is None:
        return ssl.optionsForClientTLS(config.crossbar_host)
    try:
        if is_self_signed(pem):
            return PinnedCertificate(pem)
        chain = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ConfigError(f"{mounted} is not a PEM certificate ({error})") from error
    # The issuers come after the certificate itself; without any, the platform's authorities decide.
    roots = [ssl.Certificate.loadPEM(_pem(issuer)) for issuer in chain[1:]]
    if not roots:
        return ssl.optionsForClientTLS(config.crossbar_host)
    return ssl.optionsForClientTLS(config.crossbar_host, trustRoot=ssl.trustRootFromCertificates(roots))


def why_refused(error: BaseException, config: RouterConfig) -> str:
    """Why TLS with the router failed, in words: OpenSSL has tuples for it.

    Parameters
    ----------
    error : BaseException
        What ended the connection.
    config : RouterConfig
    """
    mounted = config.crossbar_dir / CERTIFICATE
    if isinstance(error, VerificationError):
        return f"the router's certificate is not made out to CROSSBAR_HOST={config.crossbar_host!r}"
    if not isinstance(error, SSL.Error):
        return f"{error}" or type(error).__name__
    told = (
        ", ".join(entry[-1] for entry in (error.args[0] if error.args else ()) if entry)
        or type(error).__name__
    )
    if "certificate verify failed" in told:
        held = (
            f"is not the one in {mounted}"
            if mounted.exists()
            else f"is not trusted, and there is no {mounted}"
        )
        return f"the router's certificate {held}, or has expired: copy the router's {CERTIFICATE}"
    return f"no TLS with the router: {told}"


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 (rarely needed)

    return certificate.public_bytes(Encoding.PEM)


def remedy(file: Path) -> str:
    """Say what to do about a file that is there and not ours to read; the beginning of a sentence."""
    try:
        mode = f" (its mode is {stat.S_IMODE(file.stat().st_mode):04o})"
    except OSError:
        mode = ""
    return (
        f"{file} cannot be read by user {os.geteuid()}, group {os.getegid()}{mode}: let that group read it "
        f"(chgrp {os.getegid()} and chmod g+r)"
    )


def is_private(file: Path) -> bool:
    """Whether nobody but its owner may read a file."""
    return not file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)

"""Runs inside the router: secrets, users and certificate are read anew while it runs (decision 16).

crossbar.io reads all of them once. Here each login asks the files, so that two secrets of a user are good for
a while, and a data node's new user is let in; and each TLS connection is made with the certificate that lies
there then. Nothing that is established notices anything.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import txaio
from autobahn.wamp import auth
from autobahn.wamp.types import Challenge
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from twisted.internet._sslverify import TLSVersion
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface import implementer

from sisock_hub.secret_files import SecretFiles
from sisock_hub.users import node_role

COMMON_USER = "server"
"""Where this user is let in, data nodes with users of their own are, too."""


def install(directory: Path) -> None:
    """Have this process's router read the directory anew; before it starts.

    Parameters
    ----------
    directory : Path
        The router's, as it uses it.
    """
    from crossbar.common.twisted import endpoint  # noqa: PLC0415 (only where a router is to run)
    from crossbar.router.auth.wampcra import PendingAuthWampCra  # noqa: PLC0415

    log = txaio.make_logger()
    _renew_certificates(endpoint, log)
    _renew_secrets(PendingAuthWampCra, SecretFiles(directory), log)


def _renew_secrets(pending_class: Any, files: SecretFiles, log: Any) -> None:
    hello, authenticate = pending_class.hello, pending_class.authenticate

    def hello_by_files(pending: Any, realm: str, details: Any) -> Any:
        config, user = pending._config, str(details.authid)
        others: list[str] = []
        if config.get("type") == "static":
            users = config.get("users", {})
            secrets = files.valid(user, users.get(user, {}).get("secret"))
            if user not in users and secrets and COMMON_USER in users and files.is_node(user):
                role = node_role(user)
                if not pending._realm_container.has_role(realm, role["name"]):
                    _let_in(pending._realm_container, realm, role, log)
                    log.warn("router.user_added user={user!r}", user=user)
                users = {**users, user: {"role": role["name"]}}
            if user in users and secrets:
                principal = {**users[user], "secret": secrets[0]}
                pending._config = {**config, "users": {**users, user: principal}}
                others = secrets[1:]
        answer = hello(pending, realm, details)
        if isinstance(answer, Challenge):
            pending.other_signatures = [_signature(secret, answer.extra) for secret in others]
        return answer

    def authenticate_by_any(pending: Any, signature: str) -> Any:
        if signature in getattr(pending, "other_signatures", ()):
            pending._signature = signature
            log.warn(
                "secret.previous user={user!r} peer={peer!r}",
                user=pending._authid,
                peer=pending._session_details.get("transport", {}).get("peer"),
            )
        return authenticate(pending, signature)

    pending_class.hello, pending_class.authenticate = hello_by_files, authenticate_by_any


def _let_in(container: Any, realm: str, role: dict[str, Any], log: Any) -> None:
    """Add the role of a data node's own user, with the guard that keeps others from its name."""
    from sisock_hub.guard import install as install_guard  # noqa: PLC0415 (crossbar.io, again)

    install_guard(Path.cwd(), (), log)
    container.start_router_realm_role(container.realm_to_id[realm], role["name"], role)


def _signature(secret: str, extra: dict[str, Any]) -> str:
    key = secret.encode()
    if "salt" in extra:
        key = auth.derive_key(key, extra["salt"], extra["iterations"], extra["keylen"])
    return cast("str", auth.compute_wcs(key, extra["challenge"].encode()).decode("ascii"))


def _renew_certificates(endpoint: Any, log: Any) -> None:
    create, options = endpoint._create_tls_server_context, endpoint.CertificateOptions

    def options_for_older_clients(**given: Any) -> Any:
        # crossbar.io takes TLS 1.3 alone, which machines of some years ago do not speak.
        if given.get("raiseMinimumTo") is TLSVersion.TLSv1_3:
            given["raiseMinimumTo"] = TLSVersion.TLSv1_2
        return options(**given)

    def create_renewed(config: dict[str, Any], cbdir: str, told: Any) -> Any:
        names = [config["key"], config["certificate"], *config.get("chain_certificates", ())]
        return RenewedContext(lambda: create(config, cbdir, told), [Path(cbdir, name) for name in names], log)

    endpoint.CertificateOptions = options_for_older_clients
    endpoint._create_tls_server_context = create_renewed


@implementer(IOpenSSLServerConnectionCreator)
class RenewedContext:
    """TLS of a listening port, made anew when its files change.

    Parameters
    ----------
    create : callable
        Makes crossbar.io's own from the files as they are.
    files : list of Path
        The key, the certificate, and what else it is made of.
    log : txaio logger

    Raises
    ------
    ValueError
        If the key is another certificate's at the start.
    """

    def __init__(self, create: Any, files: list[Path], log: Any) -> None:
        self._create, self._files, self._log = create, files, log
        self._told = ""
        why = mismatch(*files[:2])
        if why:
            raise ValueError(why)
        self._seen = _sight(files)
        self._options = create()

    def serverConnectionForTLS(self, _tls_protocol: object) -> SSL.Connection:  # noqa: N802 (interface)
        """Make the connection object that Twisted's TLS wraps."""
        return SSL.Connection(self.getContext(), None)

    def getContext(self) -> Any:  # noqa: N802 (Twisted's name)
        """The context of the files as they are, or as they last made sense."""
        seen = _sight(self._files)
        if seen != self._seen:
            self._renew(seen)
        return self._options.getContext()

    def _renew(self, seen: object) -> None:
        try:
            why = mismatch(*self._files[:2])
            if not why:
                options = self._create()
                options.getContext()
        except Exception as error:  # noqa: BLE001 (whatever is wrong with the files: they may be half written)
            why = f"{type(error).__name__}: {error}"
        if why:
            # One of two files was replaced, perhaps: the next connection looks again.
            if why != self._told:
                self._log.warn("certificate.unusable why={why!r}", why=why)
            self._told = why
            return
        self._options, self._seen, self._told = options, seen, ""
        self._log.warn("certificate.renewed file={file!r}", file=str(self._files[1]))


def mismatch(key: Path, certificate: Path) -> str:
    """Why a key and a certificate do not go together, in words; empty if they do.

    Raises
    ------
    OSError, ValueError
        If one of them cannot be read.
    """
    shown = x509.load_pem_x509_certificate(certificate.read_bytes())
    if load_pem_private_key(key.read_bytes(), None).public_key() != shown.public_key():
        return f"{key.name} is not the key of {certificate.name}: put both of the same pair there"
    return ""


def _sight(files: Iterable[Path]) -> object:
    seen = []
    for file in files:
        try:
            found = file.stat()
        except OSError:
            return None
        seen.append((found.st_mtime_ns, found.st_size, found.st_ino))
    return seen

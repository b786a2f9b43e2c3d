"""Certificates that end, have ended, or are another's, of real TLS servers."""

import contextlib
import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sisock.config import RouterConfig, load
from sisock_client import certificate
from sisock_client.health import Finding, State

NOW = dt.datetime.now(dt.UTC)


def write_pair(folder: Path, begin_days: float, end_days: float) -> None:
    """A self-signed certificate and its key, valid between two moments counted from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "router")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + dt.timedelta(days=begin_days))
        .not_valid_after(NOW + dt.timedelta(days=end_days))
        .sign(key, hashes.SHA256())
    )
    folder.mkdir()
    (folder / "server_cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "server_key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


@contextlib.contextmanager
def router(folder: Path) -> Iterator[int]:
    """Speaks TLS with the pair of a folder, and says nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server_cert.pem", folder / "server_key.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                context.wrap_socket(plain, server_side=True).close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def findings(shown_by: Path, mounted: Path) -> list[Finding]:
    with router(shown_by) as port:
        environ = {
            "CROSSBAR_HOST": "127.0.0.1",
            "CROSSBAR_TLS_PORT": str(port),
            "CROSSBAR_DIR": str(mounted),
        }
        config = load(RouterConfig, environ)
        return list(certificate.look(config, certificate.shown(config), NOW.timestamp()))


@pytest.mark.parametrize(
    ("begin_days", "end_days", "state", "sentence"),
    [
        (-400, 400, State.GOOD, "its certificate is the one in"),
        (-400, 30.5, State.GOOD, "its certificate is the one in"),
        (-400, 29.5, State.WRONG, "expires in 29 days"),
        (-400, 0.5, State.WRONG, "expires in 0 days"),
        (-400, -0.5, State.WRONG, "has expired on"),
        (2, 400, State.WRONG, "is not valid before"),
    ],
)
def test_the_end_of_a_certificate_is_said_before_it_comes(
    tmp_path: Path, begin_days: float, end_days: float, state: State, sentence: str
) -> None:
    write_pair(tmp_path / "own", begin_days, end_days)
    first, *_ = findings(tmp_path / "own", tmp_path / "own")
    assert first.state is state
    assert sentence in first.sentence


def test_another_certificate_than_the_mounted_one_is_wrong(tmp_path: Path) -> None:
    write_pair(tmp_path / "own", -1, 400)
    write_pair(tmp_path / "other", -1, 400)
    [finding] = findings(tmp_path / "other", tmp_path / "own")
    assert finding.state is State.WRONG
    assert "is not the one in" in finding.sentence
    [finding] = findings(tmp_path / "other", tmp_path / "nowhere")
    assert finding.state is State.WRONG
    assert "is not trusted here (self-signed certificate)" in finding.sentence


def test_a_port_that_speaks_no_tls_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with listener.accept()[0] as plain:
                plain.sendall(b"HTTP/1.1 400\r\n\r\n")
                plain.recv(1)

        answering = threading.Thread(target=answer)
        answering.start()
        port = str(listener.getsockname()[1])
        config = load(RouterConfig, {"CROSSBAR_HOST": "127.0.0.1", "CROSSBAR_TLS_PORT": port})
        with pytest.raises(certificate.NoTlsError, match="does not speak TLS"):
            certificate.shown(config)
        answering.join(10)

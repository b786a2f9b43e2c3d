"""TLS handshakes with real servers: the pinned certificate and no other; chains with their host name."""

import contextlib
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sisock.auth import trust
from sisock.config import RouterConfig, load
from sisock_testing.stack import Reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory, Protocol


@contextlib.contextmanager
def tls_server(certificate: Path, key: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = listener.accept()
                with contextlib.suppress(OSError, ssl.SSLError):
                    wrapped = context.wrap_socket(plain, server_side=True)
                    wrapped.sendall(b"welcome")
                    wrapped.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


class Handshake(Protocol):
    def __init__(self, done: "Deferred[str]") -> None:
        self.done = done
        self.received = b""

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: object = None) -> None:
        self.done.callback(self.received.decode() or str(reason))


def handshake(reactor: Reactor, config: RouterConfig, port: int) -> str:
    """What the server says to a connection that is trusted as `config` says, or why there is none."""

    async def connect() -> str:
        done: Deferred[str] = Deferred()
        endpoint = wrapClientTLS(trust(config), HostnameEndpoint(reactor.reactor, "127.0.0.1", port))
        await endpoint.connect(Factory.forProtocol(lambda: Handshake(done)))
        return await done

    return reactor.wait(connect)


@pytest.fixture
def mounted(tmp_path: Path, certificates: Path):
    def mount(name: str, host: str = "localhost") -> RouterConfig:
        shutil.copy(certificates / name, tmp_path / "server_cert.pem")
        return load(RouterConfig, {"CROSSBAR_DIR": str(tmp_path), "CROSSBAR_HOST": host})

    return mount


def test_a_pinned_certificate_is_trusted_whatever_its_name(mounted, certificates, sisock_reactor) -> None:
    with tls_server(certificates / "own.pem", certificates / "own.key") as port:
        assert handshake(sisock_reactor, mounted("own.pem"), port) == "welcome"


def test_another_certificate_than_the_pinned_one_is_refused(mounted, certificates, sisock_reactor) -> None:
    with tls_server(certificates / "ca.pem", certificates / "ca.key") as port:
        assert "certificate verify failed" in handshake(sisock_reactor, mounted("own.pem"), port)


def test_an_issued_certificate_is_trusted_for_its_host(mounted, certificates, sisock_reactor) -> None:
    with tls_server(certificates / "leaf.pem", certificates / "issued.key") as port:
        assert handshake(sisock_reactor, mounted("issued.pem"), port) == "welcome"


def test_an_issued_certificate_is_refused_for_another_host(mounted, certificates, sisock_reactor) -> None:
    with tls_server(certificates / "leaf.pem", certificates / "issued.key") as port:
        assert "VerificationError" in handshake(sisock_reactor, mounted("issued.pem", "elsewhere"), port)


def test_both_certificates_are_trusted_while_one_takes_the_others_place(
    mounted, certificates, sisock_reactor, tmp_path
) -> None:
    from sisock_hub.prepare import self_signed

    config = mounted("own.pem")
    pairs = [self_signed(["localhost"]) for _ in range(3)]  # all of the same name
    (tmp_path / "server_cert.pem").write_bytes(pairs[0][0] + pairs[1][0])
    told = []
    for number, (pem, key) in enumerate(pairs):
        (tmp_path / f"{number}.pem").write_bytes(pem)
        (tmp_path / f"{number}.key").write_bytes(key)
        with tls_server(tmp_path / f"{number}.pem", tmp_path / f"{number}.key") as port:
            told.append(handshake(sisock_reactor, config, port))
    assert told[:2] == ["welcome", "welcome"]
    assert "certificate verify failed" in told[2]

"""Secrets, users and the certificate are changed while everything runs, and nobody notices."""

import json
import shutil
import ssl
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from sisock import uris
from sisock.config import Secret
from sisock.errors import ConfigError
from sisock_hub import commands, renewal, secret_files
from sisock_hub.prepare import self_signed
from sisock_hub.privileges import own_copy
from sisock_hub.renewal import mismatch
from sisock_hub.secret_files import SecretFiles
from sisock_hub.users import node_role
from sisock_testing import SERVERS, Peer, Stack, wait_until
from sisock_testing.stack import Reactor, executable


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "server").write_text("first")
    return tmp_path


def test_two_secrets_are_good_until_the_earlier_ones_end(directory: Path) -> None:
    now = [1000.0]
    files = SecretFiles(directory, lambda: now[0])
    assert files.valid("server", "first") == ["first"]
    secret_files.renew(directory, "server", 60.0, now[0])
    present = (directory / "secrets" / "server").read_text()
    assert files.valid("server", "first") == [present, "first"]
    now[0] = 1059.9
    assert len(files.valid("server", "first")) == 2
    now[0] = 1060.0
    assert files.valid("server", "first") == [present]


def test_a_secret_whose_file_goes_while_the_router_runs_is_good_as_its_configuration_has_it(
    directory: Path,
) -> None:
    files = SecretFiles(directory)
    (directory / "secrets" / "server").unlink()
    assert files.valid("server", "first") == ["first"]
    assert files.valid("server", None) == []
    assert files.valid("somebody.else", "theirs") == ["theirs"]


def test_a_retired_secret_is_good_no_more(directory: Path) -> None:
    files = SecretFiles(directory)
    secret_files.renew(directory, "server", 60.0, time.time())
    assert len(files.valid("server", "first")) == 2
    assert secret_files.retire(directory, "server")
    assert len(files.valid("server", "first")) == 1
    assert not secret_files.retire(directory, "server")


def test_a_secret_that_the_sites_own_configuration_has_stays_good(directory: Path) -> None:
    assert SecretFiles(directory).valid("server", "the site's") == ["first", "the site's"]
    assert SecretFiles(directory).valid("simonsobs", "the site's") == ["the site's"]
    assert SecretFiles(directory).valid("simonsobs", None) == []


@pytest.mark.parametrize("user", ["../server", "server.previous", "", ".", "a/b"])
def test_no_file_is_opened_by_a_name_that_came_over_the_network(directory: Path, user: str) -> None:
    (directory / "secrets" / "server.previous").write_text("x\n9e9\n")
    assert SecretFiles(directory).valid(user, None) == []
    with pytest.raises(ConfigError, match="there is no secrets"):
        secret_files.renew(directory, user, 60.0, 0.0)


@pytest.mark.parametrize(
    ("user", "common", "role"),
    [
        ("cryostat", "server", "cryostat"),
        ("cryostat", "somebody", None),
        ("hub", "server", None),
        ("nobody", "server", None),
        ("server", "server", "node"),
    ],
)
def test_who_is_in_no_configuration_is_let_in_as_a_node_with_a_secret_alone(
    directory: Path, user: str, common: str, role: str | None
) -> None:
    for name in ("cryostat", "hub"):
        (directory / "secrets" / name).write_text("a secret")

    class Pending:
        _realm_container = SimpleNamespace(has_role=lambda _realm, _role: True)

        def __init__(self) -> None:
            self._config = {"type": "static", "users": {common: {"role": "node", "secret": "theirs"}}}

        def hello(self, _realm: str, _details: Any) -> Any:
            return self._config["users"]

        def authenticate(self, _signature: str) -> None:
            """Not asked here."""

    log = SimpleNamespace(warn=lambda *_, **__: None)
    renewal._renew_secrets(Pending, SecretFiles(directory), log)
    users = Pending().hello("realm", SimpleNamespace(authid=user))
    wanted = node_role(user)["name"] if role == user == "cryostat" else role
    assert users.get(user, {}).get("role") == wanted


def test_what_a_command_did_is_said_with_where_it_counts(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Namespace(command="node", names=("cryostat",))
    for copies, where in (
        ([Path("copy")], f"{directory}/mounts and the running router's copy have it"),
        ([], "the router sees it"),
    ):
        monkeypatch.setattr(commands, "fill_mounts", lambda _: [])
        monkeypatch.setattr(commands, "refresh_copies", lambda *_, made=copies: (made, []))
        assert commands.run(given, directory, [], None).endswith(f"from now on; {where}")


def test_the_copy_of_a_router_that_runs_follows_secrets_and_certificates_alone(
    directory: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path_factory.mktemp("copies")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    (directory / "config.json").write_text("{}")
    copy = own_copy(directory, "config.json", None)
    others = [temporary / name for name in ("crossbar--other", "crossbar-~other")]
    for other in others:
        shutil.copytree(copy.parent, other)
        (other / "of").write_text("/another/site")
    (temporary / "crossbar--half").mkdir(mode=0o700)
    (temporary / "crossbar--link").symlink_to(copy.parent)
    (directory / "secrets" / "server").write_text("second")
    (directory / "secrets" / "cryostat").write_text("new")
    (directory / "server_cert.pem").write_text("a certificate")
    (directory / "config.json").write_text('{"changed": true}')
    (copy / "secrets" / "gone").write_text("old")
    assert commands.refresh_copies(directory, None) == ([copy], [])
    assert {file.name: file.read_text() for file in (copy / "secrets").iterdir()} == {
        "server": "second", "cryostat": "new",
    }  # fmt: skip
    assert (copy / "server_cert.pem").read_text() == "a certificate"
    assert "changed" not in (copy / "config.json").read_text()
    for other in others:
        assert (other / directory.name / "secrets" / "server").read_text() == "first"
    copy.parent.chmod(0o755)
    assert commands.refresh_copies(directory, None) == ([], [])


def test_tls_is_made_anew_once_key_and_certificate_are_another_pair(directory: Path) -> None:
    first, second = (self_signed(["localhost"]) for _ in range(2))
    key, certificate = directory / "k.pem", directory / "c.pem"
    key.write_bytes(first[1])
    certificate.write_bytes(first[0])
    told: list[str] = []
    log = SimpleNamespace(warn=lambda event, **_: told.append(event.split()[0]))
    made = iter("abc")

    def create() -> Any:
        context = next(made)
        return SimpleNamespace(getContext=lambda: context)

    tls = renewal.RenewedContext(create, [key, certificate], log)
    assert (tls.getContext(), tls.getContext(), told) == ("a", "a", [])
    certificate.write_bytes(second[0])
    assert [tls.getContext() for _ in range(3)] == ["a"] * 3
    assert told == ["certificate.unusable"]
    key.write_bytes(second[1])
    assert [tls.getContext() for _ in range(2)] == ["b"] * 2
    assert told == ["certificate.unusable", "certificate.renewed"]
    key.unlink()
    assert [tls.getContext() for _ in range(2)] == ["b"] * 2
    assert told[2:] == ["certificate.unusable"]
    with pytest.raises(FileNotFoundError):
        renewal.RenewedContext(create, [key, certificate], log)
    key.write_bytes(first[1])
    with pytest.raises(ValueError, match=r"k.pem is not the key of c.pem"):
        renewal.RenewedContext(create, [key, certificate], log)


def test_a_key_of_another_certificate_is_told_in_words(directory: Path) -> None:
    (one, one_key), (_, other_key) = self_signed(["a"]), self_signed(["a"])
    for name, content in (
        ("server_cert.pem", one),
        ("server_key.pem", one_key),
        ("other_key.pem", other_key),
    ):
        (directory / name).write_bytes(content)
    assert mismatch(directory / "server_key.pem", directory / "server_cert.pem") == ""
    why = mismatch(directory / "other_key.pem", directory / "server_cert.pem")
    assert why == "other_key.pem is not the key of server_cert.pem: put both of the same pair there"


def sisock_hub(stack: Stack, *words: str) -> str:
    done = subprocess.run(
        [executable("sisock-hub"), *words], cwd=stack.directory, env=stack.environ(),
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(stack: Stack, *, version: ssl.TLSVersion | None = None) -> x509.Certificate:
    """The certificate that the router shows."""
    import socket

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version is not None:
        context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", stack.tls_port), 10) as plain,
        context.wrap_socket(plain) as encrypted,
    ):
        return x509.load_der_x509_certificate(encrypted.getpeercert(binary_form=True) or b"")


PAUSE_S = 0.02
"""Between two questions: without one they would take both cores from all else that is tested."""


class Asking:
    """Queries all the time, each of which must be answered."""

    def __init__(self, peer: Peer) -> None:
        self.asked, self.failed = 0, []
        self._stop = threading.Event()
        self._peer = peer
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while not self._stop.wait(PAUSE_S):
            self.asked += 1
            try:
                series, problems = self._peer.get_data("clockwork", ["sine"], 1, 100)
                if problems or len(series["sine"].t) != 99:
                    self.failed.append(str(problems))
            except Exception as error:  # noqa: BLE001
                self.failed.append(str(error))

    def go_on(self) -> None:
        """Wait for two more questions."""
        before = self.asked
        wait_until(lambda: self.asked > before + 2, what="two more questions")

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)


@pytest.fixture
def stack(sisock_processes: None, tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path)
    stack.start_hub()
    yield stack
    stack.stop()


@pytest.fixture
def peers(sisock_reactor: Reactor) -> Iterator[Any]:
    made: list[Peer] = []

    def make(stack: Stack, **environ: str) -> Peer:
        made.append(Peer(sisock_reactor, stack.config(**environ)))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


def serve(stack: Stack, name: str = "clockwork", user: str = "server") -> Any:
    return stack.start(name, [sys.executable, str(SERVERS / "clockwork.py")], WAMP_USER=user)


def test_nobody_notices_that_secrets_and_certificate_are_replaced(stack: Stack, peers: Any) -> None:
    node = serve(stack)
    peer = peers(stack, WAMP_USER="simonsobs")
    peer.wait_for_node("clockwork")
    crossbar = stack.directory / ".crossbar"
    before = {user: (crossbar / "secrets" / user).read_text() for user in ("server", "simonsobs")}
    elsewhere = stack.directory / "elsewhere"
    asking, session = Asking(peer), peer.session_id
    try:
        shutil.copytree(crossbar / "mounts" / "server", elsewhere)
        first = shown(stack)
        asking.go_on()
        for user in before:
            assert "is good for 7 days" in sisock_hub(stack, "secret", "renew", user)
        assert "the next one" in sisock_hub(stack, "certificate", "next")
        assert shown(stack) == first
        shutil.copy(crossbar / "server_cert.pem", elsewhere / "server_cert.pem")
        asking.go_on()
        sisock_hub(stack, "certificate", "take")
        wait_until(lambda: shown(stack) != first, 10, "the router shows the new certificate")
        # Who has the secret of before, and the certificates as they were given away, is let in.
        peers(stack, WAMP_USER="simonsobs", CROSSBAR_DIR=str(elsewhere), WAMP_SECRET=before["simonsobs"])
        assert "secret.previous" in stack.processes["hub"].text()
        peers(stack, WAMP_USER="simonsobs", CROSSBAR_DIR=str(crossbar / "mounts" / "simonsobs"))
        asking.go_on()
    finally:
        asking.stop()
    assert asking.failed == []
    assert peer.session_id == session
    assert "router.away" not in node.text()
    # What runs since before comes back by what lies there now, once the router restarts.
    sisock_hub(stack, "secret", "retire", "server")
    stack.start_hub()
    wait_until(lambda: node.text().count("router.joined") > 1, what="the node is back")
    assert stack.processes["clockwork"] is node


def test_a_retired_secret_lets_nobody_in(stack: Stack, rogue: Any) -> None:
    earlier = (stack.directory / ".crossbar" / "secrets" / "server").read_text()
    sisock_hub(stack, "secret", "renew", "server")
    assert rogue(stack, "server", earlier)
    sisock_hub(stack, "secret", "retire", "server")
    assert not rogue(stack, "server", earlier)
    assert rogue(stack, "server", (stack.directory / ".crossbar" / "secrets" / "server").read_text())


@pytest.fixture
def rogue(sisock_reactor: Reactor) -> Any:
    """Whether somebody with that user and secret is let in."""
    from sisock import logs
    from sisock.connection import Connection
    from sisock.errors import RefusedError

    class Nobody:
        async def joined(self, session: Any, _details: Any) -> None:
            session.leave()

        def lost(self) -> None:
            pass

    def joins(stack: Stack, user: str, secret: str) -> bool:
        config = stack.config(WAMP_USER=user, WAMP_SECRET=secret)
        outcome: list[bool] = []

        async def attempt() -> None:
            connection = Connection(sisock_reactor.reactor, config, Nobody(), logs.get("rogue"))
            # As one elsewhere, who does not see our directory.
            connection._renew = lambda: None  # type: ignore[method-assign]
            connection.secret = Secret(secret)
            try:
                outcome.append(await connection._one_session())
                if connection._refused:
                    outcome[-1] = False
            except RefusedError:
                outcome.append(False)

        sisock_reactor.wait(attempt)
        return outcome[0]

    return joins


def test_a_user_that_is_added_while_the_router_runs_is_let_in_and_has_its_name_alone(
    stack: Stack, peers: Any
) -> None:
    peer = peers(stack, WAMP_USER="simonsobs")
    session = peer.session_id
    said = sisock_hub(stack, "node", "add", "clockwork")
    assert "who alone may serve that name" in said
    serve(stack, "common")
    hub = stack.processes["hub"]
    wait_until(lambda: "register.refused" in hub.text(), what="the common user is refused")
    refused = next(json.loads(line) for line in hub.text().splitlines() if "register.refused" in line)
    assert (refused["user"], refused["why"]) == ("server", "the name has a user of its own")
    assert refused["procedure"] in (uris.get_data("clockwork"), uris.get_fields("clockwork"))
    stack.processes["common"].stop()
    mounted = stack.directory / ".crossbar" / "mounts" / "clockwork"
    stack.start(
        "own",
        [sys.executable, str(SERVERS / "clockwork.py")],
        WAMP_USER="clockwork",
        CROSSBAR_DIR=str(mounted),
    )
    peer.wait_for_node("clockwork")
    assert len(peer.get_data("clockwork", ["sine"], 1, 100)[0]["sine"].t) == 99
    assert peer.session_id == session


def test_clients_that_speak_no_more_than_tls_1_2_are_let_in(stack: Stack) -> None:
    assert shown(stack, version=ssl.TLSVersion.TLSv1_2) == shown(stack)


def test_a_certificate_that_does_not_match_is_passed_over_and_said(stack: Stack) -> None:
    first = shown(stack)
    (stack.directory / ".crossbar" / "server_cert.pem").write_bytes(self_signed(["localhost"])[0])
    assert shown(stack) == first
    wait_until(lambda: "is not the key of" in stack.processes["hub"].text(), 10, "it is said")

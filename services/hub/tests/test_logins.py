"""How a login and a TLS connection meet what lies in the directory now, at crossbar.io's places."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from autobahn.wamp import auth
from autobahn.wamp.types import Challenge, Deny
from sisock_hub import renewal
from sisock_hub.prepare import self_signed
from sisock_hub.secret_files import SecretFiles
from twisted.internet._sslverify import TLSVersion
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator

SALTED = {"salt": "pepper", "iterations": 3, "keylen": 32}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    for name, text in {"server": "new", "server.previous": "old\n9e9\n", "cryostat": "its own"}.items():
        (tmp_path / "secrets" / name).write_text(text)
    return tmp_path


class Pending:
    """A login as crossbar.io has it: it challenges who is in its table, and takes one signature."""

    def __init__(self, config: dict[str, Any], answer: Any, roles: set[str]) -> None:
        self._config, self._answer, self._authid = config, answer, "server"
        self._realm_container = SimpleNamespace(has_role=lambda _realm, role: role in roles)
        self._session_details = {"transport": {"peer": "tcp4:1"}}
        self._signature = "what it expects"
        self.asked: list[Any] = []

    def hello(self, realm: str, details: Any) -> Any:
        self.asked.append((realm, details.authid))
        return self._answer

    def authenticate(self, signature: str) -> bool:
        return signature == self._signature


class Login:
    """One login at a router with these secrets."""

    def __init__(self, directory: Path, config: dict[str, Any], answer: Any, *roles: str) -> None:
        self.told: list[str] = []

        class Own(Pending):
            """The class is changed: each login has its own."""

        log = SimpleNamespace(warn=lambda event, **more: self.told.append(f"{event.split()[0]} {more}"))
        renewal._renew_secrets(Own, SecretFiles(directory), log)
        self.pending = Own(config, answer, set(roles))

    def hello(self, user: str) -> Any:
        return self.pending.hello("realm", SimpleNamespace(authid=user))


def signed(secret: str, extra: dict[str, Any]) -> str:
    """What a client answers."""
    key = secret.encode()
    if "salt" in extra:
        key = auth.derive_key(key, extra["salt"], extra["iterations"], extra["keylen"])
    return auth.compute_wcs(key, extra["challenge"].encode()).decode()


@pytest.mark.parametrize("extra", [{}, SALTED])
def test_who_has_the_secret_before_is_let_in_for_a_while_and_that_is_told(
    directory: Path, extra: dict[str, Any]
) -> None:
    extra = {"challenge": "a nonce", **extra}
    users = {"server": {"secret": "new", "role": "data_node"}}
    login = Login(directory, {"type": "static", "users": users}, Challenge("wampcra", extra))
    assert isinstance(login.hello("server"), Challenge)
    assert login.pending.asked == [("realm", "server")]
    assert login.pending._config["users"]["server"] == {"secret": "new", "role": "data_node"}
    for wrong in ("new", "somebody's"):
        assert not login.pending.authenticate(signed(wrong, extra))
    assert login.told == []
    assert login.pending.authenticate(signed("old", extra))
    assert login.told == ["secret.previous {'user': 'server', 'peer': 'tcp4:1'}"]


def test_the_table_that_crossbar_looks_into_has_the_secret_of_now_and_all_others_as_they_are(
    directory: Path,
) -> None:
    users = {"server": {"secret": "of the start", "role": "a"}, "x": {"secret": "y", "role": "b"}}
    config = {"type": "static", "more": 1, "users": users}
    login = Login(directory, config, Deny("wamp.error.not_authorized"))
    assert isinstance(login.hello("server"), Deny)
    assert login.pending._config == {
        **config,
        "users": {"server": {"secret": "new", "role": "a"}, "x": {"secret": "y", "role": "b"}},
    }
    assert users["server"]["secret"] == "of the start"
    assert not login.pending.authenticate("anything")
    for kind, user in (("dynamic", "server"), ("static", "nobody"), (None, "server")):
        config = {"type": kind, "users": users}
        login = Login(directory, config, Deny("wamp.error.not_authorized"))
        login.hello(user)
        assert login.pending._config is config


@pytest.mark.parametrize("known", [True, False])
def test_the_role_of_a_node_that_is_added_is_made_once(
    directory: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(renewal, "_let_in", lambda _container, realm, role, _log: made.append((realm, role)))
    config = {"type": "static", "users": {"server": {"secret": "new", "role": "a"}}}
    roles = ["node_cryostat"] if known else []
    login = Login(directory, config, Deny("wamp.error.not_authorized"), *roles)
    login.hello("cryostat")
    assert login.pending._config["users"]["cryostat"] == {"role": "node_cryostat", "secret": "its own"}
    assert [(realm, role["name"]) for realm, role in made] == ([] if known else [("realm", "node_cryostat")])
    assert len(login.told) == len(made)


@pytest.fixture
def endpoint(directory: Path) -> Any:
    """crossbar.io's module of endpoints; what is made of a context is its number, and what was told."""
    pem, key = self_signed(["localhost"])
    for name, content in (("k.pem", key), ("c.pem", pem), ("chain.pem", pem), ("more.pem", pem)):
        (directory / name).write_bytes(content)
    made: list[Any] = []

    def create(*given: Any) -> Any:
        made.append(given)
        number = len(made)
        return SimpleNamespace(getContext=lambda: number)

    module = SimpleNamespace(_create_tls_server_context=create, CertificateOptions=lambda **how: how)
    module.log, module.made = [], made
    warn = lambda event, **more: module.log.append((event.split()[0], more))  # noqa: E731
    renewal._renew_certificates(module, SimpleNamespace(warn=warn))
    return module


def test_a_ports_certificate_is_looked_at_with_its_chain_at_each_connection(
    endpoint: Any, directory: Path
) -> None:
    config = {"key": "k.pem", "certificate": "c.pem", "chain_certificates": ["chain.pem", "more.pem"]}
    tls = endpoint._create_tls_server_context(config, str(directory), "log")
    assert IOpenSSLServerConnectionCreator.providedBy(tls)
    assert endpoint.made == [(config, str(directory), "log")]
    assert (tls.getContext(), tls.getContext()) == (1, 1)
    (directory / "more.pem").write_bytes((directory / "c.pem").read_bytes() * 2)
    assert (tls.getContext(), tls.getContext()) == (2, 2)
    assert endpoint.log == [("certificate.renewed", {"file": str(directory / "c.pem")})]
    (directory / "k.pem").write_text("half of a key")
    assert (tls.getContext(), tls.getContext()) == (2, 2)
    assert [event for event, _ in endpoint.log[1:]] == ["certificate.unusable"]
    plain = endpoint._create_tls_server_context
    with pytest.raises(ValueError, match="PEM"):
        plain({"key": "k.pem", "certificate": "c.pem"}, str(directory), "log")


def test_tls_1_2_is_taken_where_crossbar_takes_1_3_alone(endpoint: Any) -> None:
    for asked, meant in ((TLSVersion.TLSv1_3, TLSVersion.TLSv1_2), (TLSVersion.TLSv1_1, TLSVersion.TLSv1_1)):
        assert endpoint.CertificateOptions(raiseMinimumTo=asked, a=1) == {"raiseMinimumTo": meant, "a": 1}
    assert endpoint.CertificateOptions(a=1) == {"a": 1}

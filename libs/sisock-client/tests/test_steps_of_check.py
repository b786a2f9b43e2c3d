"""``sisock check`` in this process, where hardly anything is there; and certificates of an authority."""

import datetime as dt
import ssl
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sisock.config import RouterConfig
from sisock_client import Client, ClientError, Samples, certificate, exposure, site, states
from sisock_client.check import check
from sisock_client.health import State
from sisock_client.samples import FieldInfo, NodeSummary
from sisock_testing.stack import free_port

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def told(environ: dict[str, str], folder: Path, url: str | None = None) -> list[tuple[str, str]]:
    return [(one.state.value, one.sentence) for one in check(environ, url, 1.0, folder)]


def component(folder: Path) -> dict[str, str]:
    port = str(free_port())
    return {"CROSSBAR_HOST": "127.0.0.1", "CROSSBAR_TLS_PORT": port, "CROSSBAR_DIR": str(folder / "dir")}


def test_a_component_without_a_router_is_told_what_could_not_be_looked_at(tmp_path: Path) -> None:
    environ = component(tmp_path)
    bridge = f"http://127.0.0.1:{free_port()}"
    assert [(state, sentence.partition(" (")[0].partition(": ")[0]) for state, sentence in told(
        {**environ, "WAMP_SECRET": "x"}, tmp_path, bridge
    )] == [
        ("-", "looking as a component sees it"),
        ("WRONG", f"the router at 127.0.0.1:{environ['CROSSBAR_TLS_PORT']} cannot be reached"),
        ("ok", "there is a secret for the user 'simonsobs'"),
        ("-", "hub and data nodes were not asked over the router, because of the above"),
        ("WRONG", f"the bridge at {bridge} cannot be reached"),
        ("WRONG", "no data node could be looked at from here"),
    ]  # fmt: skip


def test_a_secret_that_is_nowhere_is_wrong_and_one_that_we_may_not_read_is_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "config.json").write_text("{")
    states_of = [state for state, sentence in told(component(tmp_path), tmp_path) if "no secret" in sentence]
    assert states_of == ["-"]
    (tmp_path / "dir" / "config.json").unlink()
    states_of = [state for state, sentence in told(component(tmp_path), tmp_path) if "no secret" in sentence]
    assert states_of == ["WRONG"]


def test_a_setting_that_is_wrong_is_all_that_is_told(tmp_path: Path) -> None:
    ((state, sentence),) = told({"CROSSBAR_TLS_PORT": "eighty"}, tmp_path)
    assert (state, "CROSSBAR_TLS_PORT='eighty'" in sentence) == ("WRONG", True)


def test_a_bridge_that_nobody_named_may_be_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sisock_client.place.URL", f"http://127.0.0.1:{free_port()}")
    *_, bridge, last = told(component(tmp_path), tmp_path)
    assert bridge[0] == "-"
    assert bridge[1].startswith("nobody named a bridge, and the bridge at")
    assert last == ("WRONG", "no data node could be looked at from here")


def test_files_that_cannot_even_be_looked_at_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "server").write_text("s")
    (tmp_path / "secrets" / "server").chmod(0o644)
    looked = exposure.look(RouterConfig(wamp_user="other", crossbar_dir=tmp_path), tmp_path, component=False)
    assert [one.sentence.partition(":")[0] for one in looked] == [
        "everybody on this machine can read secrets/server"
    ]

    def refuse(_: Path) -> bool:
        raise OSError("no")

    monkeypatch.setattr(Path, "is_file", refuse)
    assert list(exposure.look(RouterConfig(crossbar_dir=tmp_path), tmp_path, component=False)) == []


def test_a_sites_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="there is no such file"):
        site.check(tmp_path / "site.toml")
    (tmp_path / "site.toml").write_text("")
    assert site.check(tmp_path / "site.toml") == []
    (tmp_path / "site.toml").write_text("[")
    assert len(site.check(tmp_path / "site.toml")) == 1


def test_samples_are_not_changed_by_who_holds_them() -> None:
    samples = Samples({})
    with pytest.raises(FrozenInstanceError):
        samples.columns = {}  # type: ignore[misc]
    assert (samples.units, samples.notices, len(samples)) == ({}, [], 0)
    with pytest.raises(FrozenInstanceError):
        NodeSummary("n", "", 1).name = "m"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        FieldInfo("n::a", None, None, "number", None).field = "n::b"  # type: ignore[misc]


@pytest.mark.parametrize("given", [True, {"WAMP_USER": "x"}])
def test_whoever_asks_the_router_takes_the_settings_of_the_environment_or_those_given(
    given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    monkeypatch.setattr("sisock_client.wamp.WampSource", lambda *arguments: made.append(arguments))
    monkeypatch.setenv("CROSSBAR_HOST", "of the environment")
    Client(wamp=given, deadline_s=3.0)
    ((environ, deadline_s),) = made
    assert deadline_s == 3.0
    assert environ.get("CROSSBAR_HOST") == ("of the environment" if given is True else None)


def test_of_many_troubles_the_worst_are_told_and_the_rest_counted() -> None:
    fields = [
        {"field": f"n::f{i}", "label": None, "state": state, "since": None, "why": "w"}
        for i, state in enumerate(["late", "fresh", "silent", *["warning"] * 19, "alarm"])
    ]
    found = list(states.findings({"watch": True, "counts": {}, "fields": fields, "nodes": []}))
    assert found[0].sentence == "watch says how fields are: there are none"
    assert [(one.state, one.sentence.partition(" since")[0]) for one in found[1:4]] == [
        (State.WRONG, "n::f22: alarm"),
        (State.WRONG, "n::f2: silent"),
        (State.OPEN, "n::f3: warning"),
    ]
    assert len(found) == 22
    assert found[-1].sentence == "and 2 more: sisock state says which"
    exactly = list(states.findings({"watch": True, "counts": {}, "fields": fields[2:22], "nodes": []}))
    assert len(exactly) == 21


def signed(names: list[str], by: Any = None) -> tuple[x509.Certificate, Any]:
    """A certificate of a name, self-signed or by an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    issuer, signer = (by[0].subject, by[1]) if by else (subject, key)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=1))
        .not_valid_after(NOW + dt.timedelta(days=4000))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    return made, key


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def test_of_a_mounted_chain_only_the_issuers_vouch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = signed(["authority"])
    leaf, _ = signed(["router"], authority)
    asked: list[int] = []

    def shown(_config: Any, context: ssl.SSLContext) -> bytes:
        asked.append(context.cert_store_stats()["x509"])
        return b""

    monkeypatch.setattr(certificate, "shown", shown)
    config = RouterConfig(crossbar_host="router", crossbar_dir=tmp_path)
    der = leaf.public_bytes(serialization.Encoding.DER)
    usual = ssl.create_default_context().cert_store_stats()["x509"]
    for mounted, authorities in ((pem(leaf), usual), (pem(leaf, authority[0]), None)):
        (tmp_path / "server_cert.pem").write_bytes(mounted)
        (finding,) = certificate.look(config, der, NOW.timestamp())
        assert (finding.state, finding.sentence) == (
            State.GOOD, "its certificate is one that an authority vouches for",
        )  # fmt: skip
        assert asked.pop() == authorities if authorities is not None else asked.pop() <= 2


def test_a_mounted_file_that_is_no_certificate_is_told(tmp_path: Path) -> None:
    leaf, _ = signed(["router"])
    (tmp_path / "server_cert.pem").write_text("no certificate")
    der = leaf.public_bytes(serialization.Encoding.DER)
    (finding,) = certificate.look(RouterConfig(crossbar_dir=tmp_path), der, NOW.timestamp())
    assert finding.state is State.WRONG
    assert "server_cert.pem cannot be read" in finding.sentence


@pytest.mark.parametrize(
    ("before_end_s", "found"),
    [
        (-0.5, ["the router's certificate has expired on 2036-12-14: make a new one (setup-tls.sh)"]),
        (0.0, ["the router's certificate expires in 0 days, on 2036-12-14", "it is trusted"]),
        (30 * 86_400 - 1, ["the router's certificate expires in 30 days, on 2036-12-14", "it is trusted"]),
        (30 * 86_400, ["it is trusted"]),
        (4001 * 86_400, ["it is trusted"]),
        (4001 * 86_400 + 1, [
            "the router's certificate is not valid before 2025-12-31: is a clock wrong?", "it is trusted",
        ]),
    ],
)  # fmt: skip
def test_a_certificate_is_said_to_end_a_month_before_it_does(
    tmp_path: Path, before_end_s: float, found: list[str]
) -> None:
    leaf, _ = signed(["router"])
    (tmp_path / "server_cert.pem").write_bytes(pem(leaf))
    now = leaf.not_valid_after_utc.timestamp() - before_end_s
    looked = list(
        certificate.look(
            RouterConfig(crossbar_dir=tmp_path), leaf.public_bytes(serialization.Encoding.DER), now
        )
    )
    trusted = f"its certificate is the one in {tmp_path}/server_cert.pem"
    assert [one.sentence for one in looked] == [trusted if one == "it is trusted" else one for one in found]
    assert [one.state is State.GOOD for one in looked] == [one == "it is trusted" for one in found]


def test_what_nobody_vouches_for_is_told_with_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = signed(["authority"])
    leaf, _ = signed(["router"], authority)
    der = leaf.public_bytes(serialization.Encoding.DER)
    config = RouterConfig(crossbar_host="router", crossbar_dir=tmp_path)
    refused = ssl.SSLCertVerificationError()
    refused.verify_message = "no issuer."

    def refuse(*_: Any) -> bytes:
        raise refused

    monkeypatch.setattr(certificate, "shown", refuse)
    file = tmp_path / "server_cert.pem"
    for mounted, remedy in (
        (b"", f"copy the router's server_cert.pem to {file}"),
        (pem(leaf, authority[0]), f"make it out to router, with its issuers behind it in {file}"),
    ):
        if mounted:
            file.write_bytes(mounted)
        (finding,) = certificate.look(config, der, NOW.timestamp())
        assert (finding.state, finding.sentence) == (
            State.WRONG, f"its certificate is not trusted here (no issuer): {remedy}",
        )  # fmt: skip

    def away(*_: Any) -> bytes:
        raise certificate.NoTlsError("it is away")

    monkeypatch.setattr(certificate, "shown", away)
    (finding,) = certificate.look(config, der, NOW.timestamp())
    assert (finding.state, finding.sentence) == (State.WRONG, "it is away")

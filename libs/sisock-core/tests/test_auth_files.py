"""What is said of files and certificates that do not do; made by hand or by OpenSSL's own command."""

import os
from pathlib import Path

import pytest
from OpenSSL import SSL
from service_identity import VerificationError
from sisock import auth
from sisock.config import RouterConfig, Secret, load
from sisock.errors import ConfigError
from twisted.internet import ssl


def config(directory: Path, **environ: str) -> RouterConfig:
    return load(RouterConfig, {"CROSSBAR_DIR": str(directory), "CROSSBAR_HOST": "router.org", **environ})


FAILED = SSL.Error([("SSL routines", "", "certificate verify failed")])


def test_why_tls_failed_is_told_in_words(tmp_path: Path) -> None:
    given = config(tmp_path)
    told = auth.why_refused(VerificationError([]), given)
    assert told == "the router's certificate is not made out to CROSSBAR_HOST='router.org'"
    assert auth.why_refused(OSError("no route"), given) == "no route"
    assert auth.why_refused(OSError(), given) == "OSError"
    assert auth.why_refused(SSL.Error([("a", "b", "wrong version")]), given) == (
        "no TLS with the router: wrong version"
    )
    assert auth.why_refused(SSL.Error(), given) == "no TLS with the router: Error"
    assert auth.why_refused(SSL.Error([()]), given) == "no TLS with the router: Error"


def test_a_certificate_that_is_refused_is_told_with_the_file_that_is_mounted_or_missing(
    tmp_path: Path,
) -> None:
    mounted = tmp_path / "server_cert.pem"
    end = "or has expired: copy the router's server_cert.pem"
    assert auth.why_refused(FAILED, config(tmp_path)) == (
        f"the router's certificate is not trusted, and there is no {mounted}, {end}"
    )
    mounted.write_bytes(b"x")
    assert auth.why_refused(FAILED, config(tmp_path)) == (
        f"the router's certificate is not the one in {mounted}, {end}"
    )


def test_the_remedy_names_who_we_are_and_the_mode(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    us = f"user {os.geteuid()}, group {os.getegid()}"
    do = f"let that group read it (chgrp {os.getegid()} and chmod g+r)"
    assert auth.remedy(file) == f"{file} cannot be read by {us}: {do}"
    file.write_text("x")
    file.chmod(0o640)
    assert auth.remedy(file) == f"{file} cannot be read by {us} (its mode is 0640): {do}"


@pytest.mark.parametrize(
    ("mode", "private"), [(0o600, True), (0o400, True), (0o640, False), (0o601, False), (0o604, False)]
)
def test_private_is_what_nobody_else_may_touch(tmp_path: Path, mode: int, private: bool) -> None:
    file = tmp_path / "secret"
    file.write_text("x")
    file.chmod(mode)
    assert auth.is_private(file) is private


def test_names_of_a_certificate_are_those_of_its_extension(certificates: Path, tmp_path: Path) -> None:
    assert auth.names_of(certificates / "leaf.pem") == ["localhost"]
    assert auth.names_of(certificates / "own.pem") == []
    (tmp_path / "none").write_text("none")
    assert auth.names_of(tmp_path / "none") == []
    assert auth.names_of(tmp_path / "nowhere") == []


def test_a_mounted_certificate_is_its_bytes_or_nothing_or_a_sentence(tmp_path: Path, monkeypatch) -> None:
    assert auth.mounted_certificate(config(tmp_path)) is None
    (tmp_path / auth.CERTIFICATE).write_bytes(b"x")
    assert auth.mounted_certificate(config(tmp_path)) == b"x"
    (tmp_path / auth.CERTIFICATE).unlink()
    (tmp_path / auth.CERTIFICATE).mkdir()
    with pytest.raises(ConfigError, match=r"server_cert.pem cannot be read \(Is a directory\)"):
        auth.mounted_certificate(config(tmp_path))

    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(ConfigError, match=r"server_cert.pem cannot be read by user"):
        auth.mounted_certificate(config(tmp_path))


def test_what_is_trusted_follows_from_what_is_mounted(
    certificates: Path, tmp_path: Path, monkeypatch
) -> None:
    roots: list[object] = []
    monkeypatch.setattr(
        ssl, "optionsForClientTLS", lambda host, trustRoot=None: (host, trustRoot and roots[-1])
    )
    monkeypatch.setattr(ssl, "trustRootFromCertificates", lambda given: roots.append(given) or given)
    mounted = tmp_path / auth.CERTIFICATE
    assert auth.trust(config(tmp_path)) == ("router.org", None)
    mounted.write_bytes((certificates / "leaf.pem").read_bytes())
    assert auth.trust(config(tmp_path)) == ("router.org", None)
    mounted.write_bytes((certificates / "issued.pem").read_bytes())
    host, [root] = auth.trust(config(tmp_path))
    assert host == "router.org"
    assert root == ssl.Certificate.loadPEM((certificates / "ca.pem").read_bytes())
    mounted.write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
    with pytest.raises(ConfigError, match=r"server_cert.pem is not a PEM certificate"):
        auth.trust(config(tmp_path))


def test_a_pinned_certificate_counts_by_its_content_and_its_time(certificates: Path) -> None:
    own = (certificates / "own.pem").read_bytes()
    pinned = auth.PinnedCertificate(own + (certificates / "leaf.pem").read_bytes())
    shown = {
        name: ssl.Certificate.loadPEM((certificates / f"{name}.pem").read_bytes()).original
        for name in ("own", "ca", "leaf")
    }
    assert pinned._verify(None, shown["own"], 0, 0, 1) is True
    assert pinned._verify(None, shown["own"], 18, 0, 0) is True  # self-signed is what it is
    assert [pinned._verify(None, shown["own"], problem, 0, 0) for problem in (9, 10)] == [False, False]
    assert pinned._verify(None, shown["ca"], 0, 0, 1) is False
    assert pinned._verify(None, shown["leaf"], 0, 0, 1) is False
    assert pinned._verify(None, shown["ca"], 19, 1, 0) is True  # what is shown at the end decides


def test_a_secret_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "secrets" / "server").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"secrets/server cannot be read \(Is a directory\)"):
        auth.find_secret(config(tmp_path))


def test_a_configuration_that_is_no_json_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"config.json cannot be read \(Expecting"):
        auth.find_secret(config(tmp_path))


@pytest.mark.parametrize(
    "tree",
    [
        {"wampcra": []},
        {"wampcra": {"users": ["server"]}},
        {"wampcra": {"users": {"server": "x"}}},
        {"wampcra": {"users": {"server": {"secret": ""}}}},
        {"wampcra": {"users": {"server": {"secret": 5}}}},
        {"users": {"server": {"secret": "x"}}},
        "x",
    ],
)
def test_what_is_no_user_with_a_secret_is_passed_over(tree: object) -> None:
    assert list(auth._wampcra_users([tree])) == []
    good = {"deep": {"wampcra": {"users": {"server": {"secret": "s"}}}}}
    assert list(auth._wampcra_users([tree, good])) == [("server", Secret("s"))]


def test_the_secret_that_is_required_is_said_with_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        auth.require_secret(config(tmp_path, WAMP_USER="feed"))
    assert str(told.value).startswith("no secret for WAMP_USER='feed': set WAMP_SECRET")
    assert f"mount the router's directory at {tmp_path} (looked for secrets/feed" in str(told.value)


def test_a_secret_that_we_may_not_read_is_nobodys(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "secrets").mkdir()
    for name in ("server", "other"):
        (tmp_path / "secrets" / name).write_text(name)
    monkeypatch.setattr(os, "access", lambda file, _mode: file.name == "server")
    given = config(tmp_path, WAMP_SECRET="other")
    assert auth.find_secret(given) == Secret("other")

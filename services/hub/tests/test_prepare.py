"""What sisock-hub makes in the router's directory, and what it leaves alone."""

import json
from pathlib import Path

import pytest
from cryptography import x509
from sisock.auth import is_private
from sisock.errors import ConfigError
from sisock_hub.prepare import host_names, prepare


def test_everything_that_is_missing_is_made_and_secrets_are_private(tmp_path: Path) -> None:
    directory = tmp_path / ".crossbar"
    prepared = prepare(directory, host_names("sisock-crossbar"))
    assert prepared.config == directory / "config.json"
    for user in ("hub", "server", "simonsobs"):
        assert is_private(directory / "secrets" / user)
        assert len((directory / "secrets" / user).read_text()) >= 32
    assert is_private(directory / "server_key.pem")
    assert not any(
        (directory / "secrets" / u).read_text() in prepared.config.read_text() for u in ("hub", "server")
    )


def test_each_router_has_secrets_of_its_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        prepare(tmp_path / name, ["localhost"])
    one, other = ((tmp_path / name / "secrets" / "server").read_text() for name in ("a", "b"))
    assert one != other


def test_the_certificate_names_the_hosts_that_a_simple_site_uses(tmp_path: Path) -> None:
    prepare(tmp_path, host_names("observatory.example"))
    certificate = x509.load_pem_x509_certificate((tmp_path / "server_cert.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "sisock-crossbar", "sisock_crossbar", "observatory.example"} <= set(
        names.get_values_for_type(x509.DNSName)
    )


def test_nothing_that_is_there_is_changed(tmp_path: Path) -> None:
    prepare(tmp_path, ["localhost"])
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("*") if p.is_file()}
    assert prepare(tmp_path, ["localhost"]).made == []
    assert before == {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("*") if p.is_file()}


def test_half_of_a_certificate_is_told(tmp_path: Path) -> None:
    (tmp_path / "server_cert.pem").write_text("half")
    with pytest.raises(ConfigError, match=r"has server_cert.pem but no server_key.pem"):
        prepare(tmp_path, ["localhost"])


def test_a_configuration_that_is_no_json_is_told(tmp_path: Path) -> None:
    prepare(tmp_path, ["localhost"])
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"config.json is not JSON"):
        prepare(tmp_path, ["localhost"])


def test_a_sites_configuration_of_2019_is_migrated_in_a_copy(site: Path) -> None:
    before = (site / "config.json").read_bytes()
    prepared = prepare(site, ["localhost"])
    assert (site / "config.json").read_bytes() == before
    assert prepared.config.name == "config.migrated.json"
    assert is_private(prepared.config)
    assert len(prepared.migrated) == 2
    copy = json.loads(prepared.config.read_text())
    assert copy["workers"][0]["transports"][0]["paths"]["ws"]["options"]["auto_ping_size"] == 12
    assert not (site / "secrets").exists()

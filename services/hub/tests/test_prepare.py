"""What sisock-hub makes in the router's directory, and what it leaves alone."""

import datetime as dt
import hashlib
import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from sisock.auth import is_private
from sisock.errors import ConfigError
from sisock_hub import prepare as module
from sisock_hub.prepare import environment, host_names, prepare, self_signed


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


@pytest.mark.parametrize(
    ("there", "missing"), [("server_cert.pem", "server_key.pem"), ("server_key.pem", "server_cert.pem")]
)
def test_half_of_a_certificate_is_told(tmp_path: Path, there: str, missing: str) -> None:
    (tmp_path / there).write_text("half")
    with pytest.raises(ConfigError, match=f"has {there} but no {missing}"):
        prepare(tmp_path, ["localhost"])


def test_a_directory_that_is_none_is_told_and_one_deep_down_is_made(tmp_path: Path) -> None:
    prepare(tmp_path / "deep" / "down", ["localhost"])
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"/file cannot be prepared: "):
        prepare(tmp_path / "file", ["localhost"])


def test_origins_of_pages_alone_are_enough_for_a_copy(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, ["localhost"], origins=["http://a:1"])
    assert (prepared.config.name, prepared.migrated, prepared.users) == ("config.migrated.json", [], [])
    assert "http://a:1" in prepared.config.read_text()
    assert prepare(tmp_path, ["localhost"]).config.name == "config.json"


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


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_made_is_told_and_readable_by_whom_it_is_for(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, ["localhost"])
    secrets = [f"secrets/{user}" for user in ("hub", "server", "simonsobs")]
    assert prepared.made == ["config.json", *secrets, "server_cert.pem", "server_key.pem"]
    assert (prepared.migrated, prepared.users, prepared.realm_problem) == ([], [], "")
    assert [mode(tmp_path / name) for name in ("config.json", "server_cert.pem")] == [0o644, 0o644]
    assert [mode(tmp_path / name) for name in ("server_key.pem", "secrets", "secrets/hub")] == [
        0o600, 0o700, 0o600,
    ]  # fmt: skip


def test_the_configuration_is_given_its_secrets_without_line_ends(tmp_path: Path) -> None:
    prepare(tmp_path, ["localhost"])
    (tmp_path / "secrets" / "server").write_text("of the site's\n")
    (tmp_path / "secrets" / "simonsobs").unlink()
    found = environment(tmp_path)
    assert found.keys() == {"SISOCK_SECRET_HUB", "SISOCK_SECRET_SERVER"}
    assert found["SISOCK_SECRET_SERVER"] == "of the site's"


def test_the_certificate_holds_for_ten_years_and_vouches_for_itself_alone() -> None:
    pem, _key = self_signed(["a.example", "127.0.0.1", "a.example"])
    made = x509.load_pem_x509_certificate(pem)
    now = dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=1) <= now - made.not_valid_before_utc < dt.timedelta(days=1, minutes=5)
    assert dt.timedelta(days=3649) < made.not_valid_after_utc - now <= dt.timedelta(days=3650)
    assert made.subject.rfc4514_string() == "CN=a.example"
    basic = made.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert not names.critical
    assert [name.value for name in names.value] == ["a.example", ipaddress.ip_address("127.0.0.1")]


def test_a_long_host_name_still_fits_the_certificate() -> None:
    name = "a" * 60 + ".example.org"
    made = x509.load_pem_x509_certificate(self_signed([name])[0])
    assert made.subject.rfc4514_string() == f"CN={name[:64]}"


def test_a_template_of_an_earlier_version_is_run_as_todays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path, ["localhost"])
    template = (tmp_path / "config.json").read_bytes()
    old = template.replace(b'"auto_ping_interval": 10000', b'"auto_ping_interval": 20000')
    (tmp_path / "config.json").write_bytes(old)
    assert prepare(tmp_path, ["localhost"]).migrated == []  # somebody else's change stays
    monkeypatch.setattr("sisock_hub.prepare.EARLIER_TEMPLATES", {hashlib.sha256(old).hexdigest()})
    prepared = prepare(tmp_path, ["localhost"])
    assert json.loads(prepared.config.read_text()) == json.loads(template)
    assert "as an earlier version made it" in prepared.migrated[0]
    assert (tmp_path / "config.json").read_bytes() == old


@pytest.mark.parametrize(("size", "notes"), [(11, 1), (12, 0), (13, 0), ("4", 0)])
def test_pings_that_crossbar_refuses_are_made_longer(tmp_path: Path, size: object, notes: int) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"x": [{"auto_ping_size": size}]}))
    prepared = prepare(tmp_path, ["localhost"])
    assert len(prepared.migrated) == notes
    if notes:
        assert json.loads(prepared.config.read_text()) == {"x": [{"auto_ping_size": 12}]}


@pytest.mark.parametrize(
    ("realms", "told"),
    [(["test_realm"], ""), (["test_realm", "other"], ""), ([], ""), (["a", "b"], "has the realm 'a', 'b'")],
)
def test_a_realm_that_no_peer_of_ours_joins_is_told(tmp_path: Path, realms: list[str], told: str) -> None:
    workers = [
        {"type": "router", "realms": [{"name": realm} for realm in realms]},
        {"type": "container", "realms": [{"name": "unheard of"}]},
    ]
    (tmp_path / "config.json").write_text(json.dumps({"workers": workers}))
    problem = prepare(tmp_path, ["localhost"]).realm_problem
    assert (told in problem, bool(problem)) == (True, bool(told))


def hub_beside(host: str, port: int) -> dict[str, Any]:
    endpoint = {"type": "tcp", "host": "127.0.0.1", "port": port, "tls": {"hostname": host}}
    hub = {"classname": "hub.hub", "transport": {"endpoint": endpoint, "url": "wss://127.0.0.1/ws"}}
    socket = {"type": "websocket", "endpoint": {"port": 8080}, "auth": {"wampcra": {"users": {"server": {}}}}}
    return {"workers": [{"type": "router", "transports": [socket], "components": [hub]}]}


@pytest.mark.parametrize(
    ("host", "port", "by_socket"),
    [("localhost", 8080, False), ("elsewhere.example", 8080, True), ("elsewhere.example", 8081, False)],
)
def test_a_hub_that_cannot_verify_the_certificate_connects_by_a_socket_beside_it(
    tmp_path: Path, host: str, port: int, by_socket: bool
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(hub_beside(host, port)))
    prepared = prepare(tmp_path, ["localhost"])
    worker = json.loads(prepared.config.read_text())["workers"][0]
    transport = worker["components"][0]["transport"]
    assert len(prepared.migrated) == len(worker["transports"]) - 1 == by_socket
    if by_socket:
        assert transport == {"endpoint": {"type": "unix", "path": "hub.sock"}, "url": "ws://localhost/ws"}
        assert worker["transports"][1] == {
            "type": "websocket",
            "endpoint": {"type": "unix", "path": "hub.sock"},
            "auth": {"wampcra": {"users": {"server": {}}}},
        }
        assert f"does not carry {host!r}" in prepared.migrated[0]
    else:
        assert transport["endpoint"]["port"] == port


def test_a_file_that_somebody_made_in_the_same_moment_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    for content in (b"theirs", b"ours"):
        module._write_new(file, content, 0o600)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"theirs", 0o600)
    assert list(tmp_path.iterdir()) == [file]


def test_only_hubs_that_verify_by_a_name_of_a_port_of_the_routers_are_moved(tmp_path: Path) -> None:
    """The second hub's port is the router's; others have none, no certificate to verify, or are no hubs."""
    config = hub_beside("elsewhere.example", 8081)
    [lost] = config["workers"][0]["components"]
    tls = {"hostname": "elsewhere.example"}
    served: Any = {"classname": "hub.hub", "transport": {"endpoint": {"port": 8080, "tls": tls}}}
    others: list[Any] = [
        {"classname": "hub.hub", "transport": {"endpoint": {"port": 8080}}},
        {"classname": "hub.hub", "transport": {"endpoint": "unix", "x": {"tls": tls}}},
        {"classname": "hub.hub"},
        {"classname": "other.Thing", "transport": {"endpoint": {"port": 8080, "tls": tls}}},
    ]
    config["workers"][0]["components"] = [lost, *others, served]
    config["workers"].insert(0, {"type": "container"})
    (tmp_path / "config.json").write_text(json.dumps(config))
    prepared = prepare(tmp_path, ["localhost"])
    assert len(prepared.migrated) == 1
    found = json.loads(prepared.config.read_text())["workers"][1]["components"]
    assert found[:-1] == [lost, *others]
    assert found[-1]["transport"]["endpoint"] == {"type": "unix", "path": "hub.sock"}


@pytest.mark.parametrize(
    ("transport", "auth"),
    [
        ({"type": "web", "paths": {"ws": {"auth": {"a": 1}}}, "auth": {"b": 2}}, {"a": 1}),
        ({"type": "websocket", "auth": {"b": 2}}, {"b": 2}),
        ({"type": "websocket"}, {}),
        ({"type": "web", "paths": {"/": {}}, "auth": {"b": 2}}, None),
        ({"type": "rawsocket", "auth": {"b": 2}}, None),
    ],
)
def test_the_socket_beside_a_port_has_its_users(tmp_path: Path, transport: Any, auth: Any) -> None:
    config = hub_beside("elsewhere.example", 8080)
    config["workers"][0]["transports"] = [
        {"endpoint": {"port": 9}},
        {"endpoint": {"port": 8080}, **transport},
    ]
    (tmp_path / "config.json").write_text(json.dumps(config))
    transports = json.loads(prepare(tmp_path, ["localhost"]).config.read_text())["workers"][0]["transports"]
    assert [one["auth"] for one in transports[2:]] == ([] if auth is None else [auth])

"""Users of data nodes' own: what is added to a configuration, and what lies in the mounts."""

import json
import stat
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from sisock import uris
from sisock.errors import ConfigError
from sisock_hub.prepare import prepare
from sisock_hub.users import GUARD, fill_mounts, let_in, let_pages_in, node_names, node_users


@pytest.fixture
def config() -> Any:
    return json.loads((resources.files("sisock_hub") / "config-template.json").read_text())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A router's directory with secrets of two nodes, and one file that is nobody's."""
    (tmp_path / "secrets").mkdir()
    for user, secret in {"hub": "h", "server": "s", "cryostat": "c\n", "a-b_1": "d", "no.name": "x"}.items():
        (tmp_path / "secrets" / user).write_text(secret)
    (tmp_path / "server_cert.pem").write_text("certificate")
    return tmp_path


def tables(config: Any) -> list[dict[str, Any]]:
    """The users of each transport, ours among them."""
    transports = config["workers"][0]["transports"]
    ways = [transport.get("paths", {}).get("ws", transport)["auth"] for transport in transports]
    return [way["wampcra"]["users"] for way in ways if "wampcra" in way]


def guards(config: Any) -> list[Any]:
    return [one for one in config["workers"][0]["components"] if one["classname"] == GUARD]


@pytest.mark.parametrize("value", ["server", "hub", "simonsobs", "get_data_node", "a.b", "ü", "a b#"])
def test_what_cannot_be_a_user_of_a_nodes_own_is_told(value: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        node_names(value)


def test_names_are_read_with_blanks_between_them() -> None:
    assert node_names("  cryostat a-b_1 ") == ("cryostat", "a-b_1")
    assert node_names("") == ()


def test_the_users_are_the_secrets_that_lie_there(directory: Path, tmp_path: Path) -> None:
    (directory / "secrets" / "folder").mkdir()
    assert node_users(directory) == ["a-b_1", "cryostat"]
    assert node_users(tmp_path / "nowhere") == []


def test_a_node_with_a_secret_comes_in_where_the_common_user_does(config: Any, directory: Path) -> None:
    said = let_in(config, directory)
    assert [line.split()[0] for line in said] == ["a-b_1", "cryostat"]
    for users in tables(config):
        if "server" in users:
            assert users["cryostat"] == {"secret": "c", "role": "node_cryostat"}
            assert users["a-b_1"] == {"secret": "d", "role": "node_a-b_1"}
        else:
            assert set(users) == {"hub"}
    assert guards(config)[0]["extra"] == {"users": ["a-b_1", "cryostat"]}
    assert len(guards(config)) == 1


def test_a_node_of_its_own_may_serve_its_name_and_nothing_else(config: Any, directory: Path) -> None:
    let_in(config, directory)
    roles = {role["name"]: role["permissions"] for role in config["workers"][0]["realms"][0]["roles"]}
    allowed = {
        (rule["uri"], rule["match"]): sorted(what for what, may in rule["allow"].items() if may)
        for rule in roles["node_cryostat"]
    }
    assert allowed == {
        (f"{uris.CONSUMER_PREFIX}cryostat.", "prefix"): ["publish", "register"],
        (uris.DATA_NODE_ADD, "exact"): ["call"],
        (uris.DATA_NODE_SUBTRACT, "exact"): ["call"],
        (uris.DATA_NODE_ANNOUNCE, "exact"): ["subscribe"],
        ("observatory.", "prefix"): ["subscribe"],
    }
    told = [rule["uri"] for rule in roles["node_cryostat"] if rule.get("disclose", {}).get("caller")]
    assert told == [uris.DATA_NODE_ADD, uris.DATA_NODE_SUBTRACT]


def test_a_user_that_the_site_has_itself_is_left_alone(config: Any, directory: Path) -> None:
    for users in tables(config):
        users["cryostat"] = {"secret": "the site's", "role": "data_node"}
    assert [line.split()[0] for line in let_in(config, directory)] == ["a-b_1"]
    assert tables(config)[1]["cryostat"] == {"secret": "the site's", "role": "data_node"}


def test_without_such_users_nothing_is_changed(config: Any, tmp_path: Path) -> None:
    before = json.dumps(config)
    assert let_in(config, tmp_path) == []
    assert json.dumps(config) == before


def test_where_nobody_could_come_in_beside_is_told(directory: Path) -> None:
    with pytest.raises(ConfigError, match=r"users of data nodes \(a-b_1, cryostat\)"):
        let_in({"workers": []}, directory)


def test_only_our_realm_has_the_role_and_a_guard_is_put_where_there_is_none(directory: Path) -> None:
    door = {"auth": {"wampcra": {"users": {"server": {}}}}}
    realms = [{"name": "other", "roles": []}, {"name": uris.REALM, "roles": [{"name": "first"}]}]
    config: Any = {"workers": [{"realms": realms, "transports": [door]}]}
    let_in(config, directory)
    assert [role["name"] for role in realms[1]["roles"]] == ["first", "node_a-b_1", "node_cryostat"]  # type: ignore[index]
    assert realms[0]["roles"] == []
    assert config["workers"][0]["components"] == [
        {"type": "class", "classname": GUARD, "realm": uris.REALM, "role": "first",
         "extra": {"users": ["a-b_1", "cryostat"]}},
    ]  # fmt: skip


def test_pages_of_the_named_origins_come_in_by_ports_and_past_the_guard(config: Any) -> None:
    before = json.loads(json.dumps(config))
    let_pages_in(config, ["http://ocs.example:80"])
    origins = {
        str(transport["endpoint"].get("port")): transport.get("paths", {})
        .get("ws", transport)
        .get("options", {})
        .get("allowed_origins")
        for transport in config["workers"][0]["transports"]
    }
    assert origins == {
        "None": None,
        "$CROSSBAR_TLS_PORT": ["https://localhost:*", "https://127.0.0.1:*", "http://ocs.example:80"],
        "$CROSSBAR_OCS_PORT": ["http://ocs.example:80"],
    }
    assert guards(config)[0]["extra"] == {"allowed_origins": ["http://ocs.example:80"]}
    assert "extra" not in config["workers"][0]["components"][0]
    let_pages_in(before, [])
    assert "extra" not in guards(before)[0]


def test_pages_come_in_by_a_plain_websocket_on_a_port_too() -> None:
    config: Any = {"workers": [{"transports": [{"type": "websocket", "endpoint": {"port": 8001}}]}]}
    let_pages_in(config, ["http://a:1"])
    assert config["workers"][0]["transports"][0]["options"] == {"allowed_origins": ["http://a:1"]}


def test_each_mount_holds_one_secret_and_the_certificate(directory: Path) -> None:
    written = fill_mounts(directory)
    assert written == [
        f"mounts/{user}/{name}"
        for user in ("server", "a-b_1", "cryostat")
        for name in ("server_cert.pem", f"secrets/{user}")
    ]
    for user, secret in {"server": "s", "cryostat": "c\n"}.items():
        mount = directory / "mounts" / user
        assert {str(f.relative_to(mount)) for f in mount.rglob("*") if f.is_file()} == {
            "server_cert.pem",
            f"secrets/{user}",
        }
        assert (mount / "secrets" / user).read_text() == secret
        assert stat.S_IMODE((mount / "secrets" / user).stat().st_mode) == 0o600
        assert stat.S_IMODE((mount / "secrets").stat().st_mode) == 0o700
        assert stat.S_IMODE((mount / "server_cert.pem").stat().st_mode) & 0o444 == 0o444


def test_mounts_follow_what_changes_and_leave_the_rest(directory: Path) -> None:
    fill_mounts(directory)
    mount = directory / "mounts" / "server"
    before = (mount / "server_cert.pem").stat().st_ino
    (directory / "secrets" / "server").write_text("new")
    fill_mounts(directory)
    assert (mount / "secrets" / "server").read_text() == "new"
    assert stat.S_IMODE((mount / "secrets" / "server").stat().st_mode) == 0o600
    assert (mount / "server_cert.pem").stat().st_ino == before


def test_a_user_added_later_is_let_in_in_the_copy_that_runs(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, ["localhost"], ["cryostat"], ["http://a:1"])
    assert prepared.made[-3:] == ["secrets/cryostat", "server_cert.pem", "server_key.pem"]
    assert prepared.config.name == "config.migrated.json"
    assert (len(prepared.users), prepared.migrated) == (1, [])
    assert "mounts/cryostat/secrets/cryostat" in prepared.mounts
    tree = json.loads(prepared.config.read_text())
    assert guards(tree)[0]["extra"] == {"users": ["cryostat"], "allowed_origins": ["http://a:1"]}
    again = prepare(tmp_path, ["localhost"])
    assert (again.made, len(again.users), again.config.name) == ([], 1, "config.migrated.json")

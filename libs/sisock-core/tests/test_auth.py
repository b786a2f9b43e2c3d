"""Where the secret comes from, and which certificates are trusted."""

import json
from pathlib import Path

import pytest
from sisock.auth import find_secret, is_self_signed, require_secret
from sisock.config import RouterConfig, Secret, load
from sisock.errors import ConfigError


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "server").write_text("generated")
    users = {"server": {"secret": "configured", "role": "server"}, "other": {"secret": "theirs", "role": "x"}}
    web = {"type": "web", "paths": {"ws": {"auth": {"wampcra": {"type": "static", "users": users}}}}}
    (tmp_path / "config.json").write_text(json.dumps({"workers": [{"transports": [{}, web]}]}))
    return tmp_path


def config(directory: Path, **environ: str) -> RouterConfig:
    return load(RouterConfig, {"CROSSBAR_DIR": str(directory), **environ})


def test_the_environment_comes_first(directory: Path) -> None:
    assert find_secret(config(directory, WAMP_SECRET="given")) == Secret("given")


def test_the_generated_file_comes_second(directory: Path) -> None:
    assert find_secret(config(directory)) == Secret("generated")


def test_the_sites_own_configuration_comes_third(directory: Path) -> None:
    assert find_secret(config(directory, WAMP_USER="other")) == Secret("theirs")


def test_a_secret_set_alike_for_all_containers_gives_way_to_the_users_own(directory: Path) -> None:
    """`generated` and `configured` are secrets of the user `server`; `theirs` is that of `other`."""
    for alike in ("generated", "configured"):
        assert find_secret(config(directory, WAMP_SECRET=alike, WAMP_USER="other")) == Secret("theirs")


def test_a_secret_that_is_nobody_elses_is_taken(directory: Path) -> None:
    assert find_secret(config(directory, WAMP_SECRET="rotated", WAMP_USER="other")) == Secret("rotated")
    assert find_secret(config(directory, WAMP_SECRET="generated")) == Secret("generated")
    assert find_secret(config(directory, WAMP_SECRET="generated", WAMP_USER="nobody")) == Secret("generated")


def test_a_secret_that_is_given_needs_no_directory(directory: Path) -> None:
    (directory / "config.json").write_text("{")
    assert find_secret(config(directory, WAMP_SECRET="x", WAMP_USER="other")) == Secret("x")


def test_the_end_of_the_line_is_no_part_of_a_secret(directory: Path, tmp_path: Path) -> None:
    (directory / "secrets" / "server").write_text("generated\n")
    (tmp_path / "given").write_text("given\r\n")
    assert find_secret(config(directory)) == Secret("generated")
    assert find_secret(config(directory, WAMP_SECRET_FILE=str(tmp_path / "given"))) == Secret("given")


def test_without_any_secret_the_sentence_says_what_to_provide(directory: Path) -> None:
    with pytest.raises(ConfigError, match="WAMP_SECRET or WAMP_SECRET_FILE"):
        require_secret(config(directory, WAMP_USER="nobody"))


def test_a_secret_that_is_read_from_the_routers_environment_is_not_taken_literally(tmp_path: Path) -> None:
    users = {"server": {"secret": "${SISOCK_SECRET_SERVER}"}}
    (tmp_path / "config.json").write_text(json.dumps({"auth": {"wampcra": {"users": users}}}))
    assert find_secret(config(tmp_path)) is None


def test_a_certificate_is_recognised_as_self_signed_or_not(certificates: Path) -> None:
    assert is_self_signed((certificates / "own.pem").read_bytes())
    assert not is_self_signed((certificates / "issued.pem").read_bytes())


def test_a_config_that_is_not_ours_to_read_is_told_with_the_remedy(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = directory / "config.json"
    file.chmod(0o600)
    (directory / "secrets" / "server").unlink()
    read_text = Path.read_text

    def refused(path: Path, **kwargs: str) -> str:
        if path == file:
            raise PermissionError(13, "Permission denied", str(path))
        return read_text(path, **kwargs)

    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(ConfigError) as caught:
        find_secret(config(directory))
    assert f"{file} cannot be read by user" in str(caught.value)
    assert "(its mode is 0600): let that group read it (chgrp" in str(caught.value)
    assert str(caught.value).endswith("or set WAMP_SECRET or WAMP_SECRET_FILE")

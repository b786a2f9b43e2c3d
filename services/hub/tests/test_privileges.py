"""The router's own copy of a site's directory: private, and its paths still the site's."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sisock.errors import ConfigError
from sisock_hub.prepare import prepare
from sisock_hub.privileges import Account, account, own_copy, paths_of_copy, share
from sisock_hub.writing import replace

SITE, COPY = Path("/app/.crossbar"), Path("/tmp/crossbar-x/.crossbar")
OTHERS = 0o077


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A router's directory as a site may have it: everybody may read all of it."""
    directory = tmp_path / "site" / ".crossbar"
    prepare(directory, ["localhost"])
    (directory / "www").mkdir()
    (directory / "www" / "index.html").write_text("the site's")
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o664)
    return directory


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("..", "/app"),
        ("../www", "/app/www"),
        ("../../srv/./www", "/srv/www"),
        ("www/../../www", "/app/www"),
        ("../.crossbar/key.pem", "/tmp/crossbar-x/.crossbar/key.pem"),
        ("/app/.crossbar/key.pem", "/tmp/crossbar-x/.crossbar/key.pem"),
        ("/app/.crossbar", "/tmp/crossbar-x/.crossbar"),
        ("/app/.crossbar2/key.pem", "/app/.crossbar2/key.pem"),
        ("/srv/www", "/srv/www"),
        ("server_key.pem", "server_key.pem"),
        ("www/..", "www/.."),
        ("..hidden", "..hidden"),
        ("org.simonsobservatory.consumer..updated", "org.simonsobservatory.consumer..updated"),
        ("wss://127.0.0.1:8080/ws", "wss://127.0.0.1:8080/ws"),
    ],
)
def test_a_path_means_in_the_copy_what_it_meant_to_the_site(written: str, meant: str) -> None:
    assert paths_of_copy({"directory": [written]}, SITE, COPY) == {"directory": [meant]}


@pytest.mark.parametrize("key", ["secret", "uri", "url", "ticket"])
def test_what_is_no_path_stays_whatever_it_looks_like(key: str) -> None:
    assert paths_of_copy({key: "../x"}, SITE, COPY) == {key: "../x"}


def test_a_hub_py_where_anybody_may_write_is_not_the_sites(
    site: Path, temporary: Path, tmp_path: Path
) -> None:
    copy = own_copy(site, "config.json", None)
    tree = json.loads((copy / "config.json").read_text())
    paths = [path for worker in tree["workers"] for path in worker["options"]["pythonpath"]]
    assert paths == [str(site.parent)] * 2
    assert tree["workers"][0]["transports"][0]["paths"]["/"]["directory"] == str(tmp_path / "www")
    assert (copy / ".." / "..").resolve() == temporary.resolve()
    assert (copy / "..").resolve() != temporary.resolve()


def test_nobody_but_its_user_may_read_anything_of_the_copy(directory: Path) -> None:
    copy = own_copy(directory, "config.json", None)
    found = {path: path.stat().st_mode for path in (copy.parent, copy, *copy.rglob("*"))}
    assert {path.name for path in found} >= {"server_key.pem", "config.json", "server", "index.html", "www"}
    assert {path.name: oct(mode) for path, mode in found.items() if mode & OTHERS} == {}
    assert all(mode & 0o600 == 0o600 for mode in found.values())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_copy_is_its_users(directory: Path) -> None:
    copy = own_copy(directory, "config.json", Account(9000, 9001))
    found = [path.stat() for path in (copy.parent, copy, *copy.rglob("*"))]
    assert {(stat.st_uid, stat.st_gid) for stat in found} == {(9000, 9001)}


def test_the_sites_own_directory_stays_as_it_was(directory: Path) -> None:
    def state() -> dict[Path, Any]:
        return {path: (path.stat().st_mode, path.stat().st_uid) for path in directory.rglob("*")}

    before, text = state(), (directory / "config.json").read_text()
    own_copy(directory, "config.json", None)
    assert (state(), (directory / "config.json").read_text()) == (before, text)


def test_a_directory_that_cannot_be_read_is_told(directory: Path) -> None:
    (directory / "dangling").symlink_to("nowhere")
    with pytest.raises(ConfigError, match=r"\.crossbar cannot be read"):
        own_copy(directory, "config.json", None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to a group")
def test_a_group_is_let_read_what_was_made_but_never_the_key(tmp_path: Path) -> None:
    made = prepare(tmp_path, ["localhost"]).made
    share(tmp_path, made, 9001)
    readable = {path.name for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_mode & 0o040}
    grouped = {path.name for path in tmp_path.rglob("*") if path.stat().st_gid == 9001}
    assert "server_key.pem" in made
    assert "server_key.pem" not in readable | grouped
    assert {"server", "simonsobs", "config.json", "server_cert.pem"} <= readable
    assert not any(path.stat().st_mode & 0o007 for path in (tmp_path / "secrets").iterdir())


def test_what_comes_behind_the_key_is_let_read_too(tmp_path: Path) -> None:
    prepare(tmp_path, ["localhost"])
    share(tmp_path, ["server_key.pem", "server_cert.pem"], os.getgid())
    modes = [(tmp_path / name).stat().st_mode & 0o040 for name in ("server_key.pem", "server_cert.pem")]
    assert modes == [0, 0o040]


@pytest.mark.parametrize("value", ["root", "0", "1:", ":1", "-1:1"])
@pytest.mark.skipif(os.geteuid() != 0, reason="it is read by root only")
def test_an_account_that_is_none_is_told(value: str) -> None:
    with pytest.raises(ConfigError, match="SISOCK_RUN_AS="):
        account(value)


@pytest.fixture
def nobody(directory: Path) -> Iterator[Path]:
    """We are somebody whom the site's directory lets in, but who may not read its config.json."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    for parent in directory.parents:
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o055)
    (directory / "config.json").chmod(0o600)
    os.seteuid(65534)
    yield directory
    os.seteuid(0)


def test_a_config_that_we_may_not_read_is_told_with_the_remedy(nobody: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        prepare(nobody, ["localhost"])
    assert f"{nobody}/config.json cannot be read by user 65534" in str(caught.value)
    assert "(its mode is 0600): let that group read it (chgrp" in str(caught.value)
    assert "begin as root" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, and setpriv")
def test_the_copy_is_made_with_the_few_rights_of_the_container(directory: Path, tmp_path: Path) -> None:
    rights = "-all,+chown,+dac_override,+setgid,+setuid"
    program = (
        "import sys; from pathlib import Path; from sisock_hub.privileges import account, own_copy\n"
        "print(own_copy(Path(sys.argv[1]), 'config.json', account('9000:9000')))"
    )
    command = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", sys.executable, "-c", program]
    done = subprocess.run(
        [*command, str(directory)],
        env={"TMPDIR": str(tmp_path / "tmp")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert (Path(done.stdout.strip()) / "config.json").stat().st_uid == 9000


def test_only_roots_account_is_read_and_only_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for user, value, meant in (
        (0, "9000:9001", Account(9000, 9001)),
        (0, "", None),
        (1, "9000:9001", None),
        (1000, "nonsense", None),
    ):
        monkeypatch.setattr(os, "geteuid", lambda known=user: known)
        assert account(value) == meant


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to a group")
def test_a_group_finds_its_way_to_what_it_may_read_and_its_owner_stays(tmp_path: Path) -> None:
    file = tmp_path / ".crossbar" / "mounts" / "server" / "secret"
    file.parent.mkdir(parents=True)
    file.write_text("s")
    folders = [file.parent, file.parent.parent]
    for path, mode in ((file, 0o600), *((folder, 0o700) for folder in folders)):
        path.chmod(mode)
        os.chown(path, 1234, 1235)
    before = (tmp_path / ".crossbar").stat()
    share(tmp_path / ".crossbar", ["mounts/server/secret"], 9001)
    for path, mode in ((file, 0o640), *((folder, 0o750) for folder in folders)):
        found = path.stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 9001, mode)
    after = (tmp_path / ".crossbar").stat()
    assert (after.st_gid, after.st_mode) == (before.st_gid, before.st_mode)


def test_what_runs_stays_runnable_and_what_belongs_to_a_running_router_is_not_copied(directory: Path) -> None:
    (directory / "www" / "tool").write_text("")
    (directory / "www" / "tool").chmod(0o775)
    for name in ("node.pid", "hub.sock"):
        (directory / name).write_text("")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(directory / "another"))
        copy = own_copy(directory, "config.json", None)
    assert {path.name for path in directory.iterdir()} - {path.name for path in copy.iterdir()} == {
        "another", "node.pid", "hub.sock",
    }  # fmt: skip
    modes = {path.name: path.stat().st_mode & 0o777 for path in (copy.parent, copy, *copy.rglob("*"))}
    assert (modes["tool"], modes["www"], modes["index.html"]) == (0o700, 0o700, 0o600)
    assert set(modes.values()) == {0o600, 0o700}


def test_a_file_is_given_to_whom_it_was_by_root_alone(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(os, "chown", lambda _path, uid, gid: given.append((uid, gid)))
    owner: Any = SimpleNamespace(st_uid=9000, st_gid=9001)
    file = directory / "config.json"
    for user, known in ((0, owner), (0, None), (1, owner), (1000, owner), (1000, None)):
        monkeypatch.setattr(os, "geteuid", lambda who=user: who)
        replace(file, b"new", 0o640, known)
    assert given == [(9000, 9001)]
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o640)

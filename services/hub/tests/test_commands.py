"""What an operator changes while the router runs, command by command, on a directory as ours is made."""

import argparse
import os
import shutil
import time
from pathlib import Path

import pytest
from cryptography import x509
from sisock.errors import ConfigError
from sisock_hub import commands
from sisock_hub.prepare import prepare, self_signed
from sisock_hub.privileges import Account, own_copy
from sisock_hub.renewal import mismatch

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
ROUTER, STRANGER = Account(9000, 9001), Account(1234, 1235)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site's directory, and another one for copies of it."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    prepare(tmp_path / ".crossbar", ["first.example", "10.0.0.7"])
    return tmp_path / ".crossbar"


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    commands.add_to(parser.add_subparsers(dest="command"))
    return parser.parse_args(words)


def say(directory: Path, *words: str, become: Account | None = None) -> str:
    return commands.run(parsed(*words), directory, ["new.example"], become)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("words", [("secret",), ("certificate",), ("secret", "renew"), ("no such",)])
def test_half_a_command_is_none(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(*words)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(("more", "days"), [((), 7), (("--keep", "0.5"), 0.5)])
def test_a_new_secret_is_made_and_the_one_before_is_good_as_long_as_is_said(
    directory: Path, more: tuple[str, ...], days: float
) -> None:
    secret = directory / "secrets" / "server"
    before = secret.read_text()
    secret.chmod(0o640)
    said = say(directory, "secret", "renew", "server", *more)
    assert said == (
        f"server has a new secret, and the one before is good for {days} days; the router sees it"
    )
    assert secret.read_text() != before
    assert len(secret.read_text()) >= 32
    earlier, end = (directory / "secrets" / "server.previous").read_text().split()
    assert earlier == before
    assert abs(time.time() + days * 86400 - float(end)) < 100
    assert (mode(secret), mode(directory / "secrets" / "server.previous")) == (0o640, 0o600)
    assert (directory / "mounts" / "server" / "secrets" / "server").read_text() == secret.read_text()


def test_the_earlier_secret_is_retired_once_and_nobody_has_one_without_a_file(directory: Path) -> None:
    say(directory, "secret", "renew", "hub")
    assert say(directory, "secret", "retire", "hub").startswith("hub's earlier secret counts no more; ")
    assert not (directory / "secrets" / "hub.previous").exists()
    assert say(directory, "secret", "retire", "hub").startswith("hub has one secret only; ")
    for step in ("renew", "retire"):
        with pytest.raises(ConfigError, match=r"there is no secrets/nobody in .*changed there"):
            say(directory, "secret", step, "nobody")


def chain(directory: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((directory / "server_cert.pem").read_bytes())


def names(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in found]


def test_the_next_certificate_is_trusted_before_it_is_shown_and_the_one_before_afterwards(
    directory: Path,
) -> None:
    key, shown = directory / "server_key.pem", directory / "server_cert.pem"
    shown.chmod(0o666)
    [first] = chain(directory)
    assert "then say `sisock-hub certificate take`" in say(directory, "certificate", "next")
    then, following = chain(directory)
    assert (then, names(following)) == (first, ["first.example", "10.0.0.7"])
    assert [mode(directory / name) for name in ("next_key.pem", "next_cert.pem")] == [0o600, 0o644]
    assert mode(shown) == 0o644
    assert mismatch(key, shown) == ""
    say(directory, "certificate", "next")  # said again: nobody was shown the one before
    then, following = chain(directory)
    assert then == first
    assert "the new certificate" in say(directory, "certificate", "take")
    assert chain(directory) == [following, first]
    assert mismatch(key, shown) == ""
    assert (mode(key), mode(shown)) == (0o600, 0o644)
    assert sorted(path.name for path in directory.glob("*.pem")) == ["server_cert.pem", "server_key.pem"]
    say(directory, "certificate", "next")
    assert chain(directory)[0] == following
    assert len(chain(directory)) == 2


@pytest.mark.parametrize("there", [(), ("next_key.pem",), ("next_cert.pem",)])
def test_a_next_certificate_that_is_not_there_is_not_taken(directory: Path, there: tuple[str, ...]) -> None:
    for name in there:
        (directory / name).write_text("half")
    with pytest.raises(ConfigError, match=r"there is no next certificate in .*certificate next` first"):
        say(directory, "certificate", "take")
    assert len(chain(directory)) == 1


def test_a_certificate_that_names_no_host_is_followed_by_one_for_those_that_we_know(site: Path) -> None:
    say(site, "certificate", "next")
    assert names(chain(site)[1]) == ["new.example"]


def test_what_was_changed_by_hand_is_looked_at_before_the_router_sees_it(directory: Path) -> None:
    assert say(directory, "reload") == "secrets and certificate are as they lie there; the router sees it"
    (directory / "server_cert.pem").write_bytes(self_signed(["other"])[0])
    with pytest.raises(ConfigError, match=r"is not the key of server_cert.pem"):
        say(directory, "reload")


def test_a_directory_that_cannot_be_changed_is_told(directory: Path) -> None:
    shutil.rmtree(directory / "mounts")
    (directory / "mounts").write_text("in the way")
    with pytest.raises(ConfigError, match=r"\.crossbar cannot be changed: "):
        say(directory, "reload")


@as_root
def test_the_group_of_who_runs_the_router_may_read_what_is_mounted(directory: Path) -> None:
    say(directory, "reload", become=ROUTER)
    mounted = directory / "mounts" / "server" / "secrets" / "server"
    for path, rights in ((mounted, 0o040), (mounted.parent, 0o050), (directory / "mounts", 0o050)):
        assert (path.stat().st_gid, path.stat().st_mode & 0o070 & rights) == (9001, rights)
    assert directory.stat().st_gid != 9001


@as_root
def test_the_copy_stays_its_owners_and_anybody_elses_gets_nothing(directory: Path) -> None:
    copy, strange = (own_copy(directory, "config.json", owner) for owner in (ROUTER, STRANGER))
    shutil.rmtree(copy / "secrets")
    (directory / "chain.crt").write_text("a chain")
    said = say(directory, "secret", "renew", "server", become=ROUTER)
    assert f"; {directory}/mounts and the running router's copy have it; " in said
    assert said.endswith(
        f"{strange} is user 1234's and stays as it is: if a router of this site runs there, say this with "
        f"SISOCK_RUN_AS=1234:1235"
    )
    for name in ("secrets/server", "chain.crt", "secrets/server.previous"):
        found = (copy / name).stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (9000, 9001, 0o600)
        assert (copy / name).read_text() == (directory / name).read_text()
    found = (copy / "secrets").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (9000, 9001, 0o700)
    assert not (strange / "chain.crt").exists()
    assert (strange / "secrets" / "server").read_text() != (directory / "secrets" / "server").read_text()


def test_the_key_is_replaced_last_so_that_it_meets_its_own_certificate(directory: Path) -> None:
    for name in ("z.crt", "a.key"):
        (directory / name).write_text("")
    found = [str(file.relative_to(directory)) for file in commands._changeable(directory)]
    assert found[-1] == "server_key.pem"
    assert set(found[:-1]) == {"z.crt", "a.key", "server_cert.pem",
                               *(f"secrets/{user}" for user in ("hub", "server", "simonsobs"))}  # fmt: skip

"""What an operator changes while the router runs: users, secrets, the certificate (decision 16).

Each command changes the site's ``.crossbar/``, and then brings the copy that a router uses up to date: the
router's container reads a copy, which it may still read when it has given up root.
"""

import argparse
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from sisock.auth import CERTIFICATE, SECRETS
from sisock.errors import ConfigError

from sisock_hub import secret_files
from sisock_hub.prepare import KEY, self_signed
from sisock_hub.privileges import COPIED_FROM, Account, share
from sisock_hub.renewal import mismatch
from sisock_hub.users import MOUNTS, fill_mounts
from sisock_hub.writing import replace

NEXT_CERTIFICATE, NEXT_KEY = "next_cert.pem", "next_key.pem"
DAY_S = 86400.0
KEPT_DAYS = 7.0


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser of ``sisock-hub``."""
    secret = commands.add_parser("secret", help="change a user's secret").add_subparsers(
        dest="step", required=True
    )
    renew = secret.add_parser("renew", help="make a new one; the one before stays good for a while")
    renew.add_argument("user")
    renew.add_argument(
        "--keep", type=float, default=KEPT_DAYS, metavar="DAYS", help="how long; 7 days by default"
    )
    secret.add_parser("retire", help="let the one before count no more").add_argument("user")
    certificate = commands.add_parser("certificate", help="change the certificate").add_subparsers(
        dest="step", required=True
    )
    certificate.add_parser("next", help="make the next one, and have everybody trust it already")
    certificate.add_parser("take", help="use the next one")
    commands.add_parser("reload", help="have the router see what was changed in .crossbar/ by hand")


def run(given: argparse.Namespace, directory: Path, names: Iterable[str], become: Account | None) -> str:
    """Do what a command says.

    Returns
    -------
    str
        What was done, as a sentence.

    Raises
    ------
    ConfigError
        If it cannot be done.
    """
    try:
        done = _change(given, directory, names)
        made = fill_mounts(directory)
        if become is not None:
            share(directory, made, become.gid)
        copies, others = refresh_copies(directory, become)
    except OSError as error:
        raise ConfigError(f"{directory} cannot be changed: {error}") from error
    where = f"{directory / MOUNTS} and the running router's copy have it" if copies else "the router sees it"
    return "; ".join((f"{done}; {where}", *others))


def _change(given: argparse.Namespace, directory: Path, names: Iterable[str]) -> str:
    if given.command == "node":
        return (
            f"{', '.join(given.names)}: a user each, in secrets/, who alone may serve that name from now on"
        )
    if given.command == "secret" and given.step == "renew":
        secret_files.renew(directory, given.user, given.keep * DAY_S, time.time())
        return f"{given.user} has a new secret, and the one before is good for {given.keep:g} days"
    if given.command == "secret":
        there = secret_files.retire(directory, given.user)
        return (
            f"{given.user}'s earlier secret counts no more" if there else f"{given.user} has one secret only"
        )
    if given.command == "certificate" and given.step == "next":
        return _next(directory, names)
    if given.command == "certificate":
        return _take(directory)
    why = mismatch(directory / KEY, directory / CERTIFICATE)
    if why:
        raise ConfigError(why)
    return "secrets and certificate are as they lie there"


def _next(directory: Path, names: Iterable[str]) -> str:
    """Make the next certificate and let it be trusted beside the present one, which stays the first."""
    shown = directory / CERTIFICATE
    present = x509.load_pem_x509_certificate(shown.read_bytes())
    pem, key = self_signed(_names(present) or names)
    replace(directory / NEXT_KEY, key, 0o600)
    replace(directory / NEXT_CERTIFICATE, pem, 0o644)
    replace(shown, _pem(present) + pem, 0o644, shown.stat())
    return (
        f"{CERTIFICATE} has the present certificate and the next one: give it to other machines, then say "
        f"`sisock-hub certificate take`"
    )


def _take(directory: Path) -> str:
    """Show the next certificate from now on; the one before stays trusted in the same file."""
    key, shown = directory / KEY, directory / CERTIFICATE
    if not (directory / NEXT_KEY).exists() or not (directory / NEXT_CERTIFICATE).exists():
        raise ConfigError(
            f"there is no next certificate in {directory}: say `sisock-hub certificate next` first"
        )
    present = _pem(x509.load_pem_x509_certificate(shown.read_bytes()))
    # Between the two the router goes on with what it has: it looks whether they go together.
    replace(shown, (directory / NEXT_CERTIFICATE).read_bytes() + present, 0o644, shown.stat())
    replace(key, (directory / NEXT_KEY).read_bytes(), 0o600, key.stat())
    for name in (NEXT_KEY, NEXT_CERTIFICATE):
        (directory / name).unlink()
    return "the router shows the new certificate to whoever connects from now on"


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [
        *names.get_values_for_type(x509.DNSName),
        *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    ]


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    return certificate.public_bytes(Encoding.PEM)


def refresh_copies(directory: Path, become: Account | None) -> tuple[list[Path], list[str]]:
    """Bring the copies that running routers use up to date, and nothing but secrets and certificates.

    Returns
    -------
    list of Path
        The copies.
    list of str
        What was left alone, as sentences: anybody may say that a folder of theirs is a copy.
    """
    found, others = [], []
    trusted = {os.geteuid(), *([become.uid] if become else [])}
    for told in sorted(Path(tempfile.gettempdir()).glob(f"crossbar-*/{COPIED_FROM}")):
        copy, of = told.parent / directory.name, told.parent.lstat()
        # Nobody else can have made that folder: it and what it holds are its owner's alone.
        if stat.S_IMODE(of.st_mode) != 0o700 or not told.is_file():
            continue
        if told.read_bytes() != os.fsencode(directory):
            continue
        if of.st_uid not in trusted:
            others.append(
                f"{copy} is user {of.st_uid}'s and stays as it is: if a router of this site runs there, say "
                f"this with SISOCK_RUN_AS={of.st_uid}:{of.st_gid}"
            )
            continue
        owner = copy.stat()
        for file in _changeable(directory):
            target = copy / file.relative_to(directory)
            if not target.exists() or target.read_bytes() != file.read_bytes():
                if not target.parent.exists():
                    target.parent.mkdir(mode=0o700)
                    shutil.chown(target.parent, owner.st_uid, owner.st_gid)
                replace(target, file.read_bytes(), 0o600, owner)
        wanted = {file.relative_to(directory) for file in _changeable(directory)}
        for gone in [file for file in _changeable(copy) if file.relative_to(copy) not in wanted]:
            gone.unlink()
        found.append(copy)
    return found, others


def _changeable(directory: Path) -> list[Path]:
    """Files that may be changed while a router runs; the key last, to meet its own certificate."""
    secrets = directory / SECRETS
    found = [*secrets.glob("*"), *directory.glob("*.pem"), *directory.glob("*.crt"), *directory.glob("*.key")]
    return sorted((file for file in found if file.is_file()), key=lambda file: (file.name == KEY, file.name))


def say(sentence: str) -> None:
    """Tell the operator what was done."""
    sys.stdout.write(f"{sentence}\n")

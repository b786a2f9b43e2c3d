"""``sisock-http token``: make, list and revoke tokens. A bridge that runs knows of it within a second."""

import argparse
import datetime as dt
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sisock import load, setting
from sisock.config import path
from sisock.errors import ConfigError

from sisock_http.web import tokens


@dataclass(frozen=True)
class TokensConfig:
    """Where tokens are kept."""

    tokens_file: Path = setting("TOKENS_FILE", path, default=Path("state/tokens.json"))


def run(arguments: Sequence[str]) -> None:
    """Do what the command says, and write what there is to know.

    Raises
    ------
    ConfigError
        If it cannot be done.
    """
    given = _parser().parse_args(arguments)
    file = load(TokensConfig, os.environ).tokens_file
    if given.step == "add":
        made = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        rights = list(dict.fromkeys(given.may or [tokens.READ]))
        token = tokens.make(file, given.name, rights, made)
        sys.stdout.write(f"{token.reveal()}\n")
        may = "; ".join(tokens.RIGHTS[one] for one in rights)
        sys.stderr.write(f"{given.name} may now {may}. The token is shown this once, and kept nowhere.\n")
    elif given.step == "revoke":
        tokens.revoke(file, given.name)
    else:
        for one in tokens.read(file):
            sys.stdout.write(f"{one.name:<24} {','.join(one.rights):<18} {one.made}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sisock-http", description="Without a command: serve.")
    commands = parser.add_subparsers(required=True, metavar="token")
    token = commands.add_parser("token", help=__doc__).add_subparsers(
        dest="step", required=True, metavar="STEP"
    )
    add = token.add_parser("add", help="make a token, which is shown once")
    add.add_argument("name", help="who will have it")
    add.add_argument(
        "--may",
        action="append",
        choices=list(tokens.RIGHTS),
        help="what it allows; repeatable, read by default",
    )
    token.add_parser("list", help="who has tokens, and what they allow")
    token.add_parser("revoke", help="let a token count no more").add_argument("name")
    return parser


def main(arguments: Sequence[str]) -> str:
    """Run a command; the sentence to end with, empty if all went well."""
    try:
        run(arguments)
    except ConfigError as error:
        return str(error)
    return ""

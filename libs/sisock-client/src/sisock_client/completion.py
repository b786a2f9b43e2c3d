"""Completion on TAB in bash, zsh and fish, by argcomplete: commands, options, names of nodes and fields.

A shell asks by running ``sisock`` with a variable of argcomplete's. Whatever goes wrong then is silence: a
person is typing.
"""

import argparse
import os

import argcomplete
from argcomplete.shell_integration import shellcode
from sisock.errors import SisockError

from sisock_client.place import token_of, url_of

PATIENCE_S = 3.0


def script(shell: str) -> str:
    """What a shell runs to learn how; ``eval "$(sisock completion bash)"`` in its start-up file."""
    return shellcode(["sisock"], shell=shell).rstrip() + "\n"


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and end this process, if it asks."""
    argcomplete.autocomplete(parser, always_complete_options=False)  # names are what is looked for


def names(what: str, prefix: str, options: argparse.Namespace) -> list[str]:
    """Those of fields, or of nodes, that the bridge knows; none where it is away, or is not whom to ask."""
    if options.wamp:
        return []
    from sisock_client.http import HttpSource  # noqa: PLC0415 (commands are completed without it)

    try:
        url, token = url_of(options.url, os.environ), token_of(os.environ)
        source = HttpSource(url, PATIENCE_S, progress=False, token=token)
        try:
            found = (
                [one.field for one in source.fields("")]
                if what == "field"
                else [one.name for one in source.nodes()]
            )
        finally:
            source.close()
    except SisockError:
        return []
    return [name for name in found if name.startswith(prefix)]

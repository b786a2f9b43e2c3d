"""What can be written behind ``sisock``.

What each command does is in `commands`, which is imported when one runs: help and TAB are to come at once.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sisock_client.vocabulary import DEADLINE_S, DPI, FORMATS, SHELLS, STATES, STATISTICS, URL

_NAMES = (
    "node::field; * stands for any text, ? for a character: 'cryo::*_t' (in quotes, or the shell takes it)"
)


_MOMENTS = ("--start", "--end", "--time", "--until")
_AGO = re.compile(r"-\d")


class _Version(argparse.Action):
    def __init__(self, option_strings: list[str], dest: str, **how: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **how)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version  # noqa: PLC0415 (it takes a while)

        sys.stdout.write(f"sisock {version('sisock-client')}\n")
        parser.exit()


def parser(description: str) -> argparse.ArgumentParser:
    """What the command line is read with; the command's name is then in `run`."""
    whole = argparse.ArgumentParser(prog="sisock", description=description)
    whole.add_argument("--version", action=_Version, help="print the version and end")
    whole.add_argument("--url", help=f"of the bridge; SISOCK_URL, or {URL} by default")
    whole.add_argument("--wamp", action="store_true", help="ask the router instead, as a component does")
    whole.add_argument("--deadline", type=float, default=DEADLINE_S, metavar="S", help="seconds to wait")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    nodes = _added(commands, "nodes", "list the data nodes that are online")
    _names(nodes, "name", "*", "only such; * stands for any text")
    _json(nodes)
    fields = _added(commands, "fields", "list fields")
    _names(fields, "field", "*", f"only such; {_NAMES}")
    fields.add_argument("--search", default="", metavar="TEXT", help="in names and descriptions")
    _json(fields)
    latest = _added(commands, "latest", "print the last sample of fields")
    _names(latest, "field", "*", f"all by default; {_NAMES}")
    _json(latest)
    get = _added(commands, "get", "get samples")
    _ranged(get)
    get.add_argument(
        "-o",
        "--output",
        help=f"{FORMATS[0]} (default) or {FORMATS[1]} to read here, or a file .{' .'.join(FORMATS)}",
    )
    get.add_argument("--json", action="store_const", const="json", dest="output", help="the same as -o json")
    plot = _added(commands, "plot", "draw samples")
    _ranged(plot)
    plot.add_argument("-o", "--output", default="sisock.png", help=".png, .pdf, .svg and others; sisock.png")
    plot.add_argument("--size", metavar="WxH", help="7x4 (inches), 18x10cm or 180x100mm; a page's width")
    plot.add_argument("--dpi", type=float, default=DPI, help=f"pixels an inch, of a .png; {DPI:g}")
    plot.add_argument("--log", action="store_true", help="logarithmic axes")
    plot.add_argument("--title", help="above it, instead of what all names begin with; '' for none")
    tail = _added(commands, "tail", "follow fields")
    _names(tail, "field", "+", _NAMES)
    tail.add_argument("--seconds", type=float, default=60.0, help="begin so long ago; 60 by default")
    _json(tail, "a JSON object a line")
    _of_watch(commands)
    _json(_added(commands, "check", "say what is wrong with the stack"))
    _of_site(commands)
    shells = _added(commands, "completion", "print what makes a shell complete commands and names of fields")
    shells.add_argument("shell", choices=SHELLS)
    return whole


def glued(arguments: Sequence[str]) -> list[str]:
    """The same arguments, ``--start -6h`` as one: argparse takes a moment that long ago for an option."""
    made: list[str] = []
    for one in arguments:
        if made and made[-1] in _MOMENTS and _AGO.match(one):
            made[-1] += f"={one}"
        else:
            made.append(one)
    return made


def _added(commands: Any, name: str, told: str, run: str | None = None) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = commands.add_parser(name, help=told, description=told)
    added.set_defaults(run=run or name)
    return added


def _names(command: argparse.ArgumentParser, what: str, nargs: str | None, told: str) -> None:
    argument = command.add_argument(what, nargs=nargs, help=told)

    def known(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
        from sisock_client.completion import names  # noqa: PLC0415 (only if somebody presses TAB here)

        return names(argument.dest, prefix, parsed_args)

    argument.completer = known  # type: ignore[attr-defined]


def _json(command: argparse.ArgumentParser, told: str = "JSON, for programs") -> None:
    command.add_argument("--json", action="store_true", help=told)


def _of_watch(commands: Any) -> None:
    state = _added(commands, "state", "say how each field is, since when and why")
    _names(state, "field", "*", f"only such; {_NAMES}")
    state.add_argument("--search", default="", metavar="TEXT", help="in names, labels and groups")
    state.add_argument("--state", action="append", default=[], choices=STATES, help="only such; repeatable")
    _json(state)
    top = _added(commands, "top", "show how everything is, troubles first, until q is pressed")
    _names(top, "field", "*", f"only such; {_NAMES}")
    top.add_argument("--once", action="store_true", help="print it once and end; so it is behind a pipe")
    note = _added(commands, "note", "write a note about a moment or a range, if the bridge takes notes")
    note.add_argument("text", nargs="+")
    _names(note, "--field", None, "node::field that it is about")
    note.add_argument("--time", metavar="T", help="when, as --start has it; now by default")
    note.add_argument("--until", metavar="T", help="when it ended, if it is about a range")
    note.add_argument("--author", default="", metavar="NAME", help="who writes it")
    _json(note)


def _of_site(commands: Any) -> None:
    steps = commands.add_parser("site", help="the site's file, site.toml").add_subparsers(
        required=True, metavar="STEP"
    )
    checked = _added(steps, "check", "say what is wrong with a site's file", "site check")
    checked.add_argument("file", type=Path)
    _json(checked)
    _added(steps, "draft", "write a site's file from what is online now", "site draft")


def _ranged(command: argparse.ArgumentParser) -> None:
    _names(command, "field", "+", _NAMES)
    command.add_argument(
        "--start", default="now-1h", help="ISO 8601, 'yesterday 06:00', UNIX seconds, -6h; now-1h by default"
    )
    command.add_argument("--end", default="now", help="likewise; now by default")
    command.add_argument(
        "--max-points", type=int, metavar="N", help="of each field, every extreme among them"
    )
    command.add_argument("--bin", metavar="5m", help="sum samples up in bins of this length")
    command.add_argument(
        "--of", default="mean", metavar="WORDS", help=f"what of each bin, of {','.join(STATISTICS)}; mean"
    )
    command.add_argument(
        "--alone", action="store_true", help="the named node's samples, none of others that hold the same"
    )
    command.add_argument(
        "--original", action="store_true", help="values as their node has them, not as the site's file"
    )

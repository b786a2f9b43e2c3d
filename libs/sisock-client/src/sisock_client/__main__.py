"""``sisock``: ask a stack from the command line."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sisock.errors import SisockError

from sisock_client import files, site, states
from sisock_client.bins import STATISTICS
from sisock_client.client import DEADLINE_S, Client
from sisock_client.errors import ClientError
from sisock_client.http import HttpSource
from sisock_client.place import URL, token_of
from sisock_client.samples import Samples
from sisock_client.tail import Tail

TAIL_S = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what is wrong ends in one sentence and the code 1."""
    options = _parser().parse_args(arguments)
    try:
        command: Callable[[argparse.Namespace], int] = options.command
        return command(options)
    except SisockError as error:
        sys.stderr.write(f"sisock: {error}\n")
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _client(options: argparse.Namespace) -> Client:
    return Client(options.url, wamp=options.wamp, deadline_s=options.deadline, progress=True)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _nodes(options: argparse.Namespace) -> int:
    with _client(options) as client:
        for node in client.nodes():
            _say(f"{node.name:<20} {node.fields:>5} fields  {node.description}")
    return 0


def _fields(options: argparse.Namespace) -> int:
    with _client(options) as client:
        for one in client.fields(options.search):
            _say(f"{one.field:<50} {one.units or '':<8} {one.description or ''}".rstrip())
    return 0


def _samples(client: Client, options: argparse.Namespace) -> Samples:
    samples = client.get(
        options.field,
        options.start,
        options.end,
        options.max_points,
        bin=options.bin,
        of=options.of,
        join=not options.alone,
        convert=not options.original,
    )
    for notice in samples.notices:
        sys.stderr.write(f"sisock: {notice}\n")
    return samples


def _get(options: argparse.Namespace) -> int:
    name = options.output or "csv"
    path = Path(name)
    kind = (path.suffix[1:] or name).lower()
    if kind not in files.FORMATS:
        raise ClientError(f"-o {name}: give csv, json, npz or parquet, or a file that ends so")
    to_stdout = not path.suffix
    if to_stdout and kind not in files.TEXT:
        raise ClientError(f"{kind} is not for a terminal: give a file, such as -o samples.{kind}")
    if not to_stdout:
        files.require_writable(path)
    with _client(options) as client:
        samples = _samples(client, options)
    if to_stdout:
        files.FORMATS[kind](samples, sys.stdout)
    else:
        files.write(samples, kind, path)
    if not samples.any() and not samples.notices:
        sys.stderr.write("sisock: there are no samples in this range\n")
    return 0 if samples.any() else 1


def _plot(options: argparse.Namespace) -> int:
    path = Path(options.output)
    files.require_picture(path)
    files.require_writable(path)
    with _client(options) as client:
        samples = _samples(client, options)
    files.write_plot(samples, path)
    return 0


def _tail(options: argparse.Namespace) -> int:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with _client(options) as client:
        tail = Tail(client, options.field, time.time() - options.seconds)
        while not stopped.is_set():
            for line in tail.look():
                _say(line)
            sys.stdout.flush()
            for sentence in tail.news():
                sys.stderr.write(f"sisock: {sentence}\n")
            sys.stderr.flush()
            stopped.wait(TAIL_S)
    return 0


def _state(options: argparse.Namespace) -> int:
    url = options.url or os.environ.get("SISOCK_URL") or URL
    source = HttpSource(url, options.deadline, progress=False, token=token_of(os.environ))
    try:
        told = source.state(options.search, options.state)
    finally:
        source.close()
    if told is None:
        raise ClientError("this bridge is an old one that knows no states")
    for line in states.lines(told):
        _say(line)
    if not told["watch"]:
        raise ClientError(f"how the fields are is unknown: {told['why']}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from sisock_client.check import check  # noqa: PLC0415 (it needs Twisted, which takes a while)

    thought = []
    for finding in check(os.environ, options.url, options.deadline, Path.cwd()):
        _say(f"{finding.state.value:<5}  {finding.sentence}")
        sys.stdout.flush()
        thought.append(finding.state.value)
    wrong = thought.count("WRONG")
    if wrong:
        _say(f"{wrong} thing{' is' if wrong == 1 else 's are'} wrong")
    else:
        _say("all is well")
    return 1 if wrong else 0


def _site_check(options: argparse.Namespace) -> int:
    problems = site.check(options.file)
    for sentence in problems:
        _say(sentence)
    if not problems:
        _say(f"{options.file}: all is well")
    return 1 if problems else 0


def _site_draft(options: argparse.Namespace) -> int:
    with _client(options) as client:
        sys.stdout.write(site.draft(client))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sisock", description=__doc__)
    parser.add_argument("--url", help=f"of the bridge; SISOCK_URL, or {URL} by default")
    parser.add_argument("--wamp", action="store_true", help="ask the router instead, as a component does")
    parser.add_argument("--deadline", type=float, default=DEADLINE_S, metavar="S", help="seconds to wait")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int], told: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=told, description=told)
        added.set_defaults(command=command)
        return added

    def ranged(added: argparse.ArgumentParser) -> None:
        added.add_argument("field", nargs="+", help="node::field")
        added.add_argument(
            "--start", default="now-1h", help="ISO 8601, UNIX seconds, now-6h; now-1h by default"
        )
        added.add_argument("--end", default="now")
        added.add_argument("--max-points", type=int, metavar="N")
        added.add_argument("--bin", metavar="5m", help="sum samples up in bins of this length")
        added.add_argument(
            "--of", default="mean", metavar="WORDS", help=f"what of each bin, of {','.join(STATISTICS)}; mean"
        )
        added.add_argument(
            "--alone", action="store_true", help="the named node's samples, none of others that hold the same"
        )
        added.add_argument(
            "--original", action="store_true", help="values as their node has them, not as the site's file"
        )

    add("nodes", _nodes, "list the data nodes that are online")
    add("fields", _fields, "list fields").add_argument("--search", default="", metavar="TEXT")
    get = add("get", _get, "get samples")
    ranged(get)
    get.add_argument(
        "-o", "--output", help="csv (default) or json to read here, or a file .csv .json .npz .parquet"
    )
    plot = add("plot", _plot, "draw samples")
    ranged(plot)
    plot.add_argument("-o", "--output", default="sisock.png")
    tail = add("tail", _tail, "follow a field")
    tail.add_argument("field", nargs="+")
    tail.add_argument("--seconds", type=float, default=60.0, help="begin so long ago; 60 by default")
    state = add("state", _state, "say how each field is, since when and why")
    state.add_argument("--search", default="", metavar="TEXT")
    state.add_argument(
        "--state", action="append", default=[], choices=states.WORDS, help="only such; repeatable"
    )
    add("check", _check, "say what is wrong with the stack")
    of_site = commands.add_parser("site", help="the site's file, site.toml")
    steps = of_site.add_subparsers(required=True, metavar="STEP")
    told = "say what is wrong with a site's file"
    checked = steps.add_parser("check", help=told, description=told)
    checked.add_argument("file", type=Path)
    checked.set_defaults(command=_site_check)
    told = "write a site's file from what is online now"
    steps.add_parser("draft", help=told, description=told).set_defaults(command=_site_draft)
    return parser


if __name__ == "__main__":
    sys.exit(main())

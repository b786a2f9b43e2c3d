"""What each command of ``sisock`` does. Read by `command_line`; what is wrong is said once, in `run`."""

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from sisock.errors import SisockError

from sisock_client import files, site, states
from sisock_client.client import FOLLOW_S, Client
from sisock_client.completion import script
from sisock_client.errors import ClientError
from sisock_client.globs import fits
from sisock_client.http import HttpSource
from sisock_client.look import DRAWN_POINTS, Look, size_of
from sisock_client.place import token_of, url_of
from sisock_client.samples import Samples
from sisock_client.tail import Tail, lines
from sisock_client.times import iso, unix_time

Options = argparse.Namespace


def run(options: Options) -> int:
    """Run one command; what is wrong ends in one sentence and the code 1."""
    try:
        return COMMANDS[options.run](options)
    except SisockError as error:
        sys.stderr.write(f"sisock: {error}\n")
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def client(options: Options, *, progress: bool = True) -> Client:
    """Whom to ask."""
    return Client(options.url, wamp=options.wamp, deadline_s=options.deadline, progress=progress)


def bridge(options: Options) -> HttpSource:
    """The bridge, for what a router alone cannot say."""
    url, token = url_of(options.url, os.environ), token_of(os.environ)
    return HttpSource(url, options.deadline, progress=False, token=token)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _dump(what: Any) -> None:
    _say(json.dumps(what, ensure_ascii=False, allow_nan=False))


def _warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        sys.stderr.write(f"sisock: {sentence}\n")
    sys.stderr.flush()


def _require_any(names: Collection[str], globs: Sequence[str], what: str) -> None:
    """A name that fits nothing is most often a slip.

    Raises
    ------
    ClientError
        If there is one.
    """
    for glob in globs:
        if not any(fits((name,), (glob,)) for name in names):
            raise ClientError(f"there is no {what} {glob!r}")


def _nodes(options: Options) -> int:
    with client(options) as asked:
        found = asked.nodes()
    _require_any([one.name for one in found], options.name, "node")
    found = [one for one in found if fits((one.name,), options.name)]
    if options.json:
        _dump([asdict(one) for one in found])
        return 0
    for node in found:
        _say(f"{node.name:<20} {node.fields:>5} fields  {node.description}")
    return 0


def _fields(options: Options) -> int:
    with client(options) as asked:
        found = asked.fields(options.search)
    _require_any([one.field for one in found], options.field, "field")
    found = [one for one in found if fits((one.field,), options.field)]
    if options.json:
        _dump([asdict(one) for one in found])
        return 0
    for one in found:
        _say(f"{one.field:<50} {one.units or '':<8} {one.description or ''}".rstrip())
    return 0


def _latest(options: Options) -> int:
    with client(options) as asked:
        found = asked.latest(options.field or "*")
    _warn(found.notices)
    rows = list(found.values())
    if options.json:
        _dump([{**asdict(one), "value": files.plain(one.value)} for one in rows])
    else:
        for one in rows:
            at = iso(np.array([one.t]))[0] if one.t is not None else "no sample within 30 days"
            value = "" if one.t is None else f"{one.value} {one.units or ''}"
            _say(f"{at:<24}  {one.field:<50}  {value}".rstrip())
    return 0 if any(one.t is not None for one in rows) else 1


def _samples(asked: Client, options: Options) -> Samples:
    samples = asked.get(
        options.field,
        options.start,
        options.end,
        options.max_points,
        bin=options.bin,
        of=options.of,
        join=not options.alone,
        convert=not options.original,
    )
    _warn(samples.notices)
    return samples


def _get(options: Options) -> int:
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
    with client(options) as asked:
        samples = _samples(asked, options)
    if to_stdout:
        files.FORMATS[kind](samples, sys.stdout)
    else:
        files.write(samples, kind, path)
    if not samples.any() and not samples.notices:
        _warn(["there are no samples in this range"])
    return 0 if samples.any() else 1


def _plot(options: Options) -> int:
    path = Path(options.output)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # which fonts it looked for is nobody's business
    size = size_of(options.size)
    Look(dpi=options.dpi)  # before anybody is asked
    files.require_picture(path)
    files.require_writable(path)
    now = time.time()
    span = (unix_time(options.start, now), unix_time(options.end, now))
    look = Look(size, options.dpi, options.log, options.title, span)
    if options.max_points is None and options.bin is None:
        options.max_points = DRAWN_POINTS
    with client(options) as asked:
        samples = _samples(asked, options)
    _warn(files.write_plot(samples, path, look))
    return 0


def _tail(options: Options) -> int:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with client(options, progress=False) as asked:
        tail = Tail(asked, asked.names(options.field), time.time() - options.seconds)
        while not stopped.is_set():
            found = tail.look()
            if options.json:
                for one in found:
                    _dump({**asdict(one), "value": files.plain(one.value)})
            else:
                for line in lines(found):
                    _say(line)
            sys.stdout.flush()
            _warn(tail.news())
            stopped.wait(FOLLOW_S)
    return 0


def _state(options: Options) -> int:
    source = bridge(options)
    try:
        told = source.state(options.search, options.state)
    finally:
        source.close()
    if told is None:
        raise ClientError("this bridge is an old one that knows no states")
    _require_any(states.names(told), options.field, "field")
    told = states.chosen(told, options.field)
    if options.json:
        _dump(told)
    else:
        for line in states.lines(told):
            _say(line)
    if not told["watch"]:
        raise ClientError(f"how the fields are is unknown: {told['why']}")
    return 0


def _top(options: Options) -> int:
    from sisock_client.terminal.top import top  # noqa: PLC0415 (rich is for terminals only)

    source = bridge(options)
    try:
        return top(source, source.url, options.field, once=options.once)
    finally:
        source.close()


def _note(options: Options) -> int:
    written = {"text": " ".join(options.text), "target": options.field, "author": options.author}
    now = time.time()
    moments = {"time": options.time, "until": options.until}
    written |= {name: iso(np.array([unix_time(one, now)]))[0] for name, one in moments.items() if one}
    source = bridge(options)
    try:
        kept = source.note({name: text for name, text in written.items() if text})
    finally:
        source.close()
    if options.json:
        _dump(kept)
    else:
        _say("  ".join(filter(None, (iso(np.array([kept["t"]]))[0], kept["target"], kept["why"]))))
    return 0


def _check(options: Options) -> int:
    from sisock_client.check import check  # noqa: PLC0415 (it needs Twisted, which takes a while)

    thought = []
    for finding in check(os.environ, options.url, options.deadline, Path.cwd()):
        if not options.json:
            _say(f"{finding.state.value:<5}  {finding.sentence}")
            sys.stdout.flush()
        thought.append(finding)
    wrong = sum(one.state.value == "WRONG" for one in thought)
    if options.json:
        _dump([{"state": one.state.value, "sentence": one.sentence} for one in thought])
    elif wrong:
        _say(f"{wrong} thing{' is' if wrong == 1 else 's are'} wrong")
    else:
        _say("all is well")
    return 1 if wrong else 0


def _site_check(options: Options) -> int:
    problems = site.check(options.file)
    if options.json:
        _dump(problems)
        return 1 if problems else 0
    for sentence in problems:
        _say(sentence)
    if not problems:
        _say(f"{options.file}: all is well")
    return 1 if problems else 0


def _site_draft(options: Options) -> int:
    with client(options) as asked:
        sys.stdout.write(site.draft(asked))
    return 0


def _completion(options: Options) -> int:
    sys.stdout.write(script(options.shell))
    return 0


COMMANDS: Mapping[str, Callable[[Options], int]] = MappingProxyType(
    {
        "nodes": _nodes,
        "fields": _fields,
        "latest": _latest,
        "get": _get,
        "plot": _plot,
        "tail": _tail,
        "state": _state,
        "top": _top,
        "note": _note,
        "check": _check,
        "site check": _site_check,
        "site draft": _site_draft,
        "completion": _completion,
    }
)

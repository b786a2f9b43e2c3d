"""What is wrong with a stack, in words: from the network outwards to each data node.

What can be seen depends on where one looks from (`sisock_client.place`): a component's place sees the router,
a laptop perhaps only the bridge. What cannot be seen from here is said, and is nobody's fault.
"""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sisock.auth import find_secret
from sisock.config import RouterConfig
from sisock.errors import ConfigError, SisockError, TooMuchDataError
from sisock.node import Field, Limits, Times
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Reading
from sisock_consumer.target import Target

from sisock_client import certificate, exposure, health, place, states
from sisock_client.errors import ClientError
from sisock_client.health import Finding, State
from sisock_client.http import HttpSource
from sisock_client.wamp import EVERY, WampSource

FEW_POINTS = 1000
T = TypeVar("T")
Findings = Generator[Finding, None, T]
"""Findings, and at their end something for the steps that follow."""


def check(environ: Mapping[str, str], url: str | None, deadline_s: float, folder: Path) -> Iterator[Finding]:
    """Look at a stack, step by step.

    Parameters
    ----------
    environ : mapping
        Settings, as a component has them.
    url : str or None
        The bridge, if somebody named it.
    deadline_s : float
        Seconds that an answer may take.
    folder : Path
        Where we are.
    """
    try:
        here = place.find(environ, url, folder)
    except ConfigError as error:
        yield Finding(State.WRONG, str(error))
        return
    yield Finding(State.OPEN, here.description)
    nodes: list[NodeInfo] | None = None
    if here.router is not None:
        component = bool(environ.get("CROSSBAR_HOST", "").strip())
        yield from exposure.look(here.router, folder, component=component)
        if (yield from _router(here.router)):
            nodes = yield from _hub(here, deadline_s)
        else:
            yield Finding(
                State.OPEN, "hub and data nodes were not asked over the router, because of the above"
            )
    if not (yield from _bridge(here, nodes, deadline_s)) and nodes is None:
        yield Finding(State.WRONG, "no data node could be looked at from here")


def _router(config: RouterConfig) -> Findings[bool]:
    """Look at the router; gives whether a component here would be let in, as far as can be seen."""
    try:
        shown = certificate.shown(config)
    except certificate.NoTlsError as error:
        yield Finding(State.WRONG, str(error))
        accepted = False
    else:
        where = f"{config.crossbar_host}:{config.crossbar_tls_port}"
        yield Finding(State.GOOD, f"the router at {where} is reachable")
        told = list(certificate.look(config, shown, time.time()))
        yield from told
        accepted = told[-1].state is State.GOOD
    secret = _secret(config)
    yield secret
    return accepted and secret.state is State.GOOD


def _secret(config: RouterConfig) -> Finding:
    who = f"the user {config.wamp_user!r}"
    try:
        secret = find_secret(config)
    except ConfigError as error:
        # Secrets are for components; a person who may not read them has to look through the bridge.
        return Finding(
            State.OPEN, f"no secret for {who} that we may read: {error}. Try sudo, or see what follows"
        )
    if secret is not None:
        return Finding(State.GOOD, f"there is a secret for {who}")
    return Finding(
        State.WRONG,
        f"there is no secret for {who}: set WAMP_SECRET or WAMP_SECRET_FILE, or give access to "
        f"{config.crossbar_dir}",
    )


def _hub(here: place.Place, deadline_s: float) -> Findings[list[NodeInfo] | None]:
    """Ask the hub, and each node over the router; gives the nodes that it lists, or None."""
    try:
        source = WampSource(here.environ, deadline_s)
    except SisockError as error:
        remedy = " Was the secret changed? Take the router's present one." if "refused" in str(error) else ""
        yield Finding(State.WRONG, f"the router does not let us in, or the hub is away: {error}.{remedy}")
        return None
    try:
        nodes = sorted(source.consumer.nodes.values(), key=lambda node: node.name)
        if not nodes:
            yield Finding(
                State.WRONG,
                "the hub answers and lists no data node: none is running, or the router refuses them "
                "since its secrets or certificate were changed after they began: restart them; their logs "
                "say which",
            )
            return nodes
        yield Finding(State.GOOD, f"the hub answers and lists {_count(nodes)}")
        looker = _OverRouter(source, deadline_s)
        for node in nodes:
            yield health.look(looker, node.name, live="live" in node.capabilities, now=time.time())
    finally:
        source.close()
    return nodes


def _bridge(here: place.Place, nodes: list[NodeInfo] | None, deadline_s: float) -> Findings[bool]:
    """Look at the bridge, and through it at the nodes if nobody has; gives whether it tells of any."""
    source = HttpSource(here.url, deadline_s, progress=False, token=place.token_of(here.environ))
    try:
        status = source.status()
        if status is None:
            yield Finding(
                State.OPEN, f"the bridge at {here.url} answers; it is an old one that tells no more"
            )
            return False
        return (yield from _told(here.url, status, nodes, source))
    except ClientError as error:
        if here.bridge_expected:
            yield Finding(State.WRONG, str(error))
        else:
            yield Finding(State.OPEN, f"nobody named a bridge, and {error}: name it with --url")
        return False
    finally:
        source.close()


def _told(url: str, status: Any, nodes: list[NodeInfo] | None, source: HttpSource) -> Findings[bool]:
    """What the bridge says of the stack, and of the nodes that nobody has looked at yet."""
    if not status["router"]:
        yield Finding(
            State.WRONG,
            f"the bridge at {url} answers, but has no router: the router is away or refuses it; if "
            "secrets or certificate were changed after it began, restart it",
        )
        return False
    if not status["hub"]:
        yield Finding(State.WRONG, f"the bridge at {url} answers, but the hub does not answer it")
        return False
    listed = status["nodes"]
    if not listed and not nodes:
        state = State.WRONG if nodes is None else State.GOOD  # else it has been said
        yield Finding(state, f"the bridge at {url} answers and knows no data node")
        return True
    yield Finding(State.GOOD, f"the bridge at {url} answers and knows {_count(listed)}")
    for missing in sorted({node.name for node in nodes or ()} - {node["name"] for node in listed}):
        yield Finding(State.WRONG, f"{missing}: the hub lists it, and the bridge does not know it")
    looker = _OverBridge(source) if nodes is None else None
    for node in listed:
        if node["problem"]:
            yield Finding(State.WRONG, f"{node['name']}: the bridge says: {node['problem']}")
        elif looker is not None:
            yield health.look(looker, node["name"], live=node["live"], now=time.time())
    told = source.state()
    if told is not None:
        yield from states.findings(told)
    return True


def _count(nodes: Sequence[object]) -> str:
    return f"{len(nodes)} data node{'' if len(nodes) == 1 else 's'}"


class _OverRouter:
    """Looks at nodes as a component does (see `health.Looker`)."""

    def __init__(self, source: WampSource, deadline_s: float) -> None:
        self._source = source
        self._deadline_s = deadline_s

    def fields(self, node: str) -> list[Field]:
        found: list[Field] = self._source.ask(
            lambda: self._source.consumer.get_fields(node, *EVERY, self._deadline_s)
        )
        return found

    def times(
        self, node: str, fields: Sequence[Field], start: float, end: float, *, few: bool
    ) -> list[Times]:
        names = [field.name for field in fields]
        timelines = {field.name: field.timeline_name for field in fields}
        stride = (end - start) / FEW_POINTS if few else None

        async def ask() -> Reading:
            return await self._source.consumer.get_data(
                node,
                names,
                start,
                end,
                deadline_s=self._deadline_s,
                timelines=timelines,
                limits=Limits(min_stride=stride),
            )

        try:
            read: Reading = self._source.ask(ask)
        except TooMuchDataError:
            return [np.empty(0)] * len(names)
        if read.problems and not any(len(one.t) for one in read.series.values()):
            raise ClientError("; ".join(dict.fromkeys(read.problems.values())))
        return [read.series[name].t if name in read.series else np.empty(0) for name in names]


class _OverBridge:
    """Looks at nodes as a browser does (see `health.Looker`)."""

    def __init__(self, source: HttpSource) -> None:
        self._source = source
        self._fields = source.fields("")

    def fields(self, node: str) -> list[Field]:
        targets = [(Target.parse(one.field), one.interval) for one in self._fields]
        return [Field(one.field, interval=interval) for one, interval in targets if one.node == node]

    def times(
        self, node: str, fields: Sequence[Field], start: float, end: float, *, few: bool
    ) -> list[Times]:
        names = [str(Target(node, field.name)) for field in fields]
        found = self._source.get(names, start, end, FEW_POINTS if few else None)
        if found.notices and not found.any():
            raise ClientError("; ".join(found.notices))
        return [found[name][0] if name in found else np.empty(0) for name in names]

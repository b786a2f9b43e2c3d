"""Which fields nodes have in a range: asked of all at once, since the catalogue knows of no range."""

from collections.abc import Sequence
from typing import Any

from sisock.errors import NodeError
from sisock.node import Field

from sisock_http.asking.gather import together
from sisock_http.observatory.catalogue import Lister


async def fields_within(
    reactor: Any, lister: Lister, nodes: Sequence[str], start: float, end: float, until: float
) -> tuple[dict[str, list[Field]], list[str]]:
    """Fields of nodes, and sentences about what could not be listed.

    Parameters
    ----------
    reactor : IReactorTime
    lister : Lister
    nodes : sequence of str
    start, end : float
        Sisock times.
    until : float
        The reactor's time at which every node must have answered.
    """
    missing: list[str] = []

    async def ask(name: str) -> list[Field]:
        try:
            listing = await lister.list_fields(name, start, end, until - reactor.seconds())
        except NodeError as error:
            missing.append(str(error))
            return []
        missing.extend(listing.problems)
        return listing.fields

    results = await together(*(ask(name) for name in nodes))
    return dict(zip(nodes, results, strict=True)), missing

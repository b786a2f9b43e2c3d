"""Whether those that everything depends on are here; who needs them says so before asking."""

from typing import Protocol

from sisock_http.observatory.catalogue import Catalogue
from sisock_http.problems import AwayError


class Peers(Protocol):
    """Tells whether router and hub are here, as `sisock_consumer.consumer.Consumer` does."""

    @property
    def router_here(self) -> bool:
        """Whether there is a session with the router."""

    @property
    def hub_here(self) -> bool:
        """Whether the hub answers."""


def require_router(peers: Peers) -> None:
    """Refuse while the router is away.

    Raises
    ------
    AwayError
        If it is.
    """
    if not peers.router_here:
        raise AwayError("the router is away; this comes back by itself as soon as the router does")


def require_all(peers: Peers, catalogue: Catalogue) -> None:
    """Refuse while router or hub are away, or nodes are still being asked what they have.

    Raises
    ------
    AwayError
        If so.
    """
    require_router(peers)
    if not peers.hub_here:
        raise AwayError("the hub is away; this comes back by itself as soon as the hub does")
    if not catalogue.settled:
        raise AwayError("data nodes are still being asked for their fields")

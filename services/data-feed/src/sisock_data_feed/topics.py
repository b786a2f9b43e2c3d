"""From the names in the settings to the topics on the router; nothing is subscribed to here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

ROOT = "observatory"


@dataclass(frozen=True, slots=True)
class Address:
    """Where an OCS agent publishes a feed."""

    target: str
    feed: str

    def __str__(self) -> str:
        return f"{ROOT}.{self.target}.feeds.{self.feed}"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription; `address` is known when it can only match one feed."""

    topic: str
    match: Literal["exact", "prefix", "wildcard"]
    address: Address | None = None


def subscriptions(targets: Sequence[str], feeds: Sequence[str]) -> Iterator[Subscription]:
    """Make the subscriptions that together hear each wanted feed exactly once.

    Parameters
    ----------
    targets, feeds : sequence of str
        Names, or ``*`` alone for all.

    Notes
    -----
    In a WAMP wildcard subscription an empty component matches any one component.
    """
    for target in targets:
        for feed in feeds:
            if target == "*":
                yield Subscription(f"{ROOT}..feeds.{'' if feed == '*' else feed}", "wildcard")
            elif feed == "*":
                yield Subscription(f"{ROOT}.{target}.feeds.", "prefix")
            else:
                address = Address(target, feed)
                yield Subscription(str(address), "exact", address)


def is_single(targets: Sequence[str], feeds: Sequence[str]) -> bool:
    """Whether the settings name one feed, whose channels then need no prefix."""
    return len(targets) == 1 and len(feeds) == 1 and "*" not in (*targets, *feeds)

"""Whose names are whose, and how many: the guard's rules, pure. What a router is they do not know."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass

from sisock import uris

_OURS = f"{uris.BASE_URI}."

REPLICAS = "roundrobin"
"""How several sessions of one user share a name: each is called in turn."""

MOST_PROCEDURES = 5000
"""What one user may register below our base URI, unless the configuration says otherwise: two for a node."""

User = tuple[str, str]
"""How somebody proved who they are, and who that is."""


@dataclass(frozen=True)
class Rules:
    """Whose names are whose.

    Parameters
    ----------
    owned : container of str
        Data nodes that have a user of their own, of the same name.
    """

    owned: Container[str] = frozenset()

    def may_use(self, user: User, uri: str) -> bool:
        """Whether a URI is nobody's, or this user's own."""
        if not uri.startswith(uris.CONSUMER_PREFIX):
            return True
        name = uri[len(uris.CONSUMER_PREFIX) :].partition(".")[0]
        return name not in self.owned or user == ("wampcra", name)


def reaches_ours(uri: str, match: str) -> bool:
    """Whether a registration of this kind may catch calls below our base URI."""
    if match == "wildcard":
        pattern, base = uri.split("."), uris.BASE_URI.split(".")
        return all(a in ("", b) for a, b in zip(pattern, base, strict=False))
    return uri.startswith(_OURS) or (match == "prefix" and _OURS.startswith(uri))


def why_not_register(
    rules: Rules, user: User, procedure: str, kind: tuple[str, str], holders: Iterable[User]
) -> str:
    """Why somebody may not register a procedure that permissions allow; empty if they may.

    Parameters
    ----------
    rules : Rules
    user : User
        Who asks.
    procedure : str
    kind : tuple of str
        ``match`` and ``invoke`` of the registration.
    holders : iterable of User
        Who has registered it, if the registration would take it from them.
    """
    if reaches_ours(procedure, kind[0]):
        if kind[0] != "exact":
            return f"below {_OURS} only exact names are registered"
        if kind[1] not in ("single", REPLICAS):
            return f"below {_OURS} a name is shared by {REPLICAS} or not at all"
    if not rules.may_use(user, procedure):
        return "the name has a user of its own"
    if any(holder != user for holder in holders):
        return "another user has that name"
    return ""


class Taken:
    """What each user has registered below our base URI, so that nobody takes more than there is room for.

    Parameters
    ----------
    most : int
        Procedures that one user may have.
    is_held : callable
        Whether a user has a procedure still: who leaves does not say so here.
    """

    def __init__(self, most: int, is_held: Callable[[User, str], bool]) -> None:
        self._most = most
        self._is_held = is_held
        self._procedures: dict[User, set[str]] = {}

    def why_not(self, user: User, procedure: str) -> str:
        """Why a user may not have one more; empty if they may, and then it is theirs."""
        if not procedure.startswith(_OURS):
            return ""
        mine = self._procedures.setdefault(user, set())
        if procedure in mine:
            return ""
        if len(mine) >= self._most:
            mine.intersection_update([one for one in mine if self._is_held(user, one)])
            if len(mine) >= self._most:
                return f"the user has {self._most} procedures already"
        mine.add(procedure)
        return ""

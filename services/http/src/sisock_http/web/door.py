"""Who asks, and whether they may: tokens as ``Bearer``, or as the password of ``Basic``.

Whether everybody is asked for a token is decided once, at the start (decision 15).
"""

import base64
import binascii
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from sisock.trouble import Trouble
from twisted.web.http import Request

from sisock_http.problems import ForbiddenError, UnauthorizedError
from sisock_http.web.headers import header
from sisock_http.web.tokens import NOTES, PROXY, READ, RIGHTS, Tokens

ANYBODY = ""
"""The right that nobody needs a token for."""

CHALLENGES = (b'Basic realm="sisock", charset="UTF-8"', b'Bearer realm="sisock"')
BEARER_ONLY = CHALLENGES[1:]
MOST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Parameters
    ----------
    name : str
        Of the person, if a proxy said so, else of the token; empty without one.
    rights : frozenset of str
        What they may.
    is_person : bool
        Whether a proxy said who that is.
    """

    name: str = ""
    rights: frozenset[str] = frozenset()
    is_person: bool = False


def asks(require: bool | None, listen: str, *, made: bool) -> bool:
    """Whether everybody is asked for a token.

    Parameters
    ----------
    require : bool or None
        What the site says; None if nothing.
    listen : str
        Address on which we listen; empty for all of them, as sites do that say nothing.
    made : bool
        Whether somebody has made a token.
    """
    if require is not None:
        return require
    # In a container all addresses is what everybody listens on: who reaches it is decided outside.
    return made if not listen else not is_loopback(listen)


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address."""
    return ipaddress.ip_address(address).is_loopback


class Door:
    """Lets in who may.

    Parameters
    ----------
    tokens : Tokens, optional
        Those that count; none at all without it.
    asks : bool
        Whether a token is needed to read.
    anybody_notes : bool
        Whether notes are taken without a token, where none is needed to read.
    say : callable, optional
        A logger's method, told of tokens that are none, once until another kind of it.
    """

    def __init__(
        self,
        tokens: Tokens | None = None,
        *,
        asks: bool = False,
        anybody_notes: bool = False,
        say: Callable[..., object] = lambda *_args, **_kwargs: None,
    ) -> None:
        self._tokens = tokens
        self.asks = asks
        self._anybody = Caller(
            "", frozenset() if asks else frozenset({READ, NOTES} if anybody_notes else {READ})
        )
        self._unknown = Trouble(say, "token.unknown")

    def caller(self, request: Request) -> Caller:
        """Who sent a request."""
        given = _given(header(request, b"authorization"))
        token = self._tokens.find(given) if given and self._tokens else None
        if token is None:
            if given and self.asks:
                peer = getattr(request.getClientAddress(), "host", "")
                self._unknown.tell(f"{peer} gives a token that is none, or was revoked")
            return self._anybody
        rights = self._anybody.rights | set(token.rights)
        said = _person(request) if PROXY in token.rights else ""
        return Caller(said or token.name, rights, bool(said))

    def check(self, request: Request, right: str) -> Caller:
        """Who sent a request that needs a right.

        Raises
        ------
        UnauthorizedError
            If they gave no token that is known.
        ForbiddenError
            If theirs does not have that right.
        """
        caller = self.caller(request)
        if right == ANYBODY or right in caller.rights:
            return caller
        if not caller.rights:
            raise UnauthorizedError(
                "a token is asked for here: give it as a bearer token, or as the password of basic "
                "authentication (made by: sisock-http token add NAME)"
            )
        if not self.asks and not caller.name:
            raise ForbiddenError(
                "notes are not taken here from anybody: give a token that may write them, or the bridge "
                "needs ALLOW_NOTES=yes"
            )
        raise ForbiddenError(f"the token of {caller.name!r} does not allow to {RIGHTS[right]}")

    def may(self, request: Request, right: str) -> bool:
        """Whether who sent a request has a right, as things are now."""
        return right in self.caller(request).rights


def challenges(request: Request) -> tuple[bytes, ...]:
    """How a token may be given; our page asks people itself, so that its browser is not to."""
    return BEARER_ONLY if header(request, b"x-requested-with") else CHALLENGES


def _person(request: Request) -> str:
    """For whom a proxy asks; empty if it does not say."""
    said = header(request, b"x-forwarded-user")[:MOST_TEXT].strip()
    return said if said.isprintable() else ""


def _given(authorization: str) -> str:
    """The token in a header; empty if there is none."""
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""

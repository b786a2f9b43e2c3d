"""Runs inside the router: what crossbar.io's permissions cannot say about whose a name is (decision 11).

Permissions know a role and a URI. This knows users too, who has registered what, and as what kind: it
only ever refuses what permissions allow. It is in the router's own process, and so is never away.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from autobahn.twisted.wamp import ApplicationSession
from autobahn.util import wildcards2patterns
from autobahn.wamp import message
from autobahn.wamp.exception import ApplicationError
from crossbar.bridge.rest.common import _CommonResource
from crossbar.router.dealer import Dealer
from crossbar.router.router import Router
from sisock import uris
from twisted.internet.defer import Deferred, ensureDeferred

from sisock_hub.rights import MOST_PROCEDURES, Rules, Taken, User, why_not_register
from sisock_hub.users import node_users

_TRUSTED = "trusted"


class Guard(ApplicationSession):
    """A component of the router worker, which crossbar.io starts before it listens.

    ``extra`` in the configuration: ``users`` names the data nodes that have users of their own,
    ``allowed_origins`` the web pages that may call by HTTP, ``most_procedures`` what one user may register.
    """

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        extra = config.extra or {}
        most = int(extra.get("most_procedures", MOST_PROCEDURES))
        install(Path.cwd(), extra.get("users", ()), self.log, most)
        _keep_pages_out(extra.get("allowed_origins", ()))


class Owned:
    """Names of data nodes that have a user of their own, also of those that are added while we run.

    Parameters
    ----------
    directory : Path
        The router's.
    named : iterable of str
        Those that the configuration names.
    """

    def __init__(self, directory: Path, named: Iterable[str]) -> None:
        self._directory = directory
        self._named = frozenset(named)

    def __contains__(self, name: object) -> bool:
        return name in self._named or name in node_users(self._directory)


def install(directory: Path, users: Iterable[str], log: Any, most: int = MOST_PROCEDURES) -> None:
    """Put the guard before the dealer's registrations and the router's permissions, once.

    Parameters
    ----------
    directory : Path
        The router's.
    users : iterable of str
        Data nodes that have users of their own, as the configuration says.
    log : txaio logger
    most : int
        Procedures that one user may register.
    """
    if not getattr(Dealer.processRegister, "guarded", False):
        _install(Rules(Owned(directory, users)), most, log)


def _install(rules: Rules, most: int, log: Any) -> None:
    register, authorize = Dealer.processRegister, Router.authorize
    taken: WeakKeyDictionary[Any, Taken] = WeakKeyDictionary()

    def taken_of(dealer: Any) -> Taken:
        known = taken.get(dealer)
        if known is None:
            known = taken[dealer] = Taken(most, lambda user, uri: user in map(_user, _holders(dealer, uri)))
        return known

    def process_register(dealer: Any, session: Any, request: Any) -> None:
        guarded = _guarded(rules, taken_of(dealer), log, dealer, session, request, register)
        ensureDeferred(guarded).addErrback(
            lambda failure: _refuse(dealer, session, request, f"the guard failed: {failure.value!r}")
        )

    def authorize_publisher(router: Any, session: Any, uri: str, action: str, options: Any) -> Any:
        name = uris.node_of_updated(uri) if action == "publish" and session._authrole != _TRUSTED else None
        if name is not None and session not in _holders(router._dealer, uris.get_data(name)):
            refused: Deferred[dict[str, Any]] = Deferred()
            refused.callback({"allow": False})
            return refused
        return authorize(router, session, uri, action, options)

    process_register.guarded = True  # type: ignore[attr-defined]
    Dealer.processRegister = process_register
    Router.authorize = authorize_publisher


def _keep_pages_out(origins: Iterable[str]) -> None:
    """Refuse calls by HTTP that web pages make: crossbar.io lets every page of any site make them."""
    patterns = wildcards2patterns(list(origins))
    render = _CommonResource.render

    def render_unless_a_pages(resource: Any, request: Any) -> Any:
        origin = request.getHeader("origin")
        if origin is None or _is_allowed(origin, patterns):
            return render(resource, request)
        request.setResponseCode(403)
        request.setHeader(b"content-type", b"application/json; charset=UTF-8")
        return b'{"error": "web pages of this origin may not call here (CROSSBAR_ALLOWED_ORIGINS)"}'

    _CommonResource.render = render_unless_a_pages


def _is_allowed(origin: str, patterns: Iterable[Any]) -> bool:
    try:
        parts = urlsplit(origin)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return False
    return any(pattern.match(f"{parts.scheme}://{parts.hostname}:{port}") for pattern in patterns)


async def _guarded(
    rules: Rules,
    taken: Taken,
    log: Any,
    dealer: Any,
    session: Any,
    request: Any,
    register: Callable[..., None],
) -> None:
    procedure = request.procedure
    if session._authrole == _TRUSTED or procedure.startswith("wamp."):
        register(dealer, session, request)
        return
    # Before anything else: who may not register a name does not learn whether it is taken.
    allowed = await dealer._router.authorize(
        session, procedure, "register", options=request.marshal_options()
    )
    if not allowed["allow"]:
        _refuse(dealer, session, request, "the role may not")
        return
    holders = [one for one in _holders(dealer, procedure) if one is not session]
    user, kind = _user(session), (request.match or "exact", request.invoke or "single")
    others = map(_user, holders) if request.force_reregister or kind[1] != "single" else ()
    why = why_not_register(rules, user, procedure, kind, others) or taken.why_not(user, procedure)
    if why:
        log.warn(
            "register.refused procedure={procedure!r} user={user!r} session={session} "
            "peer={peer!r} why={why!r}",
            procedure=procedure,
            user=session._authid,
            session=session._session_id,
            peer=_peer(session),
            why=why,
        )
        _refuse(dealer, session, request, why)
        return
    if request.force_reregister:
        for holder in holders:
            log.warn(
                "node.taken_over procedure={procedure!r} user={user!r} session={session} peer={peer!r} "
                "from_session={old} from_peer={old_peer!r}",
                procedure=procedure,
                user=session._authid,
                session=session._session_id,
                peer=_peer(session),
                old=holder._session_id,
                old_peer=_peer(holder),
            )
    register(dealer, session, request)


def _refuse(dealer: Any, session: Any, request: Any, why: str) -> None:
    told = f"not authorized to register {request.procedure!r}: {why}"
    dealer._router.send(
        session,
        message.Error(
            message.Register.MESSAGE_TYPE, request.request, ApplicationError.NOT_AUTHORIZED, [told]
        ),
    )


def _holders(dealer: Any, procedure: str) -> list[Any]:
    registration = dealer._registration_map.get_observation(procedure, "exact")
    return list(registration.observers) if registration else []


def _user(session: Any) -> User:
    """Who somebody is; all that are anonymous in a role are one, since their names are thrown dice."""
    method = str(session._authmethod)
    return (method, str(session._authrole if method == "anonymous" else session._authid))


def _peer(session: Any) -> str:
    details = getattr(session._transport, "transport_details", None)
    return str(getattr(details, "peer", None) or "inside the router")

"""The hub's WAMP session: CONTRACT section 1's procedures and topics around the registry.

What was listed before a restart is found again from the router's registrations; then every node is
asked to announce itself, which brings back what the router does not know (description,
capabilities).
"""

import os
from collections.abc import Collection
from typing import Any

from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import PublishOptions, RegisterOptions
from sisock import auth, uris
from sisock.config import RouterConfig, load
from twisted.internet.defer import DeferredSemaphore, ensureDeferred, gatherResults

from sisock_hub.registry import DataNode, Registry

ASKED_AT_A_TIME = 50
"""Questions to the router about its registrations: one after the other takes seconds with many nodes."""

UNKNOWN = "(online since before the hub; it has not said what it is)"


class Hub(ApplicationSession):
    """Keeps the list of data nodes.

    crossbar.io makes it from the router's ``config.json``; ``extra: {"user": ...}`` there names the
    WAMP-CRA user, which is otherwise ``WAMP_USER``; ``listed`` is called with how many nodes are online.
    """

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self._registry = Registry()
        self._tell = (self.config.extra or {}).get("listed", lambda _nodes: None)

    def _settings(self) -> RouterConfig:
        environ = dict(os.environ)
        # crossbar.io runs its workers in the router's directory itself.
        environ.setdefault("CROSSBAR_DIR", os.getcwd())
        user = (self.config.extra or {}).get("user")
        if user:
            environ["WAMP_USER"] = user
            environ.pop("WAMP_SECRET", None)
            environ.pop("WAMP_SECRET_FILE", None)
        return load(RouterConfig, environ)

    def onConnect(self) -> None:
        """Join with WAMP-CRA."""
        self.join(self.config.realm, ["wampcra"], self._settings().wamp_user)

    def onChallenge(self, challenge: Any) -> str:
        """Prove that we know the secret."""
        return auth.sign(auth.require_secret(self._settings()), challenge)

    def onJoin(self, _details: Any) -> Any:
        """Serve, and find out who is already there."""
        return ensureDeferred(self._serve())

    def onLeave(self, details: Any) -> None:
        """Whoever comes after us begins anew."""
        self._tell(0)
        super().onLeave(details)

    async def _serve(self) -> None:
        await self.subscribe(self._session_left, "wamp.session.on_leave")
        await self.subscribe(self._registered, "wamp.registration.on_create")
        options = RegisterOptions(details_arg="details")
        await self.register(self._add, uris.DATA_NODE_ADD, options=options)
        await self.register(self._subtract, uris.DATA_NODE_SUBTRACT, options=options)
        await self._find_registered()
        await self.register(self._registry.entries, uris.GET_DATA_NODE)
        self._tell(len(self._registry))
        self.publish(uris.DATA_NODE_ANNOUNCE, options=PublishOptions(acknowledge=False))
        self.log.info("hub.ready nodes={count}", count=len(self._registry))

    async def _find_registered(self) -> None:
        """List every node whose procedures the router knows, also of the predecessor's kind."""
        registrations = await self.call("wamp.registration.list")
        at_a_time = DeferredSemaphore(ASKED_AT_A_TIME)
        exact = registrations.get("exact", [])
        await gatherResults(
            at_a_time.run(lambda n: ensureDeferred(self._find_one(n)), number) for number in exact
        )

    async def _find_one(self, number: int) -> None:
        try:
            registration = await self.call("wamp.registration.get", number)
            name = uris.node_of(registration["uri"])
            callees = await self.call("wamp.registration.list_callees", number) if name else []
        except ApplicationError as error:
            # It left between the two questions.
            self.log.debug("registration is gone: {why}", why=error.error_message())
            return
        if name and self._registry.holder(name) is None:
            for callee in callees:
                self._list(DataNode(name, UNKNOWN, callee), callees)

    def _list(self, node: DataNode, callees: Collection[int] = ()) -> bool:
        """List what a session says, beside the others that serve the name with it."""
        known, sessions = self._registry.holder(node.name), self._registry.sessions(node.name)
        if not self._registry.add(node, callees):
            return False
        self._tell(len(self._registry))
        now = self._registry.holder(node.name)
        if known != now or node.session_id not in sessions:
            self.log.info(
                "node.added name={name!r} session={session}", name=node.name, session=node.session_id
            )
        if now is not None and known != now:
            self.publish(uris.DATA_NODE_ADDED, now.entry())
        return True

    async def _add(
        self,
        name: Any,
        description: Any,
        session_id: Any,
        capabilities: Any = (),
        details: Any = None,
        **_kwargs: Any,
    ) -> bool:
        if not isinstance(name, str) or not name or any(c.isspace() or c == "#" for c in name):
            raise ApplicationError(
                ApplicationError.INVALID_ARGUMENT,
                f"{name!r} cannot be a data node's name: it is part of a URI",
            )
        caller = getattr(details, "caller", None)
        if not isinstance(session_id, int) or (caller is not None and caller != session_id):
            self.log.warn("node.refused name={name!r}: it gave a session that is not its own", name=name)
            return False
        node = DataNode(name, str(description or ""), session_id, tuple(str(c) for c in capabilities or ()))
        callees = await self._callees(name)
        if callees and session_id not in callees:
            self.log.warn("node.refused name={name!r}: another session serves the name", name=name)
            return False
        for other in self._registry.sessions(name):
            if other == session_id or other in callees:
                continue
            if callees:
                self._lost(name, other)
            elif not await self._is_alive(other):
                self._gone(self._registry.leave(other))
        if self._list(node, callees):
            return True
        self.log.warn("node.refused name={name!r}: the name is taken by another session", name=name)
        return False

    async def _callees(self, name: str) -> list[int]:
        """Sessions that calls for the node's data go to, as far as the router tells."""
        try:
            number = await self.call("wamp.registration.lookup", uris.get_data(name))
            callees = await self.call("wamp.registration.list_callees", number) if number else []
        except ApplicationError as error:
            self.log.debug("callee is unknown: {why}", why=error.error_message())
            return []
        return list(callees or ())

    def _registered(self, session_id: int, registration: Any, *_args: Any, **_kwargs: Any) -> None:
        """Strike off who was listed under a name that another session serves from now on."""
        name = uris.node_of(registration["uri"])
        if name:
            for other in self._registry.sessions(name):
                if other != session_id:
                    self._lost(name, other)

    def _lost(self, name: str, session_id: int) -> None:
        self.log.warn("node.name_lost name={name!r} session={session}", name=name, session=session_id)
        gone = self._registry.subtract(name, session_id)
        self._gone([gone] if gone else [])

    async def _is_alive(self, session_id: int) -> bool:
        try:
            await self.call("wamp.session.get", session_id)
        except ApplicationError as error:
            return bool(error.error != ApplicationError.NO_SUCH_SESSION)
        return True

    def _subtract(self, name: Any, session_id: Any, details: Any = None, **_kwargs: Any) -> None:
        caller = getattr(details, "caller", None)
        if caller is not None and caller != session_id:
            self.log.warn("node.not_subtracted name={name!r}: asked by another session", name=name)
            return
        node = self._registry.subtract(name, session_id)
        if node is None:
            self.log.warn("node.not_subtracted name={name!r}: that session has no such node", name=name)
            return
        self._gone([node])

    def _session_left(self, session_id: int, *_args: Any, **_kwargs: Any) -> None:
        self._gone(self._registry.leave(session_id))

    def _gone(self, nodes: list[DataNode]) -> None:
        """Tell that sessions serve nodes no more; a node that others serve stays, as they can do it."""
        self._tell(len(self._registry))
        for node in nodes:
            self.log.info(
                "node.subtracted name={name!r} session={session}", name=node.name, session=node.session_id
            )
            others = self._registry.holder(node.name)
            if others is None:
                self.publish(uris.DATA_NODE_SUBTRACTED, node.entry())
            elif others.entry() != node.entry():
                self.publish(uris.DATA_NODE_ADDED, others.entry())

"""A data node asks the hub to list it, again and again until the hub answers.

A hub that starts after the node may never say so (the predecessor's does not), and may answer late:
both are its right. Who asks, a `DataNode` or a server of the predecessor's time, is unknown here.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from autobahn.wamp.exception import ApplicationError
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from sisock import uris
from sisock.backoff import Backoff
from sisock.blocking import within
from sisock.errors import DeadlineError, RefusedError

HUB_DEADLINE_S = 5.0

_DELAY_S = Backoff(first_s=0.25, most_s=4.0, factor=1.5)
_TAKEN = (
    ApplicationError.PROCEDURE_ALREADY_EXISTS,
    # By replicas, which share it among themselves.
    ApplicationError.PROCEDURE_EXISTS_INVOCATION_POLICY_CONFLICT,
)
_NO_HUB = (ApplicationError.NO_SUCH_PROCEDURE, ApplicationError.CANCELED)


class Announcement:
    """One session's request to be listed.

    Parameters
    ----------
    clock : IReactorTime
    session : autobahn session
        That has joined.
    node : tuple
        Name, description and session id: the arguments of ``data_node.add``.
    tell : callable
        Is given an empty string when the hub lists the node, and otherwise a sentence that says why
        it does not; the same sentence only once.
    refused : callable, optional
        Is given a sentence when a later answer is no; the request is over then. Without it a no, too,
        is asked again: the name may become free.
    capabilities : sequence of str
    prepare : coroutine function, optional
        Done before each request; may raise `RefusedError`.
    """

    def __init__(
        self,
        clock: Any,
        session: Any,
        node: tuple[str, str, int],
        tell: Callable[[str], None],
        *,
        refused: Callable[[str], None] | None = None,
        capabilities: Sequence[str] = (),
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._clock = clock
        self._session = session
        self._node = node
        self._tell = tell
        self._refused = refused
        self._extra: dict[str, Any] = {"capabilities": list(capabilities)} if capabilities else {}
        self._prepare = prepare
        self._open = 0
        self._round = 0
        self._failures = 0
        self._told = ""
        self._timer: Any = None

    async def ask(self) -> None:
        """Ask now, and later by itself if there is no answer.

        Raises
        ------
        RefusedError
            If the answer is no, and somebody wants to know (`refused`).
        """
        self.stop()
        this_round = self._round
        try:
            if self._prepare is not None:
                await self._prepare()
            why = await self._add()
        except RefusedError as refusal:
            if this_round != self._round:
                # An earlier request was answered meanwhile, and this one finds us listed already.
                return
            if self._refused is not None:
                raise
            why = str(refusal)
        if this_round == self._round and self._session.is_attached():
            self._heard(why)

    def stop(self) -> None:
        """Ask no more."""
        self._round += 1
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _heard(self, why: str) -> None:
        if why:
            self._failures += 1
            self._timer = self._clock.callLater(_DELAY_S(self._failures), self._again)
        else:
            self._failures = 0
        if not why or why != self._told:
            self._tell(why)
        self._told = why

    def _again(self) -> None:
        if self._session.is_attached():
            ensureDeferred(self.ask()).addErrback(self._failed)

    def ask_soon(self) -> None:
        """Ask now, for callers that do not wait; a no goes to `refused`."""
        self._again()

    def _failed(self, failure: Failure) -> None:
        if self._session.is_attached() and self._refused is not None:
            self._refused(failure.getErrorMessage())

    async def _add(self) -> str:
        """Why the hub does not list us, or nothing if it does."""
        try:
            added = await self._call()
        except DeadlineError as error:
            return str(error)
        except ApplicationError as error:
            if error.error == ApplicationError.NOT_AUTHORIZED:
                raise RefusedError(not_allowed(uris.DATA_NODE_ADD, error)) from error
            if error.error not in _NO_HUB and self._extra:
                # A hub of the predecessor's knows no capabilities.
                self._extra = {}
                return await self._add()
            if error.error == ApplicationError.NO_SUCH_PROCEDURE:
                return "the hub is not on the router yet"
            # The router's own words name the session and the call, so that no two are the same.
            return f"the hub failed ({error.error})"
        if added:
            return ""
        if self._open:
            # The predecessor's hub says no to whom it lists already, which an earlier request may have done.
            return "the hub still owes the answer to an earlier request"
        raise RefusedError(f"another data node is already listed under the name {self._node[0]!r}")

    async def _call(self) -> Any:
        call = self._session.call(uris.DATA_NODE_ADD, *self._node, **self._extra)
        self._open += 1
        waiting = [True]

        def settled(answer: Any) -> Any:
            self._open -= 1
            if not waiting and answer is True and self._session.is_attached():
                self.stop()
                self._heard("")
            return answer

        call.addBoth(settled)
        try:
            return await within(self._clock, HUB_DEADLINE_S, call, "the hub")
        finally:
            waiting.clear()


def not_allowed(what: str, error: ApplicationError) -> str:
    """Say what the router's refusal means for the person who configured it."""
    # The router's own words name the session, so that the same refusal would never read the same.
    return (
        f"the router does not let us use {what} ({error.error}): give us the secret of a user who may "
        f"(WAMP_SECRET or WAMP_SECRET_FILE; without one we are anonymous), or check the role of our "
        f"WAMP_USER in the router's config.json"
    )


def not_registered(name: str, error: ApplicationError) -> str:
    """Say why the router refuses to register the procedures of the data node `name`."""
    if error.error in _TAKEN:
        return f"another data node already serves the name {name!r}: give one of the two another name"
    return not_allowed(f"{uris.CONSUMER_PREFIX}{name}.*", error)

"""Calls of other peers' procedures: deadlines, errors as sentences, and what a peer still owes.

A call without parts is never cancelled, since a peer of the predecessor's must not notice that nobody
waits any more. A call with parts is: the peer could go on sending for ever.
"""

from collections.abc import Callable, Sequence
from typing import Any

from autobahn.wamp.exception import ApplicationError, Error, TransportLost
from autobahn.wamp.message import Cancel
from autobahn.wamp.types import CallOptions
from sisock.blocking import within
from sisock.connection import Connection
from sisock.errors import DeadlineError, NodeAwayError, NodeError
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from sisock_consumer import replies

MOST_UNANSWERED = 256
"""Calls to one node that may be open at once; beyond that it is not asked any more."""

SUSPECT_DEADLINE_S = 1.0
"""Longest wait for a node that has let an earlier call's deadline pass and still owes the answer."""


class Parts:
    """The parts of one reply, taken until there are too many bytes of them or nobody wants more."""

    def __init__(self, who: str, most_bytes: int) -> None:
        self._who = who
        self.taken: list[Any] = []
        self.full = False
        self._most_bytes = most_bytes
        self._size = 0
        self._wanted = True
        self._end: Callable[[NodeError], object] = _nothing

    def end_with(self, end: Callable[[NodeError], object]) -> None:
        """Call this, with what to raise, when there is too much."""
        self._end = end

    def take(self, *parts: Any, **_kwargs: Any) -> None:
        """Keep a part; what a node sends besides is passed over."""
        if not self._wanted:
            return
        part = parts[0] if parts else None
        self._size += replies.size_bytes(part)
        if self._size > self._most_bytes:
            self.full = True
            self.drop()
            self._end(self.too_long())
        else:
            self.taken.append(part)

    def drop(self) -> None:
        """Keep nothing, now or later."""
        self._wanted = False
        self.taken = []

    def too_long(self) -> NodeError:
        """What to raise when there is too much."""
        return NodeError(
            f"{self._who} sent more than {self._most_bytes} bytes: ask for less time or fewer points"
        )


class Calls:
    """Calls on whatever session a connection has.

    Parameters
    ----------
    reactor : IReactorTime
    connection : Connection
    """

    def __init__(self, reactor: Any, connection: Connection) -> None:
        self._reactor = reactor
        self._connection = connection
        self._unanswered: dict[str, int] = {}
        self._overdue: dict[str, int] = {}

    def forget(self) -> None:
        """Nobody owes anything: the session is over."""
        self._unanswered.clear()
        self._overdue.clear()

    def trust(self, name: str) -> None:
        """Whoever has this name next owes nothing."""
        self._overdue.pop(name, None)

    async def ask(
        self,
        name: str,
        deadline_s: float,
        procedure: str,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        parts: Parts | None = None,
    ) -> Any:
        """Call a node as `call` does, but wait only a moment for one that owes an answer."""
        unanswered = self._unanswered.get(name, 0)
        if unanswered >= MOST_UNANSWERED:
            raise NodeAwayError(f"{name} has not answered {unanswered} earlier calls")
        if self._overdue.get(name):
            deadline_s = min(deadline_s, SUSPECT_DEADLINE_S)
        return await self.call(name, deadline_s, procedure, args, kwargs, parts)

    async def call(
        self,
        who: str,
        deadline_s: float,
        procedure: str,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        parts: Parts | None = None,
    ) -> Any:
        """Call a procedure and wait for its answer.

        Parameters
        ----------
        who : str
            Whom the errors name.
        deadline_s : float
            Seconds to wait.
        procedure : str
            Its URI.
        args, kwargs
            What it is given.
        parts : Parts, optional
            Takes all but the last part of the answer. With it, the call is cancelled when nobody
            waits any more; without it, a late answer comes and is dropped.

        Raises
        ------
        NodeError
            If there is no usable answer in time.
        """
        session = self._connection.session
        if session is None:
            raise NodeAwayError("the router is away")
        extra = dict(kwargs)
        if parts is not None:
            extra["options"] = CallOptions(on_progress=parts.take)
        try:
            call = session.call(procedure, *args, **extra)
        except TransportLost:
            raise NodeAwayError("the router is away") from None
        except Error as error:
            raise NodeError(f"{who} cannot be asked: {_told(error)}") from error
        overdue = self._watch(who, call)
        answer: Deferred[Any] = Deferred()

        def settle(result: Any) -> None:
            if not answer.called:
                answer.callback(result)

        def give_up() -> None:
            overdue()
            if parts is not None:
                parts.drop()
                _cancel(session, call)

        def too_much(error: NodeError) -> None:
            give_up()
            settle(Failure(error))

        call.addBoth(settle)
        if parts is not None:
            parts.end_with(too_much)
        try:
            return await within(self._reactor, deadline_s, answer, who)
        except DeadlineError:
            give_up()
            raise
        except (Error, ConnectionError) as error:
            raise _node_error(who, error) from error
        finally:
            if parts is not None:
                # Each would hold the other, and the reply with it, until the collector comes by.
                parts.end_with(_nothing)

    def _watch(self, who: str, call: Deferred[Any]) -> Callable[[], None]:
        """Count a call until it is answered; what is returned says that its deadline has passed."""
        self._count(self._unanswered, who, 1)
        late = False

        def overdue() -> None:
            nonlocal late
            late = True
            self._count(self._overdue, who, 1)

        def answered(result: Any) -> Any:
            self._count(self._unanswered, who, -1)
            if late:
                self._count(self._overdue, who, -1)
            return result

        call.addBoth(answered)
        return overdue

    @staticmethod
    def _count(counts: dict[str, int], who: str, change: int) -> None:
        number = max(0, counts.get(who, 0) + change)
        if number:
            counts[who] = number
        else:
            counts.pop(who, None)


def _nothing(_error: NodeError) -> None:
    """Nobody waits."""


def _cancel(session: Any, call: Deferred[Any]) -> None:
    """Have the router stop a call: the node is told, and no further part comes here.

    In the mode ``kill`` the router answers the call once, when the node has. In autobahn's
    own mode it answers at once, and again if the node then leaves, which ends our session.
    """
    if session.is_attached():
        for number, request in session._call_reqs.items():
            if request.on_reply is call:
                session._transport.send(Cancel(number, mode=Cancel.KILL))
                return


def _told(error: BaseException) -> str:
    """The texts of an error that a peer sent; other things in it can be anything."""
    texts = [arg for arg in error.args if isinstance(arg, str)]
    return replies.shown(" ".join(texts)) or type(error).__name__


def _node_error(who: str, error: Exception) -> NodeError:
    """What a failed call means to the one who asked."""
    if isinstance(error, ApplicationError):
        if error.error in (ApplicationError.NO_SUCH_PROCEDURE, ApplicationError.CANCELED):
            return NodeAwayError(f"{who} is away")
        return NodeError(f"{who}: {error.error}: {_told(error)}")
    if isinstance(error, ConnectionError | TransportLost):
        return NodeAwayError("the router went away")
    # What autobahn makes of a peer's answer that the peer could not write.
    return NodeError(f"{who} gave no answer that can be read: {_told(error)}")

"""The one way in which blocking work leaves the reactor thread."""

from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.threads import deferToThreadPool

from sisock.errors import DeadlineError

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(reactor: Any, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
    """Run `work` in the reactor's thread pool and wait for it."""
    return cast("Awaitable[T]", deferToThreadPool(reactor, reactor.getThreadPool(), work, *args, **kwargs))


def within(clock: Any, deadline_s: float, waiting: Deferred[T], what: str) -> Deferred[T]:
    """Wait for `waiting`, but only so long.

    Parameters
    ----------
    clock : IReactorTime
    deadline_s : float
        Seconds.
    waiting : Deferred
        Is not cancelled when the deadline passes: its late result is dropped. (autobahn ends the
        whole session on a reply to a call that it no longer knows.)
    what : str
        Begins the sentence of the error.

    Returns
    -------
    Deferred
        The result, or `DeadlineError`.
    """
    outer: Deferred[T] = Deferred()

    def expire() -> None:
        outer.errback(DeadlineError(f"{what} did not answer within {deadline_s:.3g} s"))

    timer = clock.callLater(deadline_s, expire)

    def settle(result: Any) -> None:
        if outer.called:
            return
        try:
            timer.cancel()
        except (AlreadyCalled, AlreadyCancelled):
            return
        outer.callback(result)

    waiting.addBoth(settle)
    return outer

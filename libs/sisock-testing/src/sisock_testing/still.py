"""A reactor that stands still until a test moves it, for what needs no network."""

from typing import Any

from twisted.internet.interfaces import IReactorPluggableNameResolver
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(IReactorPluggableNameResolver)
class StillReactor(Clock):
    """A clock that is set by hand; what others do in threads is done at once.

    Attributes
    ----------
    in_threads : int
        How often something was done in a thread.
    """

    nameResolver: Any = None  # noqa: N815 (Twisted's name; an endpoint wants one, and does not look)

    def __init__(self) -> None:
        super().__init__()
        self.in_threads = 0

    def getThreadPool(self) -> "StillReactor":  # noqa: N802
        """See `twisted.internet.interfaces.IReactorThreads`: it is its own pool."""
        return self

    def callFromThread(self, call: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N802
        """See `twisted.internet.interfaces.IReactorFromThreads`."""
        call(*args, **kwargs)

    def callInThreadWithCallback(self, told: Any, work: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N802
        """See `twisted.python.threadpool.ThreadPool`."""
        self.in_threads += 1
        try:
            result = work(*args, **kwargs)
        except Exception:  # noqa: BLE001 (as a thread pool does)
            told(False, Failure())
        else:
            told(True, result)

"""What a data server is to its author: a `DataNode` that names its fields and reads them.

Nothing here knows of WAMP or of Twisted. Times are absolute UNIX seconds, columns are numpy
arrays, and the two methods are called in threads, possibly several at the same time.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from sisock.bounds import Bounds

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

FieldType = Literal["number", "string", "bool"]
Column = npt.NDArray[Any]
Times = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Update:
    """What a repeated call tells consumers.

    Parameters
    ----------
    until : float
        Data reach up to this time, UNIX seconds.
    fields_changed : bool
        There are other fields than before: whoever keeps a list is to ask for it anew.
    """

    until: float
    fields_changed: bool = False


Told = float | Update | None
Repeated = Callable[[], Told] | Callable[[], Awaitable[Told]]


@dataclass(frozen=True, slots=True)
class Field:
    """One time series that a node can serve.

    Parameters
    ----------
    name : str
        Unique within the node.
    description : str, optional
        For people.
    units : str, optional
        Physical units.
    type : {"number", "string", "bool"}
        What its values are.
    timeline : str, optional
        Fields that are sampled together name the same timeline; by default a field has its own,
        of its own name. Fields may share a timeline only if their times are always the same.
    interval : float, optional
        Average seconds between samples; None if aperiodic or not known.
    source : str, optional
        What is measured, whoever serves it: fields of several nodes that have the same source are one
        series. Unique within the node. For a channel of OCS: the feed's address, a dot, the channel as
        it is published.
    limits : Bounds, optional
        Between which values all is well.
    silent_after : float, optional
        A pause of so many seconds means that something is wrong.
    kept_for : float, optional
        The node keeps samples for so many seconds and no longer; None if it does not forget.
    complete_since : float, optional
        UNIX time. Of what was measured since then the node misses nothing; None if it cannot tell.
    """

    name: str
    description: str | None = None
    units: str | None = None
    type: FieldType = "number"
    timeline: str = ""
    interval: float | None = None
    source: str | None = None
    limits: Bounds | None = None
    silent_after: float | None = None
    kept_for: float | None = None
    complete_since: float | None = None

    @property
    def timeline_name(self) -> str:
        """The timeline's name, which is the field's own unless said otherwise."""
        return self.timeline or self.name


@dataclass(frozen=True, slots=True)
class Series:
    """Samples of one field.

    Parameters
    ----------
    name : str
        The field.
    t : (n,) float64
        UNIX seconds, ascending.
    values : (n,) float64, integer, bool or str
        One value a time. NaN means that there is no value at that time.
    timeline : str, optional
        As in `Field`.
    finalized_until : float, optional
        Samples before this UNIX time will not change any more; None when all of `t` is final.
    """

    name: str
    t: Times
    values: Column
    timeline: str = ""
    finalized_until: float | None = None

    @property
    def timeline_name(self) -> str:
        """The timeline's name, which is the field's own unless said otherwise."""
        return self.timeline or self.name


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a range the caller wants to see.

    A node may use these to read less (from summaries, say); it need not. Whatever `DataNode.read`
    returns is reduced to the limits afterwards, with every extreme kept.

    Parameters
    ----------
    max_points : int, optional
        At most so many points per field.
    min_stride : float, optional
        Successive samples are at least so many seconds apart.
    """

    max_points: int | None = None
    min_stride: float | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """Even bins: bin `k` holds the samples of ``[offset + k * width, offset + (k + 1) * width)``.

    Parameters
    ----------
    width : int
        Microseconds, one or more.
    offset : int
        Microseconds since 1970 of an edge.

    Notes
    -----
    Integers, so that everybody puts a sample into the same bin: a float64 of UNIX seconds holds
    microseconds and no more, and a width of 0.1 s is none that it holds.
    """

    width: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Bins:
    """What the samples of one field come to, bin by bin; bins without a sample are left out.

    A value that is missing (NaN, None) or no finite number is no sample.

    Parameters
    ----------
    name : str
        The field.
    t : (n,) float64
        Where each bin begins, UNIX seconds, ascending.
    count : (n,) float64
        Samples in it, one or more.
    first, last : (n,) float64, bool or object
        Its first and last value.
    first_t, last_t : (n,) float64
        Their times.
    sum, min, max : (n,) float64, optional
        None where values are text or bools.
    finalized_until : float, optional
        As in `Series`.
    """

    name: str
    t: Times
    count: Times
    first: Column
    first_t: Times
    last: Column
    last_t: Times
    sum: Times | None = None
    min: Times | None = None
    max: Times | None = None
    finalized_until: float | None = None


class LiveSession(Protocol):
    """What a joined node may do with its connection."""

    def publish_updated(self, until: float, *, fields_changed: bool = False) -> None:
        """Tell consumers that data reach up to `until` (UNIX seconds), and whether to list fields anew.

        Sent once a second at most; what is told in between is sent when the second is over.
        """

    async def subscribe(self, handler: Any, topic: str, match: str = "exact") -> None:
        """Call `handler` in the reactor thread for each event on `topic`, while this session lasts."""

    async def serve(self, procedure: str, handler: Callable[..., Any]) -> None:
        """Answer a procedure of the node's own, ``consumer.<name>.<procedure>``, while this session lasts.

        Parameters
        ----------
        procedure : str
            A word; neither ``get_fields`` nor ``get_data``.
        handler : callable
            Is called in the reactor thread with what the caller gives, and should take further keywords; may
            be ``async``. A `ContractError` is the caller's fault, and is told as such.
        """

    def every(self, period_s: float, call: Repeated) -> None:
        """Make a call now and every so many seconds, also while the router is away, until the process ends.

        To be said in each `DataNode.joined`, as `subscribe` is: the same call goes on in its rhythm, and one
        that is not asked for again ends. A failure is logged, once until it is another one, and ends nothing.

        Parameters
        ----------
        period_s : float
            Seconds from one call to the next; a call that is still at it is not made a second time.
        call : callable
            A plain function is called in a thread, as `DataNode.read` is; an ``async`` one in the reactor
            thread. If it returns a time, or an `Update`, that is told to consumers as by `publish_updated`.
        """


class DataNode(ABC):
    """A server of time series.

    Attributes
    ----------
    name : str
        Unique in the stack; ``consumer.<name>.get_data`` is its address.
    description : str
        For people.
    live : bool
        Whether `joined` publishes updates.
    threads : int or None
        How many requests are read at the same time; one more than the machine has cores by default.
    """

    name: str
    description: str
    live: bool = False
    threads: int | None = None

    @abstractmethod
    def fields(self, start: float, end: float) -> Iterable[Field]:
        """List the fields that may have samples in the interval.

        Parameters
        ----------
        start, end : float
            UNIX seconds, half open: ``[start, end)``.

        Returns
        -------
        iterable of Field
        """

    @abstractmethod
    def read(self, names: Sequence[str], start: float, end: float, limits: Limits) -> Iterable[Series]:
        """Read samples.

        Parameters
        ----------
        names : sequence of str
            The fields wanted, each once; unknown names are to be passed over.
        start, end : float
            UNIX seconds, half open: ``[start, end)``. Samples outside are cut off afterwards.
        limits : Limits
            How much the caller wants to see.

        Returns
        -------
        iterable of Series
            One a field that has samples, in any order.

        Raises
        ------
        TooMuchDataError
            If there is more than the node is willing to send.
        """

    def bins(
        self,
        names: Sequence[str],  # noqa: ARG002
        start: float,  # noqa: ARG002
        end: float,  # noqa: ARG002
        grid: Grid,  # noqa: ARG002
    ) -> Iterable[Bins] | None:
        """Sum samples up in bins, for a node that can do so without reading them all.

        Parameters
        ----------
        names : sequence of str
            The fields wanted, each once.
        start, end : float
            UNIX seconds; only samples of ``[start, end)`` count, in the first and last bin, too.
        grid : Grid
            Which bins.

        Returns
        -------
        iterable of Bins, or None
            One a field that has samples. None, which is what is returned unless a node knows better:
            compute them from what `read` gives.
        """
        return None

    async def joined(self, session: LiveSession) -> None:  # noqa: B027 (most nodes have nothing to do)
        """Start what needs a connection; called each time that the node has joined the router."""

    def measure(self, registry: "CollectorRegistry") -> None:  # noqa: B027 (most nodes have no more to say)
        """Add what Prometheus shall read beside what every node has; called once, before anything else.

        Parameters
        ----------
        registry : prometheus_client.CollectorRegistry
        """

    def close(self) -> None:  # noqa: B027 (most nodes hold nothing)
        """Release what the node holds; called once, when the process ends."""

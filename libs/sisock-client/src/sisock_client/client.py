"""The client: who is online, which fields there are, their samples; blocking, over HTTP or WAMP."""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from sisock_client import derived
from sisock_client.bins import Binned, binned
from sisock_client.errors import ClientError
from sisock_client.globs import expanded
from sisock_client.http import HttpSource
from sisock_client.look import DRAWN_POINTS, Look, size_of
from sisock_client.place import token_of, url_of
from sisock_client.samples import FieldInfo, Latest, NodeSummary, Sample, Samples
from sisock_client.tail import Tail
from sisock_client.times import Moment, unix_time
from sisock_client.vocabulary import DEADLINE_S, DPI

if TYPE_CHECKING:
    from sisock_client.plots import Picture

FOLLOW_S = 2.0

_log = logging.getLogger("sisock_client")


class _Source(Protocol):
    def nodes(self) -> list[NodeSummary]: ...

    def fields(self, search: str) -> list[FieldInfo]: ...

    def get(
        self,
        names: Sequence[str],
        start: float,
        end: float,
        max_points: int | None,
        binned: Binned | None,
        *,
        join: bool,
        convert: bool,
    ) -> Samples: ...

    def latest(self, names: Sequence[str]) -> Latest: ...

    def close(self) -> None: ...


class Client:
    """A way to ask a stack.

    Parameters
    ----------
    url : str, optional
        Of the bridge (`sisock-http`); ``SISOCK_URL`` or ``http://localhost:5000`` by default.
    wamp : bool or mapping
        Ask the router instead, as a component does: True for the settings in the environment
        (``CROSSBAR_HOST``, ``WAMP_SECRET`` ...), or a mapping of them.
    deadline_s : float
        Seconds to wait for an answer to begin, and for each further piece of it.
    progress : bool
        Whether long downloads say how far they are, on standard error.
    token : str, optional
        For a bridge that asks for one (`sisock-http token add`); ``SISOCK_TOKEN``, or what is in the file
        ``SISOCK_TOKEN_FILE``, by default.

    Examples
    --------
    >>> from sisock.client import Client  # doctest: +SKIP
    >>> client = Client("http://localhost:5000")  # doctest: +SKIP
    >>> client.get("apex_archive::apex_windspeed", "2017-07-14", "2017-07-15").pandas()  # doctest: +SKIP
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        wamp: bool | Mapping[str, str] = False,
        deadline_s: float = DEADLINE_S,
        progress: bool = False,
        token: str | None = None,
    ) -> None:
        self._source: _Source
        if wamp is False:
            token = token_of(os.environ) if token is None else token
            self._source = HttpSource(url_of(url, os.environ), deadline_s, progress=progress, token=token)
        else:
            from sisock_client.wamp import WampSource  # noqa: PLC0415 (it starts a reactor)

            self._source = WampSource(os.environ if wamp is True else wamp, deadline_s)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._source.close()

    def nodes(self) -> list[NodeSummary]:
        """List the data nodes that are online.

        Raises
        ------
        ClientError
            If the stack cannot be asked.
        """
        return self._source.nodes()

    def fields(self, search: str = "") -> list[FieldInfo]:
        """List fields, those whose name or description contains `search`.

        Raises
        ------
        ClientError
            If the stack cannot be asked.
        """
        return self._source.fields(search)

    def get(
        self,
        fields: str | Sequence[str],
        start: Moment = "now-1h",
        end: Moment = "now",
        max_points: int | None = None,
        *,
        bin: str | float | timedelta | None = None,  # noqa: A002 (it is what the bridge calls it)
        of: str | Sequence[str] = "mean",
        join: bool = True,
        convert: bool = True,
    ) -> Samples:
        """Get samples in ``[start, end)``, or what they come to in even bins.

        Parameters
        ----------
        fields : str or sequence of str
            ``node::field``; ``*`` stands for any text, ``?`` for a character, ``[ab]`` for one of some. Or a
            curve made of such: ``a::x - b::y``, ``a::x / b::y`` or ``mean(a::x, 5m)``.
        start, end : str, number, date, datetime, timedelta, datetime64 or timedelta64
            ISO 8601 (UTC if it names no zone), UNIX seconds, ``now-6h``, ``-3600`` or a timedelta for so long
            ago, or a date for its midnight (UTC).
        max_points : int, optional
            At most so many samples of each field, with every extreme among them.
        bin : str, number or timedelta, optional
            Length of bins, ``5m`` or seconds, which begin at its whole multiples since 1970. Columns are then
            ``node::field/mean`` and so on, their times where bins begin; bins without a sample are left out.
        of : str or sequence of str
            Which of mean, min, max, first, last, count, sum and spread of each bin. A mean shows no spike.
        join : bool
            Whether a field is one series of all nodes that hold what it measures, archive and live; else
            it is the named node's alone. Over WAMP it is always that.
        convert : bool
            Whether values and units are as the site's file has them shown; else they are its node's own.
            Over WAMP they are always these.

        Returns
        -------
        Samples
            Fields without samples are empty; why is in its `notices`.

        Raises
        ------
        UnknownFieldError
            If none of the fields exists, as far as the stack knows.
        ClientError
            If the stack cannot be asked, or the request makes no sense.
        """
        names = self.names(fields)
        now = time.time()
        first, last = unix_time(start, now), unix_time(end, now)
        if first > last:
            raise ClientError(f"start={start!s} is after end={end!s}")
        wanted = binned(bin, of)
        if wanted and max_points is not None:
            raise ClientError("bin says already how much is wanted: without max_points")
        if wanted and any(map(derived.parsed, names)):
            raise ClientError("there are no bins of curves that are made of others: without bin")

        def fetch(some: Sequence[str], begin: float, most: int | None) -> Samples:
            return self._source.get(some, begin, last, most, wanted, join=join, convert=convert)

        return derived.fetched(names, first, max_points, fetch)

    def latest(self, fields: str | Sequence[str] = "*") -> Latest:
        """Get the newest sample of each field, if it is not older than 30 days.

        Parameters
        ----------
        fields : str or sequence of str
            As `get` takes them; all that there are by default.

        Raises
        ------
        UnknownFieldError
            If none of the fields exists, as far as the stack knows.
        ClientError
            If the stack cannot be asked.
        """
        return self._source.latest(self.names(fields))

    def plot(
        self,
        fields: str | Sequence[str],
        start: Moment = "now-1h",
        end: Moment = "now",
        max_points: int | None = DRAWN_POINTS,
        *,
        size: str | tuple[float, float] | None = None,
        dpi: float = DPI,
        log: bool = False,
        title: str | None = None,
        join: bool = True,
        convert: bool = True,
    ) -> "Picture":
        """Draw fields: a panel for each unit, a band for each field of text, a break in each gap.

        Parameters
        ----------
        fields, start, end, max_points, join, convert
            As `get` takes them.
        size : str or tuple of float, optional
            ``7x4`` or a pair (inches), ``18x10cm``, ``180x100mm``; a page's width by default.
        dpi : float
            Pixels in an inch, of a picture that has pixels.
        log : bool
            Whether axes of numbers are logarithmic.
        title : str, optional
            Above; else what the names of all fields begin with.

        Returns
        -------
        Picture
            A matplotlib figure: ``savefig`` writes it, a notebook shows it; its `notes` say what is missing.

        Raises
        ------
        ClientError
            If there is nothing to draw, or matplotlib is missing (extra ``plot``); and as `get` does.
        """
        now = time.time()
        span = (unix_time(start, now), unix_time(end, now))
        look = Look(size_of(size), dpi, log, title, span)
        samples = self.get(fields, *span, max_points, join=join, convert=convert)
        picture = samples.plot(look)
        picture.notes[:0] = samples.notices
        return picture

    def follow(
        self, fields: str | Sequence[str], start: Moment = "now", *, every_s: float = FOLLOW_S
    ) -> Iterator[Sample]:
        """Wait for samples and give each as it comes, until nobody asks for more.

        A stack, or a node, that is away is waited for, and said in the log; what it measured meanwhile comes
        when it is back.

        Parameters
        ----------
        fields : str or sequence of str
            As `get` takes them; which there are is looked up once.
        start : str, number, date, datetime, timedelta, datetime64 or timedelta64
            Begin behind this time.
        every_s : float
            Seconds between two looks.

        Raises
        ------
        UnknownFieldError
            At the first look, if none of the fields exists.
        ClientError
            If a name has to be looked up and the stack cannot be asked.

        Examples
        --------
        >>> for sample in client.follow("cryo::*_t"):  # doctest: +SKIP
        ...     print(sample.field, sample.t, sample.value)
        """
        tail = Tail(self, self.names(fields), unix_time(start, time.time()))
        pause = threading.Event()
        while True:
            yield from tail.look()
            for sentence in tail.news():
                _log.warning("%s", sentence)
            pause.wait(every_s)

    def names(self, fields: str | Sequence[str]) -> list[str]:
        """Names of fields, each once; ``*``, ``?`` and ``[...]`` stand for those that there are now."""
        given = [fields] if isinstance(fields, str) else list(fields)
        return expanded(given, lambda: [one.field for one in self.fields()])

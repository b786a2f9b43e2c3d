"""The client: who is online, which fields there are, their samples; blocking, over HTTP or WAMP."""

import os
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Protocol

from sisock_client.bins import Binned, binned
from sisock_client.errors import ClientError
from sisock_client.http import HttpSource
from sisock_client.place import URL, token_of
from sisock_client.samples import FieldInfo, NodeSummary, Samples
from sisock_client.times import Moment, unix_time

DEADLINE_S = 60.0


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
            chosen = url or os.environ.get("SISOCK_URL") or URL
            self._source = HttpSource(
                chosen, deadline_s, progress=progress, token=token_of(os.environ) if token is None else token
            )
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
            ``node::field``.
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
        names = [fields] if isinstance(fields, str) else list(fields)
        now = time.time()
        first, last = unix_time(start, now), unix_time(end, now)
        if first > last:
            raise ClientError(f"start={start!s} is after end={end!s}")
        wanted = binned(bin, of)
        if wanted and max_points is not None:
            raise ClientError("bin says already how much is wanted: without max_points")
        return self._source.get(names, first, last, max_points, wanted, join=join, convert=convert)

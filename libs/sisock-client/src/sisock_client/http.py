"""Ask a stack through its bridge, by the plain interface under ``/api/v1``."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import requests

from sisock_client import events
from sisock_client.bins import Binned, of_bins
from sisock_client.curves import Column
from sisock_client.errors import ClientError
from sisock_client.progress import Tell, telling
from sisock_client.samples import (
    FieldInfo,
    Last,
    Latest,
    NodeSummary,
    Samples,
    known_only,
    unknown_told,
)

PIECE_BYTES = 64 * 1024
CONNECT_S = 5.0
LONGEST_ADDRESS = 8_000
UNAUTHORIZED, NOT_FOUND = 401, 404


class _Bearer(requests.auth.AuthBase):
    """Gives a token with each request, and a ``.netrc`` no say in it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class HttpSource:
    """A bridge.

    Parameters
    ----------
    url : str
        Such as ``http://localhost:5000``.
    deadline_s : float
        Seconds to wait for a reply to begin, and for each further piece of it.
    progress : bool
        Whether long downloads say how far they are.
    token : str
        For a bridge that asks for one.
    """

    def __init__(self, url: str, deadline_s: float, *, progress: bool, token: str = "") -> None:
        self.url = url.rstrip("/")
        self._deadline_s = deadline_s
        self._progress = progress
        self._session = requests.Session()
        if token:
            self._session.auth = _Bearer(token)

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def status(self) -> dict[str, Any] | None:
        """What the bridge says of itself and the stack; None of a bridge that is too old to be asked."""
        reply = self._ask("/api/v1/status", {})
        if reply.status_code == NOT_FOUND:
            return None
        told: dict[str, Any] = self._checked(reply).json()
        return told

    def state(
        self, search: str = "", states: Sequence[str] = (), *, since: int = 0, epoch: str = ""
    ) -> dict[str, Any] | None:
        """How each field is, as watch says; None of a bridge that is too old to be asked.

        Behind `since`, the number of an earlier reply of the same `epoch`, only what changed.
        """
        after = {"since": since, "epoch": epoch} if since else {}
        reply = self._ask("/api/v1/state", {"search": search, "state": list(states), **after})
        if reply.status_code == NOT_FOUND:
            return None
        told: dict[str, Any] = self._checked(reply).json()
        return told

    def note(self, written: Mapping[str, str]) -> dict[str, Any]:
        """Have the bridge keep a note, if it may; the event that it is now."""
        try:
            reply = self._session.post(
                f"{self.url}/api/v1/notes", json=written, timeout=(CONNECT_S, self._deadline_s)
            )
        except requests.RequestException as error:
            raise self._unreachable(error) from error
        told: dict[str, Any] = self._checked(reply).json()
        return told

    def stream(self, wanted: Mapping[str, Any], silence_s: float) -> Iterator[tuple[str, Any]]:
        """What is new, as `sisock_client.events` has it, until the bridge ends it.

        Raises
        ------
        ClientError
            If there is no stream, it breaks, or says nothing for `silence_s`.
        """
        try:
            with self._session.post(
                f"{self.url}/api/v1/stream", json=wanted, timeout=(CONNECT_S, silence_s), stream=True
            ) as reply:
                yield from events.read(self._checked(reply).iter_content(None))
        except requests.RequestException as error:
            raise ClientError(f"the stream of the bridge at {self.url} broke off") from error

    def nodes(self) -> list[NodeSummary]:
        """Who is online."""
        listed = self._json("/api/v1/nodes")
        return [NodeSummary(one["name"], one["description"], one["fields"]) for one in listed]

    def fields(self, search: str, *, convert: bool = True) -> list[FieldInfo]:
        """Fields whose name or description contains a text."""
        listed = self._json("/api/v1/fields", search=search, **({} if convert else {"convert": "no"}))
        return [
            FieldInfo(
                one["field"],
                one["description"],
                one["units"],
                one["type"],
                one["interval"],
                one.get("source"),
                one.get("label"),
            )
            for one in listed
        ]

    def get(
        self,
        names: Sequence[str],
        start: float,
        end: float,
        max_points: int | None = None,
        binned: Binned | None = None,
        *,
        join: bool = True,
        convert: bool = True,
    ) -> Samples:
        """Samples in ``[start, end)``, UNIX seconds, or what of bins is wanted."""
        parameters: dict[str, Any] = {"start": start, "end": end, "format": "npz"}
        if max_points is not None:
            parameters["max_points"] = max_points
        if binned is not None:
            parameters.update(binned.parameters)
        # An older bridge knows neither; it is asked for what it cannot give only by who wants that.
        parameters |= {name: "no" for name, wanted in (("join", join), ("convert", convert)) if not wanted}
        columns: dict[str, tuple[Column, Column]] = {}
        notices: list[str] = []
        for some in _batches(names):
            with telling(self._progress) as tell:
                reply = self._reply("/api/v1/data", {"field": some, **parameters}, stream=True)
                body = b"".join(self._pieces(reply, tell))
            notices += _notices(reply)
            with np.load(io.BytesIO(body), allow_pickle=False) as found:
                given = [name for name in found.files if not name.endswith("/time")]
                columns.update((name, (found[f"{name}/time"], found[name])) for name in given)
        units = {one.field: one.units for one in self.fields("", convert=convert)}
        if binned is not None:
            units = of_bins(units, binned)
        return known_only(columns, units, list(dict.fromkeys(notices)))

    def latest(self, names: Sequence[str]) -> Latest:
        """The newest sample of each field."""
        told: list[dict[str, Any]] = []
        notices: list[str] = []
        for some in _batches(names):
            reply = self._reply("/api/v1/latest", {"field": some})
            told += reply.json()
            notices += _notices(reply)
        units = {one.field: one.units for one in self.fields("")}
        rows = {
            one["field"]: Last(one["field"], one["time"], one["value"], units.get(one["field"]))
            for one in told
        }
        empty = [one.field for one in rows.values() if one.t is None]
        return Latest(rows, unknown_told(empty, units, len(rows), list(dict.fromkeys(notices))))

    def _json(self, path: str, **parameters: Any) -> Any:
        return self._reply(path, parameters).json()

    def _reply(self, path: str, parameters: dict[str, Any], *, stream: bool = False) -> requests.Response:
        return self._checked(self._ask(path, parameters, stream=stream))

    def _ask(self, path: str, parameters: dict[str, Any], *, stream: bool = False) -> requests.Response:
        try:
            return self._session.get(
                f"{self.url}{path}", params=parameters, timeout=(CONNECT_S, self._deadline_s), stream=stream
            )
        except requests.RequestException as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: requests.RequestException) -> ClientError:
        why = "does not answer in time" if isinstance(error, requests.Timeout) else "cannot be reached"
        return ClientError(f"the bridge at {self.url} {why} ({type(error).__name__})")

    def _checked(self, reply: requests.Response) -> requests.Response:
        if not reply.ok:
            try:
                told = reply.json()["error"]
            except (ValueError, KeyError, TypeError):
                told = f"status {reply.status_code}"
            if reply.status_code == UNAUTHORIZED:
                told += "; the client takes it from SISOCK_TOKEN"
            raise ClientError(f"the bridge at {self.url}: {told}")
        return reply

    def _pieces(self, reply: requests.Response, tell: Tell) -> Iterator[bytes]:
        """The body; `tell` is told how far it is."""
        total = int(reply.headers.get("Content-Length") or 0)
        done = 0
        try:
            for piece in reply.iter_content(PIECE_BYTES):
                done += len(piece)
                tell(done, total)
                yield piece
        except requests.RequestException as error:
            raise ClientError(f"the bridge at {self.url} broke off after {done} bytes") from error


def _batches(names: Sequence[str]) -> Iterator[list[str]]:
    """Names in as many requests as it takes: an address may not be of any length."""
    some: list[str] = []
    length = 0
    for name in names:
        more = len("&field=") + len(quote(name))
        if some and length + more > LONGEST_ADDRESS:
            yield some
            some, length = [], 0
        some.append(name)
        length += more
    yield some


def _notices(reply: requests.Response) -> list[str]:
    """What is missing from a reply, and why."""
    told: list[str] = json.loads(reply.headers.get("Sisock-Notices", "[]"))
    return told

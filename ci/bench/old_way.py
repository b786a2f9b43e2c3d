"""The predecessor's way, for comparison: lists over the wire, a loop over samples.

``python -m bench.old_way node``: a data server on `sisock.base`, as the predecessor's are written, with the
bundled archive's radiometer as the field ``old::apex_radiometer``. ``http``: its bridge's ``/query`` in a few
lines: every sample passes through Python, and JSON is the standard library's.
"""

import json
import os
import sys
from typing import Any

import sisock
from autobahn.twisted.wamp import ApplicationRunner, ApplicationSession
from sisock import auth
from sisock.base import DataNodeServer
from sisock.config import RouterConfig, load
from sisock.runner import the_reactor
from sisock.uris import REALM, uri
from sisock_weather.archive import parse
from sisock_weather.config import bundled
from twisted.internet.defer import ensureDeferred
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

FIELD = "apex_radiometer"


class Old(DataNodeServer):
    """One file, in lists, as the predecessor's example server has it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name, self.description = "old", "As it was"
        file = parse((bundled() / f"{FIELD}.dat").read_bytes())
        self._t, self._values = file.t.tolist(), file.values.tolist()

    def _get_fields_blocking(self, _start: float, _end: float) -> tuple[dict[str, Any], dict[str, Any]]:
        described = {"description": "PWV", "timeline": "t", "type": "number", "units": "mm"}
        return {FIELD: described}, {"t": {"interval": 60.0, "field": [FIELD]}}

    def _get_data_blocking(
        self, field: list[str], start: float, end: float, min_stride: float | None = None
    ) -> dict[str, Any]:
        del field, min_stride
        inside = [i for i, t in enumerate(self._t) if start <= t < end]
        times = [self._t[i] for i in inside]
        return {
            "data": {FIELD: [self._values[i] for i in inside]},
            "timeline": {"t": {"t": times, "finalized_until": None}},
        }


class Query(Resource):
    """``/query`` of one field."""

    isLeaf = True  # noqa: N815 (twisted.web's name)

    def __init__(self, session: "OldBridge") -> None:
        super().__init__()
        self._session = session

    def render_POST(self, request: Request) -> int:  # noqa: N802 (twisted.web's name)
        """Answer later."""
        ensureDeferred(self._answer(request))
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> None:
        asked = json.loads(request.content.read())
        target = asked["targets"][0]["target"]
        node, _, field = target.partition("::")
        start, end = asked["range"]["from"] / 1e3, asked["range"]["to"] / 1e3
        found = await self._session.call(uri(f"consumer.{node}.get_data"), [field], start, end)
        times = found["timeline"]["t"]["t"]
        points = []
        for value, t in zip(found["data"][field], times, strict=True):
            points.append([value, t * 1000])
        request.setHeader(b"content-type", b"application/json")
        request.write(json.dumps([{"target": target, "datapoints": points}]).encode())
        request.finish()


class OldBridge(ApplicationSession):
    """Joins as a consumer and serves."""

    def onConnect(self) -> None:  # noqa: N802
        """With the consumers' secret."""
        self.join(REALM, ["wampcra"], "simonsobs")

    def onChallenge(self, challenge: Any) -> str:  # noqa: N802
        """As any consumer."""
        config = load(RouterConfig, {**os.environ, "WAMP_USER": "simonsobs"})
        return auth.sign(auth.require_secret(config), challenge)

    def onJoin(self, _details: Any) -> None:  # noqa: N802
        """Listen."""
        site = Site(Query(self))
        site.log = lambda _request: None  # type: ignore[method-assign]
        the_reactor().listenTCP(int(os.environ["PORT"]), site, interface="127.0.0.1")
        print("listening", flush=True)


def main() -> None:
    config = load(RouterConfig, os.environ)
    made = {"node": Old, "http": OldBridge}[sys.argv[1]]
    address = f"wss://{sisock.base.SISOCK_HOST}:{sisock.base.SISOCK_PORT}/ws"
    ApplicationRunner(address, REALM, ssl=auth.trust(config)).run(made)


if __name__ == "__main__":
    main()

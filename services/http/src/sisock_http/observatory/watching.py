"""How things are and what happened, asked of the node `watch`: the bridge itself keeps no states.

Where it is not online, everything is unknown, and the answer says so: it is never taken for well.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from sisock import uris
from sisock.errors import NodeError
from sisock_consumer.target import Target

from sisock_http.observatory.catalogue import Catalogue
from sisock_http.observatory.presence import Peers
from sisock_http.problems import AwayError

DEADLINE_S = 3.0
STATES = ("unknown", "fresh", "late", "silent", "warning", "alarm")
MOST_FIELDS = 5_000
NOT_HERE = "nobody watches: the data node watch is not online"
NO_ROUTER = "the router is away"


class Caller(Peers, Protocol):
    """Calls procedures, as `sisock_consumer.consumer.Consumer` does."""

    @property
    def nodes(self) -> Mapping[str, Any]:
        """Who is online, by name."""

    async def call(self, who: str, deadline_s: float, procedure: str, *args: Any, **kwargs: Any) -> Any:
        """Call one, or raise `NodeError`."""


class Watching:
    """Asks watch.

    Parameters
    ----------
    caller : Caller
    catalogue : Catalogue
        Which fields there are, when nobody says how they are.
    """

    def __init__(self, caller: Caller, catalogue: Catalogue) -> None:
        self._caller = caller
        self._catalogue = catalogue

    @property
    def why_away(self) -> str:
        """Why watch cannot be asked; empty if it can."""
        if not self._caller.router_here:
            return NO_ROUTER
        return "" if uris.WATCH in self._caller.nodes else NOT_HERE

    async def state(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """How things are (CONTRACT section 7.11), with `watch`: whether it says so, and `why` not."""
        why = self.why_away
        if not why:
            try:
                told = await self._caller.call(uris.WATCH, DEADLINE_S, uris.WATCH_STATE, **asked)
            except NodeError as error:
                why = str(error)
            else:
                if isinstance(told, dict) and isinstance(told.get("fields"), list):
                    return {"watch": True, "why": "", **told}
                why = "watch answered something else than states"
        return self._unknown(why, asked)

    async def events(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What happened.

        Raises
        ------
        AwayError
            If watch cannot be asked.
        """
        told = await self._ask(uris.WATCH_EVENTS, asked)
        return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []

    async def note(self, given: Mapping[str, Any]) -> Any:
        """Have watch write something down.

        Raises
        ------
        AwayError
            If watch cannot be asked.
        """
        return await self._ask(uris.WATCH_NOTE, given)

    async def _ask(self, procedure: str, given: Mapping[str, Any]) -> Any:
        why = self.why_away
        if why:
            raise AwayError(why)
        try:
            return await self._caller.call(uris.WATCH, DEADLINE_S, procedure, **given)
        except NodeError as error:
            raise AwayError(str(error)) from error

    def _unknown(self, why: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Every field that the bridge knows of, as unknown; nobody remembers those that went."""
        wanted, states = str(asked.get("search") or "").strip().lower(), asked.get("states") or ["unknown"]
        known = [
            (str(Target(name, one.name)), one)
            for name, entry in sorted(self._catalogue.online.items())
            for one in entry.fields.values()
        ]
        chosen = [
            (target, one)
            for target, one in known
            if "unknown" in states and (wanted in target.lower() or wanted in (one.source or "").lower())
        ]
        most = int(asked.get("most") or MOST_FIELDS)
        fields = [
            {
                "field": target,
                "series": one.source or target,
                "holders": [target],
                "label": self._catalogue.label(Target.parse(target)) or None,
                "units": one.units,
                "groups": [],
                "state": "unknown",
                "since": None,
                "why": why,
                "t": None,
                "value": None,
                "ahead": 0.0,
                "limits": one.limits.on_wire() if one.limits else None,
                "metric": False,
                "expected": False,
            }
            for target, one in chosen[:most]
        ]
        return {
            "watch": False,
            "why": why,
            "now": None,
            "epoch": "",
            "seq": 0,
            "more": False,
            "router": self._caller.router_here,
            "counts": {**dict.fromkeys(STATES, 0), "unknown": len(known)},
            "nodes": [],
            "fields": fields,
        }

"""A stream of what is new for pages, as server-sent events: who is here, changes of states, and samples.

One question to watch, and to each node, for all who listen. A listener that cannot keep up is let go: its
page comes back by itself and says where it was.
"""

from collections.abc import Callable
from typing import Any, Protocol

from sisock import uris
from sisock_consumer.consumer import NodeInfo
from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import LoopingCall
from twisted.web.http import Request
from zope.interface import implementer

from sisock_http.asking.tails import Tails
from sisock_http.dialects.reply import TAKEN, Reply
from sisock_http.encoding import as_json
from sisock_http.problems import BusyError, RequestError
from sisock_http.web import requests
from sisock_http.web.headers import header
from sisock_http.web.listening import Ear, Wish, wish_of

TYPE = b"text/event-stream"
MOST_LISTENERS = 200
LOOK_S = 1.0
STILL_HERE_S = 15.0
NOW = 2**53
"""A number that no change has yet: only the present one is asked for."""


class Teller(Protocol):
    """Says how things are, as `sisock_http.observatory.watching.Watching` does."""

    @property
    def why_away(self) -> str:
        """Why it cannot; empty if it can."""

    async def state(self, asked: dict[str, Any]) -> dict[str, Any]:
        """How things are."""


@implementer(IPushProducer)
class _Listener:
    """One page that listens."""

    def __init__(self, request: Request, ear: Ear) -> None:
        self.request = request
        self.ear = ear
        self.full = False

    def pauseProducing(self) -> None:  # noqa: N802
        self.full = True

    def resumeProducing(self) -> None:  # noqa: N802
        self.full = False

    def stopProducing(self) -> None:  # noqa: N802
        self.full = True


class Stream:
    """Everybody who listens.

    Parameters
    ----------
    reactor : IReactorTime
    teller : Teller
    tails : Tails
        The newest samples of what pages show.
    status : callable
        Who is here, as ``/api/v1/status`` says it.
    may : callable
        Whether who sent a request may still hear what is told, as things are now.
    """

    def __init__(
        self,
        reactor: Any,
        teller: Teller,
        tails: Tails,
        status: Callable[[], dict[str, Any]],
        may: Callable[[Request], bool],
    ) -> None:
        self._reactor = reactor
        self._teller = teller
        self._tails = tails
        self._status = status
        self._may = may
        self._here: dict[str, Any] = {}
        self._listeners: set[_Listener] = set()
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self._epoch, self._seq = "", 0
        self._news = self._asking = self._hearing = False
        self._why = ""
        self._spoke = 0.0

    def updated(self, node: NodeInfo) -> None:
        """A node has something new: of interest if somebody listens."""
        self._tails.updated(node.name)
        if node.name == uris.WATCH and self._listeners:
            self._news = True
            self._ask()

    async def open(self, request: Request) -> Reply:
        """Begin to tell a page: what it wants to hear is in the body of a POST; else states alone."""
        if request.method == b"HEAD":
            return Reply(b"", TYPE)
        if len(self._listeners) >= MOST_LISTENERS:
            raise BusyError(f"{len(self._listeners)} pages listen, which is all there is room for")
        wish = wish_of(requests.json_body(request)) if request.method == b"POST" else _resumed(request)
        known = wish.epoch != ""
        told = await self._teller.state({"since": wish.since if known else NOW, "epoch": wish.epoch})
        if not known and told["watch"]:
            told = await self._teller.state({"since": NOW, "epoch": told["epoch"]})
        listener = _Listener(request, Ear(wish, self._tails, self._reactor.seconds))
        request.setHeader(b"content-type", TYPE)
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"x-accel-buffering", b"no")
        request.notifyFinish().addBoth(lambda _: self._left(listener))
        request.registerProducer(listener, True)
        if not self._listeners:
            self._epoch, self._seq, self._why = told["epoch"], told["seq"], told["why"]
        self._listeners.add(listener)
        request.write(message(told))
        if not self._looking.running:
            self._here = self._status()
            self._looking.start(LOOK_S, now=False)
        request.write(event(b"status", self._here))
        return TAKEN

    def _left(self, listener: _Listener) -> None:
        self._listeners.discard(listener)
        listener.ear.close()

    def _look(self) -> None:
        """Notice that watch or a token came or went, and say now and then that we are here."""
        self._let_go()
        if not self._listeners:
            self._looking.stop()
            return
        if self._teller.why_away != self._why:
            self._news = True
        self._ask()
        here = self._status()
        if {**here, "now": 0} != {**self._here, "now": 0}:
            self._tell(event(b"status", here))
        self._here = here
        if not self._hearing:
            self._hearing = True
            ensureDeferred(self._hear())
        if self._reactor.seconds() - self._spoke > STILL_HERE_S:
            self._tell(b": still here\n\n")

    def _let_go(self) -> None:
        """End the streams of those whose token counts no more."""
        for listener in [one for one in self._listeners if not self._may(one.request)]:
            self._listeners.discard(listener)
            listener.request.unregisterProducer()
            listener.request.finish()

    async def _hear(self) -> None:
        """Ask for samples, and tell each page what is new to it."""
        try:
            await self._tails.look()
        except RequestError:
            return  # too much to do: there is another look
        finally:
            self._hearing = False
        for listener in list(self._listeners):
            news = listener.ear.news()
            if news:
                self._tell(event(b"samples", {"series": news}), [listener])

    def _ask(self) -> None:
        if self._news and not self._asking:
            self._news, self._asking = False, True
            ensureDeferred(self._ask_and_tell())

    async def _ask_and_tell(self) -> None:
        try:
            told = await self._teller.state({"since": self._seq or NOW, "epoch": self._epoch})
            self._epoch, self._seq, self._why = told["epoch"], told["seq"], self._teller.why_away
            self._news = self._news or told["more"]
            self._tell(message(told))
        finally:
            self._asking = False
        self._ask()

    def _tell(self, text: bytes, to: list[_Listener] | None = None) -> None:
        if to is None:
            self._spoke = self._reactor.seconds()
        for listener in list(self._listeners) if to is None else to:
            if listener.full:
                self._listeners.discard(listener)
                listener.request.loseConnection()
            else:
                listener.request.write(text)


def _resumed(request: Request) -> Wish:
    """What is wanted by who says with which event it ended last."""
    epoch, _, number = header(request, b"last-event-id").partition(":")
    known = epoch != "" and number.isascii() and number.isdecimal() and len(number) < 16
    return Wish(int(number), epoch) if known else Wish()


def event(kind: bytes, body: Any) -> bytes:
    """One event of some kind."""
    return b"event: " + kind + b"\ndata: " + as_json.dumps(body) + b"\n\n"


def message(told: dict[str, Any]) -> bytes:
    """One event: ``changes``, or ``unknown`` when nobody says how things are."""
    number = f"id: {told['epoch']}:{told['seq']}\n".encode() if told["watch"] else b""
    # All fields as unknown is what the kind says already.
    return number + event(*((b"changes", told) if told["watch"] else (b"unknown", {**told, "fields": []})))

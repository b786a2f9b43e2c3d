"""Bodies compressed for a thin link: in a thread, and what several are sent once."""

import zlib
from typing import Any

from sisock.blocking import in_thread
from twisted.internet.defer import Deferred

from sisock_http.dialects.reply import Reply

FASTEST = 1


def gzip(body: bytes) -> bytes:
    """Compress, as fast as it goes."""
    press = zlib.compressobj(FASTEST, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return press.compress(body) + press.flush()


async def pressed(reactor: Any, reply: Reply) -> bytes:
    """The compressed body of a reply.

    Parameters
    ----------
    reactor : twisted reactor
    reply : Reply
        One that several are sent is compressed for the first of them.
    """
    shared = reply.pressed
    if shared is None:
        return await in_thread(reactor, gzip, reply.body)
    if shared.body is not None:
        return shared.body
    if shared.waiting is not None:
        mine: Deferred[bytes] = Deferred()
        shared.waiting.append(mine)
        return await mine
    waiting: list[Deferred[bytes]] = []
    shared.waiting = waiting
    try:
        made = shared.body = await in_thread(reactor, gzip, reply.body)
    except BaseException as error:
        shared.waiting = None
        for other in waiting:
            other.errback(error)
        raise
    shared.waiting = None
    for other in waiting:
        other.callback(made)
    return made

"""Data nodes that answer with nonsense, each in its own way: one session, one node a kind.

``zoo_tame`` is the one that answers as it should. The names say what is wrong with the others.
"""

import os
import sys

import numpy as np
from autobahn.twisted.component import Component, run
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import CallResult, RegisterOptions
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.ssl import Certificate, CertificateOptions
from twisted.internet.task import deferLater

BASE = "org.simonsobservatory."
T = [100.0, 160.0, 220.0]
FIELDS = {"x": {"description": None, "timeline": "t", "type": "number", "units": None}}
LISTED = [FIELDS, {"t": {"interval": 60.0, "field": ["x"]}}]


def reply(values, t=T, **more):
    return {"data": {"x": values}, "timeline": {"t": {"t": t, "finalized_until": None, **more}}}


def field(**entry):
    return [{"x": {**FIELDS["x"], **entry}}, LISTED[1]]


def broken(*_args, **_kwargs):
    raise RuntimeError("the disk is on fire")


def wordless(*_args, **_kwargs):
    raise ApplicationError("zoo.error", 10**5000, b"\xff", {"a": [1]}, code=b"x")


def say(line):
    sys.__stdout__.write(f"{line}\n")  # autobahn has taken the other one
    sys.__stdout__.flush()


def never(*_args, **_kwargs):
    say("never: asked")
    return Deferred()


WHOLE = reply([1.0, 2.0, 3.0])
DATA = {
    "tame": WHOLE,
    "unwritable": reply([np.int64(1), np.int64(2), np.int64(3)]),
    "half_a_character": reply(["on", "\ud800", "off"]),
    "odd_bytes": reply(b"abc"),
    "text_for_a_list": reply("hello"),
    "number_for_a_list": reply(7),
    "nothing": None,
    "yes": True,
    "too_much": False,
    "list": [1, [2]],
    "empty": {},
    "no_timelines": {"data": {"x": [1.0]}, "timeline": {}},
    "numbered_timelines": {"data": {"x": [1.0]}, "timeline": {7: 5, 8: {}}},
    "timeline_is_a_number": {"data": {"x": [1.0]}, "timeline": {"t": 5}},
    "times_are_text": reply([1.0, 2.0], ["a", "b"]),
    "times_are_nested": reply([1.0, 2.0], [[1.0], [2.0]]),
    "times_are_a_map": reply([1.0], {"a": 1}),
    "misfit": reply([1.0, 2.0, 3.0], [100.0, 160.0]),
    "several": CallResult(WHOLE, 2, more=3),
    "broken": broken,
    "wordless": wordless,
    "never": never,
}
"""Kinds whose series is empty, with a notice that names them; but for the tame one."""

PARTLY = {
    "large_numbers": (reply([1.0, 10**400, 3.0]), [1.0, None, 3.0]),
    "wild_times": (reply([1.0, 2.0, 3.0, 4.0, 5.0], [100.0, 1e303, float("inf"), -1e303, 220.0]), [1.0, 5.0]),
    "huge_times": (reply([1.0, 2.0], [100.0, 10**400]), [1.0]),
    "mixed": (reply([1.5, {"a": 1}, b"x"]), [1.5, None, None]),
    "long_integers": (reply(["on", 10**30, 10**400]), ["on", 1e30, None]),
}
"""Kinds some of whose samples are good, and those."""

WHOLLY = {
    "nested_end": reply([1.0, 2.0, 3.0], finalized_until={"a": 1}),
    "other_fields": {"data": {"x": [1.0, 2.0, 3.0], 7: [1], "y": {}}, "timeline": {"t": {"t": T}, 9: 0}},
    "infinite": reply([1.0, float("inf"), float("nan")]),
}
"""Kinds whose series is there, without a notice."""

LISTS = {
    "listed_number": 7,
    "listed_nothing": None,
    "listed_three": [{}, {}, {}],
    "listed_lists": [[], []],
    "listed_timeline_number": [{"x": {**FIELDS["x"], "timeline": "7"}}, {"7": 5}],
    "listed_bytes": field(description=b"\xff"),
    "listed_units": field(units=["K"]),
    "listed_type": field(type={"a": 1}),
    "listed_interval": [FIELDS, {"t": {"interval": 10**400}}],
    "listed_names": [{7: {}, "": {}, b"x": {}, "x": FIELDS["x"]}, {}],
    "listed_entry": [{"x": 5}, {}],
    "listed_broken": broken,
    "listed_unwritable": [{"x": np.int64(1)}, {}],
}
"""Kinds that describe their fields with nonsense."""


def main():
    """Bring them all online."""
    port = int(os.environ["CROSSBAR_TLS_PORT"])
    with open(".crossbar/server_cert.pem") as pem:
        trust = CertificateOptions(trustRoot=Certificate.loadPEM(pem.read()))
    with open(".crossbar/secrets/server") as file:
        secret = file.read()
    node = Component(
        transports=[
            {
                "type": "websocket",
                "url": f"wss://127.0.0.1:{port}/ws",
                "serializers": ["cbor"],
                "endpoint": {"type": "tcp", "host": "127.0.0.1", "port": port, "tls": trust},
            }
        ],
        authentication={"wampcra": {"authid": "server", "secret": secret}},
        realm="test_realm",
    )

    def answer(what):
        return what if callable(what) else lambda *_args, **_kwargs: what

    async def endless(*_args, details=None, **_kwargs):
        """Send a megabyte every few milliseconds, for as long as it is wanted."""
        from twisted.internet import reactor

        say("endless: asked")
        part = {"data": {"x": bytes(8 * 65536)}, "timeline": {"t": {"t": bytes(8 * 65536), "field": ["x"]}}}
        try:
            while True:
                details.progress(part)
                await deferLater(reactor, 0.005, lambda: None)
        except CancelledError:
            say("endless: told to stop")
            raise

    @node.on_join
    async def joined(session, details):
        kinds = {name: (LISTED, data) for name, data in {**DATA, **WHOLLY}.items()}
        kinds |= {name: (LISTED, data) for name, (data, _) in PARTLY.items()}
        kinds |= {name: (listed, WHOLE) for name, listed in LISTS.items()}
        kinds["endless"] = (LISTED, endless)
        for name, (listed, data) in kinds.items():
            where = f"{BASE}consumer.zoo_{name}"
            await session.register(answer(listed), f"{where}.get_fields")
            options = RegisterOptions(details_arg="details") if name == "endless" else None
            await session.register(answer(data), f"{where}.get_data", options=options)
            able = {"capabilities": ["packed", "max_points"]} if name == "endless" else {}
            await session.call(f"{BASE}data_node.add", f"zoo_{name}", "of the zoo", details.session, **able)
        say("the zoo is open")

    run([node], log_level="warn")


if __name__ == "__main__":
    main()

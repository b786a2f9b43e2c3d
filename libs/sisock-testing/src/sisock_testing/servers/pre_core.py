"""A node whose image holds the predecessor's own base class: it announces itself once, and never again."""

import os
import sys

from autobahn.twisted.component import Component, run
from twisted.internet.ssl import Certificate, CertificateOptions

BASE = "org.simonsobservatory."
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
            "serializers": ["json"],
            "endpoint": {"type": "tcp", "host": "127.0.0.1", "port": port, "tls": trust},
        }
    ],
    authentication={"wampcra": {"authid": "server", "secret": secret}},
    realm="test_realm",
)


def get_fields(start, end):
    fields = {n: {"description": None, "timeline": "m", "type": "number", "units": None} for n in ("a", "b")}
    return [fields, {"m": {"interval": 60, "field": ["a", "b"]}}]


def get_data(field, start, end, min_stride=None):
    # The predecessor's fault: one timeline name, but only the last field's times.
    reply = {"data": {}, "timeline": {}}
    for i, name in enumerate(field):
        n = 3 - i
        reply["data"][name] = [1.0] * n
        reply["timeline"]["m"] = {"t": [start + 60.0 * k for k in range(n)], "finalized_until": None}
    return reply


@node.on_join
async def joined(session, details):
    await session.register(get_fields, BASE + "consumer.pre_core.get_fields")
    await session.register(get_data, BASE + "consumer.pre_core.get_data")
    added = await session.call(BASE + "data_node.add", "pre_core", "older than the core", details.session)
    sys.stdout.write(f"added: {added}\n")
    sys.stdout.flush()


run([node], log_level="warn")

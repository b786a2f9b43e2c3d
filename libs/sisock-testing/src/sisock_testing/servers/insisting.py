"""A data server of 2019 on bare autobahn, which takes its name back by force whenever it starts."""

import os
import sys

from autobahn.twisted.component import Component, run
from autobahn.wamp.types import RegisterOptions
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
            "endpoint": {"type": "tcp", "host": "127.0.0.1", "port": port, "tls": trust},
        }
    ],
    authentication={"wampcra": {"authid": "server", "secret": secret}},
    realm="test_realm",
)


def get_fields(start, end):
    return [
        {"a": {"description": None, "timeline": "m", "type": "number", "units": None}},
        {"m": {"interval": 1, "field": ["a"]}},
    ]


def get_data(field, start, end, min_stride=None):
    return {"data": {"a": [float(os.getpid())]}, "timeline": {"m": {"t": [start], "finalized_until": None}}}


@node.on_join
async def joined(session, details):
    options = RegisterOptions(force_reregister=True)
    await session.register(get_fields, BASE + "consumer.insisting.get_fields", options=options)
    await session.register(get_data, BASE + "consumer.insisting.get_data", options=options)
    added = await session.call(BASE + "data_node.add", "insisting", "by force", details.session)
    sys.stdout.write(f"added: {added}\n")
    sys.stdout.flush()


run([node], log_level="warn")

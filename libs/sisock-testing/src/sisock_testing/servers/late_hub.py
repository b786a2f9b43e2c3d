"""A hub of the predecessor's kind, which comes after everybody else and is slow to be ready.

As there: it adds, subtracts and lists, knows no capabilities, never asks anybody to add itself, and
answers `add` only when it is ready, which here is when the file ``hub_may_answer`` is there.
"""

import os
import sys

from autobahn.twisted.component import Component, run
from twisted.internet import reactor
from twisted.internet.ssl import Certificate, CertificateOptions
from twisted.internet.task import deferLater

BASE = "org.simonsobservatory."
port = int(os.environ["CROSSBAR_TLS_PORT"])
with open(".crossbar/server_cert.pem") as pem:
    trust = CertificateOptions(trustRoot=Certificate.loadPEM(pem.read()))
hub = Component(
    transports=[
        {
            "type": "websocket",
            "url": f"wss://127.0.0.1:{port}/ws",
            "serializers": ["json"],
            "endpoint": {"type": "tcp", "host": "127.0.0.1", "port": port, "tls": trust},
        }
    ],
    authentication={"wampcra": {"authid": "server", "secret": "the site's own"}},
    realm="test_realm",
)
nodes = []
out = sys.stdout  # which `run` will take for its log


def say(what):
    out.write(what + "\n")
    out.flush()


async def add_data_node(name, description, session_id):
    say(f"asked to add {name}")
    while not os.path.exists("hub_may_answer"):
        await deferLater(reactor, 0.05, lambda: None)
    if name in [node["name"] for node in nodes]:
        return False
    nodes.append({"name": name, "description": description})
    return True


def subtract_data_node(name, session_id):
    nodes[:] = [node for node in nodes if node["name"] != name]


@hub.on_join
async def joined(session, details):
    await session.register(add_data_node, BASE + "data_node.add")
    await session.register(subtract_data_node, BASE + "data_node.subtract")
    await session.register(lambda: nodes, BASE + "consumer.get_data_node")
    say("registered")


run([hub], log_level="warn")

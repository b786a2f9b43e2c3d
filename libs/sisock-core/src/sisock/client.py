"""``from sisock.client import Client``: the client, if its distribution `sisock-client` is installed."""

from sisock.moved import forward

__getattr__ = forward("sisock_client", "the client is")

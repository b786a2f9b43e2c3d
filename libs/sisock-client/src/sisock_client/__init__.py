"""Read the data of a sisock stack from Python: blocking, over HTTP or WAMP; see `Client`.

`Client` is also ``sisock.client.Client``.
"""

from sisock_client.client import Client
from sisock_client.errors import ClientError, UnknownFieldError
from sisock_client.samples import FieldInfo, NodeSummary, Samples

__all__ = ["Client", "ClientError", "FieldInfo", "NodeSummary", "Samples", "UnknownFieldError"]

"""Read the data of a sisock stack from Python: blocking, over HTTP or WAMP; see `Client`.

`Client` is also ``sisock.client.Client``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sisock_client.client import Client
    from sisock_client.errors import ClientError, UnknownFieldError
    from sisock_client.samples import FieldInfo, Last, Latest, NodeSummary, Sample, Samples

__all__ = [
    "Client",
    "ClientError",
    "FieldInfo",
    "Last",
    "Latest",
    "NodeSummary",
    "Sample",
    "Samples",
    "UnknownFieldError",
]

_HOME = {
    "Client": "client",
    "ClientError": "errors",
    "FieldInfo": "samples",
    "Last": "samples",
    "Latest": "samples",
    "NodeSummary": "samples",
    "Sample": "samples",
    "Samples": "samples",
    "UnknownFieldError": "errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the command's help needs no numpy."""
    if name not in _HOME:
        raise AttributeError(f"module 'sisock_client' has no attribute {name!r}")
    return getattr(import_module(f"sisock_client.{_HOME[name]}"), name)

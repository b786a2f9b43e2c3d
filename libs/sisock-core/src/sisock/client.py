"""``from sisock.client import Client``: the client, if its distribution `sisock-client` is installed.

The core does not depend on it; data servers do without.
"""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Hand over a name of `sisock_client`."""
    try:
        module = import_module("sisock_client")
    except ImportError as error:
        raise ImportError("the client is not installed: pip install sisock-client") from error
    return getattr(module, name)

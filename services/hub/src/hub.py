"""The name under which router configurations of existing sites load the hub: ``hub.hub``."""

from sisock_hub.hub import Hub as hub

__all__ = ["hub"]

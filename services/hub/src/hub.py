"""The name under which router configurations of existing sites load the hub: ``hub.hub``."""

from sisock_hub.hub import Hub as hub  # noqa: N813 (the name in sites' configurations)

__all__ = ["hub"]

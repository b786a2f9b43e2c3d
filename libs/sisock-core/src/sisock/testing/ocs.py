"""Old name of `sisock_testing.ocs`."""

from sisock.moved import forward

__getattr__ = forward("sisock_testing.ocs", "the testing kit is")

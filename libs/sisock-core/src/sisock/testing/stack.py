"""Old name of `sisock_testing.stack`."""

from sisock.moved import forward

__getattr__ = forward("sisock_testing.stack", "the testing kit is")

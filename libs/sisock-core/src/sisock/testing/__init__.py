"""Old name of `sisock_testing`, which is what to import."""

from sisock.moved import forward

__getattr__ = forward("sisock_testing", "the testing kit is")

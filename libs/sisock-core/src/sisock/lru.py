"""Old name of `sisock_archive.lru`."""

from sisock.moved import forward

__getattr__ = forward("sisock_archive.lru", "what reads archives is")

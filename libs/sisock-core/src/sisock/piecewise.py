"""Old name of `sisock_archive.piecewise`."""

from sisock.moved import forward

__getattr__ = forward("sisock_archive.piecewise", "what reads archives is")

"""Old name of `sisock_archive.dated_files`."""

from sisock.moved import forward

__getattr__ = forward("sisock_archive.dated_files", "what reads archives is")

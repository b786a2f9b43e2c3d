"""Old name of `sisock_archive.text_columns`."""

from sisock.moved import forward

__getattr__ = forward("sisock_archive.text_columns", "what reads archives is")

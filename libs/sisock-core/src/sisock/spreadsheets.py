"""Old name of `sisock_consumer.spreadsheets`."""

from sisock.moved import forward

__getattr__ = forward("sisock_consumer.spreadsheets", "what asks data nodes is")

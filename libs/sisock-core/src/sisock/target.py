"""Old name of `sisock_consumer.target`."""

from sisock.moved import forward

__getattr__ = forward("sisock_consumer.target", "what asks data nodes is")

"""Old name of `sisock_consumer.moments`."""

from sisock.moved import forward

__getattr__ = forward("sisock_consumer.moments", "what asks data nodes is")

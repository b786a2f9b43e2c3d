"""Old name of `sisock_consumer.consumer`."""

from sisock.moved import forward

__getattr__ = forward("sisock_consumer.consumer", "what asks data nodes is")

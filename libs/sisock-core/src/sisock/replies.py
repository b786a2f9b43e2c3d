"""Old name of `sisock_consumer.replies`."""

from sisock.moved import forward

__getattr__ = forward("sisock_consumer.replies", "what asks data nodes is")

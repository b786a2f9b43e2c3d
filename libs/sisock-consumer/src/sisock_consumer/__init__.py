"""sisock-consumer: ask data nodes; for the bridge, the watch, the client and other consumers."""

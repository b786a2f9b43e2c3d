"""Data server of the machine it runs on: libsensors' chips, and the host's own figures."""

"""Settings of the sensors server: those of every data server."""

from sisock import NodeConfig as SensorsConfig

__all__ = ["SensorsConfig"]

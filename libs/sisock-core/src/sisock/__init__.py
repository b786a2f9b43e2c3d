"""sisock: serve observatory time series over websockets.

A data server is a `DataNode` and one call of `run`::

    class Thermometer(sisock.DataNode):
        name, description = "cryostat", "Thermometers of the 1 K stage"

        def fields(self, start, end):
            return [sisock.Field("stage_1k", units="K")]

        def read(self, names, start, end, limits):
            t, kelvin = read_my_file(start, end)
            return [sisock.Series("stage_1k", t, kelvin)]

    if __name__ == "__main__":
        sisock.run(lambda config: Thermometer(), sisock.NodeConfig)

`sisock.base` has the names that older data servers import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from sisock import base
    from sisock.bounds import Bounds
    from sisock.config import NodeConfig, RouterConfig, load, setting
    from sisock.errors import ConfigError, ContractError, NodeError, SisockError, TooMuchDataError
    from sisock.node import Bins, DataNode, Field, Grid, Limits, LiveSession, Series, Update
    from sisock.runner import run
    from sisock.times import sisock_to_unix_time
    from sisock.uris import uri

__all__ = [
    "Bins",
    "Bounds",
    "ConfigError",
    "ContractError",
    "DataNode",
    "Field",
    "Grid",
    "Limits",
    "LiveSession",
    "NodeConfig",
    "NodeError",
    "RouterConfig",
    "Series",
    "SisockError",
    "TooMuchDataError",
    "Update",
    "base",
    "load",
    "run",
    "setting",
    "sisock_to_unix_time",
    "uri",
]

_HOME = {
    "base": "base",
    "Bounds": "bounds",
    "NodeConfig": "config",
    "RouterConfig": "config",
    "load": "config",
    "setting": "config",
    "ConfigError": "errors",
    "ContractError": "errors",
    "NodeError": "errors",
    "SisockError": "errors",
    "TooMuchDataError": "errors",
    "Bins": "node",
    "DataNode": "node",
    "Field": "node",
    "Grid": "node",
    "Limits": "node",
    "LiveSession": "node",
    "Series": "node",
    "Update": "node",
    "run": "runner",
    "sisock_to_unix_time": "times",
    "uri": "uris",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: a parser's tests need no autobahn."""
    if name == "__version__":
        return import_module("importlib.metadata").version("sisock-core")
    try:
        module = import_module(f"sisock.{_HOME[name]}")
    except KeyError:
        raise AttributeError(f"module 'sisock' has no attribute {name!r}") from None
    return module if name == "base" else getattr(module, name)

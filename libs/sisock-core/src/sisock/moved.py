"""Old import names of what is in a distribution of its own: handed over where that is installed.

The core depends on none of them; data servers do without.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def forward(module: str, what: str) -> Callable[[str], Any]:
    """A ``__getattr__`` that hands over the names of another module.

    Parameters
    ----------
    module : str
        Where the names are now; its distribution is named as its package is.
    what : str
        What they are, for the sentence of the error where it is not installed.
    """

    def hand_over(name: str) -> Any:
        if name.startswith("__"):  # asked by the import system itself
            raise AttributeError(name)
        package = module.split(".", maxsplit=1)[0]
        try:
            found = import_module(module)
        except ModuleNotFoundError as error:
            if not f"{module}.".startswith(f"{error.name}."):
                raise
            distribution = package.replace("_", "-")
            raise ImportError(f"{what} not installed: pip install {distribution}") from error
        return getattr(found, name)

    return hand_over

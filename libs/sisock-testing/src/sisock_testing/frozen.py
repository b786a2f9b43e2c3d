"""Which classes of a package do not change once they are made: what several hold must not."""

import dataclasses
import pkgutil
from importlib import import_module


def frozen(package: str) -> list[str]:
    """Names of a package's frozen data classes, below the package's own, sorted.

    Parameters
    ----------
    package : str
        Its modules are imported, but for ``__main__`` and what is for tests.
    """
    found = set()
    for info in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        if not {"__main__", "testing", "conformance"} & set(info.name.split(".")):
            module = import_module(info.name)
            found |= {
                f"{one.__module__}.{one.__qualname__}".removeprefix(f"{package}.")
                for one in vars(module).values()
                if isinstance(one, type) and dataclasses.is_dataclass(one) and _is_frozen(one)
                if one.__module__ == info.name
            }
    return sorted(found)


def _is_frozen(one: type) -> bool:
    return bool(getattr(one, "__dataclass_params__").frozen)  # noqa: B009 (typeshed does not know it)

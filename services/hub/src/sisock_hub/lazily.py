"""Packages that are imported when they are first used, not when they are named.

crossbar.io imports at its start what only some configurations use (contracts of a block chain, a
client of the Tor network, ...): more than half of its start. `Deferred` puts a stand-in for each such
package in its place. Whatever is taken from a stand-in is one too, until it is used: called,
subclassed, looked into. Then the packages are what they would have been (decision 10).
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any, Union


class Deferred(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds stand-ins for some packages, until one of them is used.

    Parameters
    ----------
    packages : iterable of str
    when_used : callable
        Called when one of them is, before anything of it is taken; what has adapted the stand-ins
        adapts the packages here.
    """

    def __init__(self, packages: Iterable[str], when_used: Callable[[], object] = lambda: None) -> None:
        self._packages = frozenset(packages)
        self._when_used = when_used
        self._names: list[str] = []
        self.loaded = False

    def install(self) -> None:
        """Come before all other finders."""
        sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See importlib.abc.MetaPathFinder; what is not installed is not found here either."""
        if self.loaded or not any(name == p or name.startswith(f"{p}.") for p in self._packages):
            return None
        real = importlib.machinery.PathFinder.find_spec(name, path)
        if real is None:
            return None
        spec = importlib.machinery.ModuleSpec(name, self, origin=real.origin)
        spec.submodule_search_locations = real.submodule_search_locations
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """See importlib.abc.Loader."""
        self._names.append(spec.name)
        return _Module(spec.name, self)

    def exec_module(self, _module: ModuleType) -> None:
        """See importlib.abc.Loader."""

    def load(self) -> None:
        """Let the packages be imported for real: all, since they hold on to parts of each other."""
        if self.loaded:
            return
        self.loaded = True
        sys.meta_path.remove(self)
        for name in self._names:
            del sys.modules[name]
        self._when_used()


class _Module(ModuleType):
    def __init__(self, name: str, deferred: Deferred) -> None:
        super().__init__(name)
        self.__dict__["_deferred"] = deferred

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._deferred.loaded:
            return getattr(importlib.import_module(self.__name__), name)
        return _Later(self._deferred, self.__name__, (name,))


class _Later:
    """Something of a module that is not imported yet."""

    def __init__(self, deferred: Deferred, module: str, names: tuple[str, ...]) -> None:
        self.__dict__.update(_deferred=deferred, _module=module, _names=names)

    def _real(self) -> Any:
        self._deferred.load()
        found: Any = importlib.import_module(self._module)
        for name in self._names:
            found = getattr(found, name)
        return found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._deferred.loaded:
            return getattr(self._real(), name)
        return _Later(self._deferred, self._module, (*self._names, name))

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real(), name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._real()(*args, **kwargs)

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self._real())

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self._real())

    def __getitem__(self, key: Any) -> Any:
        return self._real()[key]

    def __iter__(self) -> Any:
        return iter(self._real())

    def __len__(self) -> int:
        return len(self._real())

    def __bool__(self) -> bool:
        return bool(self._real())

    def __or__(self, other: Any) -> Any:
        return Union[self, other]  # noqa: UP007 (that would be this method again)

    def __ror__(self, other: Any) -> Any:
        return Union[other, self]  # noqa: UP007

    def __eq__(self, other: object) -> bool:
        if not self._deferred.loaded:
            return self is other
        return bool(self._real() == (other._real() if isinstance(other, _Later) else other))

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return (
            repr(self._real())
            if self._deferred.loaded
            else f"<{self._module}.{'.'.join(self._names)}, later>"
        )

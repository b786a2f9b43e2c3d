"""Names with ``*``, ``?`` and ``[...]`` in them, as shells have them, for the fields that they stand for.

Knows nothing of regular expressions: what fits no field is left as it is, and the bridge may take it for one.
"""

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

_SPECIAL = frozenset("*?[")


def expanded(names: Sequence[str], known: Callable[[], Iterable[str]]) -> list[str]:
    """Each field that the names stand for, once, in the order of the names.

    Parameters
    ----------
    names : sequence of str
        ``node::field``; ``*`` stands for any text, ``::`` too, ``?`` for a character, ``[ab]`` for one.
    known : callable
        Names of all fields; asked only if one of `names` has such a character.
    """
    if not any(map(_is_glob, names)):
        return list(dict.fromkeys(names))
    fields = list(known())
    here = frozenset(fields)
    found: dict[str, None] = {}
    for name in names:
        fitting = (
            [] if name in here or not _is_glob(name) else [one for one in fields if fnmatchcase(one, name)]
        )
        found.update(dict.fromkeys(fitting or [name]))
    return list(found)


def fits(names: Iterable[str], globs: Sequence[str]) -> bool:
    """Whether one of the names fits one of the globs; anything does where there are none."""
    return not globs or any(fnmatchcase(name, glob) for name in names for glob in globs)


def _is_glob(name: str) -> bool:
    return not _SPECIAL.isdisjoint(name)

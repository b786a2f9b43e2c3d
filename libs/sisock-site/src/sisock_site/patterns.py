"""Which of many patterns a name is like, quickly: ``*`` is any text, ``?`` one character.

Most patterns begin or end with a text of their own, by which they are found without being tried.
"""

import re
from collections.abc import Callable, Sequence

_WILD = re.compile(r"[*?]")
Trial = Callable[[str], re.Match[str] | None]


def compiled(pattern: str) -> re.Pattern[str]:
    """An expression that fits whole names, with a group for each ``*``."""
    parts = (
        "(.*)" if character == "*" else "." if character == "?" else re.escape(character)
        for character in re.sub(r"\*+", "*", pattern)
    )
    return re.compile("".join(parts), re.DOTALL)


class Patterns:
    """Patterns, in order.

    Parameters
    ----------
    patterns : sequence of str
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._whole: dict[str, list[int]] = {}
        self._by_head: dict[str, list[tuple[int, Trial]]] = {}
        self._by_tail: dict[str, list[tuple[int, Trial]]] = {}
        self._by_middle: list[tuple[str, int, Trial]] = []
        for number, pattern in enumerate(patterns):
            pieces = _WILD.split(pattern)
            trial = compiled(pattern).fullmatch
            if len(pieces) == 1:
                self._whole.setdefault(pattern, []).append(number)
            elif pieces[0]:
                self._by_head.setdefault(pieces[0], []).append((number, trial))
            elif pieces[-1]:
                self._by_tail.setdefault(pieces[-1], []).append((number, trial))
            else:
                self._by_middle.append((max(pieces, key=len), number, trial))
        self._heads = sorted({len(head) for head in self._by_head})
        self._tails = sorted({len(tail) for tail in self._by_tail})

    def like(self, name: str) -> list[int]:
        """Numbers of the patterns that fit a name, ascending."""
        found = list(self._whole.get(name, ()))
        by_head, by_tail = self._by_head, self._by_tail
        for length in self._heads:
            if length > len(name):
                break
            tried = by_head.get(name[:length])
            if tried:
                found += [number for number, fits in tried if fits(name)]
        for length in self._tails:
            if length > len(name):
                break
            tried = by_tail.get(name[-length:])
            if tried:
                found += [number for number, fits in tried if fits(name)]
        found += [number for text, number, fits in self._by_middle if text in name and fits(name)]
        found.sort()
        return found

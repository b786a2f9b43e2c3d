"""What is fed: values, texts and bytes of all kinds, and true ones with something wrong; made from a seed."""

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

NUMBERS = (0, 1, -1, 0.0, -0.0, 0.5, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"),
           2**31, 2**53, 2**63, 2**64, -(2**63), 10**30, 1.5e9, 1.5e12, 1.6e9)  # fmt: skip
TEXTS = ("", " ", "a", "stage_1k", "a::b", "cryostat::stage_1k", "../../etc/passwd", "%", "\x00", "\n", "NaN", "inf", "null",
         "now-1h", "2017-07-14", "1e400", "é", "\U0001f9ca", "\ud800", "'", '"', "`", ";--", "${x}", "(a+)+$", "[", "\\",
         "x" * 300, "9" * 400, "observatory.a.feeds.b", "=1+1", "__class__", "{0}", "%s", "-" * 50)  # fmt: skip


class Nonsense(random.Random):
    """One input's worth of chance.

    Parameters
    ----------
    seed : int
    name : str
        Of the target.
    number : int
        Of the input.
    """

    def __init__(self, seed: int, name: str, number: int) -> None:
        super().__init__(f"{seed}:{name}:{number}")
        self.number = number

    def __new__(cls, *_args: Any) -> "Nonsense":
        return super().__new__(cls)

    def one(self, *makers: Callable[[], T]) -> T:
        """What one of them makes."""
        return self.choice(makers)()

    def text(self) -> str:
        """A text, seldom a sensible one."""
        if self.random() < 0.7:
            return self.choice(TEXTS)
        return "".join(
            chr(self.choice((self.randrange(32, 127), self.randrange(0x2500))))
            for _ in range(self.randrange(20))
        )

    def number_like(self) -> Any:
        """A number, at the edges mostly."""
        return self.choice(NUMBERS) if self.random() < 0.7 else self.uniform(-1e10, 1e10)

    def value(self, depth: int = 3) -> Any:
        """Whatever a serializer may bring."""
        kind = self.randrange(9 if depth else 6)
        if kind < 2:
            return self.number_like()
        if kind < 4:
            return self.text()
        if kind == 4:
            return self.choice((None, True, False))
        if kind == 5:
            return self.randbytes(self.randrange(40))
        if kind < 8:
            return [self.value(depth - 1) for _ in range(self.randrange(5))]
        return {self.text(): self.value(depth - 1) for _ in range(self.randrange(4))}

    def spoilt(self, true: Any, chance: float = 0.15) -> Any:
        """A true value, with some of it replaced, left out or added."""
        if self.random() < chance:
            return self.value()
        if isinstance(true, dict):
            kept = {k: self.spoilt(v, chance) for k, v in true.items() if self.random() > chance / 2}
            if self.random() < chance:
                kept[self.text()] = self.value()
            return kept
        if isinstance(true, list | tuple):
            kept_items = [self.spoilt(v, chance) for v in true if self.random() > chance / 2]
            return kept_items if self.random() > chance else [*kept_items, self.value()]
        return true

    def torn(self, true: bytes) -> bytes:
        """True bytes: cut, with bits turned, with pieces doubled, moved, or of something else."""
        found = bytearray(true)
        for _ in range(self.randrange(1, 6)):
            if not found:
                return bytes(self.randbytes(self.randrange(50)))
            at = self.randrange(len(found))
            kind = self.randrange(6)
            if kind == 0:
                found[at] ^= 1 << self.randrange(8)
            elif kind == 1:
                del found[at : at + self.randrange(1, 100)]
            elif kind == 2:
                found[at:at] = self.randbytes(self.randrange(1, 20))
            elif kind == 3:
                found[at:at] = found[at : at + self.randrange(1, 200)]
            elif kind == 4:
                width = self.choice((1, 2, 4, 8))
                found[at : at + width] = self.choice((0, 1, 2**31 - 1, 2**32 - 1, 2**63, 2**64 - 1)).to_bytes(
                    8, "little"
                )[:width]
            else:
                del found[at:]
        return bytes(found)

    def some(self, these: Sequence[T], most: int) -> list[T]:
        """Some of them, perhaps the same twice."""
        return [self.choice(these) for _ in range(self.randrange(most + 1))]

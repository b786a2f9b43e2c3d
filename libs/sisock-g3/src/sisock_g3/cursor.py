"""Reads the parts of a cereal portable binary archive, one after the other.

Every length is checked against the end before it is followed. What the parts mean is not known here.

Notes
-----
Little-endian throughout (an archive begins with the byte 1 to say so). Lengths are uint64. An object is
a polymorphic id (uint32; with the highest bit set its class name follows), a pointer id (uint32), the
version of its class where that class comes for the first time in the archive, and its content.
Source: https://github.com/CMB-S4/spt3g_software (core/src/G3Frame.cxx, core/include/core/serialization.h).
"""

from struct import Struct

from sisock_g3.errors import UnknownLayoutError

FIRST = 0x80000000
LONGEST_NAME = 1 << 16
BASE = "G3FrameObject"

_U32, _U64, _I64 = Struct("<I"), Struct("<Q"), Struct("<q")


class Cursor:
    """A place in a buffer that moves on as its parts are read.

    Parameters
    ----------
    buffer : bytes
    at, end : int
        Where to begin, and what not to read beyond.
    """

    __slots__ = ("at", "buffer", "classes", "end", "versions")

    def __init__(self, buffer: bytes, at: int, end: int) -> None:
        self.buffer = buffer
        self.at = at
        self.end = end
        self.classes: dict[int, str] = {}
        self.versions: dict[str, int] = {}

    def skip(self, length: int) -> int:
        """Pass over `length` bytes; gives where they begin."""
        begin = self.at
        if length > self.end - begin:
            raise UnknownLayoutError(f"{length} bytes at {begin} reach beyond {self.end}")
        self.at = begin + length
        return begin

    def u32(self) -> int:
        """An unsigned 32-bit integer."""
        value: int = _U32.unpack_from(self.buffer, self.skip(4))[0]
        return value

    def u64(self) -> int:
        """An unsigned 64-bit integer."""
        value: int = _U64.unpack_from(self.buffer, self.skip(8))[0]
        return value

    def i64(self) -> int:
        """A signed 64-bit integer."""
        value: int = _I64.unpack_from(self.buffer, self.skip(8))[0]
        return value

    def text(self) -> str:
        """A length and as many bytes of UTF-8."""
        length = self.u64()
        begin = self.skip(length)
        return self.buffer[begin : self.at].decode("utf-8", "replace")

    def enter(self, length: int) -> "Cursor":
        """The archive that the next `length` bytes are."""
        begin = self.skip(length)
        inner = Cursor(self.buffer, begin, self.at)
        if inner.buffer[inner.skip(1)] != 1:
            raise UnknownLayoutError("the archive is not little-endian")
        return inner

    def begin_object(self) -> str:
        """Read what comes before an object's content: gives the name of its class."""
        number = self.u32()
        if number & FIRST:
            name = self.text()
            self.classes[number & ~FIRST] = name
        else:
            name = self.classes.get(number, "")
        if not name or not self.u32() & FIRST:
            raise UnknownLayoutError("an object that stands for another, or for none")
        return name

    def version(self, name: str) -> int:
        """Version of a class, which stands only where the class comes for the first time."""
        known = self.versions.get(name)
        if known is None:
            known = self.versions[name] = self.u32()
        return known

    def expect(self, name: str, *versions: int) -> int:
        """Read a class's version, and its base's; refuse any but those given."""
        found = self.version(name)
        if found not in versions or self.version(BASE) != 1:
            raise UnknownLayoutError(f"{name} of version {found}")
        return found

    def texts(self) -> list[str]:
        """A length and as many texts."""
        return [self.text() for _ in range(self.plausible(self.u64(), 8))]

    def plausible(self, count: int, item_bytes: int) -> int:
        """Give back a number of items that have room; refuse any other."""
        if count * item_bytes > self.end - self.at:
            raise UnknownLayoutError(f"{count} items at {self.at} reach beyond {self.end}")
        return count

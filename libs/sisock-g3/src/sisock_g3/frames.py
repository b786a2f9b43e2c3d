"""The frames of a housekeeping file, in order, each checked by its CRC before anything in it is used.

A frame is found in one of three ways: by comparing it with the fixed bytes of a frame like it (the
next frame of the same provider, nearly always), by following its layout, or by asking so3g. A damaged
frame is passed over where its header says how long it is and a sound frame follows; where there is no
telling, what lies before the damage is served, and what lies behind it is not guessed at.

Notes
-----
A frame: byte 1, uint32 version (1), uint32 number of items, uint32 type (72 for housekeeping), the
items (length and name, length and archive), CRC-32C of names and archives without its inversions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct

import google_crc32c

from sisock_g3 import fallback, layout
from sisock_g3.cursor import LONGEST_NAME, Cursor
from sisock_g3.errors import CutError, DamagedError, UnknownLayoutError
from sisock_g3.layout import TEXT_CODE, BlockLayout

HOUSEKEEPING = ord("H")
SESSION, STATUS, DATA = 0, 1, 2
MOST_ITEMS = 4096
MOST_LIKENESSES = 256

_ONES = 0xFFFFFFFF
_HEAD = Struct("<BIII")
_CRC = Struct("<I")
_LENGTH = Struct("<Q")


@dataclass(slots=True)
class Frame:
    """What a sound frame holds; frames that are alike share one.

    Attributes
    ----------
    length : int
        Its bytes in the file.
    kind : int
        `SESSION`, `STATUS` or `DATA`; -1 for what is no housekeeping.
    session_id, prov_id : int
    providers : dict of str
        Description of each provider by its id, of a status frame.
    blocks : tuple of BlockLayout
        Of a data frame.
    decoded : list of fallback.Block or None
        Blocks of a data frame that only so3g could read.
    """

    length: int
    kind: int
    session_id: int = -1
    prov_id: int = -1
    providers: dict[int, str] = field(default_factory=dict)
    blocks: tuple[BlockLayout, ...] = ()
    decoded: list[fallback.Block] | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """Bytes ``[begin, end)`` of a file that hold a frame which cannot be used."""

    begin: int
    end: int
    why: str


@dataclass(slots=True)
class _Likeness:
    """Bytes that all frames like this one have in common, and what else its CRC reaches over.

    `checked` are the parts that differ, each followed by the bytes that come next in all such frames;
    `begun` is the CRC of what comes before the first.
    """

    frame: Frame
    fixed: list[tuple[int, int, bytes]]
    begun: int
    checked: list[tuple[int, int, bytes]]


class FrameReader:
    """Iterates over the frames of a buffer: gives the offset of each, and the frame.

    Parameters
    ----------
    buffer : bytes
        The file.
    start : int
        Where the first frame wanted begins.

    Attributes
    ----------
    at : int
        End of the last frame that was given, or passed over.
    lost : list of Lost
        Damaged frames that were passed over.
    problem : DamagedError or None
        Why the iteration ended before the buffer did.
    """

    def __init__(self, buffer: bytes, start: int = 0) -> None:
        self.buffer = buffer
        self.at = start
        self.lost: list[Lost] = []
        self.problem: DamagedError | None = None
        self._likenesses: list[_Likeness] = []
        self._last = -1
        self._after: dict[int, int] = {}

    def __iter__(self) -> Iterator[tuple[int, Frame]]:
        """Give frames until the end, or damage that cannot be passed over."""
        size = len(self.buffer)
        while self.at < size:
            try:
                frame = self.frame(self.at)
            except DamagedError as damage:
                self._pass_over(damage)
                if self.problem is not None:
                    return
                continue
            offset = self.at
            self.at += frame.length
            yield offset, frame

    def _pass_over(self, damage: DamagedError) -> None:
        """Go on behind damaged frames if a sound one follows, or the buffer ends; else it is the problem."""
        lost: list[Lost] = []
        at: DamagedError | None = damage
        while at is not None:
            if at.end is None:
                if isinstance(at, CutError) and lost:
                    at = CutError(damage.offset, "the file ends inside of the frame behind a damaged one")
                    damage = at
                self.problem = damage
                return
            lost.append(Lost(at.offset, at.end, at.why))
            at = self._damage(at.end) if at.end < len(self.buffer) else None
        self.lost += lost
        self.at = lost[-1].end

    def _damage(self, offset: int) -> DamagedError | None:
        """What is wrong with the frame at an offset."""
        try:
            self.frame(offset)
        except DamagedError as damage:
            return damage
        return None

    def frame(self, offset: int) -> Frame:
        """Read the frame at an offset.

        Raises
        ------
        CutError
            If the buffer ends inside of it.
        DamagedError
            If it is none, or is damaged.
        """
        guess = self._after.get(self._last, self._last)
        for i in (guess, *range(len(self._likenesses))):
            if 0 <= i < len(self._likenesses) and self._is_like(self._likenesses[i], offset):
                self._after[self._last] = i
                self._last = i
                known: Frame = self._likenesses[i].frame
                return known
        return self._parse(offset)

    def _is_like(self, likeness: _Likeness, offset: int) -> bool:
        buffer = self.buffer
        if offset + likeness.frame.length > len(buffer):
            return False
        for begin, end, expected in likeness.fixed:
            if buffer[offset + begin : offset + end] != expected:
                return False
        crc = likeness.begun
        for begin, end, then in likeness.checked:
            crc = google_crc32c.extend(crc, buffer[offset + begin : offset + end])
            if then:
                crc = google_crc32c.extend(crc, then)
        (told,) = _CRC.unpack_from(buffer, offset + likeness.frame.length - 4)
        return bool(crc ^ _ONES == told)

    def _parse(self, offset: int) -> Frame:
        items, kind, end = _items(self.buffer, offset)
        frame = Frame(end - offset, -1)
        if kind != HOUSEKEEPING:
            if "hkagg_type" in items:
                # The checksum does not reach the type.
                raise DamagedError(offset, "a housekeeping frame is not said to be one", end)
            return frame
        try:
            self._read(frame, items, offset)
        except UnknownLayoutError:
            fallback.read(frame, offset, self.buffer[offset:end])
        if frame.kind == DATA and frame.decoded is None:
            self._remember(frame, items, offset)
        return frame

    def _read(self, frame: Frame, items: dict[str, tuple[int, int]], offset: int) -> None:
        frame.kind = self._integer(items, "hkagg_type")
        frame.session_id = self._integer(items, "session_id")
        if frame.kind == STATUS:
            frame.providers = _providers(self._archive(items, "providers"))
        elif frame.kind == DATA:
            if self._integer(items, "hkagg_version") not in (1, 2):
                raise UnknownLayoutError("hkagg version 0")
            frame.prov_id = self._integer(items, "prov_id")
            found = layout.blocks(self._archive(items, "blocks"), offset)
            if "block_names" in items:
                names = _strings(self._archive(items, "block_names"))
            else:
                names = [f"block_for_{min(block.columns, default='')}" for block in found]
            if len(names) != len(found):
                raise UnknownLayoutError(f"{len(names)} names for {len(found)} blocks")
            frame.blocks = tuple(
                BlockLayout(name, block.times, block.columns)
                for name, block in zip(names, found, strict=True)
            )

    def _archive(self, items: dict[str, tuple[int, int]], name: str) -> Cursor:
        if name not in items:
            raise UnknownLayoutError(f"no {name}")
        begin, end = items[name]
        return Cursor(self.buffer, begin, end).enter(end - begin)

    def _integer(self, items: dict[str, tuple[int, int]], name: str) -> int:
        return _integer(self._archive(items, name))

    def _remember(self, frame: Frame, items: dict[str, tuple[int, int]], offset: int) -> None:
        """Keep what frames like this one have in common; one with texts is like no other."""
        spans = [span for block in frame.blocks for span in (block.times, *block.columns.values())]
        if any(span.code == TEXT_CODE for span in spans):
            return
        free = [(span.start, span.stop) for span in spans if span.count]
        if "timestamp" in items:
            end = items["timestamp"][1] - offset
            free.append((end - 8, end))
        free.append((frame.length - 4, frame.length))
        fixed, at = [], 0
        for begin, end in sorted(free):
            if begin > at:
                fixed.append((at, begin, self.buffer[offset + at : offset + begin]))
            at = end
        likeness = _Likeness(frame, fixed, *self._checked(items, offset))
        if len(self._likenesses) >= MOST_LIKENESSES:
            self._likenesses.clear()
            self._after.clear()
        self._likenesses.append(likeness)
        self._last = len(self._likenesses) - 1

    def _checked(
        self, items: dict[str, tuple[int, int]], offset: int
    ) -> tuple[int, list[tuple[int, int, bytes]]]:
        """What the CRC of a frame and those like it reaches over (see `_Likeness`)."""
        begun: int = _ONES
        checked: list[tuple[int, int, bytes]] = []
        for name, (begin, end) in items.items():
            same = name.encode("utf-8", "surrogateescape")
            if name not in ("blocks", "timestamp"):
                same += self.buffer[begin:end]
            if checked:
                checked[-1] = (*checked[-1][:2], checked[-1][2] + same)
            else:
                begun = google_crc32c.extend(begun, same)
            if name in ("blocks", "timestamp"):
                checked.append((begin - offset, end - offset, b""))
        return begun, checked


def _items(buffer: bytes, offset: int) -> tuple[dict[str, tuple[int, int]], int, int]:
    """Find the items of a frame and check its CRC; gives their extents, the frame's type, its end."""
    size = len(buffer)
    if offset + _HEAD.size > size:
        head = buffer[offset:size]
        if head[:5] != b"\x01\x01\0\0\0"[: len(head)]:
            raise DamagedError(offset, "this is no G3 frame")
        raise CutError(offset, "the file ends inside of a frame")
    order, version, count, kind = _HEAD.unpack_from(buffer, offset)
    if (order, version) != (1, 1) or count > MOST_ITEMS:
        raise DamagedError(offset, "this is no G3 frame")
    at = offset + _HEAD.size
    checked = []
    found = {}
    for _ in range(count):
        name, at = _extent(buffer, at, offset, LONGEST_NAME)
        text = buffer[name:at]
        begin, at = _extent(buffer, at, offset, size)
        checked += [text, buffer[begin:at]]
        found[text.decode("utf-8", "surrogateescape")] = (begin, at)
    if at + 4 > size:
        raise CutError(offset, "the file ends inside of a frame")
    (told,) = _CRC.unpack_from(buffer, at)
    if told != _checksum(b"".join(checked)):
        raise DamagedError(offset, "the checksum of the frame is wrong", at + 4)
    return found, kind, at + 4


def _checksum(checked: bytes) -> int:
    """CRC-32C as G3 has it: neither the start nor the end is inverted."""
    return _ONES ^ int(google_crc32c.extend(_ONES, checked))


def _extent(buffer: bytes, at: int, frame: int, most: int) -> tuple[int, int]:
    if at + 8 > len(buffer):
        raise CutError(frame, "the file ends inside of a frame")
    (length,) = _LENGTH.unpack_from(buffer, at)
    if length > most and most == LONGEST_NAME:
        raise DamagedError(frame, f"the name of an item has {length} bytes")
    if at + 8 + length > len(buffer):
        raise CutError(frame, "the file ends inside of a frame")
    return at + 8, at + 8 + length


def _integer(cursor: Cursor) -> int:
    if cursor.begin_object() != "G3Int":
        raise UnknownLayoutError("not a G3Int")
    cursor.expect("G3Int", 1)
    return cursor.i64()


def _strings(cursor: Cursor) -> list[str]:
    if cursor.begin_object() != "G3VectorString":
        raise UnknownLayoutError("not a G3VectorString")
    cursor.expect("G3VectorString", 1)
    return cursor.texts()


def _providers(cursor: Cursor) -> dict[int, str]:
    """Descriptions by provider id, from the item ``providers`` of a status frame."""
    if cursor.begin_object() != "G3VectorFrameObject":
        raise UnknownLayoutError("providers are no vector of objects")
    cursor.expect("G3VectorFrameObject", 1)
    found = {}
    for _ in range(cursor.plausible(cursor.u64(), 8)):
        if cursor.begin_object() != "G3MapFrameObject" or cursor.version("G3MapFrameObject") != 1:
            raise UnknownLayoutError("a provider is no G3MapFrameObject")
        entry: dict[str, Cursor] = {}
        for _ in range(cursor.plausible(cursor.u32(), 16)):
            name = cursor.text()
            entry[name] = cursor.enter(cursor.u64())
        if not {"prov_id", "description"} <= entry.keys():
            raise UnknownLayoutError("a provider without prov_id or description")
        found[_integer(entry["prov_id"])] = _text(entry["description"])
    return found


def _text(cursor: Cursor) -> str:
    if cursor.begin_object() != "G3String":
        raise UnknownLayoutError("not a G3String")
    cursor.expect("G3String", 1)
    return cursor.text()

"""Decoded columns of the archive, as many as fit into memory.

Frames are read and decoded by segments of consecutive frames of one provider, all wanted fields at
once. A segment that cannot be read as the index has it is left out and said so once: files change
under us.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sisock.metrics import Cache
from sisock_archive.lru import ByteLru
from sisock_g3 import decoding, file_content
from sisock_g3.errors import DamagedError
from sisock_g3.fingerprint import Mark, mark
from sisock_g3.frames import DATA, Frame, FrameReader
from sisock_g3.layout import Column, Ticks

from sisock_g3_reader.files import Complaints

SEGMENT_FRAMES = 64
ENTRY_BYTES = 400
"""What an entry of the cache costs beside its columns."""

TEXT_BYTES = 64


@dataclass(frozen=True, slots=True)
class Ticked:
    """Columns of one field: times in ticks, not necessarily ascending."""

    ticks: Ticks
    values: Column

    @property
    def size_bytes(self) -> int:
        """Memory that they take."""
        text = TEXT_BYTES * len(self.values) if self.values.dtype.kind == "O" else 0
        return self.ticks.nbytes + self.values.nbytes + text + ENTRY_BYTES


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive frames of one provider in one file, whose content the mark names."""

    path: Path
    mark: Mark
    offsets: tuple[int, ...]
    lengths: tuple[int, ...]

    @property
    def key(self) -> tuple[Mark, int, int, int]:
        """Names what it holds: a row's number, or a path, may be another file's tomorrow."""
        return self.mark, self.offsets[0], self.offsets[-1], len(self.offsets)


class _PassingError(Exception):
    """Columns of a file that changed meanwhile, or could not be read: not to be kept under its mark."""

    def __init__(self, decoded: dict[str, Ticked]) -> None:
        super().__init__()
        self.decoded = decoded


def segments(path: Path, named: Mark, records: npt.NDArray[np.void], begin: int, end: int) -> list[Segment]:
    """The segments of a chunk that have samples in ``[begin, end)`` (ticks)."""
    wanted = (records["t1"] >= begin) & (records["t0"] < end)
    if not wanted.any():
        return []
    offsets, first, of_frame = np.unique(records["offset"], return_index=True, return_inverse=True)
    lengths = records["length"][first]
    numbers = np.unique(of_frame[wanted] // SEGMENT_FRAMES).tolist()
    cut = [(n, slice(n * SEGMENT_FRAMES, (n + 1) * SEGMENT_FRAMES)) for n in numbers]
    return [Segment(path, named, tuple(offsets[at].tolist()), tuple(lengths[at].tolist())) for _, at in cut]


class Columns:
    """Reads columns of segments, and keeps them.

    Parameters
    ----------
    cache_bytes : int
        Most bytes of columns that are kept.
    complaints : Complaints
    """

    def __init__(self, cache_bytes: int, complaints: Complaints) -> None:
        self._kept: ByteLru[Ticked | None] = ByteLru(
            cache_bytes, lambda samples: samples.size_bytes if samples else ENTRY_BYTES
        )
        self._unpacked: ByteLru[bytes] = ByteLru(cache_bytes // 4, len)
        self._complaints = complaints

    @property
    def caches(self) -> dict[str, Cache]:
        """What is kept, by name."""
        return {"columns": self._kept, "unpacked": self._unpacked}

    @property
    def size_bytes(self) -> int:
        """Memory that is in use."""
        return self._kept.size_bytes + self._unpacked.size_bytes

    def expect(self, segments: Sequence[Segment], field: str) -> None:
        """Have the kernel fetch what will be read, all files at once, while the first is decoded."""
        for segment in segments:
            if (*segment.key, field) in self._kept or file_content.is_compressed(segment.path):
                continue
            try:
                descriptor = os.open(segment.path, os.O_RDONLY)
            except OSError:
                continue  # said when it is read
            try:
                # Frames of other providers lie between ours: one long read is faster than many short ones.
                length = segment.offsets[-1] + segment.lengths[-1] - segment.offsets[0]
                os.posix_fadvise(descriptor, segment.offsets[0], length, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(descriptor)

    def read(self, segment: Segment, field: str, together: Sequence[str]) -> Ticked | None:
        """Columns of one field in a segment; None if it is not in there.

        Parameters
        ----------
        segment : Segment
        field : str
            As the files have it.
        together : sequence of str
            Fields of the same provider that are wanted, too: decoded now, for when they are asked.
        """
        decoded: dict[str, Ticked] = {}

        def make() -> Ticked | None:
            decoded.update(self._decode(segment, {field, *together}))
            return decoded.get(field)

        try:
            samples = self._kept.get((*segment.key, field), make)
        except _PassingError as passing:
            return passing.decoded.get(field)
        if decoded:
            for other in together:
                self._kept.get((*segment.key, other), lambda other=other: decoded.get(other))  # type: ignore[misc]
        return samples

    def _decode(self, segment: Segment, wanted: set[str]) -> dict[str, Ticked]:
        found: dict[str, list[Ticked]] = {}
        encoded, lasting = self._encoded(segment)
        buffer, alike = self._alike(segment, encoded)
        for first, offsets in alike:
            for _, ticks, columns in decoding.blocks(first, buffer, offsets, wanted):
                flat = ticks.ravel()
                for name, values in columns.items():
                    found.setdefault(name, []).append(Ticked(flat, values))
        decoded = {name: join(pieces) for name, pieces in found.items()}
        if not lasting:
            raise _PassingError(decoded)
        return decoded

    def _alike(
        self, segment: Segment, encoded: list[tuple[int, bytes]]
    ) -> tuple[bytes, list[tuple[Frame, list[int]]]]:
        """Frames of a segment, the one after the other, and where those begin that are alike."""
        buffer = b"".join([data for _, data in encoded])
        reader = FrameReader(buffer)
        alike: dict[int, tuple[Frame, list[int]]] = {}
        at = 0
        for offset, data in encoded:
            begin, at = at, at + len(data)
            try:
                frame = reader.frame(begin)
            except DamagedError as error:
                self._tell(segment, f"from byte {offset} on: {error.why}, though it was sound when indexed")
                continue
            if frame.kind != DATA or frame.length != len(data):
                self._tell(segment, f"from byte {offset} on: not the frame that was indexed")
                continue
            alike.setdefault(id(frame), (frame, []))[1].append(begin)
        return buffer, list(alike.values())

    def _encoded(self, segment: Segment) -> tuple[list[tuple[int, bytes]], bool]:
        """Bytes of the frames, by their offsets, and whether they are those that the mark names."""
        extents = list(zip(segment.offsets, segment.lengths, strict=True))
        try:
            if file_content.is_compressed(segment.path):
                data = self._unpacked.get(segment.mark, lambda: file_content.decompress(segment.path)[0])
                same = mark(segment.path.stat()) == segment.mark
                return [(offset, data[offset : offset + length]) for offset, length in extents], same
            descriptor = os.open(segment.path, os.O_RDONLY)
            try:
                encoded = [(offset, os.pread(descriptor, length, offset)) for offset, length in extents]
                return encoded, mark(os.fstat(descriptor)) == segment.mark
            finally:
                os.close(descriptor)
        except OSError as error:
            self._tell(segment, str(error))
            return [], False

    def _tell(self, segment: Segment, why: str) -> None:
        self._complaints.tell(segment.path, why)


def join(pieces: Sequence[Ticked]) -> Ticked:
    """Put columns of one field together: float64, bool, or objects if any of them is text."""
    kinds = {piece.values.dtype.kind for piece in pieces}
    if "O" in kinds:
        columns = [_texts(piece.values) for piece in pieces]
    elif kinds == {"b"}:
        columns = [piece.values for piece in pieces]
    else:
        columns = [piece.values.astype(np.float64, copy=False) for piece in pieces]
    if len(pieces) == 1:
        return Ticked(pieces[0].ticks, columns[0])
    return Ticked(np.concatenate([piece.ticks for piece in pieces]), np.concatenate(columns))


def _texts(values: Column) -> Column:
    if values.dtype.kind == "O":
        return values
    texts = np.empty(len(values), dtype=object)
    texts[:] = [str(value) for value in values.tolist()]
    return texts

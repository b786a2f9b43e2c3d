"""What a file holds: for each provider its frames, for each field its span and its summary.

A file is read from any frame's end on, so that one that grows is read once. Frames that are alike
are decoded together. The index that this is written to is not known here.
"""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sisock_g3 import summary
from sisock_g3.decoding import TEXT, blocks, kinds, widest
from sisock_g3.errors import CutError
from sisock_g3.frames import DATA, SESSION, STATUS, Frame, FrameReader, Lost
from sisock_g3.summary import Bins

WINDOW_BYTES = 64 * 1024 * 1024
MOST_LOST, MOST_TOLD = 100, 5
LONGEST_WHY = 200

RECORD = np.dtype(
    [("offset", "<u8"), ("length", "<u4"), ("block", "<u2"), ("n", "<u4"), ("t0", "<i8"), ("t1", "<i8")]
)
"""One block of one frame: where the frame lies, and the block's number, samples and ticks from and to."""


@dataclass(slots=True)
class FieldContent:
    """One field of a provider in a file; `t0` and `t1` are its first and last tick."""

    kind: str
    t0: int
    t1: int
    samples: int
    bins: Bins


@dataclass(slots=True)
class ProviderContent:
    """One provider, by description, in a file; `prov_ids` are the numbers it went by."""

    prov_ids: list[int]
    records: npt.NDArray[np.void]
    fields: dict[str, FieldContent]


@dataclass(slots=True)
class FileContent:
    """What was read of a file.

    Attributes
    ----------
    start, end : int
        Bytes of the (decompressed) file that were read, all whole frames.
    lost : list of Lost
        The first of the frames up to `end` that cannot be used, of those before `start`, too.
    lost_more : int
        How many more there are.
    frames : int
    session_id : int
    known : dict of str
        Description of each provider id, as the last status frame had them.
    providers : dict of ProviderContent
        By description.
    problem : str
        Why reading ended before the file did; empty if it did not.
    cut : bool
        Whether the problem may go away because the file is still being written.
    """

    start: int
    end: int
    frames: int = 0
    session_id: int = -1
    known: dict[int, str] = field(default_factory=dict)
    providers: dict[str, ProviderContent] = field(default_factory=dict)
    problem: str = ""
    cut: bool = False
    lost: list[Lost] = field(default_factory=list)
    lost_more: int = 0

    def lose(self, begin: int, end: int, why: str) -> None:
        """Note that bytes ``[begin, end)`` cannot be used."""
        why = why[:LONGEST_WHY]
        if self.lost and (self.lost[-1].end, self.lost[-1].why) == (begin, why):
            self.lost[-1] = Lost(self.lost[-1].begin, end, why)
        elif len(self.lost) < MOST_LOST:
            self.lost.append(Lost(begin, end, why))
        else:
            self.lost_more += 1

    def told(self, before: "FileContent | None" = None) -> str:
        """Which bytes are lost, for a person, but for those that were `before`; empty if none are."""
        start, more = (before.end, before.lost_more) if before else (0, 0)
        lost = [one for one in self.lost if one.end > start]
        words = [
            f"bytes {max(start, one.begin)} to {one.end} are lost: {one.why}" for one in lost[:MOST_TOLD]
        ]
        further = len(lost[MOST_TOLD:]) + self.lost_more - more
        return "; ".join([*words, *([f"{further} further parts are lost"] if further else [])])


@dataclass(slots=True)
class _Collected:
    prov_ids: dict[int, None] = field(default_factory=dict)
    records: list[npt.NDArray[np.void]] = field(default_factory=list)
    fields: dict[str, list[FieldContent]] = field(default_factory=dict)


def is_compressed(path: Path) -> bool:
    """Whether a file has to be read from its beginning."""
    return path.name.endswith(".gz")


def decompress(path: Path) -> tuple[bytes, str]:
    """Decompress a file as far as it goes; the second value says why that is not to its end."""
    whole = io.BytesIO()
    try:
        with gzip.open(path) as stream:
            while piece := stream.read1(1 << 20):  # of what is broken later, `read` gives nothing
                whole.write(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        return whole.getvalue(), f"cannot be decompressed to its end ({error})"
    return whole.getvalue(), ""


def read(
    path: Path, start: int = 0, before: FileContent | None = None, *, summaries: bool = True
) -> FileContent:
    """Read a file from a frame on.

    Parameters
    ----------
    path : Path
    start : int
        Where to begin: 0, or the `FileContent.end` of an earlier time.
    before : FileContent, optional
        What was known at `start`: session and providers.
    summaries : bool
        Whether to summarize the fields.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    content = FileContent(start, start)
    if before is not None:
        content.session_id, content.known = before.session_id, dict(before.known)
        content.lost, content.lost_more = list(before.lost), before.lost_more
    collected: dict[str, _Collected] = {}
    for reader, base in _windows(path, start, content):
        _collect(reader, base, content, collected, summaries)
    if not content.end and not content.problem:
        content.problem, content.cut = "the file is empty", True
    content.lost.sort(key=lambda one: one.begin)
    for description, found in collected.items():
        fields = {name: _join(pieces) for name, pieces in found.fields.items()}
        records = np.concatenate(found.records)
        records = records[np.argsort(records, order=("offset", "block"), kind="stable")]
        content.providers[description] = ProviderContent(list(found.prov_ids), records, fields)
    return content


def _windows(path: Path, start: int, content: FileContent) -> Iterator[tuple[FrameReader, int]]:
    """Give the file in pieces of bounded size, each with the frame reader that goes through it."""
    if is_compressed(path):
        buffer, why = decompress(path)
        reader = FrameReader(buffer, start)
        yield reader, 0
        _finish(content, reader, 0)
        if why and (not content.problem or content.cut):
            content.problem, content.cut = why, False
        return
    with path.open("rb") as stream:
        stream.seek(start)
        base, left, size = start, b"", WINDOW_BYTES
        while True:
            # What is read at most is allocated at once.
            rest = os.fstat(stream.fileno()).st_size - stream.tell()
            piece = stream.read(max(0, min(size, rest)))
            buffer = left + piece
            reader = FrameReader(buffer)
            yield reader, base
            if not piece or not isinstance(reader.problem, CutError):
                _finish(content, reader, base)
                if piece and reader.problem is None:
                    base, left = base + len(buffer), b""
                    continue
                return
            # The window ended inside of a frame: the next one begins with it, and is wider if it must be.
            size = WINDOW_BYTES if reader.at else size * 2
            base, left = base + reader.at, buffer[reader.at :]


def _finish(content: FileContent, reader: FrameReader, base: int) -> None:
    content.end = base + reader.at
    if reader.problem is not None:
        content.cut = isinstance(reader.problem, CutError)
        content.problem = f"from byte {base + reader.problem.offset} on: {reader.problem.why}"


def _collect(
    reader: FrameReader,
    base: int,
    content: FileContent,
    collected: dict[str, _Collected],
    summaries: bool,
) -> None:
    alike: dict[tuple[str, int], tuple[Frame, list[int]]] = {}
    for offset, frame in reader:
        content.frames += 1
        if frame.kind == SESSION:
            if frame.session_id != content.session_id:
                content.known = {}
            content.session_id = frame.session_id
        elif frame.kind == STATUS:
            content.session_id = frame.session_id
            content.known = dict(frame.providers)
        elif frame.kind == DATA:
            # The frames that told of another session may have been lost.
            announced = content.known if frame.session_id == content.session_id else {}
            description = announced.get(frame.prov_id)
            if description is None:
                # so3g gives up on the file here; only the frame is lost to us.
                why = f"data of a provider {frame.prov_id} that is not announced"
                content.lose(base + offset, base + offset + frame.length, why)
                continue
            found = alike.get((description, id(frame)))
            if found is None:
                collected.setdefault(description, _Collected()).prov_ids[frame.prov_id] = None
                found = alike[description, id(frame)] = frame, []
            found[1].append(offset)
    for one in reader.lost:
        content.lose(base + one.begin, base + one.end, one.why)
    for (description, _), (frame, offsets) in alike.items():
        _digest(frame, reader.buffer, offsets, base, collected[description], summaries)


def _digest(
    first: Frame, buffer: bytes, offsets: list[int], base: int, into: _Collected, summaries: bool
) -> None:
    """Decode frames that are alike, together."""
    decoded = blocks(first, buffer, offsets, None if summaries else frozenset())
    for number, (_, ticks, columns) in enumerate(decoded):
        if not ticks.size:
            continue
        records = np.zeros(len(offsets), dtype=RECORD)
        records["offset"], records["length"], records["block"] = offsets, first.length, number
        records["offset"] += base
        records["n"], records["t0"], records["t1"] = ticks.shape[1], ticks.min(axis=1), ticks.max(axis=1)
        into.records.append(records)
        t0, t1 = int(records["t0"].min()), int(records["t1"].max())
        flat = ticks.ravel()
        ordered = bool((flat[1:] >= flat[:-1]).all())
        order = None if ordered else np.argsort(flat, kind="stable")
        numeric = [field for field, values in columns.items() if values.dtype.kind in "fiub"]
        bins: dict[str, Bins] = {}
        if summaries and numeric:
            table = np.empty((len(numeric), flat.size))
            for row, field in zip(table, numeric, strict=True):
                row[:] = columns[field] if order is None else columns[field][order]
            made = summary.summarize(flat if order is None else flat[order], table, summary.FINEST_WIDTH)
            bins = dict(zip(numeric, made, strict=True))
        for field, kind in kinds(first, number).items():
            content = FieldContent(kind, t0, t1, flat.size, bins.get(field, summary.empty()))
            into.fields.setdefault(field, []).append(content)


def _join(pieces: list[FieldContent]) -> FieldContent:
    if len(pieces) == 1:
        return pieces[0]
    kind = widest({piece.kind for piece in pieces})
    return FieldContent(
        kind,
        min(piece.t0 for piece in pieces),
        max(piece.t1 for piece in pieces),
        sum(piece.samples for piece in pieces),
        summary.empty() if kind == TEXT else summary.merge(summary.join([piece.bins for piece in pieces])),
    )

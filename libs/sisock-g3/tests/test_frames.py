"""Frames and columns, against so3g."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sisock_g3 import content
from sisock_g3.errors import CutError, DamagedError
from sisock_g3.frames import DATA, FrameReader
from sisock_g3.testing import Writer

T = 1.6e9 + np.arange(30.0)
DESCRIPTION = "observatory.therm.feeds.temperatures"


def write_all_kinds(path: Path, frames: int = 5) -> Path:
    writer = Writer(path)
    feed = writer.feed(DESCRIPTION)
    for i in range(frames):
        columns = {
            "number": T * 0.5 + i,
            "small": np.arange(30) - 7,
            "large": np.arange(30) * 2**50,
            "on": np.arange(30) % 3 == i % 3,
            "word": [f"état {j}" for j in range(30)],
        }
        writer.data(feed, T + 30 * i, temps=columns, more={"other": -T})
    writer.close()
    return path


def test_frames_are_found_where_so3g_finds_them(tmp_path: Path) -> None:
    from so3g.spt3g import core

    path = write_all_kinds(tmp_path / "a.g3")
    reader = core.G3Reader(str(path))
    offsets = []
    while True:
        offset = reader.tell()
        if not reader.Process(None):
            break
        offsets.append(offset)
    ours = FrameReader(path.read_bytes())
    assert [offset for offset, _ in ours] == offsets
    assert ours.problem is None
    assert ours.at == path.stat().st_size


def test_columns_of_every_kind_are_as_so3g_reads_them(tmp_path: Path) -> None:
    from so3g.spt3g import core

    path = write_all_kinds(tmp_path / "a.g3", frames=1)
    data = path.read_bytes()
    [(offset, frame)] = [found for found in FrameReader(data) if found[1].kind == DATA]
    truth = next(f for f in core.G3File(str(path)) if f.get("hkagg_type") == 2)
    decoded = list(content.blocks(frame, data, [offset]))
    assert [name for name, _, _ in decoded] == list(truth["block_names"])
    for (_, ticks, columns), block in zip(decoded, truth["blocks"], strict=True):
        assert ticks[0].tolist() == [t.time for t in block.times]
        assert {k: v.tolist() for k, v in columns.items()} == {k: list(v) for k, v in block.items()}


@pytest.mark.parametrize("version", [0, 1, 2])
def test_every_version_of_the_schema_is_read(tmp_path: Path, version: int) -> None:
    writer = Writer(tmp_path / "a.g3", version=version)
    feed = writer.feed(DESCRIPTION)
    writer.data(feed, T, temps={"a": T * 2, "b": T * 3})
    writer.close()
    found = content.read(writer.path)
    assert found.problem == ""
    fields = found.providers[DESCRIPTION].fields
    assert sorted(fields) == ["a", "b"]
    assert (fields["a"].t0, fields["a"].t1, fields["a"].samples) == (T[0] * 1e8, T[-1] * 1e8, 30)
    assert fields["b"].bins["sum"].sum() == pytest.approx((T * 3).sum())


def test_a_compressed_file_holds_the_same(tmp_path: Path) -> None:
    plain = write_all_kinds(tmp_path / "a.g3")
    packed = tmp_path / "b.g3.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    one, other = content.read(plain).providers[DESCRIPTION], content.read(packed).providers[DESCRIPTION]
    assert one.records.tolist() == other.records.tolist()
    assert one.fields.keys() == other.fields.keys()


def test_a_large_file_is_read_through_small_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_all_kinds(tmp_path / "a.g3", frames=20)
    whole = content.read(path)
    monkeypatch.setattr(content, "WINDOW_BYTES", 1000)
    pieces = content.read(path)
    assert (pieces.end, pieces.frames, pieces.problem) == (whole.end, whole.frames, "")
    mine, theirs = pieces.providers[DESCRIPTION], whole.providers[DESCRIPTION]
    assert mine.records.tolist() == theirs.records.tolist()
    assert mine.fields["number"].bins.tolist() == theirs.fields["number"].bins.tolist()


def test_a_file_cut_anywhere_gives_every_whole_frame_before(tmp_path: Path) -> None:
    data = write_all_kinds(tmp_path / "a.g3", frames=2).read_bytes()
    ends = [offset + frame.length for offset, frame in FrameReader(data)]
    for length in range(0, len(data), 7):
        reader = FrameReader(data[:length])
        found = [offset + frame.length for offset, frame in reader]
        assert found == [end for end in ends if end <= length]
        assert reader.at == length or isinstance(reader.problem, CutError)


def test_a_flipped_byte_ends_the_file_before_its_frame(tmp_path: Path) -> None:
    data = write_all_kinds(tmp_path / "a.g3", frames=3).read_bytes()
    extents = [(offset, offset + frame.length) for offset, frame in FrameReader(data)]
    rng = np.random.default_rng(5)
    for at in rng.integers(0, len(data), 300):
        damaged = bytearray(data)
        damaged[at] ^= 1 << int(rng.integers(8))
        reader = FrameReader(bytes(damaged))
        found = [offset for offset, _ in reader]
        assert found == [begin for begin, end in extents if end <= at]
        assert isinstance(reader.problem, DamagedError)


@given(st.binary(max_size=400))
def test_any_bytes_are_frames_or_damage(data: bytes) -> None:
    reader = FrameReader(data)
    list(reader)
    assert reader.at == len(data) or reader.problem is not None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bytes_changed_under_a_true_checksum_never_break_the_reader(tmp_path_factory, data) -> None:
    import google_crc32c

    original = write_all_kinds(tmp_path_factory.mktemp("x") / "a.g3", frames=1).read_bytes()
    begin, frame = next(found for found in FrameReader(original) if found[1].kind == DATA)
    broken = bytearray(original[begin : begin + frame.length])
    at = data.draw(st.integers(40, len(broken) - 5))
    broken[at] = data.draw(st.integers(0, 255))
    try:
        from sisock_g3 import frames

        items, _, _ = frames._items(bytes(broken), 0)
        checked = b"".join(n.encode() + bytes(broken[b:e]) for n, (b, e) in items.items())
    except (DamagedError, UnicodeEncodeError):
        checked = b""
    if checked:
        crc = 0xFFFFFFFF ^ google_crc32c.extend(0xFFFFFFFF, checked)
        broken[-4:] = crc.to_bytes(4, "little")
    reader = FrameReader(bytes(broken))
    for offset, found in reader:
        if found.kind == DATA:
            list(content.blocks(found, bytes(broken), [offset]))

"""Frames and columns, against so3g."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sisock_g3 import decoding, file_content
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
            "middle": np.arange(30) * 1000,
            "wide": np.arange(30) * 10**6,
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
    decoded = list(decoding.blocks(frame, data, [offset]))
    assert [name for name, _, _ in decoded] == list(truth["block_names"])
    for (_, ticks, columns), block in zip(decoded, truth["blocks"], strict=True):
        assert ticks[0].tolist() == [t.time for t in block.times]
        assert {k: v.tolist() for k, v in columns.items()} == {k: list(v) for k, v in block.items()}


@pytest.mark.parametrize("version", [0, 1, 2])
def test_every_version_of_the_schema_is_read(
    tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path / "a.g3", version=version)
    feed = writer.feed(DESCRIPTION)
    writer.data(feed, T, temps={"a": T * 2, "b": T * 3})
    writer.close()
    if version:
        monkeypatch.setattr("sisock_g3.fallback.read", None)  # so3g is asked for the oldest alone
    found = file_content.read(writer.path)
    assert found.problem == ""
    fields = found.providers[DESCRIPTION].fields
    assert sorted(fields) == ["a", "b"]
    assert (fields["a"].t0, fields["a"].t1, fields["a"].samples) == (T[0] * 1e8, T[-1] * 1e8, 30)
    assert fields["b"].bins["sum"].sum() == pytest.approx((T * 3).sum())


@pytest.mark.parametrize("version", [0, 1, 2])
def test_only_the_columns_that_are_wanted_are_decoded(tmp_path: Path, version: int) -> None:
    writer = Writer(tmp_path / "a.g3", version=version)
    writer.data(writer.feed(DESCRIPTION), T, temps={"a": T * 2, "b": T * 3})
    writer.close()
    data = writer.path.read_bytes()
    [(offset, frame)] = [found for found in FrameReader(data) if found[1].kind == DATA]
    for wanted, names in ((None, {"a", "b"}), ({"b"}, {"b"}), (set(), set())):
        [(_, ticks, columns)] = decoding.blocks(frame, data, [offset], wanted)
        assert set(columns) == names
        assert ticks.shape == (1, 30)
    assert decoding.kinds(frame, 0) == {"a": "number", "b": "number"}


def test_a_compressed_file_holds_the_same(tmp_path: Path) -> None:
    plain = write_all_kinds(tmp_path / "a.g3")
    packed = tmp_path / "b.g3.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    one, other = (
        file_content.read(plain).providers[DESCRIPTION],
        file_content.read(packed).providers[DESCRIPTION],
    )
    assert one.records.tolist() == other.records.tolist()
    assert one.fields.keys() == other.fields.keys()


def test_a_large_file_is_read_through_small_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_all_kinds(tmp_path / "a.g3", frames=20)
    whole = file_content.read(path)
    monkeypatch.setattr(file_content, "WINDOW_BYTES", 1000)
    pieces = file_content.read(path)
    assert (pieces.end, pieces.frames, pieces.problem) == (whole.end, whole.frames, "")
    mine, theirs = pieces.providers[DESCRIPTION], whole.providers[DESCRIPTION]
    assert mine.records.tolist() == theirs.records.tolist()
    assert mine.fields["number"].bins.tolist() == theirs.fields["number"].bins.tolist()


def test_a_file_cut_anywhere_gives_every_whole_frame_before(tmp_path: Path) -> None:
    data = write_all_kinds(tmp_path / "a.g3", frames=2).read_bytes()
    ends = [offset + frame.length for offset, frame in FrameReader(data)]
    near = {end + beside for end in ends for beside in range(-40, 30)}
    for length in sorted({*range(0, len(data), 7), *(length for length in near if length <= len(data))}):
        reader = FrameReader(data[:length])
        found = [offset + frame.length for offset, frame in reader]
        assert found == [end for end in ends if end <= length]
        assert reader.at == length or isinstance(reader.problem, CutError)


def lengths(data: bytes, begin: int, end: int) -> set[int]:
    """Where the bytes lie by which a frame's end is found: its head but for the type, and each length."""
    places = set(range(begin, begin + 9))
    (items,) = struct.unpack_from("<I", data, begin + 5)
    at = begin + 13
    for _ in range(2 * items):
        places |= set(range(at, at + 8))
        at += 8 + struct.unpack_from("<Q", data, at)[0]
    assert at + 4 == end
    return places


def test_a_flipped_byte_costs_its_own_frame_unless_it_tells_a_length(tmp_path: Path) -> None:
    data = write_all_kinds(tmp_path / "a.g3", frames=3).read_bytes()
    extents = [(offset, offset + frame.length) for offset, frame in FrameReader(data)]
    decisive = set().union(*(lengths(data, *extent) for extent in extents))
    rng = np.random.default_rng(5)
    places = [*rng.integers(0, len(data), 300), *rng.choice(sorted(decisive), 60)]
    for at in places:
        damaged = bytearray(data)
        damaged[at] ^= 1 << int(rng.integers(8))
        reader = FrameReader(bytes(damaged))
        found = [offset for offset, _ in reader]
        if at in decisive:
            assert found == [begin for begin, end in extents if end <= at]
            assert isinstance(reader.problem, DamagedError)
            continue
        [own] = [extent for extent in extents if extent[0] <= at < extent[1]]
        assert found == [extent[0] for extent in extents if extent != own]
        assert [(lost.begin, lost.end) for lost in reader.lost] == [own]
        assert (reader.problem, reader.at) == (None, len(data))


def test_frames_between_and_behind_damaged_ones_are_kept(tmp_path: Path) -> None:
    data = bytearray(write_all_kinds(tmp_path / "a.g3", frames=6).read_bytes())
    extents = [(offset, offset + frame.length) for offset, frame in FrameReader(bytes(data))]
    for number in (3, 4, 6):
        data[extents[number][1] - 6] ^= 1
    (tmp_path / "a.g3").write_bytes(data)
    found = file_content.read(tmp_path / "a.g3")
    sound = [extent[0] for number, extent in enumerate(extents) if number in (2, 5, 7)]
    assert sorted(set(found.providers[DESCRIPTION].records["offset"].tolist())) == sound
    assert [(lost.begin, lost.end) for lost in found.lost] == [(extents[3][0], extents[4][1]), extents[6]]
    assert found.told() == "; ".join(
        f"bytes {lost.begin} to {lost.end} are lost: the checksum of the frame is wrong"
        for lost in found.lost
    )
    assert (found.problem, found.end) == ("", len(data))


def test_a_damaged_frame_whose_successor_is_being_written_is_waited_for(tmp_path: Path) -> None:
    whole = bytearray(write_all_kinds(tmp_path / "a.g3", frames=3).read_bytes())
    extents = [(offset, offset + frame.length) for offset, frame in FrameReader(bytes(whole))]
    whole[extents[3][1] - 6] ^= 1
    path = tmp_path / "growing.g3"
    path.write_bytes(whole[:-5])
    first = file_content.read(path)
    assert (first.end, first.cut, first.lost) == (extents[3][0], True, [])
    path.write_bytes(whole)
    then = file_content.read(path, first.end, first)
    assert (then.end, then.problem, len(then.lost)) == (len(whole), "", 1)


def test_a_frame_that_so3g_cannot_read_costs_only_itself(tmp_path: Path, monkeypatch) -> None:
    from so3g import hk

    writer = Writer(tmp_path / "a.g3", version=0)
    feed = writer.feed(DESCRIPTION)
    for i in range(3):
        writer.data(feed, T + 30 * i, temps={"a": T + i})
    writer.close()
    translate = hk.HKTranslator.__call__

    def choke(self, frame):
        if frame.get("hkagg_type") == 2 and next(iter(frame["blocks"][0].data["a"])) == T[0] + 1:
            raise RuntimeError("no such block\n" * 100)
        return translate(self, frame)

    monkeypatch.setattr(hk.HKTranslator, "__call__", choke)
    found = file_content.read(tmp_path / "a.g3")
    assert found.providers[DESCRIPTION].fields["a"].samples == 60
    [lost] = found.lost
    assert "so3g cannot read the frame (RuntimeError" in lost.why
    assert (found.problem, found.end) == ("", (tmp_path / "a.g3").stat().st_size)


def test_data_of_a_session_whose_frames_were_lost_are_nobody_elses(tmp_path: Path) -> None:
    for number, description in ((1, "observatory.a.feeds.x"), (2, "observatory.b.feeds.x")):
        writer = Writer(tmp_path / f"{number}.g3", session_id=number)
        writer.data(writer.feed(description), T + 100 * number, temps={"a": T})
        writer.close()
    one, other = ((tmp_path / f"{number}.g3").read_bytes() for number in (1, 2))
    for kept in (0, 1, 2):
        # Of the second session the first frames are lost: the session's own, then the status, too.
        second = bytearray(other)
        extents = [(offset, offset + frame.length) for offset, frame in FrameReader(other)]
        for _begin, end in extents[: 2 - kept]:
            second[end - 6] ^= 1
        (tmp_path / "both.g3").write_bytes(one + bytes(second))
        found = file_content.read(tmp_path / "both.g3")
        times = {name: (p.fields["a"].t0, p.fields["a"].samples) for name, p in found.providers.items()}
        announced = {"observatory.b.feeds.x": ((T[0] + 200) * 1e8, 30)} if kept else {}
        assert times == {"observatory.a.feeds.x": ((T[0] + 100) * 1e8, 30), **announced}
        assert ("provider 0 that is not announced" in found.told()) == (not kept)


def test_a_new_session_keeps_none_of_the_old_ones_providers(tmp_path: Path) -> None:
    for number in (1, 2):
        writer = Writer(tmp_path / f"{number}.g3", session_id=number)
        writer.data(writer.feed(f"observatory.session{number}.feeds.x"), T + 100 * number, temps={"a": T})
        writer.close()
    one, other = ((tmp_path / f"{number}.g3").read_bytes() for number in (1, 2))
    session, _status, data = (other[offset : offset + frame.length] for offset, frame in FrameReader(other))
    (tmp_path / "both.g3").write_bytes(one + session + data)
    found = file_content.read(tmp_path / "both.g3")
    assert {name: p.fields["a"].samples for name, p in found.providers.items()} == {
        "observatory.session1.feeds.x": 30
    }
    assert found.told() == (
        f"bytes {len(one + session)} to {len(one + session + data)} are lost: "
        "data of a provider 0 that is not announced"
    )


def test_frames_that_are_no_housekeeping_are_passed_over(tmp_path: Path) -> None:
    from so3g.spt3g import core

    writer = Writer(tmp_path / "a.g3")
    feed = writer.feed(DESCRIPTION)
    for i in range(2):
        other = core.G3Frame(core.G3FrameType.Observation)
        other["word"] = core.G3String("not ours")
        writer._writer.Process(other)
        writer.data(feed, T + 30 * i, temps={"a": T})
    writer.close()
    reader = FrameReader(writer.path.read_bytes())
    assert [frame.kind for _, frame in reader] == [0, 1, -1, 2, -1, 2]
    found = file_content.read(writer.path)
    assert (found.frames, found.told(), found.session_id) == (6, "", 1234)
    assert found.providers[DESCRIPTION].fields["a"].samples == 60


@given(st.binary(max_size=400))
def test_any_bytes_are_frames_or_damage(data: bytes) -> None:
    reader = FrameReader(data)
    list(reader)
    assert reader.at == len(data) or reader.problem is not None


def under_checksum(frame: bytes) -> bytes | None:
    """What a frame's checksum reaches over, by its own lengths; None if these lead out of it."""
    (items,) = struct.unpack_from("<I", frame, 5)
    at, checked = 13, b""
    for _ in range(2 * items):
        if at + 8 > len(frame):
            return None
        (length,) = struct.unpack_from("<Q", frame, at)
        checked += frame[at + 8 : at + 8 + length]
        at += 8 + length
    return checked if at + 4 == len(frame) else None


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_all_kinds(tmp_path_factory.mktemp("x") / "a.g3", frames=1).read_bytes()


@pytest.mark.usefixtures("bounded_memory")
@settings(max_examples=60)
@given(data=st.data())
def test_bytes_changed_under_a_true_checksum_never_break_the_reader(every_kind: bytes, data) -> None:
    import google_crc32c

    original = every_kind
    begin, frame = next(found for found in FrameReader(original) if found[1].kind == DATA)
    broken = bytearray(original[begin : begin + frame.length])
    at = data.draw(st.integers(40, len(broken) - 5))
    broken[at] = data.draw(st.integers(0, 255))
    checked = under_checksum(bytes(broken))
    if checked is not None:
        crc = 0xFFFFFFFF ^ google_crc32c.extend(0xFFFFFFFF, checked)
        broken[-4:] = crc.to_bytes(4, "little")
    reader = FrameReader(bytes(broken))
    for offset, found in reader:
        if found.kind == DATA:
            list(decoding.blocks(found, bytes(broken), [offset]))

"""What is told of a file: its fields and frames, what is lost of it, and how far it was read."""

import gzip
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sisock_g3 import file_content, synthetic
from sisock_g3.file_content import LONGEST_WHY, MOST_LOST, FileContent
from sisock_g3.frames import FrameReader, Lost
from sisock_g3.summary import SECOND
from sisock_g3.testing import Writer

T0 = 1.6e9
FEED = "observatory.a.feeds.x"
LEVELS = {"channel_40k": 38.0, "channel_4k": 3.6, "channel_1k": 0.95, "channel_100mk": 0.098}


def write(path: Path, *frames: tuple[list[float], dict[str, Any]]) -> Path:
    """A file of one feed: seconds and columns of each frame."""
    writer = Writer(path)
    feed = writer.feed(FEED)
    for t, columns in frames:
        writer.data(
            feed, T0 + np.array(t), block={name: np.array(values) for name, values in columns.items()}
        )
    writer.close()
    return path


def test_a_field_is_told_with_its_span_its_samples_and_its_bins(tmp_path: Path) -> None:
    path = write(tmp_path / "1.g3", ([0, 100, 200], {"a": [1.0, 2.0, 3.0]}), ([300, 400], {"a": [5.0, 4.0]}))
    content = file_content.read(path)
    assert (content.start, content.end, content.frames) == (0, path.stat().st_size, 4)
    assert (content.problem, content.cut, content.session_id, content.known) == ("", False, 1234, {0: FEED})
    provider = content.providers[FEED]
    assert provider.prov_ids == [0]
    field = provider.fields["a"]
    begin = int(T0) * SECOND
    assert field.kind == "number"
    assert (field.t0, field.t1, field.samples) == (begin, begin + 400 * SECOND, 5)
    # 1.6e9 s lies 100 s into its five minutes.
    assert field.bins["count"].tolist() == [2, 3]
    assert field.bins["max"].tolist() == [2.0, 5.0]
    records = provider.records
    offsets = [offset for offset, _ in FrameReader(path.read_bytes())][2:]
    assert records["offset"].tolist() == offsets
    assert (records["offset"] + records["length"]).tolist() == [offsets[1], content.end]
    assert (records["n"].tolist(), records["block"].tolist()) == ([3, 2], [0, 0])
    assert records["t0"].tolist() == [begin, begin + 300 * SECOND]
    assert records["t1"].tolist() == [begin + 200 * SECOND, begin + 400 * SECOND]


def test_times_that_step_back_are_summed_up_in_their_order(tmp_path: Path) -> None:
    path = write(
        tmp_path / "1.g3", ([250, 10, 20, 240], {"a": [4.0, 1.0, 2.0, 3.0], "on": [True, False, False, True]})
    )
    field = file_content.read(path).providers[FEED].fields["a"]
    assert (field.t0, field.t1) == (int(T0 + 10) * SECOND, int(T0 + 250) * SECOND)
    assert (field.bins["first"].tolist(), field.bins["last"].tolist()) == ([1.0, 3.0], [2.0, 4.0])
    [record] = file_content.read(path).providers[FEED].records
    assert (int(record["t0"]), int(record["t1"])) == (field.t0, field.t1)


def test_of_several_frames_a_field_has_the_widest_kind_and_no_bins_of_texts(tmp_path: Path) -> None:
    path = write(
        tmp_path / "1.g3",
        ([0, 1], {"x": [True, False], "s": [1.5, 2.5], "on": [True, True]}),
        ([2, 3], {"x": [2.5, 3.5], "s": [1.5, 2.5], "on": [False, True]}),
    )
    writer = Writer(tmp_path / "2.g3")
    feed = writer.feed(FEED)
    writer.data(feed, T0 + np.arange(2.0), block={"s": np.zeros(2), "x": np.zeros(2)})
    writer.data(feed, T0 + 2 + np.arange(2.0), block={"s": ["a", "b"], "x": np.ones(2) > 0})
    writer.close()
    fields = file_content.read(path).providers[FEED].fields
    assert {name: one.kind for name, one in fields.items()} == {"x": "number", "s": "number", "on": "bool"}
    assert fields["x"].bins["sum"].tolist() == [7.0]
    assert fields["on"].bins["sum"].tolist() == [3.0]
    fields = file_content.read(tmp_path / "2.g3").providers[FEED].fields
    assert {name: (one.kind, len(one.bins), one.samples) for name, one in fields.items()} == {
        "s": ("string", 0, 4),
        "x": ("number", 1, 4),
    }


def test_who_wants_no_summaries_is_told_all_but_bins(tmp_path: Path) -> None:
    path = write(tmp_path / "1.g3", ([0, 1], {"a": [1.0, 2.0], "on": [True, False]}))
    fields = file_content.read(path, summaries=False).providers[FEED].fields
    assert {name: (one.kind, len(one.bins), one.samples) for name, one in fields.items()} == {
        "a": ("number", 0, 2),
        "on": ("bool", 0, 2),
    }


def test_a_frame_without_samples_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "1.g3", ([], {"a": np.zeros(0)}), ([5], {"a": [1.0]}))
    content = file_content.read(path)
    assert content.frames == 4
    assert len(content.providers[FEED].records) == 1


def test_blocks_of_a_frame_are_told_apart(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "1.g3")
    feed = writer.feed(FEED)
    for i in range(2):
        writer.data(feed, T0 + 10 * i + np.arange(3.0), one={"a": np.zeros(3)}, two={"b": np.ones(3)})
    writer.close()
    provider = file_content.read(writer.path).providers[FEED]
    assert provider.records["block"].tolist() == [0, 1, 0, 1]
    assert {name: field.samples for name, field in provider.fields.items()} == {"a": 6, "b": 6}


def test_a_file_is_read_on_from_where_it_ended(tmp_path: Path) -> None:
    frames: list[Any] = [([10 * i, 10 * i + 5], {"a": [float(i), float(i)]}) for i in range(4)]
    whole = write(tmp_path / "whole.g3", *frames).read_bytes()
    ends = [offset + frame.length for offset, frame in FrameReader(whole)]
    path = tmp_path / "1.g3"
    path.write_bytes(whole[: ends[3] + 10])
    first = file_content.read(path)
    assert (first.end, first.cut) == (ends[3], True)
    assert first.problem == f"from byte {ends[3]} on: the file ends inside of a frame"
    path.write_bytes(whole)
    then = file_content.read(path, first.end, first)
    assert (then.start, then.end, then.frames, then.problem, then.cut) == (ends[3], ends[5], 2, "", False)
    assert then.providers[FEED].records["offset"].tolist() == [ends[3], ends[4]]
    assert then.providers[FEED].fields["a"].bins["sum"].tolist() == [2 * 2.0 + 2 * 3.0]
    # Nothing of what was known before is changed by that.
    assert (first.known, first.providers[FEED].fields["a"].samples) == ({0: FEED}, 4)
    assert file_content.read(path, ends[5], then).frames == 0


def test_an_empty_file_may_still_be_written(tmp_path: Path) -> None:
    (tmp_path / "1.g3").write_bytes(b"")
    content = file_content.read(tmp_path / "1.g3")
    assert (content.problem, content.cut, content.end) == ("the file is empty", True, 0)
    (tmp_path / "2.g3").write_bytes(b"no frame at all, but text")
    content = file_content.read(tmp_path / "2.g3")
    assert (content.problem, content.cut, content.end) == ("from byte 0 on: this is no G3 frame", False, 0)


@pytest.mark.parametrize("window", [300, 1000, 10**6])
def test_frames_larger_than_a_window_are_read_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    frames: list[Any] = [
        (
            [10 * i + 0.001 * k for k in range(500 if i == 2 else 2)],
            {"a": np.full(500 if i == 2 else 2, float(i))},
        )
        for i in range(5)
    ]
    path = write(tmp_path / "1.g3", *frames)
    whole = file_content.read(path)
    monkeypatch.setattr(file_content, "WINDOW_BYTES", window)
    asked: list[int] = []
    original = file_content.FrameReader
    monkeypatch.setattr(
        file_content, "FrameReader", lambda buffer: (asked.append(len(buffer)), original(buffer))[1]
    )
    pieces = file_content.read(path)
    assert (pieces.end, pieces.frames, pieces.problem) == (whole.end, whole.frames, "")
    assert pieces.providers[FEED].records.tolist() == whole.providers[FEED].records.tolist()
    assert pieces.providers[FEED].fields["a"].samples == 508
    # Not much more than the largest frame is in memory at once.
    assert max(asked) <= max(4 * window, 40_000)
    assert (len(asked) > 2) == (window < 10**6)


def test_windows_end_anywhere_in_or_behind_a_frame_and_stay_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "1.g3", *[([float(i)], {"a": [float(i)]}) for i in range(40)])
    ends = [offset + frame.length for offset, frame in FrameReader(path.read_bytes())]
    for window in (ends[2], ends[5], ends[2] * 3 // 2, ends[-1]):
        buffers: list[int] = []

        def noted(buffer: bytes, kept: list[int] = buffers) -> FrameReader:
            kept.append(len(buffer))
            return FrameReader(buffer)

        monkeypatch.setattr(file_content, "WINDOW_BYTES", window)
        monkeypatch.setattr(file_content, "FrameReader", noted)
        content = file_content.read(path)
        assert (content.frames, content.end) == (42, ends[-1])
        assert max(buffers) <= 2 * window


def test_a_compressed_file_that_is_cut_gives_what_is_there_and_says_why(tmp_path: Path) -> None:
    whole = write(
        tmp_path / "1.g3", *[([float(i)], {"a": np.random.default_rng(i).normal(size=1)}) for i in range(40)]
    )
    packed = gzip.compress(whole.read_bytes())
    path = tmp_path / "2.g3.gz"
    path.write_bytes(packed)
    assert (file_content.read(path).problem, file_content.read(path).frames) == ("", 42)
    path.write_bytes(packed[: len(packed) * 2 // 3])
    content = file_content.read(path)
    assert content.problem.startswith("cannot be decompressed to its end (Compressed file ended")
    assert not content.cut
    assert 2 < content.frames < 42
    path.write_bytes(b"no gzip at all")
    content = file_content.read(path)
    assert (content.end, content.problem[:34]) == (0, "cannot be decompressed to its end ")
    # What is wrong inside is told rather.
    path.write_bytes(gzip.compress(whole.read_bytes() + b"no frame at all")[:-4])
    assert file_content.read(path).problem.endswith("this is no G3 frame")


def test_parts_that_are_lost_for_the_same_reason_are_told_as_one_and_not_all_of_many() -> None:
    content = FileContent(0, 0)
    content.lose(0, 10, "why")
    content.lose(10, 30, "why")
    content.lose(30, 40, "else")
    content.lose(50, 60, "else")
    assert content.lost == [Lost(0, 30, "why"), Lost(30, 40, "else"), Lost(50, 60, "else")]
    assert content.told() == (
        "bytes 0 to 30 are lost: why; bytes 30 to 40 are lost: else; bytes 50 to 60 are lost: else"
    )
    content.lose(70, 80, "x" * 999)
    assert content.lost[-1].why == "x" * LONGEST_WHY
    for number in range(MOST_LOST):
        content.lose(100 * number + 1000, 100 * number + 1001, str(number))
    assert (len(content.lost), content.lost_more) == (MOST_LOST, 4)
    assert content.told().split("; ")[4:] == [
        "bytes 1000 to 1001 are lost: 0", f"{MOST_LOST - 5 + 4} further parts are lost"
    ]  # fmt: skip


def test_only_what_was_lost_since_is_told_again() -> None:
    before = FileContent(0, 100, lost=[Lost(0, 10, "a"), Lost(90, 100, "b")], lost_more=2)
    content = FileContent(
        100, 300, lost=[Lost(0, 10, "a"), Lost(90, 150, "b"), Lost(200, 210, "c")], lost_more=3
    )
    assert content.told(before) == (
        "bytes 100 to 150 are lost: b; bytes 200 to 210 are lost: c; 1 further parts are lost"
    )
    assert before.told(before) == ""
    assert FileContent(0, 0).told() == ""


def test_a_synthetic_archive_is_one_of_files_by_the_hour_that_ends_when_it_is_told(tmp_path: Path) -> None:
    first = 1_600_000_000 // 3600 * 3600
    synthetic.write(tmp_path, first, 2, 60.0, until=first + 3600 + 1500)
    paths = sorted(tmp_path.rglob("*.g3"))
    assert paths == [tmp_path / "15999" / f"{first}.g3", tmp_path / "16000" / f"{first + 3600}.g3"]
    samples = []
    for path in paths:
        content = file_content.read(path)
        assert set(content.providers) == set(synthetic.FEEDS)
        for description, provider in content.providers.items():
            assert set(provider.fields) == set(synthetic.FEEDS[description])
            for name, field in provider.fields.items():
                level = LEVELS.get(name, 1e-5)
                assert abs(field.bins["sum"] / field.bins["count"] / level - 1).max() < 0.03
                samples.append((field.samples, len(provider.records), field.t1 // SECOND))
    assert set(samples) == {(60, 12, first + 3540), (25, 5, first + 3600 + 1440)}
    again = tmp_path / "again"
    synthetic.write(again, first, 1, 60.0)
    fields = file_content.read(next(again.rglob("*.g3"))).providers["observatory.pump.feeds.pressures"].fields
    assert fields["turbo"].bins["first"][0] == pytest.approx(9.9928308e-06, rel=1e-6)


def test_a_synthetic_archive_ends_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "time", SimpleNamespace(time=lambda: 1_600_003_700.5))
    monkeypatch.setattr("sys.argv", ["synthetic", str(tmp_path), "--hours", "2"])
    synthetic.main()
    found = [
        file_content.read(path).providers["observatory.cryo.feeds.temperatures"]
        for path in sorted(tmp_path.rglob("*.g3"))
    ]
    spans = [(one.fields["channel_1k"].t0 // SECOND, one.fields["channel_1k"].t1 // SECOND) for one in found]
    assert spans == [(1_599_998_400, 1_600_001_995), (1_600_002_000, 1_600_003_700)]
    assert found[0].fields["channel_1k"].samples == 720

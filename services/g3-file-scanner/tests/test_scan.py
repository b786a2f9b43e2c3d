"""What a pass finds, on both engines, in files written by so3g."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
from sisock_g3.frames import FrameReader
from sisock_g3.tables import prepare
from sisock_g3.testing import Writer


def test_deployed_tables_are_as_their_old_queries_expect(kit, database, archive) -> None:
    kit.scanner(database, archive).scan()
    rows = database.query(
        "SELECT f.path, f.filename, f.prov_id, f.scanned, x.field, x.start, x.`end` FROM feeds f "
        "JOIN fields x ON x.feed_id = f.id WHERE f.description = %s ORDER BY x.start, x.field",
        [kit.FEED],
    )
    assert len(rows) == 12
    path, filename, prov_id, scanned, field, start, end = rows[0]
    assert (path, filename, prov_id) == (str(archive / "16000"), "1600000000.g3", 0)
    assert (bool(scanned), field) == (True, "Channel 1")
    # 1600000000 is 2020-09-13 12:26:40 UTC, whatever the time zone here.
    assert str(start).startswith("2020-09-13 12:26:40")
    assert str(end).startswith("2020-09-13 13:26:30")
    listed = [row[0] for row in database.query("SELECT description FROM description ORDER BY description")]
    assert listed == [f"{kit.FEED}.channel_1", f"{kit.FEED}.count"]


def test_an_unchanged_archive_is_not_read_again(kit, database, archive, monkeypatch) -> None:
    assert kit.scanner(database, archive).scan().files == 6
    monkeypatch.setattr("sisock_g3_file_scanner.jobs.file_content.read", None)
    assert kit.scanner(database, archive).scan().files == 0


def test_a_file_that_grows_is_read_from_where_it_was(kit, database, tmp_path: Path) -> None:
    top = tmp_path / "data"
    whole = kit.write(tmp_path / "whole.g3").read_bytes()
    growing = top / "16000" / "1600000000.g3"
    growing.parent.mkdir(parents=True)
    ours = kit.scanner(database, top)
    for length in (400, 1500, 1501, len(whole) // 2, len(whole) - 3, len(whole)):
        growing.write_bytes(whole[:length])
        ours.scan()
        assert kit.same_as_fresh(database, top)
    rows = database.query(
        "SELECT c.samples, f.indexed FROM sisock_chunks c JOIN sisock_files f ON f.id = c.file_id"
    )
    assert rows == [(360, len(whole))]


def test_a_file_that_became_another_is_read_anew(kit, database, archive) -> None:
    ours = kit.scanner(database, archive)
    ours.scan()
    [path, *_] = sorted(archive.rglob("*.g3"))
    kit.write(path, kit.T0 + 1e5, hours=2.0, description="observatory.other.feeds.x")
    ours.scan()
    assert kit.same_as_fresh(database, archive)


def test_deleted_and_moved_files_leave_the_index(kit, database, archive) -> None:
    ours = kit.scanner(database, archive)
    ours.scan()
    first, second, *_ = sorted(archive.rglob("*.g3"))
    first.unlink()
    (archive / "elsewhere").mkdir()
    second.rename(archive / "elsewhere" / second.name)
    kit.write(archive / "new" / "a.g3", description="observatory.short.feeds.lived")
    ours.scan()
    shutil.rmtree(archive / "new")
    ours.scan()
    assert kit.same_as_fresh(database, archive)
    assert database.query("SELECT * FROM description WHERE description LIKE %s", ["%lived%"]) == []


def test_an_archive_that_is_not_mounted_is_kept(kit, database, archive, events) -> None:
    ours = kit.scanner(database, archive)
    ours.scan()
    archive.rename(archive.with_name("elsewhere"))
    assert ours.scan().removed == 0
    archive.mkdir()
    assert ours.scan().removed == 0
    assert [event["files_kept"] for event in events("archive.empty")] == [6, 6]
    assert len(database.query("SELECT * FROM feeds")) == 6


def test_files_of_the_same_name_in_two_directories_are_both_there(kit, database, tmp_path: Path) -> None:
    kit.write(tmp_path / "data" / "a" / "1.g3")
    kit.write(tmp_path / "data" / "b" / "1.g3", kit.T0 + 7200)
    kit.scanner(database, tmp_path / "data").scan()
    assert len(database.query("SELECT * FROM feeds WHERE filename = '1.g3'")) == 2


def test_sessions_and_restarts_inside_a_file_keep_their_own_fields(kit, database, tmp_path: Path) -> None:
    top = tmp_path / "data"
    one = kit.write(tmp_path / "1.g3", description="observatory.a.feeds.x")
    other = kit.write(tmp_path / "2.g3", kit.T0 + 7200, description="observatory.b.feeds.x")
    top.mkdir()
    (top / "both.g3").write_bytes(one.read_bytes() + other.read_bytes())
    writer = Writer(top / "restart.g3")
    first = writer.feed(kit.FEED)
    writer.data(first, kit.T0 + np.arange(10.0), temps={"a": np.zeros(10)})
    writer.drop(first)
    again = writer.feed(kit.FEED)
    writer.data(again, kit.T0 + 100 + np.arange(10.0), temps={"a": np.ones(10)})
    writer.close()
    kit.scanner(database, top).scan()
    assert database.query("SELECT filename, description FROM feeds ORDER BY filename, prov_id") == [
        ("both.g3", "observatory.a.feeds.x"),
        ("both.g3", "observatory.b.feeds.x"),
        ("restart.g3", kit.FEED),
        ("restart.g3", kit.FEED),
    ]
    rows = database.query(
        "SELECT s.samples FROM sisock_spans s JOIN sisock_fields f ON f.id = s.field_id WHERE f.name = %s",
        [f"{kit.FEED}.a"],
    )
    assert rows == [(20,)]


def test_damaged_files_are_told_once_and_stop_nobody(kit, database, archive, events) -> None:
    sound = min(archive.rglob("*.g3")).read_bytes()
    flipped = bytearray(sound)
    flipped[len(flipped) // 2] ^= 1
    for name, data in {
        "flipped": bytes(flipped),
        "empty": b"",
        "text": b"not a g3 file at all\n" * 50,
        "seven": b"\x01\x01\0\0\0\x05\0",
        "cut": sound[:-100],
        "garbage": b"\x07" + os.urandom(5000),
    }.items():
        path = archive / f"{name}.g3"
        path.write_bytes(data)
        os.utime(path, (kit.T0, kit.T0))
    ours = kit.scanner(database, archive)
    for _ in range(3):
        ours.scan()
    kit.scanner(database, archive).scan()
    told = sorted(Path(event["path"]).stem for event in events("file.damaged"))
    assert told == ["cut", "empty", "flipped", "garbage", "seven", "text"]
    samples = dict(
        database.query(
            "SELECT f.filename, c.samples FROM sisock_chunks c JOIN sisock_files f ON f.id = c.file_id "
            "WHERE f.filename IN ('flipped.g3', 'cut.g3')"
        )
    )
    assert samples == {"cut.g3": 300, "flipped.g3": 300}


def test_a_damaged_frame_is_told_once_and_the_file_grows_on(kit, database, tmp_path, events) -> None:
    top = tmp_path / "data"
    sound = kit.write(tmp_path / "whole.g3", hours=2).read_bytes()
    extents = [(offset, offset + frame.length) for offset, frame in FrameReader(sound)]
    damaged = bytearray(sound)
    for number in (4, 5, 9):
        damaged[extents[number][1] - 6] ^= 1
    top.mkdir()
    ours = kit.scanner(database, top)
    for number in (3, 4, 5, 6, 8, 9, len(extents) - 1):
        (top / "1.g3").write_bytes(damaged[: extents[number][1]])
        ours.scan()
        ours.scan()
        assert kit.same_as_fresh(database, top)
    told = [event["why"] for event in events("file.damaged") if event["path"] == str(top / "1.g3")]
    wrong = "are lost: the checksum of the frame is wrong"
    # The scanners that the index is compared with say it, too: each of them all at once.
    assert sum(why == f"bytes {extents[9][0]} to {extents[9][1]} {wrong}" for why in told) == 1
    assert sum(why == f"bytes {extents[5][0]} to {extents[5][1]} {wrong}" for why in told) == 1
    rows = database.query("SELECT samples FROM sisock_chunks")
    assert rows == [(60 * (len(extents) - 2 - 3),)]


def test_what_lies_behind_damage_in_an_older_index_is_read_at_the_first_start(
    kit, database, archive, events
) -> None:
    path = min(archive.rglob("*.g3"))
    data = bytearray(path.read_bytes())
    frames = list(FrameReader(bytes(data)))
    at, frame = frames[4]
    data[at + frame.length - 6] ^= 1
    status = path.stat()
    path.write_bytes(data[:at])
    ours = kit.scanner(database, archive)
    ours.scan()
    # What an index says that was made when damage ended a file.
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    database.execute("DELETE FROM sisock_schema WHERE version = 2")
    database.execute(
        "UPDATE sisock_files SET size = %s, mtime_ns = %s, problem = %s, reported = 1 WHERE filename = %s",
        [len(data), status.st_mtime_ns, f"from byte {at} on: the checksum of the frame is wrong", path.name],
    )
    prepare(database)
    assert kit.scanner(database, archive).scan().files == 1
    assert kit.same_as_fresh(database, archive)
    prepare(database)
    assert kit.scanner(database, archive).scan().files == 0
    assert [event["path"] for event in events("file.damaged")][:1] == [str(path)]


def test_tiles_are_made_when_their_time_is_over_and_made_again(kit, database, tmp_path: Path) -> None:
    top = tmp_path / "data"
    for day in (0, 1, 40, 600, 1100):
        kit.write(top / f"{day}.g3", kit.T0 + day * kit.DAY, hours=3)
    ours = kit.scanner(database, top)
    ours.scan()
    levels = dict(database.query("SELECT level, COUNT(*) FROM sisock_tiles GROUP BY level"))
    assert levels == {1: 8, 2: 6, 3: 4}
    kit.write(top / "late.g3", kit.T0 + 41 * kit.DAY)
    ours.scan()
    assert kit.same_as_fresh(database, top)
    (top / "1.g3").unlink()
    ours.scan()
    assert kit.same_as_fresh(database, top)


def test_two_processes_find_what_one_finds(kit, database, archive, monkeypatch) -> None:
    monkeypatch.setattr("sisock_g3_file_scanner.jobs.WORTH_PROCESSES_BYTES", 0)
    kit.scanner(database, archive, processes=2).scan()
    assert kit.same_as_fresh(database, archive)


class Deadly:
    """Reads files in the place of the real reader; one kills the process that it is read in."""

    def __call__(self, job: Any, *, summaries: bool) -> Any:
        from sisock_g3 import file_content

        if "deadly" in str(job.path):
            os.kill(os.getpid(), signal.SIGKILL)
        return file_content.read(job.path, job.start, job.before, summaries=summaries)


def test_a_file_that_kills_its_process_stops_nobody(kit, database, archive, monkeypatch, events) -> None:
    import multiprocessing

    monkeypatch.setattr("sisock_g3_file_scanner.jobs.WORTH_PROCESSES_BYTES", 0)
    monkeypatch.setattr("sisock_g3_file_scanner.jobs.read", Deadly())
    context = multiprocessing.get_context("fork")  # a class of this test is not to be imported elsewhere
    monkeypatch.setattr("sisock_g3_file_scanner.jobs.multiprocessing.get_context", lambda _: context)
    kit.write(archive / "deadly.g3")
    kit.scanner(database, archive, processes=2).scan()
    assert [event["path"] for event in events("file.damaged")] == [str(archive / "deadly.g3")]
    assert len(database.query("SELECT * FROM feeds")) == 6


def test_a_provider_that_falls_silent_keeps_its_fields_while_the_file_grows(kit, database, tmp_path) -> None:
    path = tmp_path / "data" / "1.g3"
    writer = Writer(path)
    silent, loud = writer.feed("observatory.silent.feeds.x"), writer.feed("observatory.loud.feeds.x")
    ours = kit.scanner(database, tmp_path / "data")
    for i, feeds in enumerate(((silent, loud), (loud,), (loud,))):
        for feed in feeds:
            writer.data(feed, kit.T0 + 10 * i + np.arange(10.0), temps={"a": np.zeros(10)})
        writer.flush()
        ours.scan()
        assert kit.same_as_fresh(database, tmp_path / "data")
    writer.close()


def test_names_that_the_index_has_no_room_for_are_told_once_and_left_out(
    kit, database, archive, events
) -> None:
    long = "x" * (255 - len("observatory.a."))
    writer = Writer(archive / "names.g3")
    feed = writer.feed("observatory.a")
    wide = writer.feed("observatory." + "w" * 255)
    writer.data(feed, kit.T0 + np.arange(10.0), temps={long: np.zeros(10), long + "y": np.ones(10)})
    writer.data(wide, kit.T0 + np.arange(10.0), temps={"a": np.zeros(10)})
    writer.close()
    below = archive.joinpath(*["d" * 100] * 4)
    below.mkdir(parents=True)
    kit.write(below / "1.g3")
    os.rename(kit.write(archive / "2.g3"), os.fsencode(archive) + b"/\xff.g3")
    ours = kit.scanner(database, archive)
    assert ours.scan().files == 7
    kit.scanner(database, archive).scan()
    ours.scan()
    names = [name for (name,) in database.query("SELECT field FROM sisock_fields ORDER BY field")]
    assert names == ["Channel 1", "count", long]
    assert (long,) in database.query("SELECT field FROM fields")
    told = [event["name"][-2:] for event in events("field.name_too_long")]
    assert sorted(told) == [".a", "xy"]
    assert [event["path"] for event in events("file.name_too_long")] == [str(below / "1.g3")] * 2
    assert len(events("file.name_not_utf8")) == 2  # by two scanners, of which one scanned twice


def test_fields_whose_names_differ_in_case_only_are_both_indexed(kit, database, tmp_path: Path) -> None:
    writer = Writer(tmp_path / "data" / "1.g3")
    feed = writer.feed(kit.FEED)
    writer.data(feed, kit.T0 + np.arange(10.0), temps={"Temp": np.zeros(10), "temp": np.ones(10)})
    writer.close()
    assert kit.scanner(database, tmp_path / "data").scan().files == 1
    rows = database.query(
        "SELECT f.field, s.samples FROM sisock_fields f JOIN sisock_spans s ON s.field_id = f.id"
    )
    assert sorted(rows) == [("Temp", 10), ("temp", 10)]

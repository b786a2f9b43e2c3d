"""What the index answers and makes, at the edges of ranges and tiles; SQLite, rows written by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock_g3 import blobs, summary
from sisock_g3.database import Database
from sisock_g3.deployed import Deployed, datetime_text
from sisock_g3.index import fields, ranges, tiles
from sisock_g3.index.fields import ArchiveField
from sisock_g3.summary import DAY, FINEST_WIDTH, LEVELS, SECOND

ZERO = 16_000 * DAY
"""A multiple of the widest tile."""


def bins(*ticks: int) -> Any:
    """Summaries of samples that are one each."""
    return summary.summarize(np.array(ticks, np.int64), np.ones((1, len(ticks))), FINEST_WIDTH)[0]


def put(database: Database, file: int, *ticks: int, field: int = 1, summaries: bool = True) -> None:
    """A file of samples of a field; provider and field have the same number."""
    first, last = min(ticks), max(ticks)
    execute = database.execute
    execute(
        "INSERT IGNORE INTO sisock_providers (id, description) VALUES (%s, %s)",
        [field, f"observatory.{field}"],
    )
    execute("UPDATE sisock_providers SET longest = MAX(longest, %s) WHERE id = %s", [last - first, field])
    execute(
        "INSERT IGNORE INTO sisock_fields (id, provider_id, field, name, kind) "
        "VALUES (%s, %s, 'ch', %s, 'number')",
        [field, field, f"observatory.{field}.ch"],
    )
    execute(
        "INSERT IGNORE INTO sisock_files (id, size, mtime_ns, indexed, tail, state, cut, reported, problem, "
        "path, filename) VALUES (%s, 1000, 5, 900, 7, '{}', 0, 0, '', '/data', %s)",
        [file, f"{file}.g3"],
    )
    records = np.zeros(len(ticks), blobs.RECORD)
    records["t0"] = records["t1"] = ticks
    blob = blobs.pack_records(records)
    execute(
        "INSERT INTO sisock_chunks (provider_id, t1, file_id, t0, samples, records) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        [field, last, file, first, len(ticks), blob],
    )
    packed = blobs.pack_bins(bins(*ticks)) if summaries else b""
    execute(
        "INSERT INTO sisock_spans (field_id, t1, file_id, t0, kind, samples, bins) "
        "VALUES (%s, %s, %s, %s, 'number', %s, %s)",
        [field, last, file, first, len(ticks), packed],
    )


def field_of(database: Database, number: int = 1) -> ArchiveField:
    return fields.numbered(database, [number])[number]


def test_of_files_that_overlap_a_range_each_is_found_to_the_tick(database: Database) -> None:
    put(database, 1, 100, 200)
    put(database, 2, 150, 160)
    put(database, 3, 300, 1300)
    put(database, 4, 400, 410)
    put(database, 9, 0, 5000, field=2)
    field = field_of(database)
    assert field == ArchiveField(1, 1, "observatory.1", "ch", "observatory.1.ch", "number", 1000)

    def files(begin: int, end: int) -> list[int]:
        found = [int(file.path.stem) for file, _ in ranges.chunks(database, field, begin, end)]
        assert ranges.count(database, field, begin, end) == 2 * len(found)
        assert ranges.has_samples(database, field, begin, end) == bool(found)
        assert len(ranges.finest(database, field, begin, end) or []) == len(found)
        return found

    assert files(0, 100) == []
    assert files(0, 101) == [1]
    assert files(200, 300) == [1]
    assert files(201, 300) == []
    assert files(150, 151) == [1, 2]
    assert files(410, 411) == [3, 4]
    assert files(411, 1000) == [3]
    assert files(1300, 1301) == [3]
    assert files(1301, 9999) == []
    assert files(-(10**15), 10**15) == [1, 2, 3, 4]
    assert ranges.bounds(database, field, 0, 10**15) == (100, 1301)
    assert ranges.bounds(database, field, 120, 155) == (120, 155)
    assert ranges.bounds(database, field, 165, 10**15) == (165, 1301)
    assert ranges.bounds(database, field, 250, 405) == (300, 405)
    assert ranges.bounds(database, field, 1301, 9999) is None
    # One that only the deployed tables have.
    assert not ranges.has_samples(database, ArchiveField(0, 0, "a", "b", "a.b", "number", 0), 0, 10**15)


def test_a_files_records_come_with_what_it_was(database: Database) -> None:
    put(database, 1, 100, 200)
    ((file, records),) = ranges.chunks(database, field_of(database), 0, 1000)
    assert (file.path, file.size, file.mtime_ns, file.end, file.tail) == (Path("/data/1.g3"), 1000, 5, 900, 7)
    assert records["t0"].tolist() == [100, 200]


def test_summaries_of_files_of_which_one_has_none_are_none(database: Database) -> None:
    put(database, 1, 100, 200)
    put(database, 2, 500, 600, summaries=False)
    assert ranges.finest(database, field_of(database), 0, 300) is not None
    assert ranges.finest(database, field_of(database), 0, 501) is None


def test_tiles_are_found_by_level_and_number(database: Database) -> None:
    put(database, 1, 100)
    for level, number in ((1, 4), (1, 5), (1, 6), (2, 5)):
        database.execute(
            "INSERT INTO sisock_tiles (field_id, level, tile, bins) VALUES (1, %s, %s, %s)",
            [level, number, blobs.pack_bins(bins(number * 10**9))],
        )
    found = ranges.tiles(database, field_of(database), 1, 5, 6)
    assert [(number, made["t_first"].tolist()) for number, made in found] == [
        (5, [5 * 10**9]),
        (6, [6 * 10**9]),
    ]


def stale(database: Database, *which: tuple[int, int, int]) -> None:
    database.executemany("INSERT INTO sisock_stale (provider_id, level, tile) VALUES (%s, %s, %s)", which)


def test_a_tile_is_due_when_the_archive_has_gone_on_for_a_day_beyond_it(database: Database) -> None:
    _, two, three = LEVELS
    put(database, 1, ZERO)
    day = ZERO // DAY
    stale(database, (1, 1, day), (1, 1, day + 1), (1, 2, ZERO // two.tile), (1, 3, ZERO // three.tile))

    def due_when(newest: int) -> list[tuple[int, int, int]]:
        put(database, 2, newest, field=2)
        found = [(provider, level.number, number) for provider, level, number in tiles.due(database)]
        database.execute("DELETE FROM sisock_chunks WHERE file_id = 2")
        database.execute("DELETE FROM sisock_spans WHERE file_id = 2")
        return found

    assert due_when(ZERO + 2 * DAY - 1) == []
    assert due_when(ZERO + 2 * DAY) == [(1, 1, day)]
    assert due_when(ZERO + 3 * DAY) == [(1, 1, day), (1, 1, day + 1)]
    assert due_when(ZERO + 33 * DAY)[2:] == [(1, 2, ZERO // two.tile)]
    assert due_when(ZERO + 129 * DAY - 1)[3:] == []
    assert due_when(ZERO + 129 * DAY)[3:] == [(1, 3, ZERO // three.tile)]
    assert tiles.newest(database) == ZERO


def test_of_an_archive_without_a_file_nothing_is_due_any_more(database: Database) -> None:
    assert tiles.newest(database) is None
    stale(database, (1, 1, 5))
    assert tiles.due(database) == []
    assert database.query("SELECT * FROM sisock_stale") == []


def test_tiles_are_made_of_what_is_finer_and_of_their_own_time_alone(database: Database) -> None:
    edges = [ZERO - 1, ZERO, ZERO + DAY - 1, ZERO + DAY, ZERO + 31 * DAY, ZERO + 32 * DAY]
    put(database, 1, *edges)
    put(database, 2, ZERO + 5, ZERO + 1200 * SECOND)
    put(database, 3, ZERO + 7, field=2)
    day = ZERO // DAY

    def made(level: int, number: int, provider: int = 1) -> list[tuple[int, int, int]]:
        stale(database, (provider, level, number))
        tiles.make(database, provider, LEVELS[level - 1], number)
        assert database.query("SELECT * FROM sisock_stale") == []
        found = ranges.tiles(database, field_of(database, provider), level, number, number)
        width = LEVELS[level - 1].width
        return [
            (int(b["bin"] * width - ZERO) // SECOND, int(b["count"]), int(b["t_last"]) - ZERO)
            for _, made in found
            for b in made
        ]

    assert made(1, day) == [(0, 2, 5), (1200, 1, 1200 * SECOND), (86_400 - 1200, 1, DAY - 1)]
    assert made(1, day, 2) == [(0, 1, 7)]
    assert made(1, day - 1) == [(-1200, 1, -1)]
    assert made(1, day + 1) == [(86_400, 1, DAY)]
    assert made(1, day + 2) == []
    assert made(1, day + 31) == [(31 * 86_400, 1, 31 * DAY)]
    assert made(1, day + 32) == [(32 * 86_400, 1, 32 * DAY)]
    assert made(2, ZERO // LEVELS[1].tile) == [
        (0, 3, 1200 * SECOND),
        (86_400 - 10_800, 1, DAY - 1),
        (86_400, 1, DAY),
        (31 * 86_400, 1, 31 * DAY),
    ]
    assert made(2, ZERO // LEVELS[1].tile + 1) == [(32 * 86_400, 1, 32 * DAY)]
    assert made(3, ZERO // LEVELS[2].tile) == [
        (0, 4, DAY - 1),
        (86_400, 1, DAY),
        (31 * 86_400, 1, 31 * DAY),
        (32 * 86_400, 1, 32 * DAY),
    ]


def test_bins_are_in_the_tiles_that_hold_their_beginning(database: Database) -> None:
    made = bins(ZERO - 1, ZERO, ZERO + DAY - 1, ZERO + DAY, ZERO + 40 * DAY)
    day = ZERO // DAY
    assert LEVELS[0].tiles(made, FINEST_WIDTH) == [day - 1, day, day + 1, day + 40]
    assert LEVELS[1].tiles(made, FINEST_WIDTH) == [day // 32 - 1, day // 32, day // 32 + 1]


# The predecessor's tables.


def deployed(database: Database, *rows: tuple[str, str, int | None, int | None]) -> None:
    """File, field, first and last second of each."""
    for number, (filename, field, start, end) in enumerate(rows, 1):
        database.execute(
            "INSERT INTO feeds (id, filename, path, prov_id, description) "
            "VALUES (%s, %s, '/data', 0, 'observatory.a')",
            [number, filename],
        )
        times = [None if t is None else datetime_text(t * SECOND) for t in (start, end)]
        database.execute("INSERT INTO fields VALUES (%s, %s, %s, %s)", [number, field, *times])


@pytest.mark.parametrize("beside", [True, False])
def test_a_file_may_hold_a_range_if_it_does_in_any_time_zone(database: Database, beside: bool) -> None:
    slack, t = 15 * 3600, 1_600_000_000
    deployed(database, ("1.g3", "ch", t, t + 600), ("2.g3", "ch", None, None), ("3.g3", "other", t, t))
    told = Deployed(database, beside=beside)

    def files(begin: int, end: int) -> list[str]:
        return [path.name for path in told.files("observatory.a", ["ch"], begin * SECOND, end * SECOND)]

    assert files(t, t + 1) == ["1.g3", "2.g3"]
    assert files(t + 600 + slack, t + 10**6) == ["1.g3", "2.g3"]
    assert files(t + 601 + slack, t + 10**6) == ["2.g3"]
    assert files(t - 10**6, t - slack + 1) == ["1.g3", "2.g3"]
    assert files(t - 10**6, t - slack) == ["2.g3"]
    assert told.fields() == [("observatory.a", "ch"), ("observatory.a", "other")]
    assert told.fields((t - 10**7) * SECOND, (t - 10**6) * SECOND) == [("observatory.a", "ch")]
    assert told.fields(None, 5) == told.fields(5, None) == told.fields()
    assert [path.name for path in told.newest("observatory.a", "ch", 5)] == ["2.g3", "1.g3"]
    assert [path.name for path in told.newest("observatory.a", "ch", 1)] == ["2.g3"]
    assert told.any()


def test_files_that_our_tables_hold_are_not_told_of_again(database: Database) -> None:
    deployed(database, ("1.g3", "ch", 5, 6), ("2.g3", "ch", 5, 6))
    put(database, 1, 5 * SECOND)
    assert [p.name for p in Deployed(database, beside=True).newest("observatory.a", "ch", 9)] == ["2.g3"]
    assert [p.name for p in Deployed(database, beside=False).newest("observatory.a", "ch", 9)] == [
        "2.g3",
        "1.g3",
    ]
    put(database, 2, 5 * SECOND)
    assert not Deployed(database, beside=True).any()
    assert Deployed(database, beside=False).any()


def test_times_are_written_as_databases_have_them_however_far_away() -> None:
    assert datetime_text(1_600_000_000 * SECOND + 12_345_678) == "2020-09-13 12:26:40.123457"
    assert datetime_text(0) == "1970-01-01 00:00:00.000000"
    assert datetime_text(-(2**62)) == "0508-08-13 01:03:35.726120"
    assert datetime_text(-(2**63)) == "0005-04-19 09:46:40.000000"
    assert datetime_text(2**63 - 1) == "4892-10-07 21:52:48.547760"


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_what_is_written_of_times_is_in_their_order(one: int, other: int) -> None:
    earlier, later = sorted((one, other))
    assert datetime_text(earlier) <= datetime_text(later)

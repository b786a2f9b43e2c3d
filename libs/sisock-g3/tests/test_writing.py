"""What is written of files, in our tables and in the predecessor's, beside what is known of them; SQLite."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sisock_g3 import blobs, file_content
from sisock_g3.database import Database
from sisock_g3.file_content import FieldContent, FileContent, ProviderContent
from sisock_g3.frames import Lost
from sisock_g3.index.files import Known, ReadFile, Seen, before, state_of
from sisock_g3.index.writing import SPARE_PROV_ID, Index
from sisock_g3.summary import DAY, FINEST_WIDTH, LEVELS, SECOND, summarize

ZERO = 16_000 * DAY
A, B = "observatory.a", "observatory.b"


@pytest.fixture
def index(database: Database) -> Index:
    return Index(database)


def column(*ticks: int, kind: str = "number") -> FieldContent:
    """A field's samples in a file, one each."""
    t = np.array(ticks, np.int64)
    bins = summarize(t, np.ones((1, len(t))), FINEST_WIDTH)[0]
    return FieldContent(kind, ticks[0], ticks[-1], len(ticks), bins if kind != "string" else bins[:0])


def provider(*prov_ids: int, offset: int = 0, **fields: FieldContent) -> ProviderContent:
    """What a provider has in a file, as one frame."""
    records = np.zeros(1, file_content.RECORD)
    records["offset"], records["n"] = offset, max(field.samples for field in fields.values())
    records["t0"] = min(field.t0 for field in fields.values())
    records["t1"] = max(field.t1 for field in fields.values())
    return ProviderContent(list(prov_ids), records, fields)


def put(
    index: Index,
    filename: str,
    continues: Known | None = None,
    replaces: Known | None = None,
    *,
    cut: bool = False,
    reported: bool = False,
    problem: str = "",
    lost: list[Lost] | None = None,
    **providers: ProviderContent,
) -> Known:
    """Write a file; gives it as it is known then."""
    content = FileContent(0, 900, cut=cut, problem=problem, lost=lost or [], session_id=7, known={0: A})
    content.providers = {f"observatory.{name}": one for name, one in providers.items()}
    seen = Seen("/data", filename, 1000, 5)
    written = index.write([ReadFile(seen, content, 77, continues, replaces, reported)])
    assert [*written] == [("/data", filename)]
    return written["/data", filename]


def feeds(database: Database) -> list[Any]:
    return database.query(
        "SELECT filename, prov_id, description, scanned FROM feeds ORDER BY filename, prov_id"
    )


def test_a_file_is_known_as_it_was_written_also_to_who_begins_anew(index: Index, database: Database) -> None:
    lost = [Lost(3, 9, "why")]
    known = put(
        index, "1.g3", cut=True, reported=True, problem="it ends", lost=lost, a=provider(0, x=column(ZERO))
    )
    assert known == Known(1, 1000, 5, 900, 77, known.state, cut=True, reported=True)
    assert index.files() == Index(database).files() == {("/data", "1.g3"): known}
    ((problem,),) = database.query("SELECT problem FROM sisock_files")
    assert problem == "bytes 3 to 9 are lost: why; it ends"
    again = before(known)
    assert (again.start, again.end, again.session_id, again.known) == (900, 900, 7, {0: A})
    assert (again.lost, again.lost_more, again.frames) == (lost, 0, 0)
    marked = index.mark(known, Seen("/data", "1.g3", 1001, 6), cut=False, reported=False)
    assert marked == Known(1, 1001, 6, 900, 77, known.state, cut=False, reported=False)
    assert index.files() == {("/data", "1.g3"): marked}


def test_a_file_that_was_seen_lies_in_its_directory() -> None:
    seen = Seen("/data/16000", "1.g3", 1000, 5)
    assert (seen.full, seen.key) == (Path("/data/16000/1.g3"), ("/data/16000", "1.g3"))


def test_what_is_known_of_a_file_without_losses_is_short_and_older_states_are_read() -> None:
    assert (
        state_of(FileContent(0, 0, session_id=5, known={3: "a"})) == '{"session_id": 5, "known": {"3": "a"}}'
    )
    alone = Known(1, 1, 1, 1, 1, '{"session_id": 5, "known": {"3": "a"}}', cut=False, reported=False)
    assert (before(alone).known, before(alone).lost, before(alone).lost_more) == ({3: "a"}, [], 0)
    many = FileContent(0, 0, lost=[Lost(1, 2, "why")], lost_more=4)
    assert before(Known(1, 1, 1, 1, 1, state_of(many), cut=False, reported=False)).lost_more == 4


def test_providers_of_one_number_are_told_apart_in_the_predecessors_table(
    index: Index, database: Database
) -> None:
    put(
        index,
        "1.g3",
        a=provider(0, x=column(ZERO)),
        b=provider(0, 3, x=column(ZERO)),
        c=provider(0, x=column(ZERO)),
    )
    assert feeds(database) == [
        ("1.g3", 0, A, 1),
        ("1.g3", 3, B, 1),
        ("1.g3", SPARE_PROV_ID, B, 1),
        ("1.g3", 2 * SPARE_PROV_ID, "observatory.c", 1),
    ]
    # Fields stand with the first row of their provider.
    assert database.query(
        "SELECT d.prov_id, x.field FROM fields x JOIN feeds d ON d.id = x.feed_id ORDER BY d.id"
    ) == [(0, "x"), (SPARE_PROV_ID, "x"), (2 * SPARE_PROV_ID, "x")]


def test_a_file_that_is_cut_is_not_scanned_to_the_predecessor_until_it_has_grown(
    index: Index, database: Database
) -> None:
    known = put(index, "1.g3", cut=True, a=provider(0, x=column(ZERO)), b=provider(1, y=column(ZERO)))
    assert [row[3] for row in feeds(database)] == [0, 0]
    put(index, "1.g3", known, a=provider(0, x=column(ZERO + SECOND)), c=provider(1, z=column(ZERO)))
    # Who did not say anything more stays, and keeps its number.
    assert feeds(database) == [
        ("1.g3", 0, A, 1),
        ("1.g3", 1, B, 0),
        ("1.g3", 1 + SPARE_PROV_ID, "observatory.c", 1),
    ]


def test_a_file_that_grew_has_all_its_frames_and_spans_once(index: Index, database: Database) -> None:
    later = ZERO + 7 * SECOND
    known = put(index, "1.g3", a=provider(0, x=column(ZERO, ZERO + 5), old=column(ZERO), s=column(ZERO)))
    more = {"x": column(later), "new": column(later), "s": column(later, kind="string")}
    put(index, "1.g3", known, a=provider(0, offset=50, **more))
    ((t0, t1, samples, blob),) = database.query("SELECT t0, t1, samples, records FROM sisock_chunks")
    assert (t0, t1, samples) == (ZERO, later, 3)
    assert blobs.unpack_records(blob)["offset"].tolist() == [0, 50]
    spans = database.query(
        "SELECT f.field, s.kind, s.t0, s.t1, s.samples, s.bins FROM sisock_spans s "
        "JOIN sisock_fields f ON f.id = s.field_id ORDER BY f.field"
    )
    counts = {field: blobs.unpack_bins(blob)["count"].tolist() for field, *_, blob in spans}
    assert [row[:5] for row in spans] == [
        ("new", "number", later, later, 1),
        ("old", "number", ZERO, ZERO, 1),
        ("s", "string", ZERO, later, 2),
        ("x", "number", ZERO, later, 3),
    ]
    assert counts == {"new": [1], "old": [1], "s": [], "x": [3]}
    times = database.query(
        "SELECT field, start, `end` FROM fields WHERE field IN ('old', 'x') ORDER BY field"
    )
    assert [(field, start[-9:], end[-9:]) for field, start, end in times] == [
        ("old", "00.000000", "00.000000"),
        ("x", "00.000000", "07.000000"),
    ]
    assert len(database.query("SELECT * FROM fields")) == 4


def test_a_field_is_of_the_widest_kind_that_any_file_has_it_of(index: Index, database: Database) -> None:
    for number, kind in enumerate(("bool", "bool", "number", "bool", "string", "number")):
        put(index, f"{number}.g3", a=provider(0, x=column(ZERO + number, kind=kind)))
        kinds = [row[0] for row in database.query("SELECT kind FROM sisock_fields")]
        assert kinds == [("bool", "bool", "number", "number", "string", "string")[number]]
    assert database.query("SELECT kind FROM sisock_spans ORDER BY file_id") == [
        ("bool",), ("bool",), ("number",), ("bool",), ("string",), ("number",)
    ]  # fmt: skip


def test_fields_that_would_be_listed_under_one_name_are_told_apart(index: Index, database: Database) -> None:
    put(index, "1.g3", a=provider(0, **{"Channel 1": column(ZERO)}))
    put(Index(database), "2.g3", a=provider(0, **{"CHANNEL 1": column(ZERO), "b": column(ZERO)}))
    assert database.query("SELECT field, name FROM sisock_fields ORDER BY id") == [
        ("Channel 1", f"{A}.channel_1"),
        ("CHANNEL 1", f"{A}.CHANNEL 1"),
        ("b", f"{A}.b"),
    ]
    assert database.query("SELECT description FROM description ORDER BY description") == [
        (f"{A}.CHANNEL 1",), (f"{A}.b",), (f"{A}.channel_1",)
    ]  # fmt: skip


def test_the_longest_chunk_of_a_provider_is_known(index: Index, database: Database) -> None:
    for number, (first, last) in enumerate([(0, 1), (100, 130), (200, 299), (300, 399)]):
        put(index, f"{number}.g3", a=provider(0, x=column(first, last)))
        longest = (1, 30, 99, 99)[number]
        assert database.query("SELECT longest FROM sisock_providers") == [(longest,)]
    put(Index(database), "9.g3", a=provider(0, x=column(1000, 1100)))
    assert database.query("SELECT longest FROM sisock_providers") == [(100,)]


def stale(database: Database) -> list[Any]:
    return database.query(
        "SELECT provider_id, level, tile FROM sisock_stale ORDER BY provider_id, level, tile"
    )


def tiles_of(*ticks: int, of: int = 1) -> list[Any]:
    return sorted({(of, level.number, t // level.tile) for level in LEVELS for t in ticks})


def test_what_changes_makes_the_tiles_of_its_time_stale_and_no_others(
    index: Index, database: Database
) -> None:
    first, second = ZERO + 5 * SECOND, ZERO + 40 * DAY
    known = put(index, "1.g3", a=provider(0, x=column(first, second)), b=provider(1, y=column(first)))
    assert stale(database) == tiles_of(first, second) + tiles_of(first, of=2)

    def make_all() -> None:
        database.execute("DELETE FROM sisock_stale")
        database.execute("DELETE FROM sisock_tiles")
        rows = [
            [f, *t[1:], b""] for f, ts in ((1, tiles_of(first, second)), (2, tiles_of(first))) for t in ts
        ]
        database.executemany(
            "INSERT INTO sisock_tiles (field_id, level, tile, bins) VALUES (%s, %s, %s, %s)", rows
        )
        index.load()

    def made() -> list[Any]:
        return database.query("SELECT field_id, level, tile FROM sisock_tiles ORDER BY field_id, level, tile")

    make_all()
    put(index, "2.g3", a=provider(0, x=column(second)))
    assert stale(database) == tiles_of(second)
    both = sorted(set(tiles_of(first)) | set(tiles_of(first, of=2)))
    assert made() == [one for one in both if one not in tiles_of(second)]
    make_all()
    # What it had before is gone from other tiles than it is in now.
    put(index, "1.g3", replaces=known, a=provider(0, x=column(second)))
    assert stale(database) == sorted(set(tiles_of(first, second)))
    assert made() == []
    assert database.query("SELECT description FROM sisock_providers") == [(A,)]
    make_all()
    index.remove([("/data", "2.g3")])
    assert stale(database) == tiles_of(second)


def test_a_file_that_is_removed_or_replaced_leaves_nothing_behind(index: Index, database: Database) -> None:
    known = put(index, "1.g3", a=provider(0, x=column(ZERO)), b=provider(1, y=column(ZERO)))
    put(index, "2.g3", a=provider(0, x=column(ZERO)))
    put(index, "1.g3", replaces=known, c=provider(5, z=column(ZERO)))
    assert feeds(database) == [("1.g3", 5, "observatory.c", 1), ("2.g3", 0, A, 1)]
    names = [f"{A}.x", "observatory.c.z"]
    listed = "SELECT description FROM description ORDER BY description"
    assert [name for (name,) in database.query(listed)] == names
    assert index.orphans({("/data", "1.g3")}) == {("/data", "2.g3")}
    index.remove([("/data", "1.g3"), ("/data", "2.g3"), ("/data", "none.g3")])
    for table in ("feeds", "fields", "description", "sisock_files", "sisock_providers", "sisock_fields",
                  "sisock_chunks", "sisock_spans", "sisock_stale"):  # fmt: skip
        assert database.query(f"SELECT COUNT(*) FROM {table}") == [(0,)], table
    # What is remembered of them is gone, too.
    put(index, "3.g3", a=provider(0, X=column(ZERO)))
    assert database.query("SELECT f.name, p.description FROM sisock_fields f JOIN sisock_providers p "
                          "ON p.id = f.provider_id") == [(f"{A}.x", A)]  # fmt: skip


def test_a_field_that_went_while_its_provider_stayed_may_come_again(index: Index, database: Database) -> None:
    put(index, "1.g3", a=provider(0, x=column(ZERO), y=column(ZERO)))
    put(index, "2.g3", a=provider(0, x=column(ZERO)))
    index.remove([("/data", "1.g3")])
    assert database.query("SELECT field FROM sisock_fields") == [("x",)]
    put(index, "3.g3", a=provider(0, y=column(ZERO)))
    listed = "SELECT field, samples FROM sisock_fields f JOIN sisock_spans ON field_id = f.id ORDER BY f.id"
    assert database.query(listed) == [("x", 1), ("y", 1)]

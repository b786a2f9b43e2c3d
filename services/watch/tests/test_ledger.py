"""The history in a real SQLite file, with a clock set by hand."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import structlog
from sisock import ConfigError, Limits
from sisock_testing import wait_until
from sisock_watch import answers
from sisock_watch.ledger import Event, Ledger, Named, Stated, condensed, with_rests
from sisock_watch.node import rest_step

T0 = 1_500_000_000.0
DAY_S = 86400.0
Open = Callable[..., Ledger]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    ledgers: list[Ledger] = []

    def make(now: float = T0, kept_s: float = 10 * DAY_S) -> Ledger:
        ledgers.append(Ledger(tmp_path / "w.sqlite", kept_s, lambda: now, structlog.get_logger()))
        return ledgers[-1]

    yield make
    for ledger in ledgers:
        ledger.close()


def words(ledger: Ledger, name: str, start: float, end: float) -> list[tuple[float, int]]:
    t, codes = ledger.states([name], start, end).get(name, (np.empty(0), np.empty(0)))
    return list(zip(t.tolist(), codes.tolist(), strict=True))


def test_a_history_begins_with_the_state_before_it(opened: Open) -> None:
    ledger = opened()
    ledger.put([Stated("a", T0, "fresh"), Stated("a", T0 + 10, "alarm"), Stated("b", T0, "late")])
    ledger.close()
    assert words(ledger, "a", T0 + 5, T0 + 20) == [(T0, 1), (T0 + 10, 5)]
    assert words(ledger, "a", T0, T0 + 10) == [(T0, 1)]
    assert words(ledger, "nobody", T0, T0 + 10) == []


def test_after_a_restart_all_is_unknown_since_the_end_and_known_by_name(opened: Open) -> None:
    first = opened(T0 + 100)
    first.put([Named({"a": "node::a"}, T0), Stated("a", T0, "fresh")])
    first.close()
    second = opened(T0 + 500)
    assert second.known == {"a": "node::a"}
    assert second.ended == T0 + 100
    assert words(second, "a", T0, T0 + 500) == [(T0, 1), (T0 + 100, 0)]


def test_what_is_older_than_kept_is_forgotten_but_the_state_that_lasts(opened: Open) -> None:
    first = opened(T0)
    first.put(
        [Stated("a", T0 - 5 * DAY_S, "fresh"), Stated("a", T0 - 4 * DAY_S, "late"), Event(T0 - 1, "came")]
    )
    first.put([Stated("a", T0, "fresh"), Named({"a": "node::a"}, T0)])
    first.close()
    later = opened(T0 + 7 * DAY_S)
    later.put([Event(T0 + 7 * DAY_S, "went")])
    later.close()
    assert [state for _, state in words(later, "a", T0 - 9 * DAY_S, T0 + 1)] == [2, 1, 0]
    much_later = opened(T0 + 11 * DAY_S)
    much_later.put([Event(T0 + 11 * DAY_S, "note")])
    much_later.close()
    assert [one["what"] for one in much_later.events(0, 2 * T0)] == ["went", "note"]


def test_events_are_found_by_text_by_kind_and_after_a_number(opened: Open) -> None:
    ledger = opened()
    ledger.put(
        [Event(T0, "came", "cryo"), Event(T0 + 1, "note", "cryo::t", "100% 'dewar'"), Event(T0 + 2, "went")]
    )
    wait_until(lambda: len(ledger.events(T0, T0 + 9)) == 3, 10)
    found = ledger.events(T0, T0 + 9, search="% 'DEWAR")
    assert [one["what"] for one in found] == ["note"]
    assert [one["what"] for one in ledger.events(T0, T0 + 9, what=["came", "went"])] == ["came", "went"]
    assert [one["what"] for one in ledger.events(T0, T0 + 9, after=found[0]["id"])] == ["went"]
    assert [one["what"] for one in ledger.events(T0, T0 + 9, most=1)] == ["went"]
    assert ledger.events(T0 + 3, T0 + 9) == []


def test_a_file_that_cannot_be_used_ends_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("no database, but text that is long enough to be none")
    with pytest.raises(ConfigError, match=r"STATE_DB='.*taken' cannot be used: file is not a database"):
        Ledger(tmp_path / "taken", 1.0, lambda: T0, structlog.get_logger())


def test_a_state_that_lasts_has_a_sample_at_each_step() -> None:
    t, codes = np.array([100.0, 190.0]), np.array([1, 5])
    all_t, all_codes = with_rests(t, codes, 0.0, 300.0, 60.0, 60.0)
    assert all_t.tolist() == [100.0, 120.0, 180.0, 190.0, 240.0]
    assert all_codes.tolist() == [1, 1, 1, 5, 5]


@pytest.mark.parametrize("cut", [100.0, 150.0, 180.0, 190.0, 240.0])
def test_intervals_that_follow_each_other_have_each_sample_once(cut: float) -> None:
    t, codes = np.array([100.0, 190.0]), np.array([1, 5])
    whole = with_rests(t, codes, 0.0, 300.0, 60.0, 60.0)[0].tolist()
    parts = [
        *with_rests(t, codes, 0.0, cut, 60.0, 60.0)[0].tolist(),
        *with_rests(t, codes, cut, 300.0, 60.0, 60.0)[0].tolist(),
    ]
    assert parts == whole


def test_the_newest_minute_of_a_state_that_lasts_is_kept_where_steps_are_wide() -> None:
    t, codes = np.array([100.0]), np.array([3])
    all_t, all_codes = with_rests(t, codes, 0.0, 10000.0, 7680.0, 60.0)
    assert all_t.tolist() == [100.0, 120.0, 7680.0, 9960.0]
    assert set(all_codes.tolist()) == {3}
    # A minute that is whole belongs to the next range; of a moment within one there is none.
    assert with_rests(t, codes, 0.0, 9960.0, 7680.0, 60.0)[0].tolist() == [100.0, 120.0, 7680.0, 9900.0]
    assert with_rests(t, codes, 130.0, 170.0, 7680.0, 60.0)[0].tolist() == []


def test_who_wants_few_points_gets_wider_steps() -> None:
    assert rest_step(0, DAY_S, Limits()) == 60
    assert rest_step(0, DAY_S, Limits(max_points=100)) == 1920


def test_a_range_without_length_and_a_field_without_history_have_no_samples() -> None:
    t, codes = np.array([100.0]), np.array([3])
    for times, states, end in ((t, codes, 200.0), (t[:0], codes[:0], 500.0), (t, codes, 100.0)):
        assert [len(one) for one in with_rests(times, states, 200.0, end, 60.0, 60.0)] == [0, 0]


def test_five_events_of_one_feed_are_told_one_by_one() -> None:
    some = [Event(T0, "silent", f"a{number}", "feed stale", "fresh") for number in range(5)]
    assert condensed(some, lambda _: "feed") == some
    assert len(condensed([*some, some[0]], lambda _: "feed")) == 1


def test_many_events_of_one_feed_are_told_as_one() -> None:
    many = [Event(T0, "silent", f"a{number}", "feed stale", "fresh") for number in range(9)]
    told = condensed([*many, Event(T0, "alarm", "b", "hot")], lambda target: f"feed {target[0]}")
    assert [(one.what, one.target, one.why) for one in told] == [
        ("silent", "feed a", "9 fields: feed stale"),
        ("alarm", "b", "hot"),
    ]


def test_a_file_of_before_notes_had_an_end_goes_on(opened: Open, tmp_path: Path) -> None:
    opened().close()
    with sqlite3.connect(tmp_path / "w.sqlite") as database:
        database.execute("ALTER TABLE event DROP COLUMN until")
        database.execute("INSERT INTO event VALUES (1, ?, 'came', 'cryo', '', '', '')", (T0,))
    ledger = opened()
    ledger.put([Event(T0 + 10, "note", why="a run", until=T0 + 100)])
    wait_until(lambda: len(ledger.events(T0, T0 + 20)) == 2, 10)
    assert [one["until"] for one in ledger.events(T0, T0 + 20)] == [None, T0 + 100]
    assert [one["why"] for one in ledger.events(T0 + 50, T0 + 60)] == ["a run"]
    assert ledger.events(T0 + 101, T0 + 200) == []


def test_half_a_character_that_somebody_sends_costs_no_history(opened: Open) -> None:
    ledger = opened()
    ledger.put([Event(T0, "note", why=answers.text({"text": "\ud83d dewar"}, "text")), Event(T0 + 1, "came")])
    ledger.close()
    assert [(one["what"], one["why"]) for one in ledger.events(T0, T0 + 9)] == [
        ("note", "? dewar"),
        ("came", ""),
    ]

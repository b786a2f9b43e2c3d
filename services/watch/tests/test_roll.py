"""States and causes from literal input, with the time as an argument."""

from typing import Any

import numpy as np
import pytest
from sisock import Bounds, Field, Series
from sisock_site import EMPTY, parse
from sisock_site.states import State
from sisock_watch import answers
from sisock_watch.roll import Roll

T0 = 1_500_000_000.0
WATER = [
    Field("hot", timeline="water", silent_after=20.0),
    Field("cold", timeline="water", silent_after=20.0),
]


def roll_with(*fields: Field, live: bool = True, node: str = "tap", roll: Roll | None = None) -> Roll:
    if roll is None:
        roll = Roll(T0, {})
        roll.router(T0, here=True)
    roll.node_came(T0, node, live=live)
    roll.listed(T0, node, [(one, EMPTY.facts(node, one)) for one in fields])
    return roll


def hear(roll: Roll, now: float, name: str, t: float, value: Any = 1.0, node: str = "tap") -> list[str]:
    heard = roll.heard(now, node, [Series(name, np.array([t]), np.array([value]))])
    return [f"{one.target} {one.what}" for one in heard]


def state(roll: Roll, target: str, now: float) -> tuple[str, str]:
    return str(roll.board[target].state), roll.why(target, now)


def test_a_field_of_which_nothing_was_heard_is_unknown() -> None:
    roll = roll_with(*WATER)
    assert state(roll, "tap::hot", T0) == ("unknown", "no sample of it was found yet")


def test_a_sample_makes_a_field_fresh() -> None:
    roll = roll_with(*WATER)
    assert hear(roll, T0 + 1, "hot", T0 + 1) == ["tap::hot fresh"]
    assert state(roll, "tap::hot", T0 + 1) == ("fresh", "")


def test_one_that_stops_alone_is_a_silent_sensor() -> None:
    roll = roll_with(*WATER)
    for now in range(40):
        hear(roll, T0 + now, "cold", T0 + now)
        if now < 10:
            hear(roll, T0 + now, "hot", T0 + now)
        roll.tick(T0 + now)
    assert state(roll, "tap::hot", T0 + 39) == ("silent", "sensor silent: nothing came for 30 s")


def test_all_that_stop_together_are_a_stale_feed() -> None:
    roll = roll_with(*WATER, Field("level"))
    for now in range(40):
        hear(roll, T0 + now, "level", T0 + now)
        if now < 10:
            hear(roll, T0 + now, "hot", T0 + now)
            hear(roll, T0 + now, "cold", T0 + now)
        roll.tick(T0 + now)
    assert state(roll, "tap::hot", T0 + 39) == ("silent", "feed stale (water): nothing came for 30 s")


def test_a_sensor_that_stopped_only_a_little_sooner_than_its_feed_did_is_not_to_blame() -> None:
    roll = roll_with(*WATER)
    for name, at in (("hot", T0), ("cold", T0 + 10)):
        hear(roll, at, name, at)
    for now, cause in ((T0 + 19, "sensor silent"), (T0 + 30, "feed stale")):
        roll.tick(now)
        roll.board["tap::hot"].state = State.SILENT
        assert roll.why("tap::hot", now).startswith(f"{cause}: nothing came for")


def test_a_silence_that_is_seen_with_a_listing_is_told_of() -> None:
    roll = roll_with(WATER[0])
    hear(roll, T0, "hot", T0)
    told = roll.listed(T0 + 20.3, "tap", [(WATER[0], EMPTY.facts("tap", WATER[0]))])
    assert [(one.t, one.what, one.target) for one in told if one.told] == [(T0 + 20, "silent", "tap::hot")]


def test_a_node_that_cannot_be_asked_is_the_cause() -> None:
    roll = roll_with(*WATER)
    hear(roll, T0, "hot", T0)
    roll.trouble("tap", "tap did not answer within 10 s")
    roll.tick(T0 + 25)
    assert state(roll, "tap::hot", T0 + 25)[1].startswith("node trouble (tap did not answer within 10 s)")


def test_a_clock_ahead_is_said_and_makes_nothing_fresh_for_longer() -> None:
    roll = roll_with(*WATER)
    hear(roll, T0, "hot", T0 + 600)
    assert state(roll, "tap::hot", T0)[1] == "clock ahead: its newest sample is 600 s in the future"
    roll.tick(T0 + 25)
    assert state(roll, "tap::hot", T0 + 25)[0] == "silent"


def test_a_node_that_went_takes_its_fields_with_it_and_they_stay_listed() -> None:
    roll = roll_with(*WATER)
    hear(roll, T0, "hot", T0)
    told = roll.node_went(T0 + 1, "tap")
    assert [(one.what, one.target) for one in told if one.told] == [("went", "tap")]
    assert state(roll, "tap::hot", T0 + 1) == ("unknown", "tap is away")
    roll_with(*WATER, roll=roll)
    hear(roll, T0 + 2, "hot", T0 + 2)
    assert state(roll, "tap::hot", T0 + 2) == ("fresh", "")


def test_a_node_that_came_a_moment_ago_has_ten_seconds_to_list_all_that_it_had() -> None:
    roll = roll_with(*WATER)
    roll.node_went(T0 + 100, "tap")
    roll.node_came(T0 + 101, "tap", live=True)
    first = [(WATER[0], EMPTY.facts("tap", WATER[0]))]
    roll.listed(T0 + 101, "tap", first)
    assert roll.nodes["tap"].coming
    assert state(roll, "tap::cold", T0 + 101) == ("unknown", "tap came a moment ago, without it")
    seq = roll.seq
    roll.listed(T0 + 110, "tap", [(one, EMPTY.facts("tap", one)) for one in WATER])
    assert not roll.nodes["tap"].coming
    assert roll.nodes["tap"].seq > seq
    assert state(roll, "tap::cold", T0 + 110)[1] == "no sample of it was found yet"
    roll.listed(T0 + 110.5, "tap", first)
    roll.listed(T0 + 111, "tap", first)
    assert not roll.nodes["tap"].coming
    assert state(roll, "tap::cold", T0 + 111) == ("unknown", "tap has it no more")


def test_a_field_that_a_node_lists_no_more_is_gone() -> None:
    roll = roll_with(*WATER)
    roll.listed(T0 + 10, "tap", [(WATER[0], EMPTY.facts("tap", WATER[0]))])
    assert state(roll, "tap::cold", T0 + 10) == ("unknown", "tap has it no more")


def test_two_holders_of_one_source_are_one_field_until_both_are_away() -> None:
    roll = roll_with(Field("live", source="adr"), node="feed")
    roll_with(Field("old", source="adr"), node="archive", live=False, roll=roll)
    hear(roll, T0, "live", T0, node="feed")
    roll.node_went(T0 + 1, "archive")
    assert state(roll, "adr", T0 + 1) == ("fresh", "")
    roll.node_went(T0 + 1, "feed")
    assert state(roll, "adr", T0 + 1)[0] == "unknown"


def test_the_live_holder_stands_for_a_source_also_if_it_came_last() -> None:
    roll = roll_with(Field("old", source="adr"), node="archive", live=False)
    roll_with(Field("live", source="adr"), node="feed", roll=roll)
    entry = roll.entries["adr"]
    assert (entry.target, entry.archive) == ("feed::live", False)


def test_a_field_stays_in_its_feed_when_another_of_its_holders_goes() -> None:
    roll = roll_with(Field("live", source="adr", timeline="fast"), node="feed")
    roll_with(Field("old", source="adr", timeline="frames"), node="archive", live=False, roll=roll)
    for _ in range(2):
        assert roll.entries["adr"].feed == ("feed", "fast")
        roll.node_went(T0 + 1, "archive")
    roll.node_came(T0 + 2, "archive", live=False)
    roll.listed(T0 + 3, "archive", [])
    assert (roll.entries["adr"].feed, roll.entries["adr"].holders) == (("feed", "fast"), ("feed::live",))


def test_so_many_fields_are_known_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sisock_watch.roll.MOST_FIELDS", 2)
    roll = roll_with(*(Field(name) for name in "abc"))
    assert list(roll.entries) == ["tap::a", "tap::b"]
    roll_with(*(Field(name) for name in "abc"), roll=roll)
    assert len(roll.entries) == len(roll.nodes["tap"].identities) == 2


def test_fields_that_somebody_said_something_about_are_told_from_others() -> None:
    roll = roll_with(Field("a", limits=Bounds(alarm_high=1.0)), Field("b", silent_after=9.0), Field("c"))
    assert [entry.quick for entry in roll.entries.values()] == [True, True, False]


def test_trouble_of_a_node_is_news_once_and_of_one_that_nobody_knows_none() -> None:
    roll = roll_with(*WATER)
    roll.trouble("nobody", "no answer")
    seq = roll.seq
    for problem, news in (("", 0), ("no answer", 1), ("no answer", 1), ("", 2)):
        roll.trouble("tap", problem)
        assert (roll.seq - seq, roll.nodes["tap"].problem) == (news, problem)


def test_what_is_expected_and_nobody_has_is_listed_as_that() -> None:
    site = parse('[expected]\nfields = ["tap::hot", "tub::level"]\nnodes = ["tap", "tub"]')
    roll = roll_with(*WATER)

    def told(**asked: Any) -> list[str]:
        found = answers.state(roll, site, "run", T0, **answers.asked(asked))["fields"]
        return [one["field"] for one in found if one["why"] == answers.EXPECTED]

    assert told() == told(search="LEVEL") == told(states=["unknown"]) == ["tub::level"]
    assert told(states=["fresh"]) == told(search="other") == told(since=1) == []
    nodes = answers.state(roll, site, "run", T0)["nodes"]
    assert [(one["name"], one["here"], one["expected"]) for one in nodes] == [
        ("tap", True, True), ("tub", False, True),
    ]  # fmt: skip


def test_a_router_that_went_is_the_cause_until_nodes_had_time_to_return() -> None:
    roll = roll_with(*WATER)
    hear(roll, T0, "hot", T0)
    roll.router(T0 + 1, here=False)
    roll.node_went(T0 + 1, "tap")
    assert state(roll, "tap::hot", T0 + 1) == ("unknown", "the router is away")
    roll.router(T0 + 5, here=True)
    roll.missed(T0 + 15)
    assert state(roll, "tap::hot", T0 + 15) == ("unknown", "tap is away")


def test_an_archive_is_not_late_before_it_grew_twice() -> None:
    roll = roll_with(Field("pwv"), node="sky", live=False)
    hear(roll, T0, "pwv", T0 - 3e8, node="sky")
    roll.tick(T0 + 1e6)
    told = ("unknown", "an archive, which was not seen to grow")
    assert state(roll, "sky::pwv", T0 + 1e6) == told
    for step in (10, 20, 30):
        hear(roll, T0 + 1e6 + step, "pwv", T0 + 1e6 + step, node="sky")
    roll.tick(T0 + 2e6)
    assert state(roll, "sky::pwv", T0 + 2e6)[0] == "silent"


def test_a_node_that_is_asked_and_always_has_a_new_sample_is_fresh_from_the_first_on() -> None:
    roll = roll_with(Field("pwv"), node="sky", live=False)
    for now in range(0, 300, 30):
        roll.tick(T0 + now)
        hear(roll, T0 + now, "pwv", T0 + now - 2, node="sky")
        assert state(roll, "sky::pwv", T0 + now) == ("fresh", "")


def test_an_archive_whose_silence_the_site_speaks_of_is_silent_after_that() -> None:
    roll = roll_with(Field("pwv", silent_after=3600.0), node="sky", live=False)
    hear(roll, T0, "pwv", T0 - 10, node="sky")
    assert state(roll, "sky::pwv", T0) == ("fresh", "")
    roll.tick(T0 + 60)
    assert state(roll, "sky::pwv", T0 + 60) == ("fresh", "")
    roll.tick(T0 + 4000)
    assert state(roll, "sky::pwv", T0 + 4000)[0] == "silent"


def twins() -> Roll:
    """A live node and an archive that hold the same source; the live one has samples each second."""
    roll = roll_with(Field("live", source="adr"), node="feed")
    roll_with(Field("old", source="adr"), node="archive", live=False, roll=roll)
    for now in range(300):
        hear(roll, T0 + now, "live", T0 + now, node="feed")
        roll.tick(T0 + now)
    return roll


def test_while_the_live_holder_is_away_its_archive_is_not_judged_by_the_live_ones_rhythm() -> None:
    roll = twins()
    assert state(roll, "adr", T0 + 299) == ("fresh", "")
    roll.node_went(T0 + 300, "feed")
    told = "feed is away, and archive is an archive, which was not seen to grow"
    assert state(roll, "adr", T0 + 300) == ("unknown", told)
    # Files of ten minutes: once these are known, a pause of that long is none.
    for now in range(600, 4200, 30):
        hear(roll, T0 + now, "old", T0 + now // 600 * 600, node="archive")
        roll.tick(T0 + now)
        assert state(roll, "adr", T0 + now)[0] in ("unknown", "fresh")
    assert state(roll, "adr", T0 + 4200)[0] == "fresh"
    roll.tick(T0 + 9100)
    assert state(roll, "adr", T0 + 9100)[0] == "silent"


def test_the_live_holder_that_is_back_stands_for_the_field_with_a_rhythm_of_its_own() -> None:
    roll = twins()
    roll.node_went(T0 + 300, "feed")
    for now in (600, 1200, 1800):
        hear(roll, T0 + now, "old", T0 + now - 5, node="archive")
    roll_with(Field("live", source="adr"), node="feed", roll=roll)
    assert roll.entries["adr"].target == "feed::live"
    for now in range(1801, 2100):
        hear(roll, T0 + now, "live", T0 + now, node="feed")
    roll.tick(T0 + 2115)
    assert state(roll, "adr", T0 + 2115)[0] == "late"
    roll.tick(T0 + 2200)
    assert state(roll, "adr", T0 + 2200)[0] == "silent"


def test_an_archive_that_lists_a_live_field_first_does_not_stand_for_it() -> None:
    roll = twins()
    roll.node_went(T0 + 300, "archive")
    assert state(roll, "adr", T0 + 300) == ("fresh", "")
    roll_with(Field("old", source="adr"), node="archive", live=False, roll=roll)
    assert (roll.entries["adr"].target, roll.entries["adr"].holders) == (
        "feed::live",
        ("feed::live", "archive::old"),
    )


def test_each_holders_values_are_converted_as_the_sites_file_says_of_that_holder() -> None:
    site = parse('[[fields]]\nmatch = "archive::*"\nunits = "K"\nscale = 1000\n')
    roll = roll_with(Field("live", source="adr"), node="feed")
    roll.node_came(T0, "archive", live=False)
    old = Field("old", source="adr")
    roll.listed(T0, "archive", [(old, site.facts("archive", old))])
    hear(roll, T0 + 1, "old", T0 + 1, 0.5, node="archive")
    assert roll.board["adr"].value == 500.0
    hear(roll, T0 + 2, "live", T0 + 2, 501.0, node="feed")
    assert roll.board["adr"].value == 501.0


def test_a_channel_that_was_renamed_within_a_node_is_one_field_of_two_holders() -> None:
    site = parse('[aliases]\n"o.old" = "o.new"\n')
    roll = roll_with(node="g3", live=False)
    fields = [Field("a", source="o.old"), Field("b", source="o.new")]
    roll.listed(T0, "g3", [(one, site.facts("g3", one)) for one in fields])
    assert list(roll.entries) == ["o.new"]
    assert roll.entries["o.new"].holders == ("g3::a", "g3::b")


def test_what_is_expected_and_known_by_any_of_its_names_is_not_missing() -> None:
    roll = twins()
    expected = ["adr", "feed::live", "archive::old", "gone::x"]
    assert roll.absent(parse(f"[expected]\nfields = {expected}")) == ["gone::x"]


def test_fields_of_which_the_same_is_known_share_it() -> None:
    roll = roll_with(*(Field(f"f{number}", units="K") for number in range(3)))
    assert len({id(entry.facts) for entry in roll.entries.values()}) == 1


def test_what_an_earlier_run_knew_is_listed_as_away() -> None:
    roll = Roll(T0, {"adr": "feed::live"})
    assert state(roll, "adr", T0) == ("unknown", "the router is away")
    roll.router(T0, here=True)
    roll.missed(T0 + 10)
    assert state(roll, "adr", T0 + 10) == ("unknown", "feed is away")


def test_values_are_held_against_limits_as_the_sites_file_converts_them() -> None:
    site = parse(
        '[[fields]]\nmatch = "tap::hot"\nunits = "C"\nscale = 0.1\n[fields.limits]\nalarm = { high = 5.0 }\n'
    )
    roll = roll_with()
    one = Field("hot", limits=Bounds(alarm_high=1e9))
    roll.listed(T0, "tap", [(one, site.facts("tap", one))])
    hear(roll, T0, "hot", T0, 49.0)
    assert state(roll, "tap::hot", T0)[0] == "fresh"
    hear(roll, T0 + 1, "hot", T0 + 1, 51.0)
    assert state(roll, "tap::hot", T0 + 1) == ("alarm", "5.1 is above the alarm limit 5")
    assert answers.field(roll, "tap::hot", roll.entries["tap::hot"], T0 + 1)["value"] == pytest.approx(5.1)


def test_long_answers_come_in_pieces_that_miss_nothing() -> None:
    roll = roll_with(*(Field(f"f{number}") for number in range(25)))
    found: list[str] = []
    since, more = 0, True
    while more:
        told = answers.state(roll, EMPTY, "run", T0, since=since, most=10)
        found += [one["field"] for one in told["fields"]]
        since, more = told["seq"], told["more"]
    assert sorted(found) == sorted(f"tap::f{number}" for number in range(25))


def test_an_answer_that_is_just_as_long_as_one_may_be_is_the_whole() -> None:
    roll = roll_with(*WATER)
    assert [answers.state(roll, EMPTY, "run", T0, most=most)["more"] for most in (1, 2, 3)] == [
        True, False, False,
    ]  # fmt: skip


def test_why_a_node_is_not_here_is_that_it_went_or_that_the_router_did() -> None:
    roll = roll_with(*WATER)

    def why() -> str:
        [node] = answers.state(roll, EMPTY, "run", T0)["nodes"]
        return str(node["why"])

    roll.trouble("tap", "no answer")
    assert why() == "no answer"
    roll.node_went(T0 + 1, "tap")
    assert why() == "it is not online"
    roll.router(T0 + 2, here=False)
    assert why() == "the router is away"


def test_an_older_sample_is_no_growth() -> None:
    roll = roll_with(Field("old"), live=False)
    for at in (0.0, -5.0, -4.0):
        hear(roll, T0 + 1, "old", T0 + at)
    assert roll.entries["tap::old"].grown == 0
    hear(roll, T0 + 2, "old", T0 + 1)
    assert roll.entries["tap::old"].grown == 1


def test_only_what_changed_since_is_told() -> None:
    roll = roll_with(*WATER)
    seq = answers.state(roll, EMPTY, "run", T0)["seq"]
    assert answers.state(roll, EMPTY, "run", T0, since=seq)["fields"] == []
    hear(roll, T0, "hot", T0)
    changed = answers.state(roll, EMPTY, "run", T0, since=seq)["fields"]
    assert [(one["field"], one["state"]) for one in changed] == [("tap::hot", "fresh")]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"search": "HOT"}, ["tap::hot"]),
        ({"states": ["unknown"]}, ["tap::cold", "tap::flow"]),
        ({"search": "?"}, []),
        ({"search": "feeds.Flow"}, ["tap::flow"]),
        ({"search": "tap::f", "states": ["unknown"]}, ["tap::flow"]),
    ],
)
def test_fields_are_chosen_by_text_and_state(asked: dict[str, Any], found: list[str]) -> None:
    roll = roll_with(*WATER, Field("flow", source="o.feeds.flow"))
    hear(roll, T0, "hot", T0)
    assert [one["field"] for one in answers.state(roll, EMPTY, "run", T0, **asked)["fields"]] == found


def test_each_state_is_counted_also_those_that_no_field_is_in() -> None:
    roll = roll_with(*WATER)
    hear(roll, T0, "hot", T0)
    counts = {"unknown": 1, "fresh": 1, "late": 0, "silent": 0, "warning": 0, "alarm": 0}
    assert answers.state(roll, EMPTY, "run", T0)["counts"] == counts


def test_an_answer_is_in_the_order_of_listing_and_changes_in_theirs() -> None:
    roll = roll_with(*WATER)
    assert (Roll(T0, {}).seq, roll.seq) == (0, 4)  # a node came, with two fields, and is another since
    for name in ("cold", "hot"):
        hear(roll, T0, name, T0)
    for since, names in ((0, ["tap::hot", "tap::cold"]), (4, ["tap::cold", "tap::hot"])):
        found = answers.state(roll, EMPTY, "run", T0, since=since)
        assert [one["field"] for one in found["fields"]] == names
        assert len(found["nodes"]) == (since == 0)
    assert [answers.asked({"since": since})["since"] for since in (2**53, 0)] == [2**53, 0]
    assert answers.whole({"most": 0}, "most", 5, 9) == 0


def test_what_happens_to_a_field_is_told_with_its_cause_and_to_many_at_once_as_one() -> None:
    roll = roll_with(Field("hot", limits=Bounds(alarm_high=1.0)))
    series = [
        Series("hot", np.array([T0 + at]), np.array([value])) for at, value in ((0, 0.5), (1, 2.0), (2, 0.5))
    ]
    happened = [one for each in series for one in roll.heard(T0 + each.t[0] - T0, "tap", [each])]
    assert [(one.what, one.why, one.told) for one in happened] == [
        ("fresh", "", False), ("alarm", "2 is above the alarm limit 1", True), ("fresh", "", True),
    ]  # fmt: skip
    seq = roll.seq
    went, gone = roll.node_went(T0 + 3, "tap")
    assert (went.what, went.why, went.told) == ("went", "1 fields with it", True)
    assert (gone.what, gone.why, gone.told) == ("unknown", "tap is away", False)
    changed = answers.state(roll, EMPTY, "run", T0 + 3, since=seq)
    assert [one["field"] for one in changed["fields"]] == ["tap::hot"]
    assert [(one["name"], one["here"]) for one in changed["nodes"]] == [("tap", False)]


def copied(text: str) -> str:
    return text.encode().decode()


def texts(roll: Roll) -> list[int]:
    """Every text that is kept of the fields, as the objects that they are."""
    nodes = [text for node in roll.nodes.values() for pair in node.identities.items() for text in pair]
    entries = [text for entry in roll.entries.values() for text in (entry.target, *entry.holders)]
    return [id(text) for text in (*nodes, *roll.entries, *entries)]


def test_a_field_that_is_listed_again_keeps_the_texts_that_are_known() -> None:
    roll = roll_with(*WATER, Field("level", source="basin.level"))
    before = texts(roll)
    again = [Field(copied(name), timeline="water", silent_after=20.0) for name in ("hot", "cold")]
    roll_with(*again, Field(copied("level"), source=copied("basin.level")), roll=roll)
    assert texts(roll) == before


def test_a_field_that_is_not_listed_any_more_is_none_of_its_nodes() -> None:
    roll = roll_with(*WATER)
    before = roll.nodes["tap"].seq
    roll.listed(T0 + 60, "tap", [(WATER[0], EMPTY.facts("tap", WATER[0]))])
    assert roll.nodes["tap"].identities == {"hot": "tap::hot"}
    assert roll.nodes["tap"].seq > before
    assert state(roll, "tap::cold", T0 + 60) == ("unknown", "tap has it no more")


def test_a_field_that_measures_something_else_now_is_that() -> None:
    roll = roll_with(Field("level", source="basin.level"))
    roll_with(Field("level", source="tank.level"), roll=roll)
    assert roll.nodes["tap"].identities == {"level": "tank.level"}
    assert roll.entries["tank.level"].holders == ("tap::level",)

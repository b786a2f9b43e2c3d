"""What is written from what is online can be read, and says the same."""

from hypothesis import given
from hypothesis import strategies as st
from sisock import Field
from sisock_site import parse
from sisock_site.draft import draft

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
FIELDS = st.lists(st.builds(Field, NAMES, units=st.none() | NAMES, source=st.none() | NAMES), max_size=4)


@given(st.dictionaries(NAMES, FIELDS, max_size=4))
def test_every_draft_is_a_good_file_that_expects_what_was_there(nodes) -> None:
    site = parse(draft(nodes))
    assert set(site.expected_nodes) == {node for node in nodes if not set("*?") & set(node)}
    known = [site.facts(node, field) for node, fields in nodes.items() for field in fields]
    assert site.missing({one.target for one in known} | {one.identity for one in known}) == []
    assert all(one.expected or set("*?") & set(one.identity) for one in known)


def test_a_field_of_two_nodes_is_written_once_by_its_source() -> None:
    source = "observatory.cryo.feeds.temps.Channel_01_T"
    nodes = {
        "cryo": [Field("channel_01_t", source=source)],
        "g3_reader": [Field("x.channel_01_t", source=source)],
    }
    written = draft(nodes)
    assert written.count("[[fields]]") == 1
    assert parse(written).expected_fields == (source,)

"""Replies of old servers, cut into parts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sisock import message
from sisock_consumer import replies

VALUES = st.floats(-1e9, 1e9) | st.integers(-5, 5) | st.none()
COLUMNS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.one_of(*(st.lists(kind, max_size=40) for kind in (VALUES, st.booleans(), st.text(max_size=5)))),
)


@given(COLUMNS, st.integers(1, 60))
def test_the_pieces_of_any_reply_make_the_reply_again(columns, pieces) -> None:
    timeline = {
        f"t_{name}": {"t": [float(i) for i in range(len(values))], "finalized_until": 7.0, "field": [name]}
        for name, values in columns.items()
        if values
    }
    reply = {"data": columns, "timeline": timeline}
    assert message.is_splittable(reply)
    parts = list(message.split(reply, pieces))
    assert len(parts) == pieces
    whole, problems = replies.merge([reply], list(columns), {})
    merged, problems_of_parts = replies.merge(parts, list(columns), {})
    assert problems == problems_of_parts == {}
    for name, series in whole.items():
        np.testing.assert_array_equal(merged[name].t, series.t)
        np.testing.assert_array_equal(merged[name].values, series.values)
        assert merged[name].values.dtype.kind == series.values.dtype.kind or None in columns[name]


def test_an_empty_column_is_in_the_first_piece_alone() -> None:
    entry = {"finalized_until": None, "field": ["a"]}
    first, *others = message.split({"data": {"a": []}, "timeline": {"t": {"t": [], **entry}}}, 3)
    assert first == {"data": {"a": []}, "timeline": {"t": {"t": [], **entry}}}
    assert others == [{"data": {}, "timeline": {}}] * 2


def test_what_is_no_reply_is_not_cut() -> None:
    for reply in (None, False, {}, {"data": {"a": 3}, "timeline": {}}, {"data": {}, "timeline": {"t": {}}}):
        assert not message.is_splittable(reply)

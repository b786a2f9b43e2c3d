"""Numbers out of text, whatever the bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sisock_archive.text_columns import ascending, parse_columns


@given(st.binary(max_size=400), st.integers(1, 3), st.booleans(), st.booleans())
def test_any_bytes_give_columns_of_one_length(content, wanted, more, whole_lines) -> None:
    parsed = parse_columns(content, wanted, more=more, whole_lines=whole_lines)
    assert len(parsed.columns) == wanted
    assert len({len(column) for column in parsed.columns}) == 1
    assert np.isfinite(parsed.columns[0]).all()


GOOD = st.tuples(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12)).map(lambda row: f"{row[0]!r} {row[1]!r}")
BAD = st.sampled_from(
    ["", "# comment", "1.0", "1 2 3", "x y", "nan 1", "inf 2", "1.5 2..5", "1_0 2", "\x00 1", "\ufffd"]
)


@given(st.lists(st.tuples(st.booleans(), GOOD, BAD), max_size=30))
def test_the_good_lines_come_out_of_any_mixture(lines) -> None:
    text = "\n".join(good if is_good else bad for is_good, good, bad in lines)
    t, values = parse_columns(text.encode()).columns
    want = [tuple(map(float, good.split())) for is_good, good, _ in lines if is_good]
    assert list(zip(t.tolist(), values.tolist(), strict=True)) == want


@given(st.binary(max_size=200), st.sampled_from([b" \n12.", b"1 2\n-e", b"1\t\r\n\x0b#"]), st.booleans())
def test_all_at_once_is_the_same_as_line_by_line(content, alphabet, more) -> None:
    text = bytes(alphabet[byte % len(alphabet)] for byte in content)
    both = parse_columns(text, more=more), parse_columns(text + b"\nbad", more=more)
    for quick, slow in zip(both[0].columns, both[1].columns, strict=True):
        np.testing.assert_array_equal(quick, slow)
    assert both[0].skipped == both[1].skipped - 1


def test_a_line_that_is_still_being_written_is_left_for_later() -> None:
    assert parse_columns(b"1 2\n3 4.", whole_lines=True).columns[0].tolist() == [1.0]
    assert parse_columns(b"1 2\n3 4.").columns[0].tolist() == [1.0, 3.0]


def test_bad_lines_are_counted_and_comments_are_not() -> None:
    assert parse_columns(b"# top\n1 2\n\nx\n3\n").skipped == 2


def test_further_columns_are_passed_over_where_they_may_be() -> None:
    assert parse_columns(b"head\n1 2 x y\n2 nan\n", header_lines=1, more=True).columns[0].tolist() == [
        1.0,
        2.0,
    ]


def test_times_are_sorted_and_the_first_of_each_counts() -> None:
    t, values = ascending(np.array([3.0, 1.0, 3.0]), np.array([30.0, 10.0, 31.0]))
    assert (t.tolist(), values.tolist()) == ([1.0, 3.0], [10.0, 30.0])

"""Outlines, intervals and lines of a few samples, whose answers were worked out by hand."""

from typing import Any

import numpy as np
import pytest
from sisock.errors import TooMuchDataError
from sisock.node import Limits
from sisock_archive.piecewise import MOST_EDGES, gather, intervals, outline
from sisock_archive.text_columns import ascending, parse_columns

T = np.arange(20.0)
V = np.array([5.0, *range(1, 10), *range(9, 0, -1), 7.0])


@pytest.mark.parametrize(
    ("limits", "edges"),
    [
        (Limits(max_points=6), [0.0, 50.0, 100.0]),
        (Limits(max_points=3), [0.0, 100.0]),
        (Limits(min_stride=40.0), [0.0, 40.0, 80.0, 100.0]),
        (Limits(min_stride=100.0), [0.0, 100.0]),
        (Limits(min_stride=500.0), [0.0, 100.0]),
        (Limits(max_points=6, min_stride=50.0), [0.0, 50.0, 100.0]),
        (Limits(max_points=6, min_stride=51.0), [0.0, 51.0, 100.0]),
    ],
)
def test_intervals_are_those_of_the_coarser_limit(limits: Limits, edges: list[float]) -> None:
    found = intervals(0.0, 100.0, limits)
    assert found is not None
    assert found.tolist() == edges


@pytest.mark.parametrize(
    ("limits", "made"),
    [
        (Limits(min_stride=1.0), True),
        (Limits(min_stride=0.999), False),
        (Limits(max_points=2 * MOST_EDGES + 3), True),
        (Limits(max_points=2 * MOST_EDGES + 4), False),
    ],
)
def test_there_are_so_many_intervals_and_no_more(limits: Limits, made: bool) -> None:
    assert (intervals(0.0, float(MOST_EDGES), limits) is not None) is made


def outlined(edges: list[float], samples: Any = (T, V)) -> list[float]:
    t, values = outline(samples, np.array(edges))
    assert values.tolist() == V[t.astype(int)].tolist()
    return t.tolist()


def test_of_each_interval_the_first_least_and_the_first_greatest_stay() -> None:
    assert outlined([0.0, 10.0, 19.0]) == [0.0, 1.0, 9.0, 10.0, 18.0, 19.0]
    assert outlined([-5.0, 10.0, 30.0]) == [1.0, 9.0, 10.0, 18.0]  # its ends are not the series'
    assert outlined([0.0, 19.0]) == [0.0, 1.0, 9.0, 19.0]
    pause = np.concatenate((T[:8], T[12:])), np.concatenate((V[:8], V[12:]))
    assert outlined([0.0, 9.0, 11.0, 20.0], pause) == [0.0, 1.0, 7.0, 12.0, 18.0]


def test_a_piece_that_would_hardly_become_shorter_is_given_back_as_it_is() -> None:
    short = T[:8], V[:8]
    assert outline(short, np.array([-1.0, 5.0, 30.0])) is short
    long = T[:9], V[:9]
    assert outline(long, np.array([-1.0, 5.0, 30.0])) is not long
    one = T[:1], V[:1]
    assert outline(one, np.array([0.0, 1.0])) is one


def test_pieces_are_put_together_as_far_as_there_is_room() -> None:
    pieces = [(T[:10], V[:10]), (T[10:], V[10:])]
    t, values = gather(pieces, None, 320)
    assert (t.tolist(), values.tolist()) == (T.tolist(), V.tolist())
    with pytest.raises(TooMuchDataError, match="the range holds more than 319 bytes of samples"):
        gather(pieces, None, 319)
    assert gather(pieces[:1], None, 160)[0] is pieces[0][0]
    t, _ = gather(pieces, np.array([0.0, 10.0, 19.0]), 8 * 2 * 6)
    assert t.tolist() == [0.0, 1.0, 9.0, 10.0, 18.0, 19.0]


@pytest.mark.parametrize(
    ("content", "options", "columns", "skipped"),
    [
        (b"1 2\n3 4\n", {}, [[1, 3], [2, 4]], 0),
        (b"1 2\n3 4 5\n", {}, [[1], [2]], 1),
        (b"1 2\n3 4 5\n", {"more": True}, [[1, 3], [2, 4]], 0),
        (b"1\n2\n", {"wanted": 1}, [[1, 2]], 0),
        (b"1 2\n3\n", {}, [[1], [2]], 1),
        (b"1 2 3 4\n", {}, [[], []], 1),
        (b"1\n2\n3\n4\n", {}, [[], []], 4),
        (b"1 2 3\n4 5\n6 7 8 9\n", {"more": True}, [[1, 4, 6], [2, 5, 7]], 0),
        (b"inf 2\n1 inf\n", {}, [[1], [float("inf")]], 1),
        (b"1_0 2\n1 2_0\n1 2\n", {}, [[1], [2]], 2),
        (b"1 2 _\n", {"more": True}, [[1], [2]], 0),
        (b"a\nb\n1 2\n", {"header_lines": 2}, [[1], [2]], 0),
        (b"a\n# b\n# c\n1 2\n", {"header_lines": 1}, [[1], [2]], 0),
        (b"# only a comment", {}, [[], []], 0),
        (b"a\nb", {"header_lines": 3}, [[], []], 0),
        (b"1 2\n# c 5\n  # d\n3 4", {}, [[1, 3], [2, 4]], 0),
        (b"1 2\n3 4", {"whole_lines": True}, [[1], [2]], 0),
        (b"1 2", {"whole_lines": True}, [[], []], 0),
        (b"1\t2\r\n3\x0b4\r\n", {}, [[1, 3], [2, 4]], 0),
        (b"\n\n 1 2 \n\n", {}, [[1], [2]], 0),
        (b"", {}, [[], []], 0),
    ],
)
def test_columns_of_a_text(content: bytes, options: Any, columns: list[list[float]], skipped: int) -> None:
    found = parse_columns(content, **options)
    assert [column.tolist() for column in found.columns] == columns
    assert found.skipped == skipped


def test_columns_in_order_are_given_back_as_they_are() -> None:
    t, v = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert ascending(t, v)[0] is t
    same = np.array([1.0, 1.0])
    assert [column.tolist() for column in ascending(same, v)] == [[1.0], [3.0]]
    assert ascending(same[:1], v[:1])[0].tolist() == [1.0]

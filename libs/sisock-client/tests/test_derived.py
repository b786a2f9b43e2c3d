"""Curves that are made of others: how they are written, and what they come to."""

from collections.abc import Sequence

import numpy as np
import pytest
from sisock_client import ClientError, Samples
from sisock_client.derived import Curve, Term, fetched, parsed

A, B = "a::x", "b::y"
T = np.arange(0.0, 100.0, 10.0)


@pytest.mark.parametrize(
    ("text", "curve"),
    [
        ("a::x - b::y", Curve("a::x - b::y", Term(A), "-", Term(B))),
        ("a::x / b::y", Curve("a::x / b::y", Term(A), "/", Term(B))),
        ("mean(a::x, 5m)", Curve("mean(a::x, 5m)", Term(A, 300.0))),
        ("=a::x - b::y", Curve("=a::x - b::y", Term(A), "-", Term(B))),
        ("=mean(a::x, 5 min)", Curve("=mean(a::x, 5 min)", Term(A, 300.0))),
        ("mean( a::x,1.5 h )", Curve("mean( a::x,1.5 h )", Term(A, 5400.0))),
        ("a::x - mean(a::x, 1d)", Curve("a::x - mean(a::x, 1d)", Term(A), "-", Term(A, 86400.0))),
        ("a::x-b::y", None),
        ("a::x/mean", None),
        ("mean(a::x)", None),
        ("a::x -b::y", None),
        ("", None),
    ],
)
def test_a_curve_is_read_and_a_name_is_left_alone(text: str, curve: Curve | None) -> None:
    assert parsed(text) == curve


def of(text: str, **columns: tuple[Sequence[float], Sequence[float]]) -> list[tuple[float, float]]:
    curve = parsed(text)
    assert curve is not None
    named = {name.replace("_", "::"): (np.array(t, float), np.array(v)) for name, (t, v) in columns.items()}
    t, values = curve.of(named)
    return list(zip(t.tolist(), values.tolist(), strict=True))


def test_a_difference_is_taken_at_the_left_ones_times() -> None:
    assert of("a::x - b::y", a_x=([0, 5, 10, 11], [1, 2, 3, 4]), b_y=([0, 10], [0, 1])) == [
        (0, 1), (5, 1.5), (10, 2),
    ]  # fmt: skip


def test_a_ratio_has_no_sample_where_it_is_divided_by_nothing() -> None:
    assert of("a::x / b::y", a_x=([0, 10, 20], [4, 4, 0]), b_y=([0, 10, 20], [2, 0, 0])) == [(0, 2)]


def test_nothing_is_made_up_in_a_gap_of_the_right_one() -> None:
    t = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 100, 101]
    found = of("a::x - b::y", a_x=([12, 13, 50, 99, 100, 101], [5] * 6), b_y=(t, [1] * len(t)))
    assert [at for at, _ in found] == [12, 100, 101]
    assert of("a::x - b::y", a_x=([1, 2], [1, 1]), b_y=([], [])) == []


def test_a_rolling_mean_is_of_what_came_within_its_length() -> None:
    assert of("mean(a::x, 20s)", a_x=([0, 10, 20, 30, 100], [1, 3, 5, 7, 9])) == [
        (0, 1), (10, 2), (20, 4), (30, 6), (100, 9),
    ]  # fmt: skip
    assert of("mean(a::x, 20s)", a_x=([], [])) == []
    assert of("mean(a::x, 20s)", a_x=([0, 10, 20], [1, np.nan, 5])) == [(0, 1), (20, 5)]


def test_a_mean_of_large_numbers_is_exact() -> None:
    t = np.arange(100_000.0)
    values = 1e9 + (t % 2)
    assert [value - 1e9 for _, value in of("mean(a::x, 2s)", a_x=(t, values))][1:] == [0.5] * 99_999


def test_a_huge_value_leaves_nothing_behind_in_a_mean() -> None:
    values = [1.0, 2.0, 1e30, 3.0, 4.0, 5.0]
    assert of("mean(a::x, 2s)", a_x=(range(6), values))[4:] == [(4, 3.5), (5, 4.5)]


def test_text_has_no_difference() -> None:
    with pytest.raises(ClientError, match="a::x is text"):
        of("a::x - b::y", a_x=([0], ["open"]), b_y=([0], [1]))


@pytest.mark.parametrize(
    ("text", "left", "right", "unit"),
    [
        ("a::x - b::y", "K", "K", "K"),
        ("a::x - b::y", None, None, None),
        ("a::x / b::y", "K", "K", None),
        ("a::x / b::y", "K", "mbar", "K/mbar"),
        ("a::x / b::y", None, "mbar", "1/mbar"),
        ("a::x / b::y", "K", None, "K"),
        ("mean(a::x, 5m)", "K", "V", "K"),
    ],
)
def test_a_curve_has_the_units_that_follow(
    text: str, left: str | None, right: str | None, unit: str | None
) -> None:
    curve = parsed(text)
    assert curve is not None
    assert curve.units({A: left, B: right}) == unit


def test_a_difference_of_two_kinds_of_things_is_refused() -> None:
    curve = parsed("a::x - b::y")
    assert curve is not None
    with pytest.raises(ClientError, match="a::x - b::y: K less no unit makes no sense"):
        curve.units({A: "K", B: None})


class Bridge:
    """Samples each 10 s whose values are their times; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], float, int | None]] = []

    def fetch(self, names: Sequence[str], start: float, most: int | None) -> Samples:
        self.asked.append((list(names), start, most))
        t = T[start <= T]
        return Samples(
            {name: (t, t.copy()) for name in names}, dict.fromkeys(names, "K"), [f"{names[0]} is late"]
        )


def test_fields_are_asked_for_whole_with_what_a_mean_needs_and_reduced_afterwards() -> None:
    bridge = Bridge()
    samples = fetched(["c::z", "mean(a::x, 20s)", "a::x - b::y"], 50.0, 4, bridge.fetch)
    assert bridge.asked == [([A, B], 30.0, None), (["c::z"], 50.0, 4)]
    assert list(samples) == ["c::z", "mean(a::x, 20s)", "a::x - b::y"]
    t, values = samples["mean(a::x, 20s)"]
    assert (t[0], values[0], t[-1], values[-1]) == (50.0, 45.0, 90.0, 85.0)
    assert len(t) <= 4
    assert samples.units["mean(a::x, 20s)"] == "K"
    assert samples.notices == ["c::z is late", "a::x is late"]


def test_a_difference_needs_nothing_of_before() -> None:
    bridge = Bridge()
    assert fetched(["a::x - b::y"], 50.0, None, bridge.fetch)["a::x - b::y"][0][0] == 50.0
    assert bridge.asked == [([A, B], 50.0, None)]


def test_fields_alone_are_asked_for_as_ever() -> None:
    bridge = Bridge()
    fetched([A, B], 50.0, 4, bridge.fetch)
    assert bridge.asked == [([A, B], 50.0, 4)]


def test_a_term_that_stands_for_several_fields_is_refused() -> None:
    def fetch(names: Sequence[str], start: float, most: int | None) -> Samples:
        return Samples({"a::x1": (T, T), "b::y": (T, T)})

    with pytest.raises(ClientError, match="write the whole name of one field"):
        fetched(["a::.* - b::y"], 0.0, None, fetch)

"""The grammar of moments, by the examples that the page is held to, too."""

import json
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock_consumer import moments

EXAMPLES = json.loads(files("sisock_testing").joinpath("moments.json").read_bytes())


@pytest.mark.parametrize(("text", "t"), EXAMPLES["moments"].items())
def test_a_moment_is_read_as_the_grammar_says(text: str, t: float) -> None:
    assert moments.from_text(text, EXAMPLES["now"]) == t


@pytest.mark.parametrize("text", EXAMPLES["no_moments"])
def test_what_is_no_moment_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time|is no time that a clock will show"):
        moments.from_text(text, EXAMPLES["now"])


@given(st.text(max_size=30) | st.from_regex(r"\s*(now)?[-+]?[0-9.eE:T Z]{1,24}[smhdwMy]?"))
def test_any_text_is_a_moment_that_a_clock_shows_or_is_refused(text: str) -> None:
    try:
        t = moments.from_text(text, 1.5e9)
    except ValueError:
        return
    assert abs(t) <= 1e12


@given(st.datetimes())
def test_a_time_of_day_is_what_pythons_own_reader_makes_of_it(moment: datetime) -> None:
    assert moments.from_iso(moment.isoformat()) == pytest.approx(
        moment.replace(tzinfo=UTC).timestamp(), abs=1e-5
    )

"""Names with characters that stand for others."""

import pytest
from sisock_client.globs import expanded, fits

KNOWN = ["cryo::stage_1_t", "cryo::stage_2_t", "cryo::valve", "lab::x[1]", "lab::x1"]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["cryo::*_t"], ["cryo::stage_1_t", "cryo::stage_2_t"]),
        (["cryo::stage_?_t"], ["cryo::stage_1_t", "cryo::stage_2_t"]),
        (["cryo::stage_[2]_t"], ["cryo::stage_2_t"]),
        (["*e*"], ["cryo::stage_1_t", "cryo::stage_2_t", "cryo::valve"]),
        (["cryo::valve", "cryo::*"], ["cryo::valve", "cryo::stage_1_t", "cryo::stage_2_t"]),
        (["lab::x[1]"], ["lab::x[1]"]),
        (["CRYO::*"], ["CRYO::*"]),
        (["cryo::(valve|stage_1_t)?"], ["cryo::(valve|stage_1_t)?"]),
    ],
    ids=["star", "question mark", "one of some", "across nodes", "each once", "a name that has such",
         "in their case", "an expression is left to the bridge"],
)  # fmt: skip
def test_names_stand_for_the_fields_that_they_fit(names: list[str], found: list[str]) -> None:
    assert expanded(names, lambda: KNOWN) == found


def test_nobody_is_asked_for_names_that_are_plain() -> None:
    assert expanded(["a::b", "a::b", "c"], lambda: pytest.fail("asked")) == ["a::b", "c"]


def test_a_list_without_globs_is_whole() -> None:
    assert fits(("cryo::valve",), ())
    assert fits(("g3::valve", "cryo::valve"), ("cryo::*",))
    assert not fits(("cryo::valve",), ("lab::*", "valve"))

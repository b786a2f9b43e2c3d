"""What is said of a site's file that is wrong, and that schema and parser agree."""

import json
import tomllib
from importlib.resources import files

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock_site import SiteError, parse
from sisock_site.document import Document, schema

SCHEMA = json.loads(files("sisock_site").joinpath("site.schema.json").read_text())


def problems(text: str) -> list[str]:
    with pytest.raises(SiteError) as caught:
        parse(text)
    return list(caught.value.problems)


def rule(text: str) -> str:
    return f'[[fields]]\nmatch = "x"\n{text}'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("expected = 3", "expected is 3, not a table"),
        ("fields = {}", "fields is a table, not a list"),
        ('expected.nodes = ["a*"]', "[expected] nodes holds 'a*': what is expected is named in full"),
        ("[[fields]]", "[[fields]] number 1: match is missing"),
        ("fields = [3]", "[[fields]] number 1 is 3, not a table"),
        ('[[fields]]\nmatch = ["a", ""]', "[[fields]] number 1 (a): match number 2 is empty"),
        (
            rule('lable = "y"'),
            "[[fields]] number 1 (x): lable is no key that is known: label is meant, perhaps",
        ),
        (rule('scale = "2"'), "[[fields]] number 1 (x): scale is '2', not a number"),
        (rule("scale = nan"), "[[fields]] number 1 (x): scale is no number to go by"),
        (rule("scale = 0\nunits = 'K'"), "[[fields]] number 1 (x) has the scale 0"),
        (rule("offset = 2"), "[[fields]] number 1 (x) converts values, but has no units"),
        (
            rule("scale = 2\ncalibration = [[0, 1], [1, 2]]"),
            "[[fields]] number 1 (x) has scale or offset beside",
        ),
        (
            rule("calibration = [[1, 2], [0, 3]]"),
            "[[fields]] number 1 (x): calibration has raw values that do",
        ),
        (rule("calibration = [[1, 2]]"), "[[fields]] number 1 (x): calibration is no list of at least two"),
        (
            rule("limits.for = -1"),
            '[[fields]] number 1 (x): limits.for is -1, not a time such as 30 (seconds) or "5m"',
        ),
        (
            rule("limits.warning.hihg = 1"),
            "[[fields]] number 1 (x): limits.warning.hihg is no key that is known: high",
        ),
        (rule("limits.alarm.low = true"), "[[fields]] number 1 (x): limits.alarm.low is True, not a number"),
        (rule("limits.hysteresis = -1"), "[[fields]] number 1 (x): limits.hysteresis is -1, less than 0"),
        (
            rule("limits = {warning = {high = 2}, alarm = {high = 1}}"),
            "[[fields]] number 1 (x) has limits in the wrong order: alarm low, warning low, warning high, "
            "alarm high are 2.0, 1.0",
        ),
        (rule("limits = {}"), "[[fields]] number 1 (x) has limits without a number in them"),
        (
            rule("silent_after = 0"),
            "[[fields]] number 1 (x): silent_after is 0: a field would always be silent",
        ),
        (rule('silent_after = "5 weeks"'), "[[fields]] number 1 (x): silent_after is '5 weeks', not a time"),
        ('[[groups]]\nname = "g"', "[[groups]] number 1 (g): fields is missing"),
        ('[[groups]]\nname="g"\nfields="a"\n' * 2, "groups has 'g' twice"),
        ('[aliases]\na = "b"\nb = "a"', "aliases leads from 'a' back to itself"),
        ('[aliases]\n"a*" = "b"', "aliases has 'a*' for 'b': both may have one *"),
        ("[aliases]\na = 3", "[aliases] a is 3, not text"),
        ("what = 3", "what is no key that is known: known are site, expected, fields, groups, aliases"),
        ("[site]\nzone = 3", "[site] zone is 3, not text"),
        ('[site]\nzone = "CLT -4"', "[site] zone is no zone's name, such as America/Santiago"),
        (
            '[site]\nzone = "America/Santigo"',
            "[site] zone is 'America/Santigo', no zone that is known: America/Santiago is meant, perhaps",
        ),
        ("[site]\nzoen = 3", "[site] zoen is no key that is known: zone is meant, perhaps"),
        ("a = ", "it is no TOML: Invalid value (at "),
    ],
)
def test_what_is_wrong_is_said_with_its_table_and_key(text: str, told: str) -> None:
    [said] = problems(text)
    assert said.startswith(told)


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert len(problems('nodes = 1\n[expected]\nfields = "a"\n[[fields]]\nscale = "2"\nlabel = 1')) == 5


def test_of_very_much_that_is_wrong_the_rest_is_counted() -> None:
    assert problems("[[fields]]\n" * 50)[-1] == "and 20 more"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30", 30),
        ("1.5", 1.5),
        ('"90s"', 90),
        ('"5m"', 300),
        ('"2 h"', 7200),
        ('"1d"', 86400),
        ("false", float("inf")),
    ],
)
def test_times_are_seconds_or_text_with_a_unit(written: str, seconds: float) -> None:
    assert (
        Document.model_validate(tomllib.loads(rule(f"silent_after = {written}"))).fields[0].silent_after
        == seconds
    )


def test_the_schema_beside_the_parser_is_the_parsers() -> None:
    assert schema() == SCHEMA  # else: python -m sisock_site > src/sisock_site/site.schema.json


NUMBERS = st.floats(-5, 5) | st.integers(-3, 3)
LEAVES = NUMBERS | st.sampled_from(["", "a", "a*", "5m", True, False, float("nan")])
SIDES = st.dictionaries(st.sampled_from(["low", "high", "hi"]), LEAVES, max_size=2)
LIMITS = st.dictionaries(
    st.sampled_from(["warning", "alarm", "hysteresis", "for"]), LEAVES | SIDES, max_size=3
)
RULES = st.lists(
    st.dictionaries(
        st.sampled_from(["match", "label", "units", "scale", "silent_after", "limits", "metric", "other"]),
        LEAVES | LIMITS | st.lists(LEAVES, max_size=2),
        max_size=4,
    ),
    max_size=2,
)
FILES = st.dictionaries(
    st.sampled_from(["fields", "groups", "aliases", "expected"]),
    RULES | LEAVES | st.dictionaries(st.sampled_from(["nodes", "fields", "a"]), LEAVES | st.lists(LEAVES)),
)


@given(FILES)
def test_what_the_parser_takes_the_schema_takes_and_what_it_refuses_it_says(content: object) -> None:
    import pydantic
    from sisock_site import document

    try:
        Document.model_validate(content)
    except pydantic.ValidationError as error:
        for one in error.errors(include_url=False):
            sentence = document._sentence(one, content)
            assert sentence
            assert "Input should" not in sentence
    else:
        jsonschema.validate(content, SCHEMA)

"""What the conformance suite says of literal answers."""

import asyncio
from typing import Any

import pytest
from sisock_testing.conformance.checks import Broken, Subject, fields_are_described


class Answering(Subject):
    """A node that lists these fields."""

    def __init__(self, *said: dict[str, Any]) -> None:
        plain = {"description": None, "timeline": "t", "type": "number", "units": None}
        self.listed = {f"f{n}": plain | one for n, one in enumerate(said)}

    async def get_fields(self, start: float, end: float) -> Any:
        return [self.listed, {"t": {"interval": None, "field": list(self.listed)}}]


def test_what_a_field_says_of_itself_passes_where_it_is_as_the_contract_has_it() -> None:
    said = {"source": "a.b", "limits": {"alarm": {"low": 1}, "new": 1}, "silent_after": 3}
    said |= {"kept_for": 60, "complete_since": 5.0}
    for subject in (Answering({}), Answering(said, {})):
        asyncio.run(fields_are_described(subject))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([{"source": ""}], "source of 'f0' is ''"),
        ([{"source": "x"}, {"source": "x"}], "several fields have the source 'x'"),
        ([{"limits": {"warning": 3}}], "field 'f0' has limits whose warning is int"),
        ([{"silent_after": True}], "silent_after of 'f0' is True"),
        ([{"kept_for": 0}], "kept_for of 'f0' is 0"),
        ([{"complete_since": "now"}], "complete_since of 'f0' is 'now'"),
    ],
)
def test_what_a_field_says_of_itself_is_checked_where_it_is_said(
    said: list[dict[str, Any]], told: str
) -> None:
    with pytest.raises(Broken, match=told):
        asyncio.run(fields_are_described(Answering(*said)))

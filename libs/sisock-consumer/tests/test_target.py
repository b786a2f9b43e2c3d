"""A field's whole name."""

import pytest
from sisock_consumer.target import Target


@pytest.mark.parametrize(
    ("text", "node", "field"),
    [
        ("n::f", "n", "f"),
        ("n::f::g", "n", "f::g"),
        ("n::", "n", ""),
        ("f", "", "f"),
        ("::f", "", "::f"),
        ("", "", ""),
    ],
)
def test_a_target_is_split_at_its_first_separator_and_written_as_it_was(text, node, field) -> None:
    target = Target.parse(text)
    assert (target.node, target.field, str(target)) == (node, field, text)

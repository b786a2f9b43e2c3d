"""What the site's file makes of a node's fields, and of what the catalogue knows when the file changes."""

import math
from typing import Any

import pytest
import structlog
from sisock.bounds import Bounds
from sisock.node import Field
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Listing
from sisock_consumer.target import Target
from sisock_http.observatory.catalogue import Catalogue
from sisock_http.observatory.described import describe
from sisock_site import EMPTY, parse
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

GAUGE = Field("p", "a gauge", "V", source="o.P", limits=Bounds(alarm_high=3.0), silent_after=60.0)
SITE = parse(
    """
[[fields]]
match = ["o.P", "cryo::*"]
label = "Gauge"
units = "mbar"
scale = -2.0
offset = 10.0

[[fields]]
match = "o.P"
silent_after = false

[aliases]
"o.old" = "o.P"
"lab::*" = "cryo::*"
"""
)


def test_units_limits_and_silence_are_those_of_values_as_they_are_shown() -> None:
    made = describe(SITE, "cryo", [GAUGE])
    assert made.fields["p"] == Field(
        "p", "a gauge", "mbar", source="o.P", limits=Bounds(alarm_low=4.0), silent_after=math.inf
    )
    assert made.said["p"] is GAUGE
    assert made.labels == {"p": "Gauge"}
    assert made.conversions["p"].apply([3.0]).tolist() == [4.0]


def test_without_a_file_all_is_as_the_node_says() -> None:
    made = describe(EMPTY, "cryo", [GAUGE])
    assert made.fields == made.said == {"p": GAUGE}
    assert not made.labels
    assert not made.conversions


def test_states_and_switches_have_no_scale_though_a_pattern_is_like_their_names() -> None:
    made = describe(SITE, "cryo", [Field("valve", type="bool"), Field("mode", type="string", units="x")])
    assert not made.conversions
    assert (made.fields["valve"].units, made.fields["mode"].units) == ("mbar", "x")


def test_what_was_renamed_measures_what_its_new_name_does() -> None:
    old, new = Field("a", source="o.old"), Field("b", source="o.P")
    made = describe(SITE, "g3", [old, new])
    assert made.fields["a"].source == made.fields["b"].source == "o.P"
    assert made.said["a"].source == "o.old"
    # A field that says no source is found again under its node's new name.
    assert describe(SITE, "lab", [Field("t")]).fields["t"].source == "cryo::t"
    assert describe(SITE, "cryo", [Field("t")]).fields["t"].source == "cryo::t"
    assert describe(SITE, "other", [Field("t")]).fields["t"].source is None


class Lister:
    """One node that lists a gauge and its old name."""

    def __init__(self) -> None:
        self.asked = 0

    async def list_fields(self, *_args: Any) -> Listing:
        self.asked += 1
        return Listing([GAUGE, Field("a", source="o.old")], [])


@pytest.fixture
def told() -> tuple[Catalogue, Lister, list[Any]]:
    site, lister = [EMPTY], Lister()
    catalogue = Catalogue(Clock(), lambda: 0.0, structlog.get_logger(), lister, lambda: site[0])
    catalogue.node_added(NodeInfo("cryo", ""))
    return catalogue, lister, site


def test_a_file_that_changes_is_held_against_all_fields_without_asking_anybody(
    told: tuple[Catalogue, Lister, list[Any]],
) -> None:
    catalogue, lister, site = told
    target = Target("cryo", "p")
    names, conversions = catalogue.named(), catalogue.online["cryo"].conversions
    assert len(catalogue.sources.holders(target)) == 1
    site[0] = SITE
    catalogue.site_changed()
    field = catalogue.field(target)
    assert field is not None
    assert (field.units, catalogue.label(target), catalogue.said(target)) == ("mbar", "Gauge", GAUGE)
    assert [str(one) for one, _ in catalogue.sources.holders(target)] == ["cryo::p", "cryo::a"]
    assert catalogue.search("gauge") == ["cryo::a", "cryo::p"]
    assert catalogue.named() is not names
    assert catalogue.online["cryo"].conversions is not conversions
    site[0] = EMPTY
    catalogue.site_changed()
    field = catalogue.field(target)
    assert field is not None
    assert (field.units, catalogue.label(target)) == ("V", "")
    assert lister.asked == 1


def test_a_file_that_changes_while_a_node_is_asked_is_the_one_that_counts(
    told: tuple[Catalogue, Lister, list[Any]],
) -> None:
    catalogue, lister, site = told
    waiting: Deferred[Listing] = Deferred()

    async def later(*_args: Any) -> Listing:
        return await waiting

    lister.list_fields = later  # type: ignore[method-assign]
    catalogue.node_added(NodeInfo("late", ""))
    site[0] = SITE
    catalogue.site_changed()
    waiting.callback(Listing([GAUGE], []))
    field = catalogue.field(Target("late", "p"))
    assert field is not None
    assert field.units == "mbar"
